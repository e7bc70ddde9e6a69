//! The catalogue: named troubles of a flow, each with its page.

pub mod causes;
mod reset;
mod text;

use crate::base::{Stamp, words};
use crate::case::Case;
use crate::flow::Sighting;

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
    /// A finding of the catalogue's severity, shown by `packets` (sorted, thinned to eight), the first of them at `at`.
    fn new(meta: &'static Meta, confidence: Confidence, at: Sighting, mut packets: Vec<u64>, summary: String) -> Self {
        packets.push(at.number());
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
/// earlier explains a flow before the later.
macro_rules! catalogue {
    ($($module:ident,)+) => {
        $(mod $module;)+

        static METAS: &[&Meta] = &[$(&$module::META,)+];
        static FINDS: &[Find] = &[$($module::find,)+];
    };
}

catalogue! {
    refused_by_nearer_device,
    refused_by_rst,
    host_unreachable,
    ttl_exceeded,
    icmp_rejected,
    stale_peer,
    server_aborted,
    syn_ack_ignored,
    half_open,
    syn_silent,
    client_aborted,
    reset_injected,
    icmp_ended,
    keep_alive_failure,
    proxy_refused,
    tls_mismatch,
    tls_alert,
    app_refused,
    no_response,
    stall,
    reset_after_idle,
    reset_after_request,
    reset_before_data,
    reset_mid_transfer,
    zero_window,
    closed_without_response,
    tls_cut,
    http_error,
    syn_answered_late,
    syn_ack_repeated,
    heavy_retransmission,
    abortive_close,
    reset_after_fin,
    reset_ignored,
    syn_after_rst,
    half_closed,
    ports_reused,
    one_sided_capture,
    capture_loss,
    capture_cut,
    mid_stream_start,
    captured_twice,
}

/// Every finding there is, in the order in which they explain a flow.
#[must_use]
pub fn catalogue() -> &'static [&'static Meta] {
    METAS
}

/// All troubles of one case, worst first.
#[must_use]
pub fn find_all(case: &Case<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = FINDS.iter().filter_map(|find| find(case)).collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}
