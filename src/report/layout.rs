//! The parts of an entry as lines of a terminal.

use super::entry::{Context, Part};
use super::text::wrap;
use unicode_width::UnicodeWidthStr;

/// Columns before the text of an entry.
const INDENT: usize = 4;
/// Columns of a label.
const LABEL: usize = 6;

/// `parts` as lines of the width that `context` asks for.
pub(super) fn lines(parts: &[Part], context: &Context) -> Vec<String> {
    let mut out = Layout {
        context,
        lines: Vec::new(),
    };
    for part in parts {
        match part {
            Part::Plain(text) => out.plain(text),
            Part::Labelled(label, text) => out.labelled(label, text),
            Part::Copied(label, text, behind) => out.copied(label, text, behind),
        }
    }
    out.lines
}

struct Layout<'a> {
    context: &'a Context,
    lines: Vec<String>,
}

impl Layout<'_> {
    fn plain(&mut self, text: &str) {
        for line in wrap(text, self.context.width.saturating_sub(INDENT)) {
            self.lines.push(format!("{:INDENT$}{line}", ""));
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        let room = self.context.width.saturating_sub(INDENT + LABEL);
        for (index, line) in wrap(text, room).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.line(label, &line);
        }
    }

    /// `text` is there to be copied: it stays on one line, with `behind` beside or below it.
    fn copied(&mut self, label: &str, text: &str, behind: &str) {
        let paint = self.context.paint;
        let beside = INDENT + LABEL + text.width() + 3 + behind.width() <= self.context.width;
        if beside && !behind.is_empty() {
            self.line(label, &format!("{}   {behind}", paint.copy(text)));
            return;
        }
        self.line(label, &paint.copy(text));
        if !behind.is_empty() {
            self.labelled("", behind);
        }
    }

    fn line(&mut self, label: &str, text: &str) {
        let label = self.context.paint.faint(&format!("{label:LABEL$}"));
        self.lines.push(format!("{:INDENT$}{label}{text}", ""));
    }
}
