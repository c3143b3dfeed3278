//! Why a sheet could not be made.

/// Nothing was made; there is no half sheet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// A field is longer than a sheet can show on its lines.
    #[error("field {field} has {bytes} bytes, at most {max} fit")]
    FieldTooLong {
        /// Which.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A list has more lines than a sheet takes.
    #[error("{field} has {lines} lines, at most {max} are printed")]
    TooManyLines {
        /// Which list.
        field: &'static str,
        /// Its lines.
        lines: usize,
        /// The limit.
        max: usize,
    },
    /// More than a QR code holds (2,331 bytes).
    #[error("{bytes} bytes do not fit into a QR code")]
    QrTooLong {
        /// The length.
        bytes: usize,
    },
    /// More pages than [`crate::PAGES_MAX`].
    #[error("the sheet would have more than {max} pages")]
    TooManyPages {
        /// The limit.
        max: usize,
    },
    /// The moment lies beyond the calendar (year 9999).
    #[error("the date {at_ms} lies beyond the calendar")]
    BeyondCalendar {
        /// The moment.
        at_ms: u64,
    },
    /// The PDF writer refused.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
}
