//! The examples on a Markdown page: its fenced `flow` blocks.

/// Every ```` ```flow ```` block of a page: the page's line number of the block's first line (from 1), and its text.
/// Line n of the text is line `number + n - 1` of the page. A block without an end goes to the end of the page.
#[must_use]
pub fn examples(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside: Option<(usize, String)> = None;
    let mut other_fence = false;
    for (index, line) in page.lines().enumerate() {
        let fence = line.trim().strip_prefix("```");
        match (&mut inside, fence) {
            (Some(_), Some("")) => found.extend(inside.take()),
            (Some((_, text)), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, Some("flow")) if !other_fence => inside = Some((index + 2, String::new())),
            (None, Some(_)) => other_fence = !other_fence,
            (None, None) => {}
        }
    }
    found.extend(inside);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::FlowKey;
    use crate::script::{Script, What, write_flow};
    use crate::wire::Segment;

    #[test]
    fn finds_flow_blocks_with_their_place_and_skips_others() {
        let page = "# x\n```sh\n```\n```flow\na\nb\n```\ntext\n```flow\nc\n```\n";
        assert_eq!(examples(page), [(5, "a\nb\n".to_string()), (10, "c\n".to_string())]);
    }

    #[test]
    fn a_block_without_an_end_is_still_an_example() {
        assert_eq!(examples("```flow\na"), [(2, "a\n".to_string())]);
        assert!(examples("```sh\nflow\n").is_empty());
    }

    /// The pages lie outside this room, but their examples are its language.
    #[test]
    fn every_page_raises_its_finding_and_has_a_near_miss() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/finding");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut pages = 0;
        for file in files.filter(|file| file.extension().is_some_and(|end| end == "md")) {
            let id = file.file_stem().unwrap().to_str().unwrap().to_string();
            let page = std::fs::read_to_string(&file).unwrap();
            assert!(page.starts_with(&format!("# {id}\n")), "{id}: the title is the id");
            let parts: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
            assert_eq!(parts, ["## What it means", "## What to do next", "## Examples"], "{id}");
            let (mut raises, mut misses) = (0, 0);
            for (line, text) in examples(&page) {
                let script =
                    Script::parse(&text).unwrap_or_else(|e| panic!("{id}.md:{} {}", line + e.line - 1, e.what));
                assert!(!script.expectations.is_empty(), "{id}.md:{line} expects nothing");
                raises += script
                    .expectations
                    .iter()
                    .filter(|expected| expected.present.contains(&id))
                    .count();
                misses += script
                    .expectations
                    .iter()
                    .filter(|expected| expected.absent.contains(&id))
                    .count();
            }
            assert!(
                raises > 0 && misses > 0,
                "{id}: {raises} examples and {misses} near misses"
            );
            pages += 1;
        }
        assert!(pages >= 34, "only {pages} pages were found");
    }

    #[test]
    fn pages_name_only_findings_that_have_a_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/finding");
        let files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        for file in files
            .iter()
            .filter(|file| file.extension().is_some_and(|end| end == "md"))
        {
            for (_, text) in examples(&std::fs::read_to_string(file).unwrap()) {
                for expected in Script::parse(&text).unwrap().expectations {
                    for id in expected.present.iter().chain(&expected.absent) {
                        assert!(
                            file.with_file_name(format!("{id}.md")).exists(),
                            "{}: {id}",
                            file.display()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_example_survives_being_written_and_read_again() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/finding");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.extension().is_some_and(|end| end == "md")) {
            for (line, text) in examples(&std::fs::read_to_string(&file).unwrap()) {
                let mut script = Script::parse(&text).unwrap();
                // Addresses are not written, so both are read at the same ones; lines that are no segment are left out.
                script.events.retain(|event| matches!(event.what, What::Segment(_)));
                let heard: Vec<Segment> = script
                    .segments()
                    .zip(1..)
                    .map(|(s, n)| Segment { packet: n, ..s.clone() })
                    .collect();
                let client = FlowKey::between(script.client, script.server).unwrap().1;
                let lines = write_flow(client, &heard);
                let addresses = format!("@ client {}\n@ server {}\n", script.client, script.server);
                let again: Vec<Segment> = Script::parse(&(addresses + &lines))
                    .unwrap()
                    .segments()
                    .cloned()
                    .collect();
                assert_eq!(heard, again, "{}:{line}\n{lines}", file.display());
            }
        }
    }
}
