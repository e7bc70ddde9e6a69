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
    /// Timestamps after two bytes of padding: all that most segments but the first have (RFC 7323, appendix A).
    pub(super) fn are_usual(bytes: &[u8; 12]) -> bool {
        bytes.starts_with(&[1, 1, 8, 10])
    }

    /// Reads what [`Options::are_usual`].
    pub(super) fn read_usual(bytes: &[u8; 12]) -> Self {
        let [_, _, _, _, value @ ..] = bytes;
        Self {
            timestamps: read_pair(value),
            ..Self::default()
        }
    }

    /// Reads the captured option `bytes` of a header that claims `header_length` bytes in a segment of `wire` bytes.
    pub(super) fn read(bytes: &[u8], header_length: usize, wire: usize) -> Self {
        let mut options = Self {
            damaged: header_length < 20 || header_length > wire || bytes.len() < header_length.saturating_sub(20),
            ..Self::default()
        };
        options.read_each(bytes);
        options
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

    /// Kind, length, value, one after the other (RFC 9293 3.2).
    fn read_each(&mut self, mut bytes: &[u8]) {
        while let [kind, rest @ ..] = bytes {
            match kind {
                0 => return,
                1 => bytes = rest,
                _ => {
                    let [length, value @ ..] = rest else {
                        self.damaged = true;
                        return;
                    };
                    let Some((value, after)) = usize::from(*length)
                        .checked_sub(2)
                        .and_then(|length| value.split_at_checked(length))
                    else {
                        self.damaged = true;
                        return;
                    };
                    self.read_one(*kind, value);
                    bytes = after;
                }
            }
        }
    }

    fn read_one(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (2, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
            (3, [shift]) => self.window_scale = Some(*shift),
            (4, []) => self.sack_permitted = true,
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

    fn read(bytes: &[u8]) -> Options {
        Options::read(bytes, 20 + bytes.len(), 100)
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
        assert!(Options::read(&[2, 4, 5, 180], 28, 100).damaged, "cut by the capture");
        assert!(Options::read(&[], 16, 100).damaged, "header too short");
        assert!(
            Options::read(&[1, 1, 1, 1], 24, 22).damaged,
            "header longer than the segment"
        );
    }

    #[test]
    fn bytes_after_the_end_mark_mean_nothing() {
        assert_eq!(read(&[0, 2, 4, 5]), Options::default());
    }
}
