//! The catalogue: named troubles of a flow, each with its page.

pub mod candidates;
pub mod causes;
pub mod lone;
mod need;
mod reset;
mod text;

use crate::base::{Stamp, words};
use crate::case::Case;
use crate::flow::Sighting;
use need::{Need, Seen};
pub use rate_policed::{bits, rate as policed_rate};

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

/// A trouble found in one flow.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which one.
    pub meta: &'static Meta,
    /// How bad it is here; the catalogue's unless this flow came through all the same.
    pub severity: Severity,
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

impl Finding {
    /// A finding of the catalogue's severity, shown by the packet at `at` and `others` (sorted, thinned to eight).
    fn new(
        meta: &'static Meta,
        confidence: Confidence,
        at: Sighting,
        others: impl IntoIterator<Item = u64>,
        summary: String,
    ) -> Self {
        let mut packets = Vec::with_capacity(4);
        packets.push(at.number());
        packets.extend(others);
        packets.sort_unstable();
        packets.dedup();
        packets.truncate(8);
        Self {
            meta,
            severity: meta.severity,
            confidence,
            side: None,
            stamp: at.stamp,
            packets,
            summary,
        }
    }

    fn of(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// What looks for one trouble in one case.
type Find = fn(&Case<'_>) -> Option<Finding>;

/// One line a finding: its module holds `META` and `find`, its page lies beside it. Among findings of one severity the
/// earlier explains a flow before the later. Behind `=>` stands what it cannot do without, if there is such a thing
/// ([`Need`]): flows that lack it are not asked.
macro_rules! catalogue {
    ($($module:ident $(=> $need:ident)?,)+) => {
        $(mod $module;)+

        static METAS: &[&Meta] = &[$(&$module::META,)+];
        static FINDS: &[(Need, Find)] = &[$((need!($($need)?), $module::find),)+];
    };
}

macro_rules! need {
    () => {
        Need::Nothing
    };
    ($need:ident) => {
        Need::$need
    };
}

catalogue! {
    refused_by_nearer_device => Unopened,
    refused_by_rst => Unopened,
    host_unreachable => Icmp,
    ttl_exceeded => Icmp,
    icmp_rejected => Icmp,
    stale_peer => Unopened,
    server_aborted => Unopened,
    syn_ack_ignored => Unopened,
    half_open => Unopened,
    syn_silent => Unopened,
    client_aborted => Unopened,
    reset_injected => Reset,
    icmp_ended => Icmp,
    keep_alive_failure => KeepAlive,
    proxy_refused => Told,
    tls_mismatch => Told,
    tls_alert => Told,
    app_refused => Told,
    no_response => NoAnswer,
    stall => Again,
    reset_after_idle => Reset,
    reset_after_request => Reset,
    reset_before_data => Reset,
    reset_mid_transfer => Reset,
    zero_window => Shut,
    closed_without_response => NoAnswer,
    tls_cut => Hello,
    http_error => Told,
    syn_answered_late => Repeated,
    syn_ack_repeated => Repeated,
    rate_policed => Again,
    heavy_retransmission => Again,
    abortive_close => Reset,
    reset_after_fin => Reset,
    reset_ignored => Reset,
    syn_after_rst => Repeated,
    half_closed => Unclosed,
    ports_reused => Unclosed,
    one_sided_capture => Odd,
    capture_loss => Odd,
    capture_cut => Unclosed,
    mid_stream_start => Unopened,
    captured_twice => Odd,
    two_senders => Ttls,
}

/// Every finding there is, in the order in which they explain a flow.
#[must_use]
pub fn catalogue() -> &'static [&'static Meta] {
    METAS
}

/// All troubles of one case, worst first.
#[must_use]
pub fn find_all(case: &Case<'_>) -> Vec<Finding> {
    find_all_in(Vec::new(), case)
}

/// [`find_all`], in the room of earlier findings.
#[must_use]
pub fn find_all_in(mut found: Vec<Finding>, case: &Case<'_>) -> Vec<Finding> {
    found.clear();
    let mut asked = Seen::new(case).askable();
    // Every flow of every test proves it.
    debug_assert!(
        (0..)
            .zip(FINDS)
            .all(|(place, (_, find))| asked >> place & 1 == 1 || find(case).is_none()),
        "a finding came without what it needs"
    );
    while asked != 0 {
        let find = FINDS.get(asked.trailing_zeros() as usize);
        if let Some(finding) = find.and_then(|(_, find)| find(case)) {
            found.push(finding);
        }
        asked &= asked - 1;
    }
    if found.len() > 1 {
        found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
    found
}
