//! How each kind of value is packed.

use super::{Bases, Pack, Packer, Unpacker};
use crate::base::{Dir, FlowKey, Rare, Seq, Usual};
use std::net::IpAddr;

macro_rules! pack_numbers {
    ($($number:ty)+) => {
        $(impl Pack for $number {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                to.number(u64::from(*self));
            }
            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                from.number() as $number
            }
        })+
    };
}
pack_numbers!(u8 u16 u32 u64);

impl Pack for bool {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.number(u64::from(*self));
    }
    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.number() != 0
    }
}

impl Bases {
    /// The nearer of the two, its place, and the distance; an empty place is taken. The number is the next one's base.
    fn nearest(&mut self, seq: u32) -> (u64, i64) {
        let distance = |base: u32| i64::from(seq.wrapping_sub(base) as i32);
        let (place, nearest) = match self.seqs {
            [Some(first), Some(second)] => {
                let (one, two) = (distance(first), distance(second));
                if one.abs() <= two.abs() { (0, one) } else { (1, two) }
            }
            [Some(first), None] if distance(first).abs() < 1 << 24 => (0, distance(first)),
            [first, _] => (usize::from(first.is_some()), distance(0)),
        };
        self.seqs[place] = Some(seq);
        (place as u64, nearest)
    }

    fn seq(&mut self, word: u64) -> u32 {
        let (place, zigzag) = ((word & 1) as usize, word >> 1);
        let distance = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        let seq = self.seqs[place].unwrap_or(0).wrapping_add(distance as u32);
        self.seqs[place] = Some(seq);
        seq
    }
}

impl Pack for Seq {
    fn pack(&self, to: &mut Packer) {
        let (place, distance) = to.bases.nearest(self.0);
        to.number(((distance << 1 ^ distance >> 63) as u64) << 1 | place);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let word = from.number();
        Self(from.bases.seq(word))
    }
    fn pack_option(value: Option<&Self>, to: &mut Packer) {
        let Some(seq) = value else {
            to.number(0);
            return;
        };
        let (place, distance) = to.bases.nearest(seq.0);
        to.number((((distance << 1 ^ distance >> 63) as u64) << 1 | place) + 1);
    }
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        let word = from.number().checked_sub(1)?;
        Some(Self(from.bases.seq(word)))
    }
}

impl Pack for Dir {
    fn pack(&self, to: &mut Packer) {
        to.number(self.index() as u64);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if from.number() == 0 { Self::Up } else { Self::Down }
    }
}

impl Pack for IpAddr {
    fn pack(&self, to: &mut Packer) {
        match self {
            Self::V4(ip) => {
                to.number(4);
                to.raw(&ip.octets());
            }
            Self::V6(ip) => {
                to.number(6);
                to.raw(&ip.octets());
            }
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if from.number() == 4 {
            Self::from(octets::<4>(from))
        } else {
            Self::from(octets::<16>(from))
        }
    }
}

fn octets<const N: usize>(from: &mut Unpacker<'_>) -> [u8; N] {
    from.raw(N).try_into().unwrap_or([0; N])
}

impl Pack for FlowKey {
    fn pack(&self, to: &mut Packer) {
        match self {
            Self::V4(low, high, ..) => {
                to.number(4);
                to.raw(low);
                to.raw(high);
            }
            Self::V6(low, high, ..) => {
                to.number(6);
                to.raw(low);
                to.raw(high);
            }
        }
        let (Self::V4(_, _, low, high) | Self::V6(_, _, low, high)) = self;
        to.raw(&low.to_be_bytes());
        to.raw(&high.to_be_bytes());
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let port = |from: &mut Unpacker<'_>| u16::from_be_bytes(octets(from));
        if from.number() == 4 {
            Self::V4(octets(from), octets(from), port(from), port(from))
        } else {
            Self::V6(octets(from), octets(from), port(from), port(from))
        }
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut Packer) {
        T::pack_option(self.as_ref(), to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        T::unpack_option(from)
    }
}

impl<T: Pack, U: Pack> Pack for (T, U) {
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (T::unpack(from), U::unpack(from))
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn pack(&self, to: &mut Packer) {
        for value in self {
            value.pack(to);
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        std::array::from_fn(|_| T::unpack(from))
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, to: &mut Packer) {
        to.number(self.len() as u64);
        for value in self {
            value.pack(to);
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let count = from.number();
        (0..count).map(|_| T::unpack(from)).collect()
    }
}

impl Pack for Box<str> {
    fn pack(&self, to: &mut Packer) {
        pack_text(self, to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        String::from_utf8_lossy(unpack_text(from)).into()
    }
}

/// A text, or any bytes.
pub fn pack_text(text: &str, to: &mut Packer) {
    to.number(text.len() as u64);
    to.raw(text.as_bytes());
}

/// See [`pack_text`].
pub fn unpack_text<'a>(from: &mut Unpacker<'a>) -> &'a [u8] {
    let length = from.number() as usize;
    from.raw(length)
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, to: &mut Packer) {
        (**self).pack(to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self::new(T::unpack(from))
    }
}

/// A sequence number kept as a bare number, zero where there is none.
pub fn pack_bare_seq(seq: u32, to: &mut Packer) {
    Some(Seq(seq)).filter(|seq| seq.0 != 0).pack(to);
}

/// See [`pack_bare_seq`].
pub fn unpack_bare_seq(from: &mut Unpacker<'_>) -> u32 {
    Option::<Seq>::unpack(from).map_or(0, |seq| seq.0)
}

impl<T: Usual + Pack> Pack for Rare<T> {
    fn pack(&self, to: &mut Packer) {
        Pack::pack_option(if self.is_usual() { None } else { Some(&**self) }, to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Pack::unpack_option(from).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Span, Stamp};
    use crate::flow::Sighting;

    #[expect(clippy::needless_pass_by_value, reason = "so that a test reads as one line")]
    fn round_trip<T: Pack + PartialEq + std::fmt::Debug>(values: Vec<T>) -> usize {
        let mut packer = Packer::new(Vec::new(), 1000, Stamp(1_700_000_000_000_000_000));
        values.pack(&mut packer);
        7_u8.pack(&mut packer);
        let bytes = packer.finish();
        let mut unpacker = Unpacker::new(&bytes);
        assert_eq!(Vec::<T>::unpack(&mut unpacker), values);
        assert_eq!(u8::unpack(&mut unpacker), 7, "what comes after stays readable");
        bytes.len()
    }

    #[test]
    fn what_was_packed_comes_back() {
        round_trip(vec![0, 1, 112, 113, 127, 128, u64::MAX, 0, 0]);
        for zeros in 1..40 {
            assert!(round_trip([vec![0_u8; zeros], vec![1]].concat()) < 20);
        }
        round_trip(vec![Span(0), Span(-1), Span(i64::MIN), Span(i64::MAX)]);
        round_trip(vec![Span(1), Span(-1000), Span(1 << 62), Span(i64::MAX - 807)]);
        round_trip(vec![Stamp(0), Stamp(i64::MIN), Stamp(i64::MAX), Stamp(5), Stamp(1005)]);
        let sightings = |count: u64| (1..count).map(|at| Sighting::new(at * at, Stamp(1000 * at as i64 + 1)));
        round_trip(sightings(9).chain(sightings(90)).map(Some).chain([None]).collect());
        round_trip(vec![
            Sighting::new(u64::MAX, Stamp(i64::MIN)),
            Sighting::new(1, Stamp(i64::MAX)),
        ]);
        round_trip(vec![Seq(5), Seq(6), Seq(u32::MAX), Seq(0x8000_0000), Seq(0), Seq(7)]);
        round_trip(vec![Some(0_u32), None, Some(3)]);
        round_trip(vec![true, false]);
        round_trip::<Box<str>>(vec!["".into(), "example.org".into(), "ünï\0".into()]);
        round_trip::<IpAddr>(vec![
            "10.0.0.1".parse().unwrap(),
            "2001:db8::1".parse().unwrap(),
            "::".parse().unwrap(),
        ]);
        round_trip(vec![
            FlowKey::v4([10, 0, 0, 1], [10, 0, 0, 2], 1, 2).0,
            FlowKey::v6([1; 16], [0; 16], 1, 2).0,
        ]);
        round_trip(vec![Dir::Up, Dir::Down]);
    }

    #[test]
    fn a_thousand_zeros_take_few_bytes() {
        assert!(round_trip(vec![0_u32; 1000]) < 30);
    }

    #[test]
    fn cut_bytes_give_zeros_and_no_panic() {
        let mut unpacker = Unpacker::new(&[0x80]);
        assert_eq!(u64::unpack(&mut unpacker), 0);
        assert_eq!(<Box<str>>::unpack(&mut unpacker), "".into());
    }
}
