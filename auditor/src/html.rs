//! HTML in the making. Markup is the program's own text, known when it was compiled; whatever else gets in is cleaned
//! and escaped here, and there is no other way in.
//! Never knows what a page says.

use std::fmt::Display;

use console::clean;

/// A page, or a part of one.
#[derive(Default)]
pub struct Html {
    out: String,
    open: Vec<&'static str>,
}

/// An attribute: its value is escaped like any text.
pub type Attribute<'a> = (&'static str, &'a dyn Display);

impl Html {
    /// Opens an element.
    pub fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.start(tag, attributes);
        self.out.push('>');
        self.open.push(tag);
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(tag) = self.open.pop() {
            self.out.push_str(&format!("</{tag}>"));
            if !matches!(tag, "b" | "span" | "td" | "th" | "code" | "text") {
                self.out.push('\n');
            }
        }
    }

    /// An element with nothing but text in it.
    pub fn leaf(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close();
    }

    /// An element that holds nothing: of HTML one that has no end tag, or one of SVG.
    pub fn empty(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.start(tag, attributes);
        self.out.push_str("/>\n");
    }

    /// Text of whomever.
    pub fn text(&mut self, text: &str) {
        escape(&clean(text), &mut self.out);
    }

    /// The program's own text as it stands: the head of a page, its style.
    pub fn own(&mut self, markup: &'static str) {
        self.out.push_str(markup);
    }

    /// The page.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn start(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in attributes {
            self.out.push_str(&format!(" {name}=\""));
            escape(&clean(&value.to_string()), &mut self.out);
            self.out.push('"');
        }
    }
}

/// Every letter that HTML, in text or between quotes, takes for more than itself.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_becomes_markup() {
        let hostile = "<script>alert('1')</script>\u{202E}\n\"onload=x &amp;\u{1b}[2J";
        let mut html = Html::default();
        html.leaf("p", &[("title", &hostile)], hostile);
        let safe = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &quot;onload=x &amp;amp;[2J";
        assert_eq!(html.finish(), format!("<p title=\"{safe}\">{safe}</p>\n"));
    }

    #[test]
    fn what_was_opened_is_closed() {
        let mut html = Html::default();
        html.open("table", &[]);
        html.open("tr", &[("class", &1)]);
        html.empty("br", &[]);
        assert_eq!(html.finish(), "<table><tr class=\"1\"><br/>\n</tr>\n</table>\n");
    }
}
