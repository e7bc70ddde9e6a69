//! `explain`: what a finding, a word or an application's error message means.

use super::args::Explain;
use super::columns::{Column, columns};
use super::{color, errors, markdown};
use crate::finding::{Meta, catalogue};
use crate::flow::mark::Mark;
use crate::incident;
use crate::report::file::Output;
use crate::report::marks;
use crate::report::paint::Paint;
use crate::report::text::{clean, wrap};
use anyhow::{Result, bail};
use std::cmp::Reverse;
use std::io::{self, Write};

/// Suggestions for an id that is not known.
const NEAREST: usize = 3;

/// Does what `args` ask for.
///
/// # Errors
/// One sentence when the id or the message is not known.
pub fn run(args: &Explain) -> Result<()> {
    let width = terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| usize::from(width.0));
    let paint = Paint {
        on: color::wanted(args.color),
    };
    let page = Page {
        width: width.clamp(40, 100),
        paint,
    };
    let both: Vec<&Meta> = catalogue().iter().chain(incident::catalogue()).copied().collect();
    let lines = match (&args.id, &args.error) {
        (Some(id), _) => page.id(id, &both)?,
        (None, Some(message)) => page.error(message, catalogue())?,
        (None, None) => page.list(catalogue(), incident::catalogue()),
    };
    let mut out = Output::stdout();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.commit()?;
    Ok(())
}

/// The known names that come closest to `wanted`.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<_> = known
        .map(|name| {
            let likeness = strsim::jaro_winkler(wanted, name);
            (
                if wanted.contains(name) && name.len() > 3 || name.contains(wanted) {
                    likeness.max(0.9)
                } else {
                    likeness
                },
                name,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.7)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    ranked.dedup();
    ranked.into_iter().take(NEAREST).map(|(_, name)| name).collect()
}

struct Page {
    width: usize,
    paint: Paint,
}

impl Page {
    fn id(&self, id: &str, catalogue: &[&Meta]) -> Result<Vec<String>> {
        let wanted = id.trim().to_lowercase();
        let mut lines = Vec::new();
        if let Some(meta) = catalogue.iter().find(|meta| meta.id == wanted) {
            lines.push(
                self.paint
                    .bold(&format!("{}: {} ({})", meta.id, meta.title, meta.severity)),
            );
            lines.push(String::new());
            lines.extend(markdown::render(meta.page, self.width, self.paint));
        }
        lines.extend(self.mark(&wanted, !lines.is_empty()));
        let columns = columns();
        for (column, word, meaning) in words(&columns).filter(|(_, word, _)| word.to_lowercase() == wanted) {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(format!(
                "{} in column {}: {}",
                self.paint.bold(word),
                column.name,
                column.about
            ));
            lines.extend(self.indented(&sentence(meaning)));
            if column.name == "app_error" {
                lines.extend(self.related(word, catalogue));
                lines.extend(self.indented(&format!("More: whodropped explain --error {word}")));
            }
        }
        if lines.is_empty() {
            bail!("{}", unknown(&wanted, catalogue, &columns));
        }
        Ok(lines)
    }

    /// What Wireshark means by it, where it is a mark; some findings have the same name.
    fn mark(&self, wanted: &str, is_second: bool) -> Vec<String> {
        let Some(&mark) = Mark::ALL.iter().find(|mark| mark.word() == wanted) else {
            return Vec::new();
        };
        let filter = mark.word().replace('-', "_");
        let mut lines = if is_second { vec![String::new()] } else { Vec::new() };
        lines.push(format!(
            "{} as mark of one packet: tcp.analysis.{filter} in Wireshark",
            self.paint.bold(mark.word())
        ));
        lines.push(String::new());
        lines.extend(markdown::render(marks::page(mark), self.width, self.paint));
        lines
    }

    fn error(&self, message: &str, catalogue: &[&Meta]) -> Result<Vec<String>> {
        let Some(meaning) = errors::find(message) else {
            let near = errors::nearest(message);
            let near = if near.is_empty() {
                String::new()
            } else {
                format!("; known ones like it: {}", near.join(", "))
            };
            bail!(
                "the message \"{message}\" is not known{near} (try just the core of the message, such as \"connection reset\")"
            );
        };
        let code = meaning
            .error
            .map_or_else(String::new, |error| format!(" (app_error {error})"));
        let mut lines = vec![self.paint.bold(&format!("{}{code}", meaning.title))];
        lines.extend(self.indented(meaning.saw));
        if !meaning.verdicts.is_empty() {
            lines.push(String::new());
            lines.push(self.paint.bold("Verdicts behind it"));
            let columns = columns();
            for (name, word) in meaning.verdicts {
                let found = words(&columns).find(|(column, each, _)| column.name == *name && each == word);
                let said = found.map_or("", |(_, _, meaning)| meaning);
                lines.extend(self.hanging(&format!("{name} {word}"), &sentence(said), 28));
            }
        }
        lines.push(String::new());
        lines.push(self.paint.bold("Findings and incidents behind it"));
        let both = || catalogue.iter().chain(incident::catalogue());
        for meta in meaning
            .findings
            .iter()
            .filter_map(|id| both().find(|meta| meta.id == *id))
        {
            lines.extend(self.hanging(meta.id, &sentence(meta.title), 28));
        }
        lines.push(String::new());
        lines.push(self.paint.bold("What to capture"));
        lines.extend(self.indented(meaning.capture));
        lines.extend(self.indented("Then: whodropped analyze CAPTURE"));
        Ok(lines)
    }

    /// Findings whose page says that the application sees `error`.
    fn related(&self, error: &str, catalogue: &[&Meta]) -> Vec<String> {
        let related: Vec<_> = catalogue.iter().filter(|meta| meta.page.contains(error)).collect();
        if related.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![
            String::new(),
            self.paint.bold("Findings behind it (whodropped explain ID)"),
        ];
        for meta in related {
            lines.extend(self.hanging(meta.id, meta.title, 28));
        }
        lines
    }

    fn list(&self, catalogue: &[&Meta], incidents: &[&Meta]) -> Vec<String> {
        let mut lines = Vec::new();
        for (heading, catalogue) in [
            ("Incidents: many connections that fail in the same way", incidents),
            ("Findings: of one connection", catalogue),
        ] {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(self.paint.bold(heading));
            let mut metas: Vec<_> = catalogue.to_vec();
            metas.sort_by_key(|meta| (Reverse(meta.severity), meta.id));
            for meta in metas {
                lines.extend(self.hanging(&format!("{:5}  {}", meta.severity, meta.id), meta.title, 36));
            }
        }
        lines.push(String::new());
        lines.push(self.paint.bold("marks: what Wireshark says of one packet (--marks)"));
        for mark in Mark::ALL {
            lines.extend(self.hanging(mark.word(), mark.meaning(), 26));
        }
        for column in columns() {
            lines.push(String::new());
            lines.push(self.paint.bold(&format!("{}: {}", column.name, column.about)));
            for (word, meaning) in &column.words {
                lines.extend(self.hanging(word, &sentence(meaning), 20));
            }
        }
        lines.push(String::new());
        let more = "One of them: whodropped explain ID. From a message: whodropped explain --error \"TEXT\".";
        lines.extend(wrap(more, self.width));
        lines
    }

    fn indented(&self, text: &str) -> Vec<String> {
        let lines = wrap(&clean(text), self.width.saturating_sub(2));
        lines.into_iter().map(|line| format!("  {line}")).collect()
    }

    /// `text` at column `at` behind `lead`, or below it where the lead is longer.
    fn hanging(&self, lead: &str, text: &str, at: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut lead = format!("  {lead}");
        if lead.len() + 1 > at {
            lines.push(std::mem::take(&mut lead));
        }
        for line in wrap(text, self.width.saturating_sub(at)) {
            lines.push(format!("{:at$}{line}", std::mem::take(&mut lead)));
        }
        lines
    }
}

fn words(columns: &[Column]) -> impl Iterator<Item = (&Column, &'static str, &'static str)> {
    columns.iter().flat_map(|column| {
        column
            .words
            .iter()
            .map(move |(word, meaning)| (column, *word, *meaning))
    })
}

/// Meanings of error codes are system texts; as sentences they need a capital and a stop.
fn sentence(meaning: &str) -> String {
    let mut letters = meaning.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let stop = if meaning.ends_with('.') { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}

fn unknown(wanted: &str, catalogue: &[&Meta], columns: &[Column]) -> String {
    let ids = catalogue.iter().map(|meta| meta.id);
    let known = ids.chain(Mark::ALL.iter().map(|mark| mark.word()));
    let near = nearest(wanted, known.chain(words(columns).map(|(_, word, _)| word)));
    if errors::find(wanted).is_some() {
        return format!(
            "'{wanted}' is no finding or word; for an error message: whodropped explain --error \"{wanted}\""
        );
    }
    if near.is_empty() {
        return format!("'{wanted}' is no finding or word; whodropped explain --list names them all");
    }
    format!("'{wanted}' is no finding or word; did you mean {}?", near.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    static META: Meta = Meta {
        id: "syn-silent",
        severity: Severity::Error,
        title: "SYN never answered",
        next: "",
        page: "## What it means\nThe application sees ETIMEDOUT.",
    };
    const PAGE: Page = Page {
        width: 80,
        paint: Paint { on: false },
    };

    #[test]
    fn a_finding_shows_its_page() {
        let text = PAGE.id("SYN-silent", &[&META]).unwrap().join("\n");
        assert!(
            text.starts_with("syn-silent: SYN never answered (error)\n\nWhat it means\n"),
            "{text}"
        );
    }

    #[test]
    fn a_word_of_two_columns_shows_both() {
        let text = PAGE.id("undetermined", &[]).unwrap().join("\n");
        assert!(
            text.contains("in column handshake") && text.contains("in column ending"),
            "{text}"
        );
        let text = PAGE.id("econnrefused", &[]).unwrap().join("\n");
        assert!(
            text.contains("ECONNREFUSED in column app_error") && text.contains("  Connection refused."),
            "{text}"
        );
    }

    #[test]
    fn a_mark_shows_what_wireshark_means_and_what_knows_better() {
        for mark in Mark::ALL {
            let text = PAGE.id(mark.word(), &[]).unwrap().join("\n");
            assert!(
                text.contains("in Wireshark") && text.contains("What knows better"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_unknown_id_names_the_nearest() {
        let error = PAGE.id("syn-silnt", &[&META]).unwrap_err().to_string();
        assert!(error.contains("did you mean syn-silent"), "{error}");
        let error = PAGE.id("connection reset", &[]).unwrap_err().to_string();
        assert!(error.contains("--error \"connection reset\""), "{error}");
    }

    #[test]
    fn an_error_message_leads_to_verdicts_and_findings() {
        let text = PAGE
            .error("dial tcp 10.0.0.5:8080: i/o timeout", &[&META])
            .unwrap()
            .join("\n");
        for part in [
            "app_error ETIMEDOUT",
            "handshake silently-dropped",
            "syn-silent",
            "What to capture",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(
            PAGE.error("flux capacitor", &[])
                .unwrap_err()
                .to_string()
                .contains("not known")
        );
    }

    #[test]
    fn the_list_has_every_word() {
        let text = PAGE.list(&[&META], &[]).join("\n");
        for word in [
            "error  syn-silent",
            "silently-dropped",
            "rst-injected",
            "final-second",
            "EACCES",
        ] {
            assert!(text.contains(word), "{word}");
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
