//! Tables on a sheet, with a head that stands on every page.
//! Never cuts a cell: one that is longer than a page goes on on the next.

use crate::fonts::Face;
use crate::sheet::{LEFT_MM, Mark, POINTS_PER_MM, RIGHT_MM, Sheet, TOP_MM, line_mm};

const CELL_PT: f32 = 7.5;
const HEAD_PT: f32 = 8.0;
const GUTTER_MM: f32 = 2.0;
/// Lines of the running head at most, whatever it says: the rest of a page belongs to the rows.
const RUNNING_LINES_MAX: usize = 16;

/// What stands at the top of each page.
pub(crate) struct RunningHead {
    title: String,
    lines: Vec<String>,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    x: f32,
    width: f32,
}

impl Sheet {
    /// Begins a table: from here on each page, this one included, has this head.
    pub(crate) fn running_head(
        &mut self,
        title: &str,
        lines: &[String],
        columns: &[(&str, f32)],
        pages_max: usize,
    ) {
        let wrapped = lines
            .iter()
            .flat_map(|line| Face::Plain.wrapped(line, HEAD_PT, (RIGHT_MM - LEFT_MM) * POINTS_PER_MM));
        let whole: f32 = columns.iter().map(|(_, share)| share).sum();
        let mut x = LEFT_MM;
        let columns = columns.iter().map(|(name, share)| {
            let width = (RIGHT_MM - LEFT_MM) * share / whole;
            x += width;
            Column { name: (*name).to_owned(), x: x - width, width: width - GUTTER_MM }
        });
        let head = RunningHead {
            title: title.to_owned(),
            lines: wrapped.take(RUNNING_LINES_MAX).collect(),
            columns: columns.collect(),
        };
        self.pages_max = pages_max;
        self.draw_head(&head);
        self.running = Some(head);
    }

    /// A row of the table; its cells may take several lines.
    pub(crate) fn table_row(&mut self, cells: &[String]) {
        let Some(head) = self.running.take() else { return };
        let wrapped: Vec<Vec<String>> = head
            .columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| Face::Plain.wrapped(cell, CELL_PT, column.width * POINTS_PER_MM))
            .collect();
        let places: Vec<f32> = head.columns.iter().map(|column| column.x).collect();
        self.running = Some(head);
        let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        // A row of usual height stays together.
        self.room_for(line_mm(CELL_PT) * lines.min(12) as f32 + 1.5);
        for line in 0..lines {
            self.room_for(line_mm(CELL_PT));
            self.gap(line_mm(CELL_PT));
            for (cell, x) in wrapped.iter().zip(&places) {
                if let Some(text) = cell.get(line) {
                    self.text(*x, self.y(), CELL_PT, Face::Plain, text);
                }
            }
        }
        self.rule(1.2);
    }

    /// The head of a page that has just begun.
    pub(crate) fn draw_head(&mut self, head: &RunningHead) {
        let mut y = TOP_MM + line_mm(11.5);
        self.text(LEFT_MM, y, 11.5, Face::Bold, &head.title);
        for line in &head.lines {
            y += line_mm(HEAD_PT);
            self.text(LEFT_MM, y, HEAD_PT, Face::Plain, line);
        }
        y += line_mm(CELL_PT) + 2.0;
        for column in &head.columns {
            self.text(column.x, y, CELL_PT, Face::Bold, &column.name);
        }
        self.begin_at(y);
        self.rule(1.2);
        self.begin_at(y + 1.8);
    }

    fn rule(&mut self, below: f32) {
        let y = self.y() + below;
        self.mark(Mark::Line { x1: LEFT_MM, y1: y, x2: RIGHT_MM, y2: y, dashed: false });
        self.gap(below + 0.6);
    }
}
