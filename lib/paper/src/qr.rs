//! QR codes as runs of dark squares.
//! Never decides what is worth encoding.

use qrcode::{Color, EcLevel, QrCode};

use crate::error::PaperError;

/// Bytes of the largest code at this level of correction.
pub(crate) const QR_BYTES_MAX: usize = 2331;

/// A code as horizontal runs: (row, first column, length), in modules.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Modules on one side, without the quiet zone.
    pub(crate) side: usize,
    /// Dark runs.
    pub(crate) dark: Vec<(usize, usize, usize)>,
}

/// Encodes with medium correction: 15 % of a folded or stained code may be unreadable.
pub(crate) fn encode(data: &[u8]) -> Result<Runs, PaperError> {
    let too_long = PaperError::QrTooLong { bytes: data.len() };
    if data.len() > QR_BYTES_MAX {
        return Err(too_long);
    }
    let code = QrCode::with_error_correction_level(data, EcLevel::M).map_err(|_| too_long)?;
    let side = code.width();
    let colors = code.to_colors();
    let mut dark = Vec::new();
    for (row, modules) in colors.chunks(side).enumerate() {
        let mut column = 0;
        for run in modules.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                dark.push((row, column, run.len()));
            }
            column += run.len();
        }
    }
    Ok(Runs { side, dark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_exactly_the_dark_modules() {
        let data = b"conclave/0123";
        let runs = encode(data).unwrap();
        let code = QrCode::with_error_correction_level(data, EcLevel::M).unwrap();
        let mut drawn = vec![false; runs.side * runs.side];
        for (row, column, length) in runs.dark {
            drawn[row * runs.side + column..][..length].fill(true);
        }
        let wanted: Vec<bool> = code.to_colors().iter().map(|c| *c == Color::Dark).collect();
        assert_eq!(drawn, wanted);
    }

    /// Read back by a decoder that is not the encoder's.
    #[test]
    fn a_signed_note_is_decoded_letter_by_letter() {
        let line = format!("\u{2014} conclave/{} {}\n", "5a".repeat(32), "AbCd+/9x".repeat(13));
        let note = format!("conclave/{}\n4711\n{}=\n\n{}", "5a".repeat(32), "Q".repeat(43), line.repeat(4));
        for text in [note.as_str(), "short\n"] {
            let runs = encode(text.as_bytes()).unwrap();
            const PIXELS: usize = 4;
            const QUIET: usize = 4;
            let side = (runs.side + 2 * QUIET) * PIXELS;
            let mut dark = vec![false; side * side];
            for (row, column, length) in &runs.dark {
                for y in (row + QUIET) * PIXELS..(row + QUIET + 1) * PIXELS {
                    dark[y * side..][(column + QUIET) * PIXELS..(column + length + QUIET) * PIXELS]
                        .fill(true);
                }
            }
            let shade = |x: usize, y: usize| if dark[y * side + x] { 0 } else { 255 };
            let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, shade);
            let found: Vec<String> =
                image.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect();
            assert_eq!(found, [text]);
        }
    }

    #[test]
    fn the_limit_is_the_largest_code() {
        assert!(encode(&[0xff; QR_BYTES_MAX]).is_ok());
        assert_eq!(
            encode(&[0xff; QR_BYTES_MAX + 1]).unwrap_err(),
            PaperError::QrTooLong { bytes: QR_BYTES_MAX + 1 }
        );
    }
}
