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
}
