//! From marks to the bytes of a PDF.
//! Never adds anything that differs between two runs: no clock, no random identifier.

use krilla::Document;
use krilla::color::luma;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use zeroize::Zeroizing;

use crate::date;
use crate::error::PaperError;
use crate::fonts::Face;
use crate::lang::Lang;
use crate::qr::Runs;
use crate::sheet::{HEIGHT_MM, Mark, POINTS_PER_MM, Pdf, WIDTH_MM};

/// The three fonts, opened once per document.
struct Fonts {
    plain: Font,
    bold: Font,
    mono: Font,
}

impl Fonts {
    fn of(&self, face: Face) -> Font {
        match face {
            Face::Plain => self.plain.clone(),
            Face::Bold => self.bold.clone(),
            Face::Mono => self.mono.clone(),
        }
    }
}

/// The whole document.
pub(crate) fn pdf(title: &str, lang: Lang, at_ms: u64, pages: &[Vec<Mark>]) -> Result<Pdf, PaperError> {
    let fonts = Fonts { plain: Face::Plain.font(), bold: Face::Bold.font(), mono: Face::Mono.font() };
    let mut document = Document::new();
    document.set_metadata(metadata(title, lang, at_ms)?);
    for marks in pages {
        let settings = PageSettings::from_wh(pt(WIDTH_MM), pt(HEIGHT_MM)).expect("A4 has a size");
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw(&mut surface, &fonts, mark);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map(Zeroizing::new).map_err(|error| PaperError::Pdf(format!("{error:?}")))
}

fn metadata(title: &str, lang: Lang, at_ms: u64) -> Result<Metadata, PaperError> {
    let at = date::moment(at_ms)?;
    // The calendar ends at year 9999 and begins at 1970 here, so the year fits.
    let year = u16::try_from(at.year()).map_err(|_| PaperError::BeyondCalendar { at_ms })?;
    let created = DateTime::new(year)
        .month(u8::from(at.month()))
        .day(at.day())
        .hour(at.hour())
        .minute(at.minute())
        .second(at.second())
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Ok(Metadata::new()
        .title(title.to_owned())
        .language(lang.tag().to_owned())
        .creator("Conclave".to_owned())
        .creation_date(created))
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, mark: &Mark) {
    match mark {
        Mark::Text { x, y, size_pt, face, text } => {
            fill(surface);
            let at = Point::from_xy(pt(*x), pt(*y));
            surface.draw_text(at, fonts.of(*face), *size_pt, text, false, TextDirection::LeftToRight);
        }
        Mark::Line { x1, y1, x2, y2, dashed } => {
            let mut builder = PathBuilder::new();
            builder.move_to(pt(*x1), pt(*y1));
            builder.line_to(pt(*x2), pt(*y2));
            stroke(surface, builder.finish(), *dashed);
        }
        Mark::Frame { x, y, width, height } => {
            let mut builder = PathBuilder::new();
            push_rect(&mut builder, [*x, *y, *width, *height]);
            stroke(surface, builder.finish(), false);
        }
        Mark::Code { x, y, module, runs } => {
            fill(surface);
            if let Some(path) = code(*x, *y, *module, runs) {
                surface.draw_path(&path);
            }
        }
    }
}

/// All dark runs as one path, so that the document stays small.
fn code(x: f32, y: f32, module: f32, runs: &Runs) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (row, column, length) in &runs.dark {
        let left = x + *column as f32 * module;
        push_rect(&mut builder, [left, y + *row as f32 * module, *length as f32 * module, module]);
    }
    builder.finish()
}

fn push_rect(builder: &mut PathBuilder, [x, y, width, height]: [f32; 4]) {
    if let Some(rect) = Rect::from_xywh(pt(x), pt(y), pt(width), pt(height)) {
        builder.push_rect(rect);
    }
}

fn fill(surface: &mut Surface<'_>) {
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: luma::Color::black().into(), ..Fill::default() }));
}

fn stroke(surface: &mut Surface<'_>, path: Option<Path>, dashed: bool) {
    let dash = dashed.then(|| StrokeDash { array: vec![4.0, 3.0], offset: 0.0 });
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { width: 0.6, dash, ..Stroke::default() }));
    if let Some(path) = path {
        surface.draw_path(&path);
    }
}

fn pt(mm: f32) -> f32 {
    mm * POINTS_PER_MM
}
