//! What the operating system says of a failure, in Russian. It speaks one language, and its words stand inside all kinds of
//! sentences: there they are found by the number behind them, as `std::io::Error` writes it.
//! Never touches anything else of a text.

use std::io;

/// How `std::io::Error` ends what the system said.
const NUMBER: &str = " (os error ";

/// The text with whatever the system said in it in Russian.
pub fn system_ru(text: &str) -> String {
    let mut text = text.to_owned();
    for number in numbers(&text) {
        let said = io::Error::from_raw_os_error(number).to_string();
        let words = words(number).map_or_else(|| format!("ошибка системы {number}"), str::to_owned);
        text = text.replace(&said, &words);
    }
    text
}

fn numbers(text: &str) -> Vec<i32> {
    let ends = text.split(NUMBER).skip(1);
    ends.filter_map(|rest| rest.split_once(')')?.0.parse().ok()).collect()
}

/// What a person may meet and do something about.
fn words(number: i32) -> Option<&'static str> {
    use nix::libc;
    Some(match number {
        libc::EPERM | libc::EACCES => "нет прав",
        libc::ENOENT => "такого файла или каталога нет",
        libc::EIO => "ошибка ввода-вывода",
        libc::ENXIO | libc::ENODEV => "такого устройства нет",
        libc::EAGAIN => "сейчас не готово, попробуйте ещё раз",
        libc::ENOMEM => "не хватает памяти",
        libc::EBUSY => "занято другой программой",
        libc::EEXIST => "уже существует",
        libc::ENOTDIR => "это не каталог",
        libc::EISDIR => "это каталог",
        libc::EMFILE | libc::ENFILE => "открыто слишком много файлов",
        libc::EFBIG => "файл слишком велик",
        libc::ENOSPC => "на носителе нет места",
        libc::EDQUOT => "исчерпана квота",
        libc::EROFS => "сюда можно только читать",
        libc::ENAMETOOLONG => "слишком длинное имя",
        libc::ELOOP => "ссылки ведут по кругу",
        libc::EADDRINUSE => "адрес уже занят другой программой",
        libc::EADDRNOTAVAIL => "такого адреса у этой машины нет",
        libc::ENETUNREACH | libc::EHOSTUNREACH => "до этого адреса нет пути по сети",
        libc::ECONNREFUSED => "соединение отклонено",
        libc::ECONNRESET | libc::EPIPE => "соединение прервано",
        libc::ETIMEDOUT => "ответа нет слишком долго",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_said_in_russian_and_the_rest_stays() {
        let said = |number: i32| io::Error::from_raw_os_error(number).to_string();
        assert_eq!(system_ru(&format!("/x: {}; ещё", said(28))), "/x: на носителе нет места; ещё");
        assert_eq!(system_ru(&format!("{}, {}", said(5), said(13))), "ошибка ввода-вывода, нет прав");
        assert_eq!(system_ru(&said(95)), "ошибка системы 95");
        for other in
            ["ничего такого", "Input/output error", "it (os error x)", "its own (os error 5)", " (os error "]
        {
            assert_eq!(system_ru(other), other);
        }
    }

    #[test]
    fn every_word_of_the_table_is_russian() {
        for number in 0..200 {
            let letters =
                words(number).unwrap_or_default().chars().filter(|letter| letter.is_ascii_alphabetic());
            assert_eq!(letters.count(), 0, "{number}");
        }
    }
}
