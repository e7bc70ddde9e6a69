//! The catalogue: named troubles of a flow, each with its page.

use crate::base::Stamp;
use crate::base::words;

words! {
    /// How bad a finding is.
    Severity {
        Note "note" "Worth knowing; no trouble by itself.",
        Warn "warn" "Something went wrong, but the flow may have worked all the same.",
        Error "error" "It explains a failure.",
    }
}

words! {
    /// How sure the verdict is.
    Confidence {
        Low "low" "The evidence fits, but other causes fit nearly as well.",
        Medium "medium" "The evidence fits, and the likeliest other causes are unlikely here.",
        High "high" "The evidence leaves no reasonable other reading.",
    }
}

words! {
    /// One of the two ends of a flow, by role.
    Side {
        Client "client" "The side that opened the connection.",
        Server "server" "The side that was called.",
    }
}

/// What the catalogue knows of a finding before it is found.
#[derive(Debug)]
pub struct Meta {
    /// Its name for ever: kebab case, the file name of its page.
    pub id: &'static str,
    /// How bad it is where it is found.
    pub severity: Severity,
    /// A few words for lists.
    pub title: &'static str,
    /// The next thing to try, in one line; `{client}`, `{server}`, `{port}` and `{client_port}` are filled in.
    pub next: &'static str,
    /// Its page: Markdown with *What it means*, *What to do next*, *Examples*.
    pub page: &'static str,
}

/// Every finding that the catalogue knows.
#[must_use]
pub fn catalogue() -> &'static [&'static Meta] {
    &[]
}

/// A trouble found in one flow.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which one.
    pub meta: &'static Meta,
    /// How sure.
    pub confidence: Confidence,
    /// Whose trouble, where it is one side's.
    pub side: Option<Side>,
    /// When it showed.
    pub stamp: Stamp,
    /// The packets that show it, by number, ascending, at most eight.
    pub packets: Vec<u64>,
    /// One plain sentence with this flow's figures.
    pub summary: String,
}
