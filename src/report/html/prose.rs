//! Text from outside and from the pages of findings, made fit for a page.

use crate::report::text::clean;
use maud::{Markup, html};
use std::borrow::Cow;

/// Text from outside: nothing in it hides or turns around what stands beside it. (That it is no markup is the template's.)
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    clean(text)
}

/// What a finding's page says first under *What it means*; empty where it has no page.
pub(super) fn meaning(page: &'static str) -> Option<Markup> {
    let (_, text) = page.split_once("## What it means")?;
    let text = text.split("\n## ").next().unwrap_or_default();
    let first = text.split("\n\n").map(str::trim).find(|each| !each.is_empty())?;
    Some(inline(first))
}

/// `code` and **strong** of our own pages.
fn inline(text: &'static str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else {
                @for (index, part) in part.split("**").enumerate() {
                    @if index % 2 == 1 { strong { (part) } } @else { (part) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_paragraph_of_a_page_is_its_meaning() {
        let page = "# x\n\n## What it means\n\nThe `SYN` was **lost** & gone.\n\nMore.\n\n## What to do next\n\nA.";
        let text = meaning(page).unwrap().into_string();
        assert_eq!(text, "The <code>SYN</code> was <strong>lost</strong> &amp; gone.");
        assert!(meaning("").is_none());
        let pages = crate::finding::catalogue().iter().chain(crate::incident::catalogue());
        for meta in pages {
            let text = meaning(meta.page).expect(meta.id).into_string();
            assert!(
                text.len() > 40 && !text.contains("**") && !text.contains('|'),
                "{}: {text}",
                meta.id
            );
        }
    }
}
