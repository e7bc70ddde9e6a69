//! What is known around the flows: hosts, names, directions, drops; and the head of the report.

use super::Watch;
use crate::analyzer::{Analyzer, analysis::CaptureReport};
use crate::base::limits;
use crate::capture::{CaptureInfo, Interface};
use crate::lookup::Names;
use crate::report::{Head, Reporter};
use std::io;

impl Watch {
    /// The head of the report, as far as it is known.
    ///
    /// # Errors
    /// What a reporter reports.
    pub fn tell_head(
        &self,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        reporters: &mut [&mut dyn Reporter],
    ) -> io::Result<()> {
        let mut limits = Vec::new();
        if self.refused > 0 {
            limits.push(format!(
                "{} packets belong to connections that there was no room to watch",
                self.refused
            ));
        }
        if self.forgotten > 0 {
            let most = self.most;
            limits.push(format!(
                "{} quiet connections were reported early: more than {most} were open",
                self.forgotten
            ));
        }
        let capture = CaptureReport::new(info.clone(), 0, analyzer.front.skipped());
        let (one_sided, two_sided) = (self.context.one_sided, self.context.two_sided);
        let head = Head {
            captures: &[capture.head()],
            tcp_packets: analyzer.front.dealer.tally.tcp_packets,
            duplicates: self.copies,
            one_sided: (one_sided, one_sided + two_sided),
            limits: &limits,
            interrupted: false,
            near: self.context.near(),
        };
        reporters.iter_mut().try_for_each(|reporter| reporter.head(&head))
    }

    pub(super) fn take_context(&mut self, analyzer: &mut Analyzer, info: &CaptureInfo) {
        let context = &mut self.context;
        context.ends.clear();
        // Of one that ended by itself, nothing is known after its end.
        let end = |interface: &Interface| interface.ended.as_ref().and(interface.last).unwrap_or(self.now);
        context.ends.extend(info.interfaces.iter().map(end));
        context.end = self.now;
        context.dropped = info.interfaces.iter().filter_map(|interface| interface.dropped).sum();
        context.steps_back = info.health.steps_back;
        if context.own.is_empty() {
            context
                .own
                .extend(info.interfaces.iter().flat_map(|interface| &interface.addresses));
        }
        if context.hosts.len() > limits::MAX_HOSTS * 4 {
            context.hosts.clear();
        }
        for ip in analyzer.front.dealer.tally.heard.drain() {
            context.on_heard(ip);
        }
        if context.resolved.is_full() {
            context.resolved = Names::default();
        }
        context
            .resolved
            .take_in(std::mem::take(&mut analyzer.front.dealer.tally.names));
    }
}
