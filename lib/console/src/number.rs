//! Numbers that people copy from what a program has printed, with whatever stood around them.
//! Never takes a sign, a letter or a gap among the digits.

/// `1234`, `#1234`, `№1234`, `№ 1234`; `None` for anything else.
pub fn number(typed: &str) -> Option<u64> {
    let digits = typed.trim().trim_start_matches(['#', '№']).trim_start();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_as_it_was_printed() {
        for typed in ["1234", "#1234", "№1234", "№ 1234", " #1234 "] {
            assert_eq!(number(typed), Some(1234), "{typed}");
        }
        for typed in ["", "#", "+1", "-1", "12a", "1 2", "1#", "99999999999999999999"] {
            assert_eq!(number(typed), None, "{typed}");
        }
    }
}
