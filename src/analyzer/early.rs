//! Which payloads are kept until they are tracked: the first ones of a connection, and later ones that stand out.

use crate::base::limits;
use crate::wire::{Flags, PayloadKind, Segment};

/// Counters, one byte each: they stay in the cache. Connections that share one keep a payload more or less.
const COUNTERS: usize = 1 << 17;
/// Payloads of each side of a connection that are kept, and as many again behind a ClientHello, which may go on in them.
const FIRST: u8 = 6;

/// How much payload each connection has shown.
#[derive(Debug)]
pub(super) struct Early(Vec<u8>);

impl Default for Early {
    fn default() -> Self {
        Self(vec![0; COUNTERS])
    }
}

impl Early {
    /// May the payload of this segment matter? `hash`: of its connection.
    #[inline]
    pub(super) fn wants(&mut self, segment: &Segment, hash: u64) -> bool {
        let is_syn = segment.flags.any(Flags::SYN);
        if segment.kind == PayloadKind::None && !is_syn {
            return false;
        }
        let pair = ((hash >> 40) as usize % COUNTERS) & !1;
        if segment.flags.is_syn() {
            if let Some(both) = self.0.get_mut(pair..pair + 2) {
                both.fill(0);
            }
        }
        if segment.kind == PayloadKind::None {
            return false;
        }
        let Some(counter) = self.0.get_mut(pair + segment.dir.index()) else {
            return false;
        };
        if segment.kind == PayloadKind::TlsClientHello {
            *counter = 0;
        }
        if *counter < FIRST {
            *counter += 1;
            return true;
        }
        matches!(
            segment.kind,
            PayloadKind::TlsClientHello | PayloadKind::TlsAlert | PayloadKind::HttpError
        ) || segment.flags.is_rst()
    }
}

/// Payloads, by the places of their segments.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    bytes: Vec<u8>,
    /// Place of the segment, and where its payload ends in `bytes`; ascending.
    ends: Vec<(u32, u32)>,
}

impl Payloads {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Keeps the payload of the segment at `place`, which lies behind all before.
    pub(super) fn keep(&mut self, place: u32, payload: &[u8]) {
        let kept = payload.get(..limits::MAX_JOINED).unwrap_or(payload);
        self.bytes.extend_from_slice(kept);
        self.ends.push((place, self.bytes.len() as u32));
    }

    /// That payload; nothing where none was kept.
    pub(super) fn get(&self, place: u32) -> &[u8] {
        let Ok(at) = self.ends.binary_search_by_key(&place, |(place, _)| *place) else {
            return &[];
        };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        self.bytes
            .get(start as usize..self.ends[at].1 as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn the_first_payloads_after_a_syn_are_kept_and_later_ones_that_stand_out() {
        let line = |text: &str| Script::parse(text).unwrap().segments().next().unwrap().clone();
        let (syn, data) = (line("0 > S 0:0(0)"), line("0 > P. 1:9(8) ack 1"));
        let mut early = Early::default();
        assert!(!early.wants(&syn, 7 << 40));
        assert!((0..FIRST).all(|_| early.wants(&data, 7 << 40)) && !early.wants(&data, 7 << 40));
        assert!(early.wants(&line("0 > P. 1:9(8) ack 1 tls alert"), 7 << 40));
        // A ClientHello may go on in the payloads behind it.
        assert!(early.wants(&line("0 > P. 1:9(8) ack 1 tls hello -"), 7 << 40));
        assert!((1..FIRST).all(|_| early.wants(&data, 7 << 40)) && !early.wants(&data, 7 << 40));
        assert!(!early.wants(&line("0 > . 1:1(0) ack 1"), 8 << 40));
        early.wants(&syn, 7 << 40);
        assert!(early.wants(&data, 7 << 40));
    }

    #[test]
    fn a_payload_is_found_by_its_place() {
        let mut payloads = Payloads::default();
        payloads.keep(3, b"abc");
        payloads.keep(9, b"");
        payloads.keep(12, b"de");
        assert_eq!((payloads.get(3), payloads.get(9)), (&b"abc"[..], &b""[..]));
        assert_eq!((payloads.get(12), payloads.get(4)), (&b"de"[..], &b""[..]));
    }
}
