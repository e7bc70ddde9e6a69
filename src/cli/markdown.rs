//! A finding's page on the terminal: headings bold, code as it is, paragraphs wrapped.

use crate::report::paint::Paint;
use crate::report::text::wrap;

/// `source` as lines of at most `width` columns; code and tables keep their lines.
pub(super) fn render(source: &str, width: usize, paint: Paint) -> Vec<String> {
    let mut page = Page {
        width,
        paint,
        lines: Vec::new(),
        lead: String::new(),
        paragraph: String::new(),
    };
    let mut in_code = false;
    for line in source.lines() {
        if line.trim_start().starts_with("```") {
            page.end_paragraph();
            in_code = !in_code;
        } else if in_code {
            page.lines.push(format!("    {}", paint.copy(line)));
        } else {
            page.take(line);
        }
    }
    page.end_paragraph();
    page.lines
}

struct Page {
    width: usize,
    paint: Paint,
    lines: Vec<String>,
    /// What the paragraph's first line starts with: nothing, or a list's mark.
    lead: String,
    paragraph: String,
}

impl Page {
    fn take(&mut self, line: &str) {
        let text = line.trim();
        if let Some(heading) = text.strip_prefix('#') {
            self.end_paragraph();
            let heading = heading.trim_start_matches('#').trim();
            self.lines.push(self.paint.bold(heading));
        } else if text.is_empty() {
            self.end_paragraph();
            self.lines.push(String::new());
        } else if text.starts_with('|') || line.starts_with("    ") {
            self.end_paragraph();
            self.lines.push(line.to_owned());
        } else {
            if let Some(mark) = list_mark(text) {
                self.end_paragraph();
                self.lead = format!("  {mark}");
            }
            let text = text.get(list_mark(text).map_or(0, str::len)..).unwrap_or_default();
            self.paragraph.push_str(text);
            self.paragraph.push(' ');
        }
    }

    fn end_paragraph(&mut self) {
        let lead = std::mem::take(&mut self.lead);
        let text = std::mem::take(&mut self.paragraph);
        let text = text.trim().replace("**", "").replace('`', "");
        if text.is_empty() {
            return;
        }
        for (index, line) in wrap(&text, self.width.saturating_sub(lead.len())).iter().enumerate() {
            let lead = if index == 0 {
                lead.clone()
            } else {
                " ".repeat(lead.len())
            };
            self.lines.push(format!("{lead}{line}"));
        }
    }
}

/// `- `, `* ` or `1. ` at the start of a line.
fn list_mark(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let length = if digits > 0 && text.get(digits..)?.starts_with(". ") {
        digits + 2
    } else if text.starts_with("- ") || text.starts_with("* ") {
        2
    } else {
        return None;
    };
    text.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_well() {
        let source = "## What it means\nOne **two**\nthree `four`.\n\n- a longer item\n  of two lines\n1. x\n```sh\nss  -ltn\n```\n";
        let lines = render(source, 16, Paint::default());
        assert_eq!(
            lines,
            [
                "What it means",
                "One two three",
                "four.",
                "",
                "  - a longer",
                "    item of two",
                "    lines",
                "  1. x",
                "    ss  -ltn"
            ]
        );
    }
}
