//! One line per figure: the product, its yardstick of the same run, the ratio, and the bound of the design.
//! Never rounds a missed bound to a met one.

/// Which way a ratio has to go.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// The product's value itself, not the ratio.
    ValueAtMost(f64),
    ValueAtLeast(f64),
    /// Nothing is asked of it.
    None,
}

/// A figure.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) product: f64,
    /// What it is compared with, and what that is.
    pub(crate) yardstick: Option<f64>,
    pub(crate) against: &'static str,
    pub(crate) bound: Bound,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        self.yardstick.map(|yardstick| self.product / yardstick)
    }

    /// The bound in words, and whether it is met.
    fn verdict(&self) -> (String, Option<bool>) {
        let ratio = self.ratio().unwrap_or(f64::NAN);
        match self.bound {
            Bound::AtLeast(least) => (format!(">= {least}"), Some(ratio >= least)),
            Bound::AtMost(most) => (format!("<= {most}"), Some(ratio <= most)),
            Bound::ValueAtMost(most) => (format!("<= {most} {}", self.unit), Some(self.product <= most)),
            Bound::ValueAtLeast(least) => (format!(">= {least} {}", self.unit), Some(self.product >= least)),
            Bound::None => (String::new(), None),
        }
    }
}

/// Prints all rows.
pub(crate) fn print(rows: &[Row]) {
    let header = ["figure", "product", "yardstick", "ratio", "bound", "", "yardstick is"].map(str::to_owned);
    let mut lines = vec![header];
    for row in rows {
        let (bound, met) = row.verdict();
        lines.push([
            format!("{}, {}", row.name, row.unit),
            number(row.product),
            row.yardstick.map_or_else(String::new, number),
            row.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            bound,
            met.map_or("", |met| if met { "met" } else { "MISSED" }).to_owned(),
            row.against.to_owned(),
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    for line in &lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            let right = (1..4).contains(&column);
            let cell = if right { format!("{pad}{cell}  ") } else { format!("{cell}{pad}  ") };
            text.push_str(&cell);
        }
        println!("{}", text.trim_end());
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_met_or_missed() {
        let row =
            |product, bound| Row { name: "", unit: "", product, yardstick: Some(10.0), against: "", bound };
        assert_eq!(row(8.0, Bound::AtLeast(0.8)).verdict().1, Some(true));
        assert_eq!(row(7.99, Bound::AtLeast(0.8)).verdict().1, Some(false));
        assert_eq!(row(12.6, Bound::AtMost(1.25)).verdict().1, Some(false));
        assert_eq!(row(36.0, Bound::ValueAtMost(36.0)).verdict().1, Some(true));
        assert_eq!(row(36.0, Bound::ValueAtLeast(36.1)).verdict().1, Some(false));
        assert_eq!(
            row(f64::NAN, Bound::AtLeast(0.8)).verdict().1,
            Some(false),
            "what was not measured is missed"
        );
    }
}
