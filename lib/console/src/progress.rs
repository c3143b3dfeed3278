//! How far a long transfer is, on one line of standard error.
//! Never reads a clock or decides whether anyone looks: moments and the terminal's width are arguments.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::lang::Lang;
use crate::table::shortened;
use crate::when::{bytes, duration};

/// The least time between two lines: a terminal over a slow link must not slow the transfer.
pub const REDRAW_MS: u64 = 100;
/// The window over which the rate is taken.
const WINDOW_MS: u64 = 5_000;
const BAR: usize = 20;

/// Progress of one transfer of known size, in bytes.
pub struct Progress {
    total: u64,
    lang: Lang,
    width: usize,
    drawn_ms: Option<u64>,
    window_start: (u64, u64),
    previous_window: (u64, u64),
}

impl Progress {
    /// Starts at `now_ms`. `width` is the terminal's, `None` when standard error is no terminal: then nothing is
    /// ever drawn.
    pub fn new(total: u64, lang: Lang, width: Option<usize>, now_ms: u64) -> Progress {
        // One column is left free: a full last column wraps on some terminals.
        let width = width.map_or(0, |columns| columns.saturating_sub(1));
        let start = (now_ms, 0);
        Progress { total, lang, width, drawn_ms: None, window_start: start, previous_window: start }
    }

    /// The line to draw when `done` bytes are through, or `None` when it is too early or nobody looks.
    pub fn line(&mut self, done: u64, now_ms: u64) -> Option<String> {
        let early = self.drawn_ms.is_some_and(|drawn| now_ms < drawn.saturating_add(REDRAW_MS));
        if self.width == 0 || (early && done < self.total) {
            return None;
        }
        self.drawn_ms = Some(now_ms);
        if now_ms.saturating_sub(self.window_start.0) >= WINDOW_MS {
            self.previous_window = self.window_start;
            self.window_start = (now_ms, done);
        }
        Some(shortened(&self.text(done, now_ms), self.width))
    }

    /// Draws [`Self::line`] over the last one, if there is one to draw.
    pub fn draw(&mut self, done: u64, now_ms: u64, out: &mut impl Write) -> io::Result<()> {
        match self.line(done, now_ms) {
            Some(line) => {
                let blanks = self.width.saturating_sub(line.width());
                write!(out, "\r{line}{}\r", " ".repeat(blanks))?;
                out.flush()
            }
            None => Ok(()),
        }
    }

    /// Removes the line, so that what is printed next stands alone.
    pub fn clear(&self, out: &mut impl Write) -> io::Result<()> {
        match self.drawn_ms {
            Some(_) => {
                write!(out, "\r{}\r", " ".repeat(self.width))?;
                out.flush()
            }
            None => Ok(()),
        }
    }

    fn text(&self, done: u64, now_ms: u64) -> String {
        let done = done.min(self.total);
        let percent = match self.total {
            0 => 100,
            total => u128::from(done) * 100 / u128::from(total),
        };
        let filled = percent as usize * BAR / 100;
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR - filled));
        let mut text = format!("[{bar}] {percent}% {}", bytes(done, self.lang));
        let (since_ms, before) = self.previous_window;
        let span_ms = now_ms.saturating_sub(since_ms);
        let moved = done.saturating_sub(before);
        if span_ms >= REDRAW_MS && moved > 0 {
            let rate = (u128::from(moved) * 1000 / u128::from(span_ms)).max(1) as u64;
            text.push_str(&format!(" {}/{}", bytes(rate, self.lang), self.lang.pick("s", "с")));
            let left_ms = (self.total - done) / rate * 1000;
            text.push_str(&format!(
                ", {} {}",
                self.lang.pick("left", "осталось"),
                duration(left_ms, self.lang)
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_person_sees_share_rate_and_time_left() {
        let mut progress = Progress::new(10 * MIB, Lang::Ru, Some(80), 0);
        assert_eq!(progress.line(0, 0).unwrap(), "[....................] 0% 0 Б");
        let line = progress.line(5 * MIB, 2_000).unwrap();
        assert_eq!(line, "[##########..........] 50% 5,0 МиБ 2,5 МиБ/с, осталось 2 с");
    }

    #[test]
    fn lines_are_rate_limited_but_the_last_one_is_always_drawn() {
        let mut progress = Progress::new(100, Lang::En, Some(80), 1_000);
        assert!(progress.line(1, 1_000).is_some());
        assert!(progress.line(2, 1_099).is_none());
        assert!(progress.line(2, 1_100).is_some());
        assert!(progress.line(100, 1_101).is_some());
    }

    #[test]
    fn nothing_is_drawn_where_nobody_looks_and_the_line_never_wraps() {
        let mut silent = Progress::new(100, Lang::En, None, 0);
        let mut out = Vec::new();
        silent.draw(50, 500, &mut out).unwrap();
        silent.clear(&mut out).unwrap();
        assert!(out.is_empty());
        let mut narrow = Progress::new(100, Lang::En, Some(20), 0);
        assert_eq!(narrow.line(50, 500).unwrap().width(), 19);
        assert!(Progress::new(0, Lang::En, Some(80), 0).line(0, 0).unwrap().contains("100%"));
    }

    #[test]
    fn the_rate_follows_the_last_seconds() {
        let mut progress = Progress::new(1000 * MIB, Lang::En, Some(200), 0);
        for second in 1..=20u64 {
            progress.line(second * MIB, second * 1000);
        }
        // From here on ten times as fast: after two windows only the new rate is told.
        let mut last = String::new();
        for second in 21..=40u64 {
            last = progress.line((20 + (second - 20) * 10) * MIB, second * 1000).unwrap();
        }
        assert!(last.contains("10.0 MiB/s"), "{last}");
    }
}
