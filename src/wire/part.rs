//! A stretch of a packet: the bytes that were captured, and how long it was on the wire.

use super::Why;

/// A bounds-checked view. A read outside the captured bytes says whether the capture or the packet is short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    bytes: &'a [u8],
    /// Length on the wire by the innermost length field that was believed; never less than `bytes.len()`.
    wire: usize,
    /// Where `bytes` starts in the record.
    start: usize,
}

impl<'a> Part<'a> {
    /// The whole record: `original` bytes on the wire, of which `bytes` were captured.
    pub(super) fn new(bytes: &'a [u8], original: usize) -> Self {
        Self {
            bytes,
            wire: original.max(bytes.len()),
            start: 0,
        }
    }

    /// The captured bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Length on the wire.
    pub(super) fn wire(&self) -> usize {
        self.wire
    }

    /// Offset of the first byte in the record.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Why nothing can be read up to `end`: the packet itself is that short, or the capture cut it.
    pub(super) fn missing(&self, end: usize) -> Why {
        if end > self.wire { Why::Malformed } else { Why::CutShort }
    }

    /// `N` bytes at offset `at`.
    pub(super) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Why> {
        self.bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or_else(|| self.missing(at.saturating_add(N)))
    }

    /// The byte at offset `at`.
    pub(super) fn u8(&self, at: usize) -> Result<u8, Why> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    /// The 16 bits at offset `at`, in network order.
    pub(super) fn u16(&self, at: usize) -> Result<u16, Why> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// The 32 bits at offset `at`, in network order.
    pub(super) fn u32(&self, at: usize) -> Result<u32, Why> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Without the first `count` bytes; an error where they were not on the wire or not captured.
    pub(super) fn skip(&self, count: usize) -> Result<Self, Why> {
        let bytes = self.bytes.get(count..).ok_or_else(|| self.missing(count))?;
        Ok(Self {
            bytes,
            wire: self.wire - count,
            start: self.start + count,
        })
    }

    /// At most the first `count` bytes.
    pub(super) fn take(&self, count: usize) -> Self {
        Self {
            bytes: self.bytes.get(..count).unwrap_or(self.bytes),
            wire: self.wire.min(count),
            start: self.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_tells_a_short_packet_from_a_short_capture() {
        let part = Part::new(&[1, 2, 3, 4], 6);
        assert_eq!(part.u16(2), Ok(0x0304));
        assert_eq!(part.u16(3), Err(Why::CutShort));
        assert_eq!(part.u16(5), Err(Why::Malformed));
        assert_eq!(part.u8(usize::MAX), Err(Why::Malformed));
    }

    #[test]
    fn skipping_and_taking_keep_the_length_on_the_wire() {
        let part = Part::new(&[1, 2, 3, 4], 10);
        let inner = part.skip(3).unwrap();
        assert_eq!((inner.bytes(), inner.wire(), inner.start()), (&[4][..], 7, 3));
        let taken = inner.take(5);
        assert_eq!((taken.bytes(), taken.wire()), (&[4][..], 5));
        assert_eq!(taken.take(0).wire(), 0);
        assert!(part.skip(5).is_err());
    }
}
