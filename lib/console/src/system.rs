//! What the operating system says of a failure, in Russian. It speaks one language, and its words stand inside all kinds of
//! sentences: there they are found by the number behind them, as `std::io::Error` writes it.
//! Never touches anything else of a text.

use std::io;

/// Where the reason is an expert's, in the words of a library: a Russian reader is told how to read it.
pub const DETAILS_RU: &str = "подробности по-английски: --lang en";

/// How `std::io::Error` ends what the system said.
const NUMBER: &str = " (os error ";

/// The text with whatever the system said in it in Russian.
pub fn system_ru(text: &str) -> String {
    let mut text = text.to_owned();
    for number in numbers(&text) {
        let said = io::Error::from_raw_os_error(number).to_string();
        text = text.replace(&said, &words(number));
    }
    text
}

/// A cause that is the system's alone, as `io::Error` prints it, in Russian; of one that is a library's only where to read it.
pub fn cause_ru(cause: &str) -> String {
    let number = numbers(cause).first().copied();
    number.map_or_else(|| format!("отказ системы ({DETAILS_RU})"), words)
}

fn numbers(text: &str) -> Vec<i32> {
    let ends = text.split(NUMBER).skip(1);
    ends.filter_map(|rest| rest.split_once(')')?.0.parse().ok()).collect()
}

fn words(number: i32) -> String {
    known(number).map_or_else(|| format!("ошибка системы {number}"), str::to_owned)
}

/// What a person may meet and do something about.
fn known(number: i32) -> Option<&'static str> {
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
                known(number).unwrap_or_default().chars().filter(|letter| letter.is_ascii_alphabetic());
            assert_eq!(letters.count(), 0, "{number}");
        }
    }

    #[test]
    fn whatever_the_cause_a_russian_reader_reads_no_english() {
        let missing = std::fs::File::open("/nowhere/at/all").unwrap_err().to_string();
        assert_eq!(cause_ru(&missing), "такого файла или каталога нет");
        assert_eq!(cause_ru("whatever (os error 9999)"), "ошибка системы 9999");
        assert!(!cause_ru("failed to fill whole buffer").contains("buffer"));
    }
}
