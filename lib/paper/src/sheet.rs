//! An A4 sheet that is filled from top to bottom, in millimetres.
//! Never draws by itself: it collects marks, and `render` turns them into a PDF.

use zeroize::Zeroizing;

use crate::date;
use crate::error::PaperError;
use crate::fonts::Face;
use crate::lang::Lang;
use crate::qr::{self, Runs};
use crate::render;
use crate::table::RunningHead;

/// Bytes of one field (a name, a unit, addresses): whoever hands fields over asserts that his longest one fits.
pub const FIELD_BYTES_MAX: usize = 4608;
/// Pages of one sheet.
pub const PAGES_MAX: usize = 40;

pub(crate) const WIDTH_MM: f32 = 210.0;
pub(crate) const HEIGHT_MM: f32 = 297.0;
pub(crate) const LEFT_MM: f32 = 22.0;
pub(crate) const RIGHT_MM: f32 = 188.0;
pub(crate) const TOP_MM: f32 = 20.0;
const BOTTOM_MM: f32 = 279.0;
pub(crate) const POINTS_PER_MM: f32 = 72.0 / 25.4;

const TEXT_PT: f32 = 10.5;
const LABEL_PT: f32 = 8.5;

/// The bytes of a PDF. Wiped on drop, because an envelope holds a password.
pub type Pdf = Zeroizing<Vec<u8>>;

/// One thing on a page; places in millimetres from the top left corner.
pub(crate) enum Mark {
    /// A line of text on its baseline.
    Text { x: f32, y: f32, size_pt: f32, face: Face, text: Zeroizing<String> },
    /// A straight line.
    Line { x1: f32, y1: f32, x2: f32, y2: f32, dashed: bool },
    /// A frame.
    Frame { x: f32, y: f32, width: f32, height: f32 },
    /// A QR code.
    Code { x: f32, y: f32, module: f32, runs: Runs },
}

/// A sheet in the making.
pub struct Sheet {
    title: String,
    lang: Lang,
    at_ms: u64,
    pages: Vec<Vec<Mark>>,
    pub(crate) pages_max: usize,
    /// What each page begins with, where it is a table's.
    pub(crate) running: Option<RunningHead>,
    /// Where a page's own content begins.
    top: f32,
    y: f32,
}

impl Sheet {
    /// An empty sheet. The title stands in the document's properties and in the foot of each page; `at_ms` is the
    /// document's date.
    pub fn new(title: &str, lang: Lang, at_ms: u64) -> Result<Sheet, PaperError> {
        date::moment(at_ms)?;
        let title = checked("title", title)?.to_owned();
        let (pages, pages_max) = (vec![Vec::new()], PAGES_MAX);
        Ok(Sheet { title, lang, at_ms, pages, pages_max, running: None, top: TOP_MM, y: TOP_MM })
    }

    /// The language of the sheet.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Empty space.
    pub fn gap(&mut self, mm: f32) {
        self.y += mm;
    }

    /// The large line at the top.
    pub fn heading(&mut self, text: &str) {
        self.lines(text, Face::Bold, 17.0, LEFT_MM);
        self.gap(2.0);
    }

    /// A heading within the sheet.
    pub fn subheading(&mut self, text: &str) {
        self.gap(2.0);
        self.lines(text, Face::Bold, 11.5, LEFT_MM);
        self.gap(0.5);
    }

    /// Running text.
    pub fn paragraph(&mut self, text: &str) {
        self.lines(text, Face::Plain, TEXT_PT, LEFT_MM);
        self.gap(1.5);
    }

    /// Text that must be exact, letter by letter.
    pub fn exact(&mut self, text: &str, size_pt: f32) {
        self.lines(text, Face::Mono, size_pt, LEFT_MM);
        self.gap(1.5);
    }

    /// Numbered steps.
    pub fn steps<S: AsRef<str>>(&mut self, steps: &[S]) {
        for (step, n) in steps.iter().zip(1..) {
            self.room_for(line_mm(TEXT_PT));
            let y = self.y + line_mm(TEXT_PT);
            self.text(LEFT_MM, y, TEXT_PT, Face::Bold, &format!("{n}."));
            self.lines(step.as_ref(), Face::Plain, TEXT_PT, LEFT_MM + 7.0);
            self.gap(1.0);
        }
    }

    /// A label and its value on one line (the value may take several).
    pub fn field(&mut self, label: &str, value: &str) {
        const VALUE_MM: f32 = LEFT_MM + 46.0;
        let lines = Face::Bold.wrapped(value, TEXT_PT, (RIGHT_MM - VALUE_MM) * POINTS_PER_MM);
        let labels = Face::Plain.wrapped(label, LABEL_PT, 44.0 * POINTS_PER_MM);
        self.room_for(line_mm(TEXT_PT) * lines.len().max(labels.len()).min(20) as f32);
        let top = self.y;
        for (line, n) in labels.iter().zip(1..) {
            self.text(LEFT_MM, top + line_mm(TEXT_PT) * n as f32, LABEL_PT, Face::Plain, line);
        }
        self.lines(value, Face::Bold, TEXT_PT, VALUE_MM);
        self.y = self.y.max(top + line_mm(TEXT_PT) * labels.len() as f32);
        self.gap(0.8);
    }

    /// Groups to be typed or compared, large and apart, `per_line` on a line, in a frame.
    pub fn groups<S: AsRef<str>>(&mut self, groups: &[S], per_line: usize, size_pt: f32) {
        let rows: Vec<Zeroizing<String>> = groups
            .chunks(per_line.max(1))
            .map(|row| Zeroizing::new(row.iter().map(S::as_ref).collect::<Vec<_>>().join("  ")))
            .collect();
        let height = line_mm(size_pt) * rows.len() as f32 + 6.0;
        self.room_for(height + 2.0);
        self.gap(2.0);
        let widest =
            rows.iter().map(|row| Face::Mono.width(row, size_pt)).fold(0.0, f32::max) / POINTS_PER_MM;
        let (x, y) = (LEFT_MM, self.y);
        self.mark(Mark::Frame { x, y, width: (widest + 12.0).min(RIGHT_MM - LEFT_MM), height });
        for (row, n) in rows.iter().zip(1..) {
            self.text(x + 6.0, y + 2.0 + line_mm(size_pt) * n as f32, size_pt, Face::Mono, row);
        }
        self.y = y + height;
        self.gap(3.0);
    }

    /// A QR code with its quiet zone, `side_mm` in all.
    pub fn code(&mut self, data: &[u8], side_mm: f32) -> Result<(), PaperError> {
        /// Light modules that readers need on every side.
        const QUIET: usize = 4;
        let runs = qr::encode(data)?;
        self.room_for(side_mm);
        let module = side_mm / (runs.side + 2 * QUIET) as f32;
        let quiet = module * QUIET as f32;
        let (x, y) = (LEFT_MM - quiet, self.y + quiet);
        self.mark(Mark::Code { x: x + quiet, y, module, runs });
        self.gap(side_mm);
        Ok(())
    }

    /// A line to be signed by hand: who, and room for signature, name and date.
    pub fn ink(&mut self, who: &str) {
        self.room_for(18.0);
        let y = self.y + 12.0;
        let lines = Face::Plain.wrapped(who, TEXT_PT, 38.0 * POINTS_PER_MM);
        for (line, n) in lines.iter().rev().zip(0..) {
            self.text(LEFT_MM, y - line_mm(TEXT_PT) * n as f32, TEXT_PT, Face::Plain, line);
        }
        let captions =
            self.lang.pick(["signature", "name", "date"], ["подпись", "фамилия и инициалы", "дата"]);
        for (caption, (x1, x2)) in captions.iter().zip([(62.0, 104.0), (108.0, 158.0), (162.0, RIGHT_MM)]) {
            self.mark(Mark::Line { x1, y1: y, x2, y2: y, dashed: false });
            self.text(x1, y + 3.4, 7.0, Face::Plain, caption);
        }
        self.y = y + 5.0;
    }

    /// Where the sheet is cut or torn. What follows stays on the same page: `below_mm` is its height.
    pub fn cut(&mut self, below_mm: f32) {
        self.room_for(below_mm + 10.0);
        let y = self.y + 6.0;
        self.text(8.0, y + 1.3, 11.0, Face::Plain, "✂");
        self.mark(Mark::Line { x1: 13.0, y1: y, x2: WIDTH_MM - 8.0, y2: y, dashed: true });
        self.y = y + 4.0;
    }

    /// The PDF.
    pub fn finish(mut self) -> Result<Pdf, PaperError> {
        if self.pages.len() > self.pages_max {
            return Err(PaperError::TooManyPages { max: self.pages_max });
        }
        let count = self.pages.len();
        for (page, n) in self.pages.iter_mut().zip(1..) {
            let of = self.lang.pick("page", "стр.");
            let text = Face::Plain.printable(&format!("Conclave · {} · {of} {n}/{count}", self.title));
            page.push(Mark::Text {
                x: LEFT_MM,
                y: 289.0,
                size_pt: 7.0,
                face: Face::Plain,
                text: Zeroizing::new(text),
            });
        }
        render::pdf(&self.title, self.lang, self.at_ms, &self.pages)
    }

    fn lines(&mut self, text: &str, face: Face, size_pt: f32, x: f32) {
        for line in face.wrapped(text, size_pt, (RIGHT_MM - x) * POINTS_PER_MM) {
            self.room_for(line_mm(size_pt));
            self.gap(line_mm(size_pt));
            let line = Zeroizing::new(line);
            self.text(x, self.y, size_pt, face, &line);
        }
    }

    /// Goes to the next page when `mm` do not fit on this one. Pages beyond the limit are dropped as they come, so
    /// that memory stays bounded; `finish` then refuses.
    pub(crate) fn room_for(&mut self, mm: f32) {
        if self.y + mm > BOTTOM_MM && self.y > self.top {
            if self.pages.len() <= self.pages_max {
                self.pages.push(Vec::new());
            }
            self.begin_at(TOP_MM);
            if let Some(head) = self.running.take() {
                self.draw_head(&head);
                self.running = Some(head);
            }
        }
    }

    /// Where the next line stands.
    pub(crate) fn y(&self) -> f32 {
        self.y
    }

    /// A page's own content begins here.
    pub(crate) fn begin_at(&mut self, y: f32) {
        (self.top, self.y) = (y, y);
    }

    pub(crate) fn text(&mut self, x: f32, y: f32, size_pt: f32, face: Face, text: &str) {
        let text = Zeroizing::new(face.printable(text));
        self.mark(Mark::Text { x, y, size_pt, face, text });
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        if self.pages.len() <= self.pages_max {
            self.pages.last_mut().expect("a sheet has at least one page from birth").push(mark);
        }
    }
}

/// The height of one line of text.
pub(crate) fn line_mm(size_pt: f32) -> f32 {
    size_pt * 1.32 / POINTS_PER_MM
}

/// A field short enough to be shown.
pub(crate) fn checked<'a>(field: &'static str, value: &'a str) -> Result<&'a str, PaperError> {
    match value.len() {
        0..=FIELD_BYTES_MAX => Ok(value),
        bytes => Err(PaperError::FieldTooLong { field, bytes, max: FIELD_BYTES_MAX }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_goes_on_on_the_next_page_and_endless_text_is_refused() {
        let mut sheet = Sheet::new("Проба", Lang::Ru, 0).unwrap();
        sheet.paragraph(&"строка\n".repeat(100));
        assert!((2..4).contains(&sheet.pages.len()));
        sheet.finish().unwrap();
        let mut endless = Sheet::new("Проба", Lang::Ru, 0).unwrap();
        endless.paragraph(&"x\n".repeat(10_000));
        assert_eq!(endless.finish().unwrap_err(), PaperError::TooManyPages { max: PAGES_MAX });
    }

    #[test]
    fn a_field_beyond_its_limit_is_named() {
        let long = "я".repeat(FIELD_BYTES_MAX);
        assert!(matches!(
            Sheet::new(&long, Lang::Ru, 0).err(),
            Some(PaperError::FieldTooLong { field: "title", .. })
        ));
    }

    #[test]
    fn everything_stays_inside_the_paper() {
        let mut sheet = Sheet::new("Проба", Lang::Ru, 0).unwrap();
        for _ in 0..30 {
            sheet.field("Метка", &"слово ".repeat(20));
            sheet.ink("Кто подписывает этот лист");
            sheet.groups(&["ABCDE"; 8], 4, 20.0);
            sheet.cut(60.0);
            sheet.code(b"data", 40.0).unwrap();
        }
        for mark in sheet.pages.iter().flatten() {
            let (x, y) = match mark {
                Mark::Text { x, y, size_pt, face, text } => {
                    (x + face.width(text, *size_pt) / POINTS_PER_MM, *y)
                }
                Mark::Line { x2, y2, .. } => (*x2, *y2),
                Mark::Frame { x, y, width, height } => (x + width, y + height),
                Mark::Code { x, y, module, runs } => {
                    (x + module * runs.side as f32, y + module * runs.side as f32)
                }
            };
            assert!(x < WIDTH_MM - 5.0 && y < BOTTOM_MM + 5.0, "{x} {y}");
        }
    }
}
