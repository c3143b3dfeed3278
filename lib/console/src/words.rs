//! How programs hold their texts: each message is a variant with fields, and both languages stand beside it.
//! Never looks a text up by a string at run time: a message without a translation does not compile.
//!
//! ```
//! console::words! {
//!     /// What `conclave send` says.
//!     pub enum Sent {
//!         /// The server's receipt arrived.
//!         Done { to: String, index: u64 }
//!             => en("sent to {to}, #{index}"), ru("отправлено: {to}, № {index}");
//!         /// Nothing was typed.
//!         Empty => en("nothing to send"), ru("нечего отправлять");
//!     }
//! }
//! use console::{Lang, Words};
//! let said = Sent::Done { to: "anna".into(), index: 7 };
//! assert_eq!(said.say(Lang::Ru), "отправлено: anna, № 7");
//! ```

use crate::lang::Lang;

/// A message that exists in every language. Implement it by an exhaustive match, or by [`words!`](crate::words).
pub trait Words {
    /// The text in English.
    fn en(&self) -> String;
    /// The text in Russian.
    fn ru(&self) -> String;
    /// The text in the language of the person who reads it.
    fn say(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.en(),
            Lang::Ru => self.ru(),
        }
    }
}

/// Declares an enum of messages and its [`Words`]. After each variant stand `en(...)` and `ru(...)`, which take what
/// `format!` takes; fields are in scope as references. Leaving one language out is a compile error.
#[macro_export]
macro_rules! words {
    ($(#[$outer:meta])* $vis:vis enum $name:ident { $(
        $(#[$inner:meta])* $variant:ident $({ $($field:ident : $kind:ty),+ $(,)? })?
            => en($($en:tt)+), ru($($ru:tt)+);
    )+ }) => {
        $(#[$outer])*
        #[allow(missing_docs, reason = "the field is named after what the text shows")]
        $vis enum $name { $( $(#[$inner])* $variant $({ $($field: $kind),+ })? ),+ }

        #[allow(unused_variables, clippy::useless_format, reason = "a text need not show every field")]
        impl $crate::Words for $name {
            fn en(&self) -> String {
                match self { $( $name::$variant $({ $($field),+ })? => format!($($en)+), )+ }
            }
            fn ru(&self) -> String {
                match self { $( $name::$variant $({ $($field),+ })? => format!($($ru)+), )+ }
            }
        }
    };
}

/// A number with its noun in English: `1 message`, `2 messages`.
pub fn count_en(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A number with its noun in Russian: `1 сообщение`, `2 сообщения`, `5 сообщений`, `11 сообщений`, `21 сообщение`.
pub fn count_ru(n: u64, one: &str, few: &str, many: &str) -> String {
    let noun = match (n % 10, n % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        (_, _) => many,
    };
    format!("{n} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::words! {
        enum Greeting {
            Hello { name: String } => en("hello, {name}"), ru("здравствуйте, {name}");
            Waiting { n: u64 }
                => en("{} waiting", count_en(*n, "message", "messages")),
                   ru("ждёт: {}", count_ru(*n, "сообщение", "сообщения", "сообщений"));
            Bye => en("bye"), ru("до свидания");
        }
    }

    #[test]
    fn a_message_is_said_in_both_languages() {
        let hello = Greeting::Hello { name: "Анна".into() };
        assert_eq!(hello.say(Lang::En), "hello, Анна");
        assert_eq!(hello.say(Lang::Ru), "здравствуйте, Анна");
        assert_eq!(Greeting::Waiting { n: 22 }.say(Lang::Ru), "ждёт: 22 сообщения");
        assert_eq!(Greeting::Waiting { n: 1 }.say(Lang::En), "1 message waiting");
        assert_eq!(Greeting::Bye.say(Lang::Ru), "до свидания");
    }

    #[test]
    fn russian_numerals_take_three_forms() {
        let form = |n| count_ru(n, "а", "б", "в");
        let said: Vec<String> = [0, 1, 2, 4, 5, 11, 12, 14, 21, 24, 111, 121].into_iter().map(form).collect();
        assert_eq!(
            said,
            ["0 в", "1 а", "2 б", "4 б", "5 в", "11 в", "12 в", "14 в", "21 а", "24 б", "111 в", "121 а"]
        );
    }
}
