//! What the system said, for a Russian reader: Rust has it in English only.
//! Never guesses: what is not of the common answers is told by its number.

/// Where the reason is an expert's, in the words of a library: a Russian reader is told how to read it.
pub const DETAILS_RU: &str = "подробности по-английски: --lang en";

/// The system's answer as `io::Error` prints it, in Russian.
pub fn cause_ru(cause: &str) -> String {
    let number = cause.rsplit_once("(os error ").and_then(|(_, rest)| rest.strip_suffix(')')?.parse().ok());
    let known = match number {
        Some(1 | 13) => "нет прав",
        Some(2) => "такого файла или каталога нет",
        Some(5) => "ошибка ввода-вывода",
        Some(12) => "не хватает памяти",
        Some(17) => "уже существует",
        Some(20) => "это не каталог",
        Some(21) => "это каталог",
        Some(24) => "открыто слишком много файлов",
        Some(27) => "файл слишком велик",
        Some(28) => "на устройстве нет места",
        Some(30) => "сюда можно только читать",
        Some(36) => "слишком длинное имя",
        Some(40) => "ссылки ведут по кругу",
        Some(98) => "адрес уже занят",
        Some(101 | 113) => "сеть недоступна",
        Some(110) => "ответа нет слишком долго",
        Some(111) => "в соединении отказано",
        Some(other) => return format!("отказ системы, код {other}"),
        None => return format!("отказ системы ({DETAILS_RU})"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_system_says_a_russian_reader_reads_no_english() {
        let missing = std::fs::File::open("/nowhere/at/all").unwrap_err().to_string();
        assert_eq!(cause_ru(&missing), "такого файла или каталога нет");
        assert_eq!(cause_ru("whatever (os error 9999)"), "отказ системы, код 9999");
        assert!(!cause_ru("failed to fill whole buffer").contains("buffer"));
    }
}
