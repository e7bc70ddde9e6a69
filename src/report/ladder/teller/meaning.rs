//! What one packet means, in a sentence.

use super::{NAMES, Teller, span};
use crate::flow::mark::{Mark, Marks};
use crate::report::text::thousands;
use crate::wire::{Flags, PayloadKind, Segment};
use std::fmt::Write as _;

impl Teller<'_> {
    /// The sentence, and whether it is one that nobody needs to read.
    pub(super) fn meaning(&mut self, segment: &Segment, side: usize, marks: Marks) -> (String, bool) {
        let (who, other) = (NAMES[side], NAMES[1 - side]);
        if segment.flags.is_rst() {
            return (self.reset(segment, side), false);
        }
        if segment.flags.any(Flags::SYN) {
            return (self.syn(segment, side), false);
        }
        if self.is_reset {
            return (format!("the {who} goes on, as if there had been no RST"), false);
        }
        let marked = self.marked(segment, side, marks);
        let was_full = std::mem::replace(&mut self.is_full[side], segment.window == 0);
        let fin = segment.flags.is_fin();
        let again = fin && self.has_closed[side];
        self.has_closed[side] |= fin;
        if let Some(said) = marked {
            return (if fin { format!("{said} (with FIN)") } else { said }, false);
        }
        if fin {
            let text = match (again, self.has_closed[1 - side]) {
                (true, _) => format!("the {who}'s FIN again"),
                (false, true) => format!("the {who} closes, too: all is said"),
                (false, false) => format!("the {who} has nothing more to send (FIN)"),
            };
            let data = if segment.length > 0 {
                format!(", after {} last bytes", segment.length)
            } else {
                String::new()
            };
            return (format!("{text}{data}"), false);
        }
        if segment.length > 0 {
            let first = !std::mem::replace(&mut self.has_spoken[side], true);
            return Self::data(segment, side, first);
        }
        if !self.is_open && side == 0 {
            self.is_open = true;
            if let Some(since) = self.syns[0] {
                return (
                    format!("handshake complete, {} after the SYN", span(segment.stamp - since)),
                    false,
                );
            }
        }
        if was_full && segment.window > 0 {
            return (format!("the {who} reads again: its window is open"), false);
        }
        let later = segment.options.sack.is_some();
        if later {
            let acked = self.acked(segment, side);
            return (
                format!("the {who} waits for byte {acked}; later bytes did arrive (SACK)"),
                false,
            );
        }
        (
            format!(
                "the {who} has all of the {other}'s bytes up to {}",
                self.acked(segment, side)
            ),
            true,
        )
    }

    fn acked(&self, segment: &Segment, side: usize) -> i64 {
        self.isn[1 - side].map_or(0, |isn| i64::from(segment.ack.since(isn)))
    }

    fn syn(&mut self, segment: &Segment, side: usize) -> String {
        let who = NAMES[side];
        let is_answer = segment.flags.any(Flags::ACK);
        let before = self.syns[side].replace(segment.stamp);
        let mut said = match (is_answer, before, self.syns[1 - side]) {
            (false, None, _) => format!("the {who} asks for a connection"),
            (false, Some(before), _) if self.syns[1 - side].is_some() => {
                format!(
                    "SYN again after {}: the SYN-ACK did not reach the {who}, or it did not want it",
                    span(segment.stamp - before)
                )
            }
            (false, Some(before), _) => format!(
                "SYN again after {}: nothing has come back",
                span(segment.stamp - before)
            ),
            (true, Some(before), _) => {
                format!(
                    "SYN-ACK again after {}: the {who} has not seen the ACK",
                    span(segment.stamp - before)
                )
            }
            (true, None, Some(asked)) => format!("the {who} accepts, {} after the SYN", span(segment.stamp - asked)),
            (true, None, None) => format!("the {who} accepts; the SYN itself was not captured"),
        };
        if before.is_none() {
            said.push_str(&options(segment));
        }
        if segment.length > 0 {
            let _ = write!(said, ", with {} bytes (TCP Fast Open)", segment.length);
        }
        said
    }

    fn reset(&mut self, segment: &Segment, side: usize) -> String {
        let who = NAMES[side];
        let again = std::mem::replace(&mut self.is_reset, true);
        let ack = segment.flags.any(Flags::ACK);
        let style = match (ack, segment.options.timestamps.is_some(), segment.window) {
            (true, true, _) => "with ACK and timestamps: a live socket, its application aborted",
            (true, false, 0) => "with ACK, no options, window 0: no such port, or a rule",
            (true, false, _) => "with ACK",
            (false, ..) => "bare: a kernel without that connection, or a device",
        };
        let ttl = format!("TTL {}", segment.ttl);
        let what = if again {
            format!("one more RST in the {who}'s name")
        } else if !self.is_open && side == 1 && self.syns[1].is_none() {
            "the SYN is refused".to_owned()
        } else if self.has_closed[side] {
            format!("the {who} resets after its own FIN")
        } else {
            format!("RST in the {who}'s name")
        };
        format!("{what} ({style}; {ttl})")
    }

    /// What the marks say, where one of them is worth a sentence.
    fn marked(&self, segment: &Segment, side: usize, marks: Marks) -> Option<String> {
        let (who, other) = (NAMES[side], NAMES[1 - side]);
        let since = self.sent[side].map_or_else(String::new, |sent| {
            format!(" {} after they were last new", span(segment.stamp - sent))
        });
        let size = thousands(segment.length.into());
        let has = |mark| marks.has(mark);
        let is_probe = self.is_full[1 - side] && segment.length <= 1;
        Some(if is_probe && (has(Mark::KeepAlive) || has(Mark::ZeroWindowProbe)) {
            format!("does the {other} read again? (probe of its closed window)")
        } else if has(Mark::KeepAlive) {
            format!("keep-alive: is the {other} still there?")
        } else if has(Mark::KeepAliveAck) {
            format!("the {who} is still there")
        } else if has(Mark::ZeroWindowProbe) {
            format!("one byte to see whether the {other} reads again")
        } else if has(Mark::ZeroWindowProbeAck) {
            format!("the {who} still cannot take any more")
        } else if has(Mark::ZeroWindow) {
            format!("the {who}'s buffer is full: its application does not read")
        } else if has(Mark::SpuriousRetransmission) {
            format!(
                "the same {size} bytes again, although the {other} has acknowledged them: the ACK did not reach the {who}"
            )
        } else if has(Mark::FastRetransmission) {
            format!("the missing {size} bytes again: the {other}'s duplicate ACKs asked for them")
        } else if has(Mark::Retransmission) {
            self.again(segment, side, &since)
        } else if has(Mark::OutOfOrder) {
            format!("{size} bytes that belong before what has passed: reordered, or lost before here and repaired")
        } else if has(Mark::LostSegment) {
            "there is a hole before this one: lost before here, or missed by the capture".to_owned()
        } else if has(Mark::AckLostSegment) {
            format!("the {who} acknowledges what the capture never saw")
        } else if has(Mark::DuplicateAck) {
            let sack = if segment.options.sack.is_some() {
                "; later bytes did arrive (SACK)"
            } else {
                ""
            };
            format!(
                "the {who} still waits for byte {} (duplicate ACK no. {}){sack}",
                self.acked(segment, side),
                marks.number
            )
        } else if has(Mark::WindowFull) {
            format!("{size} bytes fill the {other}'s window: the {who} must wait now")
        } else {
            return None;
        })
    }

    /// Bytes sent again, perhaps with some that are new.
    fn again(&self, segment: &Segment, side: usize, since: &str) -> String {
        let end = segment.seq.plus(segment.length);
        let new = self.next[side].map_or(0, |next| end.since(next).max(0)).unsigned_abs();
        let size = thousands(segment.length.into());
        if segment.length == 0 {
            format!("the {} repeats itself: no acknowledgment came", NAMES[side])
        } else if new > 0 && new < segment.length {
            let old = thousands((segment.length - new).into());
            format!("{size} bytes: {old} of them again, the others are new")
        } else {
            format!("the same {size} bytes again,{since}: no acknowledgment came")
        }
    }

    fn data(segment: &Segment, side: usize, first: bool) -> (String, bool) {
        let who = NAMES[side];
        let size = format!("{} bytes", thousands(segment.length.into()));
        let name = segment
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!(" for {name}"));
        let said = match segment.kind {
            PayloadKind::TlsClientHello => format!("TLS ClientHello{name}, {size}"),
            PayloadKind::TlsServerHello => format!("TLS ServerHello, {size}"),
            PayloadKind::TlsAlert => format!("a TLS alert from the {who}: it does not like something"),
            PayloadKind::HttpRequest => format!("HTTP request{name}, {size}"),
            PayloadKind::HttpResponse => format!("HTTP response, {size}"),
            _ if first => format!("the {who}'s first {size}"),
            _ => return (size, true),
        };
        (said, false)
    }
}

fn options(segment: &Segment) -> String {
    let options = &segment.options;
    let mut said: Vec<String> = Vec::new();
    said.extend(options.mss.map(|mss| format!("MSS {mss}")));
    said.extend(options.window_scale.map(|scale| format!("window scale {scale}")));
    said.extend(options.sack_permitted.then(|| "SACK".to_owned()));
    said.extend(options.timestamps.map(|_| "timestamps".to_owned()));
    if said.is_empty() {
        "; no options".to_owned()
    } else {
        format!(" ({})", said.join(", "))
    }
}
