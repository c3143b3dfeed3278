//! Lines up columns by what a terminal shows, not by bytes.
//! Never lets a cell break the layout: every cell is cleaned.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::clean::clean;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table for a person's terminal.
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

/// Blanks between two columns.
const GAP: usize = 2;

impl Table {
    /// Starts with the headings.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Align)>) -> Table {
        let (headings, aligns) = columns.into_iter().map(|(name, align)| (clean(name), align)).unzip();
        Table { aligns, rows: vec![headings] }
    }

    /// Adds a row. Cells beyond the headings are dropped, missing ones are empty.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(|cell| clean(cell.as_ref())).collect();
        row.resize(self.aligns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether there are only headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// The table as lines, each ended by a newline and at most `width_max` columns wide.
    pub fn render(&self, width_max: usize) -> String {
        let widths: Vec<usize> = (0..self.aligns.len())
            .map(|column| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0))
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let blanks = " ".repeat(widths[column] - cell.width());
                match self.aligns[column] {
                    Align::Left => line.extend([cell.as_str(), blanks.as_str()]),
                    Align::Right => line.extend([blanks.as_str(), cell.as_str()]),
                }
                line.push_str(&" ".repeat(GAP));
            }
            out.push_str(&shortened(line.trim_end(), width_max));
            out.push('\n');
        }
        out
    }
}

/// The text cut to at most `width_max` terminal columns; a cut shows as `…`.
pub fn shortened(text: &str, width_max: usize) -> String {
    if text.width() <= width_max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = width_max.saturating_sub(1);
    for letter in text.chars() {
        let width = letter.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        out.push(letter);
    }
    if width_max > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_letters() {
        let mut table =
            Table::new([("Имя", Align::Left), ("№", Align::Right), ("Подразделение", Align::Left)]);
        table.row(["Анна", "7", "Связь"]);
        table.row(["日本", "120", ""]);
        table.row(["x\x1b[2Jy\nz", "5"]);
        assert_eq!(
            table.render(80),
            "Имя        №  Подразделение\nАнна       7  Связь\n日本     120\nx[2Jy z    5\n"
        );
    }

    #[test]
    fn a_long_line_is_cut_visibly_at_the_terminals_edge() {
        assert_eq!(shortened("абвгд", 5), "абвгд");
        assert_eq!(shortened("абвгде", 5), "абвг…");
        assert_eq!(shortened("日本語", 4), "日…");
        assert_eq!(shortened("abc", 0), "");
    }
}
