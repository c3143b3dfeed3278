//! The three embedded faces: what letters they have and how wide each is.
//! Never looks for a font on the machine.

use std::sync::OnceLock;

use krilla::text::Font;
use ttf_parser::Face as Outline;

/// A face of the sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Running text.
    Plain,
    /// Headings and names.
    Bold,
    /// What is typed or compared letter by letter.
    Mono,
}

impl Face {
    /// The font file.
    pub(crate) const fn file(self) -> &'static [u8] {
        match self {
            Face::Plain => include_bytes!("../fonts/DejaVuSans.ttf"),
            Face::Bold => include_bytes!("../fonts/DejaVuSans-Bold.ttf"),
            Face::Mono => include_bytes!("../fonts/DejaVuSansMono.ttf"),
        }
    }

    /// The font for the PDF writer.
    pub(crate) fn font(self) -> Font {
        Font::new(self.file().into(), 0).expect("the embedded file is a font; a test opens each")
    }

    fn outline(self) -> &'static Outline<'static> {
        static OUTLINES: [OnceLock<Outline<'static>>; 3] =
            [OnceLock::new(), OnceLock::new(), OnceLock::new()];
        let cell = match self {
            Face::Plain => &OUTLINES[0],
            Face::Bold => &OUTLINES[1],
            Face::Mono => &OUTLINES[2],
        };
        cell.get_or_init(|| {
            Outline::parse(self.file(), 0).expect("the embedded file is a font; a test opens each")
        })
    }

    /// The text with every letter that cannot be printed replaced by `�`: control characters, and letters the face
    /// does not have. Each replaced letter stays visible as one.
    pub(crate) fn printable(self, text: &str) -> String {
        let known = |c: char| !c.is_control() && self.outline().glyph_index(c).is_some();
        text.chars().map(|c| if known(c) { c } else { '\u{FFFD}' }).collect()
    }

    /// Width in points at `size` points. Kerning only ever makes the line shorter or longer by a hair; lines are
    /// broken with room to spare.
    pub(crate) fn width(self, text: &str, size: f32) -> f32 {
        let outline = self.outline();
        let units: u32 = text
            .chars()
            .filter_map(|c| outline.glyph_index(c))
            .filter_map(|glyph| outline.glyph_hor_advance(glyph))
            .map(u32::from)
            .sum();
        units as f32 * size / f32::from(outline.units_per_em())
    }

    /// Breaks a text into lines of at most `width` points: at blanks, and inside a word only when it alone is too
    /// long. Line breaks of the text stay.
    pub(crate) fn wrapped(self, text: &str, size: f32, width: f32) -> Vec<String> {
        text.split('\n').flat_map(|line| self.wrapped_line(&self.printable(line), size, width)).collect()
    }

    fn wrapped_line(self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let last = lines.len() - 1;
            let longer =
                if lines[last].is_empty() { word.to_owned() } else { format!("{} {word}", lines[last]) };
            if self.width(&longer, size) <= width {
                lines[last] = longer;
                continue;
            }
            if !lines[last].is_empty() {
                lines.push(String::new());
            }
            for letter in word.chars() {
                let last = lines.len() - 1;
                lines[last].push(letter);
                if self.width(&lines[last], size) > width && lines[last].chars().count() > 1 {
                    lines[last].pop();
                    lines.push(letter.to_string());
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACES: [Face; 3] = [Face::Plain, Face::Bold, Face::Mono];

    #[test]
    fn every_face_opens_and_has_the_letters_we_print() {
        for face in FACES {
            let _ = face.font();
            let ours: String = ('А'..='я').chain(' '..='~').chain("ёЁ№«»—–…·✂\u{FFFD}".chars()).collect();
            assert_eq!(face.printable(&ours), ours, "{face:?}");
        }
    }

    #[test]
    fn what_cannot_be_printed_shows_as_one_replaced_letter() {
        assert_eq!(Face::Plain.printable("a\u{1b}б\u{10FFFD}в"), "a\u{FFFD}б\u{FFFD}в");
    }

    #[test]
    fn lines_fit_and_lose_nothing() {
        let text =
            "Очень длинная строка с разными словами и НеразрывноДлиннымСловомБезЕдиногоПробелаВнутри конец";
        let lines = Face::Plain.wrapped(text, 11.0, 120.0);
        assert!(
            lines.len() > 3 && lines.iter().all(|line| Face::Plain.width(line, 11.0) <= 120.0),
            "{lines:?}"
        );
        let kept: String = lines.concat().replace(' ', "");
        assert_eq!(kept, text.replace(' ', ""));
        assert_eq!(Face::Mono.wrapped("a\n\nb", 9.0, 100.0), ["a", "", "b"]);
        // A width below one letter still ends.
        assert_eq!(Face::Mono.wrapped("abc", 9.0, 1.0), ["a", "b", "c"]);
    }
}
