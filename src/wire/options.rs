//! TCP options: the ones a judgement needs, as far as they were captured.

use crate::base::Seq;

/// The TCP options that matter to a judgement, as far as they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale shift (RFC 7323 2), as sent.
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack_permitted: bool,
    /// `TSval` and `TSecr` (RFC 7323 3).
    pub timestamps: Option<(u32, u32)>,
    /// First SACK block, left and right edge.
    pub sack: Option<(Seq, Seq)>,
    /// Second SACK block.
    pub second_sack: Option<(Seq, Seq)>,
    /// A TCP Fast Open cookie (RFC 7413) is present and not empty.
    pub fast_open_cookie: bool,
    /// Multipath TCP (kind 30) is present.
    pub multipath: bool,
    /// The options were cut by the capture, or contradict themselves.
    pub damaged: bool,
}

impl Options {
    /// Timestamps after two bytes of padding: all that most segments but the first have (RFC 7323, appendix A). `None` where
    /// a header of `header_length` bytes has something else; or the options, and what follows in `rest`.
    #[inline]
    pub(super) fn find_usual(header_length: usize, rest: &[u8]) -> Option<(Self, &[u8])> {
        let (bytes, payload) = rest.split_first_chunk::<12>()?;
        let (kinds, value) = bytes.split_first_chunk::<4>()?;
        let options = Self {
            timestamps: read_pair(value),
            ..Self::default()
        };
        (header_length == 32 && *kinds == [1, 1, 8, 10]).then_some((options, payload))
    }

    /// Reads the captured option `bytes` of a header that claims `header_length` bytes in a segment of `wire` bytes; of what
    /// was there before, nothing stays.
    pub(super) fn read(&mut self, bytes: &[u8], header_length: usize, wire: usize) {
        *self = Self {
            damaged: header_length < 20 || header_length > wire || bytes.len() < header_length.saturating_sub(20),
            ..Self::default()
        };
        if !self.read_syn(bytes) {
            self.read_each(bytes);
        }
    }

    /// Reads what the SYNs and SYN-ACKs of Linux and of Windows have, in their order; `false` where this is something else.
    #[inline]
    fn read_syn(&mut self, bytes: &[u8]) -> bool {
        let (mss, shift) = match bytes {
            [2, 4, high, low, 4, 2, 8, 10, times @ .., 1, 3, 3, shift] if times.len() == 8 => {
                self.timestamps = read_pair(times);
                ([*high, *low], *shift)
            }
            [2, 4, high, low, 1, 3, 3, shift, 1, 1, 4, 2] => ([*high, *low], *shift),
            _ => return false,
        };
        self.mss = Some(u16::from_be_bytes(mss));
        self.sack_permitted = true;
        self.window_scale = Some(shift);
        true
    }

    /// The first SACK block reports bytes that came a second time (RFC 2883 4): they lie below `ack`, the segment's own
    /// acknowledgment, or within the second block.
    #[must_use]
    pub fn is_dsack(&self, ack: Seq) -> bool {
        let Some((left, right)) = self.sack.filter(|(left, right)| left.is_before(*right)) else {
            return false;
        };
        ack.is_at_least(right)
            || self
                .second_sack
                .is_some_and(|(from, to)| left.is_at_least(from) && to.is_at_least(right))
    }

    /// Kind, length, value, one after the other (RFC 9293 3.2). Those of a usual SYN are read at a glance.
    #[inline]
    fn read_each(&mut self, mut bytes: &[u8]) {
        loop {
            bytes = match bytes {
                [] | [0, ..] => return,
                [1, rest @ ..] => rest,
                [2, 4, high, low, rest @ ..] => {
                    self.mss = Some(u16::from_be_bytes([*high, *low]));
                    rest
                }
                [3, 3, shift, rest @ ..] => {
                    self.window_scale = Some(*shift);
                    rest
                }
                [4, 2, rest @ ..] => {
                    self.sack_permitted = true;
                    rest
                }
                [kind, rest @ ..] => {
                    let Some((value, rest)) = split_value(rest) else {
                        self.damaged = true;
                        return;
                    };
                    self.read_one(*kind, value);
                    rest
                }
            };
        }
    }

    /// One that [`Options::read_each`] has not read.
    fn read_one(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (5, blocks) if blocks.len() % 8 == 0 => self.read_sack(blocks),
            (8, value) if value.len() == 10 - 2 => self.timestamps = read_pair(value),
            (30, _) => self.multipath = true,
            // RFC 7413 4.1.1, and the experimental kind of its appendix A.
            (34, cookie) | (254, [0xf9, 0x89, cookie @ ..]) => self.fast_open_cookie = !cookie.is_empty(),
            (2..=5 | 8, _) => self.damaged = true,
            _ => {}
        }
    }

    fn read_sack(&mut self, blocks: &[u8]) {
        let mut blocks = blocks
            .chunks_exact(8)
            .filter_map(read_pair)
            .map(|(left, right)| (Seq(left), Seq(right)));
        self.sack = blocks.next();
        self.second_sack = blocks.next();
    }
}

/// The value behind the kind of an option, and what follows; `None` where its length cannot be.
fn split_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length).checked_sub(2)?)
}

/// Two 32-bit numbers in network order.
fn read_pair(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    Some((
        u32::from_be_bytes(*first),
        u32::from_be_bytes(*rest.first_chunk::<4>()?),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_cut(bytes: &[u8], header_length: usize, wire: usize) -> Options {
        let mut options = Options {
            mss: Some(9),
            multipath: true,
            ..Options::default()
        };
        options.read(bytes, header_length, wire);
        options
    }

    fn read(bytes: &[u8]) -> Options {
        read_cut(bytes, 20 + bytes.len(), 100)
    }

    #[test]
    fn a_linux_syn_is_read_whole() {
        let options = read(&[
            2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7, 34, 6, 1, 2, 3, 4, 30, 4, 0, 1,
        ]);
        let expected = Options {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some((1, 2)),
            fast_open_cookie: true,
            multipath: true,
            ..Options::default()
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn what_is_read_at_a_glance_is_what_is_read_one_by_one() {
        let linux: &[u8] = &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
        let windows: &[u8] = &[2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2];
        for (usual, free) in [(linux, 11), (windows, 3)] {
            let mut glances = 0;
            for (at, value) in (0..usual.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
                let mut bytes = usual.to_vec();
                bytes[at] = value;
                let (mut one, mut other) = (Options::default(), Options::default());
                other.read_each(&bytes);
                if one.read_syn(&bytes) {
                    glances += 1;
                    assert_eq!(one, other, "{bytes:?}");
                }
                assert_eq!(read(&bytes), other, "{bytes:?}");
            }
            assert_eq!(glances, free * 256 + usual.len() - free);
        }
    }

    #[test]
    fn a_block_below_the_acknowledgment_or_within_the_second_is_a_duplicate() {
        let options = |first: (u32, u32), second: Option<(u32, u32)>| Options {
            sack: Some((Seq(first.0), Seq(first.1))),
            second_sack: second.map(|(left, right)| (Seq(left), Seq(right))),
            ..Options::default()
        };
        // The three examples of RFC 2883 4.1.1, 4.1.2, 4.2.1.
        assert!(options((3000, 3500), None).is_dsack(Seq(4000)));
        assert!(options((3000, 3500), Some((4500, 5000))).is_dsack(Seq(4000)));
        assert!(options((5000, 5500), Some((4500, 6000))).is_dsack(Seq(4000)));
        assert!(!options((4500, 5000), Some((5500, 6000))).is_dsack(Seq(4000)));
        assert!(!options((4500, 5000), None).is_dsack(Seq(4000)));
        assert!(!options((3000, 3000), None).is_dsack(Seq(4000)));
        assert!(!Options::default().is_dsack(Seq(4000)));
    }

    #[test]
    fn sack_blocks_keep_the_first_two() {
        let mut bytes = vec![1, 1, 5, 26];
        for edge in 1..=6_u32 {
            bytes.extend(edge.to_be_bytes());
        }
        let options = read(&bytes);
        assert_eq!(options.sack, Some((Seq(1), Seq(2))));
        assert_eq!(options.second_sack, Some((Seq(3), Seq(4))));
        assert!(!options.damaged);
    }

    #[test]
    fn an_empty_fast_open_option_is_a_request_not_a_cookie() {
        assert!(!read(&[34, 2]).fast_open_cookie);
        assert!(read(&[254, 6, 0xf9, 0x89, 1, 2]).fast_open_cookie);
    }

    #[test]
    fn damage_is_noted_and_what_came_before_it_kept() {
        for tail in [&[8][..], &[8, 1], &[8, 0], &[8, 11, 1], &[5, 5, 1, 2, 3], &[3, 2]] {
            let mut bytes = vec![2, 4, 5, 180];
            bytes.extend(tail);
            let options = read(&bytes);
            assert!(options.damaged, "{tail:?}");
            assert_eq!(options.mss, Some(1460));
        }
        assert!(read_cut(&[2, 4, 5, 180], 28, 100).damaged, "cut by the capture");
        assert!(read_cut(&[], 16, 100).damaged, "header too short");
        assert!(
            read_cut(&[1, 1, 1, 1], 24, 22).damaged,
            "header longer than the segment"
        );
    }

    #[test]
    fn bytes_after_the_end_mark_mean_nothing() {
        assert_eq!(read(&[0, 2, 4, 5]), Options::default());
    }
}
