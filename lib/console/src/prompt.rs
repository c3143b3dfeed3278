//! Asks a person: for a passphrase without echo, for a yes or no, for a text.
//! Never takes a passphrase from an argument or the environment, where other processes could read it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};

use crate::lang::Lang;
use crate::prompt_error::PromptError;
use crate::secret::Secret;

/// Where passphrases come from during one run of a program.
pub enum SecretSource {
    /// The person at the controlling terminal, whatever standard input is.
    Terminal(File),
    /// A descriptor that the caller opened: one passphrase per line, in the order they are asked for.
    Descriptor(File),
}

impl SecretSource {
    /// `fd` is what `--passphrase-fd` says; without it the terminal is asked.
    pub fn open(fd: Option<u32>) -> Result<SecretSource, PromptError> {
        match fd {
            None => {
                let tty = OpenOptions::new().read(true).write(true).open("/dev/tty");
                tty.map(SecretSource::Terminal).map_err(PromptError::NoTerminal)
            }
            Some(0) => io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map(|descriptor| SecretSource::Descriptor(descriptor.into()))
                .map_err(|cause| PromptError::NoDescriptor { fd: 0, cause }),
            // Opened anew by its name: adopting a bare number would need unsafe code. A pipe is shared with the
            // caller's descriptor, a regular file starts at its first line; a socket, or a pipe of another user
            // (across sudo), cannot be opened this way: pass those as standard input, `--passphrase-fd 0`.
            Some(fd) => File::open(format!("/dev/fd/{fd}"))
                .map(SecretSource::Descriptor)
                .map_err(|cause| PromptError::NoDescriptor { fd, cause }),
        }
    }

    /// Asks for one passphrase. `label` is shown on a terminal only; nothing typed is echoed.
    pub fn ask(&mut self, label: &str) -> Result<Secret, PromptError> {
        match self {
            SecretSource::Terminal(tty) => ask_hidden(tty, label),
            SecretSource::Descriptor(file) => read_secret_line(file),
        }
    }

    /// Asks for a new passphrase twice on a terminal, once on a descriptor. `None`: the two differ.
    pub fn ask_new(&mut self, label: &str, again: &str) -> Result<Option<Secret>, PromptError> {
        let first = self.ask(label)?;
        match self {
            SecretSource::Descriptor(_) => Ok(Some(first)),
            SecretSource::Terminal(_) => {
                let second = self.ask(again)?;
                Ok(first.same_as(&second).then_some(first))
            }
        }
    }
}

/// Keeps a terminal without echo and gives it back as it was, also when reading fails.
struct Hidden<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn enter(tty: &'a File) -> Result<Hidden<'a>, Errno> {
        let before = tcgetattr(tty)?;
        let mut quiet = before.clone();
        // Byte by byte and without signals: Ctrl-C is read as a byte, so that the echo is restored before we leave.
        quiet
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
        quiet.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        quiet.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        // What was typed before the question is thrown away: it was meant for something else.
        tcsetattr(tty, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Hidden { tty, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone cannot be restored, and nobody is left to tell.
        let _ = tcsetattr(self.tty, SetArg::TCSADRAIN, &self.before);
    }
}

/// Shows `label` and reads one line from a terminal that does not echo it.
fn ask_hidden(tty: &File, label: &str) -> Result<Secret, PromptError> {
    let hidden = Hidden::enter(tty)?;
    let mut shown = tty;
    shown.write_all(label.as_bytes())?;
    let typed = read_typed(&mut shown);
    drop(hidden);
    shown.write_all(b"\n")?;
    typed
}

const CTRL_C: char = '\x03';
const CTRL_D: char = '\x04';
const CTRL_U: char = '\x15';
const BACKSPACE: char = '\x08';
const DELETE: char = '\x7f';

/// One line as it is typed: erasing a letter and the whole line work, as the terminal itself would do it.
fn read_typed(input: &mut impl Read) -> Result<Secret, PromptError> {
    let mut secret = Secret::with_room();
    loop {
        match read_letter(input)? {
            Some('\n' | '\r') => return Ok(secret),
            Some(CTRL_C) => return Err(PromptError::Interrupted),
            Some(CTRL_D) | None if secret.is_empty() => return Err(PromptError::Ended),
            Some(CTRL_D) | None => return Ok(secret),
            Some(CTRL_U) => secret.clear(),
            Some(BACKSPACE | DELETE) => secret.pop(),
            Some(other) if other.is_control() => return Err(PromptError::NotText),
            Some(letter) => secret.push(letter)?,
        }
    }
}

/// One line from a file or pipe, without reading beyond its end: the next passphrase stays where it is.
fn read_secret_line(input: &mut impl Read) -> Result<Secret, PromptError> {
    let mut secret = Secret::with_room();
    loop {
        match read_letter(input)? {
            Some('\n') => return Ok(secret),
            None if secret.is_empty() => return Err(PromptError::Ended),
            None => return Ok(secret),
            // The other half of a line end written on another system.
            Some('\r') => {}
            Some(other) if other.is_control() => return Err(PromptError::NotText),
            Some(letter) => secret.push(letter)?,
        }
    }
}

/// The next letter of UTF-8, `None` at the end.
fn read_letter(input: &mut impl Read) -> Result<Option<char>, PromptError> {
    let mut bytes = zeroize::Zeroizing::new([0; 4]);
    for length in 1..=bytes.len() {
        match input.read_exact(&mut bytes[length - 1..length]) {
            Ok(()) => {}
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof && length == 1 => return Ok(None),
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Err(PromptError::NotText),
            Err(other) => return Err(other.into()),
        }
        match std::str::from_utf8(&bytes[..length]) {
            Ok(text) => return Ok(text.chars().next()),
            // No length of error: the letter is not complete yet.
            Err(error) if error.error_len().is_none() => {}
            Err(_) => return Err(PromptError::NotText),
        }
    }
    Err(PromptError::NotText)
}

/// Asks a yes or no on `output`, reads the answer from `input`. Anything but a clear yes, in either language, is no.
pub fn confirm(
    question: &str,
    lang: Lang,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<bool, PromptError> {
    write!(output, "{question} {} ", lang.pick("[y/N]", "[д/Н]"))?;
    output.flush()?;
    let mut answer = String::new();
    input.take(64).read_line(&mut answer).or_else(|error| {
        // What is no text is no yes.
        if error.kind() == io::ErrorKind::InvalidData { Ok(0) } else { Err(error) }
    })?;
    Ok(matches!(crate::fold::fold(&answer).as_str(), "y" | "yes" | "д" | "да"))
}

/// [`confirm`] with the person at the controlling terminal, whatever standard input is. `option` is what answers instead
/// where there is none: `--yes`, `--fingerprint`.
pub fn confirm_at_terminal(question: &str, lang: Lang, option: &'static str) -> Result<bool, PromptError> {
    let tty = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let tty = tty.map_err(|cause| PromptError::NobodyToAsk { option, cause })?;
    confirm(question, lang, &mut io::BufReader::new(&tty), &mut &tty)
}

/// Reads a text to its end, or, where a person types (`typed`), to a line with a single dot. One line end at the very
/// end is not part of the text.
pub fn read_text(input: &mut impl BufRead, typed: bool, bytes_max: usize) -> Result<String, PromptError> {
    let mut text = String::new();
    // One more than the limit, to tell "full" from "too long"; and room for the final dot.
    let mut limited = input.take(bytes_max as u64 + 4);
    loop {
        let start = text.len();
        let read = limited.read_line(&mut text).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData { PromptError::NotText } else { error.into() }
        })?;
        if typed && text[start..].trim_end_matches(['\r', '\n']) == "." {
            text.truncate(start);
            break;
        }
        if read == 0 {
            break;
        }
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.len() > bytes_max { Err(PromptError::TooLong { limit: bytes_max }) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;

    fn typed(bytes: &[u8]) -> Result<String, PromptError> {
        read_typed(&mut &bytes[..]).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_typed_line_can_be_corrected() {
        assert_eq!(typed("парол\x7fль\r".as_bytes()).unwrap(), "пароль");
        assert_eq!(typed("wrong\x15right\n".as_bytes()).unwrap(), "right");
        assert_eq!(typed(b"\x7f\x08x\n").unwrap(), "x");
        assert_eq!(typed(b"\n").unwrap(), "");
    }

    #[test]
    fn what_is_no_line_of_text_is_refused() {
        assert!(matches!(typed(b"abc\x03"), Err(PromptError::Interrupted)));
        assert!(matches!(typed(b""), Err(PromptError::Ended)));
        assert!(matches!(typed(b"\x1b[A\n"), Err(PromptError::NotText)));
        assert!(matches!(typed(b"\xff\n"), Err(PromptError::NotText)));
        assert!(matches!(typed(b"\xd0"), Err(PromptError::NotText)));
        assert!(matches!(typed(&[b'x'; 1025]), Err(PromptError::TooLong { limit: 1024 })));
    }

    #[test]
    fn a_descriptor_gives_one_passphrase_per_line_and_nothing_more() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all("первый\nsecond\r\nthird".as_bytes()).unwrap();
        drop(writer);
        use std::os::fd::AsRawFd;
        let number = reader.as_raw_fd() as u32;
        let mut source = SecretSource::open(Some(number)).unwrap();
        drop(reader);
        assert_eq!(source.ask("").unwrap().expose(), "первый");
        assert_eq!(source.ask_new("", "").unwrap().unwrap().expose(), "second");
        assert_eq!(source.ask("").unwrap().expose(), "third");
        assert!(matches!(source.ask(""), Err(PromptError::Ended)));
    }

    #[test]
    fn a_missing_descriptor_is_named() {
        assert!(matches!(
            SecretSource::open(Some(987_654)),
            Err(PromptError::NoDescriptor { fd: 987_654, .. })
        ));
    }

    #[test]
    fn a_terminal_shows_the_question_but_not_the_answer_and_is_restored() {
        let pair = openpty(None, None).unwrap();
        let (mut master, slave) = (File::from(pair.master), File::from(pair.slave));
        let before = tcgetattr(&slave).unwrap().local_flags;
        assert!(before.contains(LocalFlags::ECHO));
        let asking = std::thread::spawn(move || {
            let secret = ask_hidden(&slave, "Passphrase: ").map(|secret| secret.expose().to_owned());
            (secret, slave)
        });
        // The question is printed after the echo is off, so typing starts only then.
        let mut seen = vec![0; "Passphrase: ".len()];
        master.read_exact(&mut seen).unwrap();
        assert_eq!(seen, b"Passphrase: ");
        master.write_all(b"opensesame\n").unwrap();
        let (secret, slave) = asking.join().unwrap();
        assert_eq!(secret.unwrap(), "opensesame");
        let mut after = [0; 2];
        master.read_exact(&mut after).unwrap();
        assert_eq!(&after, b"\r\n", "the answer was not echoed");
        assert_eq!(tcgetattr(&slave).unwrap().local_flags, before);
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        for (answer, yes) in [
            ("y\n", true),
            ("ДА\n", true),
            (" yes \n", true),
            ("\n", false),
            ("", false),
            ("н\n", false),
            ("yep\n", false),
        ] {
            let mut shown = Vec::new();
            let said = confirm("Стереть?", Lang::Ru, &mut answer.as_bytes(), &mut shown).unwrap();
            assert_eq!(said, yes, "{answer:?}");
            assert_eq!(String::from_utf8(shown).unwrap(), "Стереть? [д/Н] ");
        }
        assert!(!confirm("?", Lang::En, &mut &b"\xff\n"[..], &mut Vec::new()).unwrap());
    }

    #[test]
    fn a_text_ends_with_the_input_or_with_a_dot() {
        assert_eq!(read_text(&mut &b"one\n.\ntwo\n"[..], false, 100).unwrap(), "one\n.\ntwo");
        assert_eq!(read_text(&mut &b"one\n\n.\ntwo\n"[..], true, 100).unwrap(), "one\n");
        assert_eq!(read_text(&mut &b"12345\n"[..], false, 5).unwrap(), "12345");
        assert!(matches!(read_text(&mut &b"123456"[..], false, 5), Err(PromptError::TooLong { limit: 5 })));
        assert!(matches!(read_text(&mut &b"1234567890123"[..], true, 5), Err(PromptError::TooLong { .. })));
        assert!(matches!(read_text(&mut &b"\xff"[..], false, 5), Err(PromptError::NotText)));
    }
}
