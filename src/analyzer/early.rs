//! Which payloads are kept until they are tracked: the first ones of a connection, and later ones that stand out.

use crate::base::limits;
use crate::wire::{PayloadKind, Segment};

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

/// Payloads that were kept: copies of them, or where they stand in bytes that are lent until they are tracked.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    copies: Vec<u8>,
    /// Where each of them stands.
    places: Vec<(usize, usize)>,
}

impl Payloads {
    pub(super) fn clear(&mut self) {
        self.copies.clear();
        self.places.clear();
    }

    /// Keeps a payload, which is a part of the `lent` bytes, if there are any. Gives its number.
    #[inline]
    pub(super) fn keep(&mut self, payload: &[u8], lent: Option<&[u8]>) -> u32 {
        match lent {
            Some(lent) => self.note(payload, lent),
            None => self.copy(payload),
        }
    }

    /// Copies a payload. Gives its number.
    fn copy(&mut self, payload: &[u8]) -> u32 {
        let (start, payload) = (self.copies.len(), shorten(payload));
        self.copies.extend_from_slice(payload);
        self.add(start, payload.len())
    }

    /// Notes where in `bytes`, which will be lent, a payload stands that is a part of them. Gives its number.
    fn note(&mut self, payload: &[u8], bytes: &[u8]) -> u32 {
        let start = payload.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
        self.add(start, shorten(payload).len())
    }

    fn add(&mut self, start: usize, length: usize) -> u32 {
        self.places.push((start, start + length));
        self.places.len() as u32 - 1
    }

    /// The payload with this number, in what was copied or in the `lent` bytes that it was noted for.
    pub(super) fn get<'a>(&'a self, number: u32, lent: Option<&'a [u8]>) -> &'a [u8] {
        let &(start, end) = self.places.get(number as usize).unwrap_or(&(0, 0));
        lent.unwrap_or(&self.copies).get(start..end).unwrap_or_default()
    }
}

/// No more is ever joined.
fn shorten(payload: &[u8]) -> &[u8] {
    payload.get(..limits::MAX_JOINED).unwrap_or(payload)
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
    fn a_payload_is_found_by_its_number() {
        let bytes = b"..abc.de";
        let (mut copied, mut noted) = (Payloads::default(), Payloads::default());
        let wanted = [&bytes[2..5], &bytes[5..5], &bytes[6..8]];
        for (number, payload) in (0..).zip(wanted) {
            assert_eq!([copied.copy(payload), noted.note(payload, bytes)], [number; 2]);
        }
        for (number, payload) in (0..).zip(wanted) {
            assert_eq!([copied.get(number, None), noted.get(number, Some(bytes))], [payload; 2]);
        }
        assert_eq!(copied.get(9, None), b"");
    }
}
