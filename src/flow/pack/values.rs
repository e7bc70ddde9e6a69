//! How each kind of value is packed.

use super::{Kind, Pack, Packer, Unpacker, option_in_place};
use crate::base::{Dir, FlowKey, Rare, Seq, Usual};
use std::net::IpAddr;

/// A number and the bits that are kept for it: the shorter ones fit in any case.
macro_rules! pack_numbers {
    ($($number:ty: $bits:literal)+) => {
        $(impl Pack for $number {
            #[inline(always)]
            fn pack(&self, to: &mut Packer<'_>) {
                if $bits < <$number>::BITS {
                    to.number(u64::from(*self), $bits);
                } else {
                    to.bits(u64::from(*self), $bits);
                }
            }
            #[inline(always)]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                if $bits < <$number>::BITS {
                    from.number($bits) as $number
                } else {
                    from.bits($bits) as $number
                }
            }
            option_in_place!();
        })+
    };
}
pack_numbers!(u8: 8 u16: 16 u32: 16 u64: 20);

impl Pack for bool {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        to.bits(u64::from(*self), 1);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.bits(1) != 0
    }
}

impl Pack for Seq {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        to.bits(self.0.into(), u32::BITS);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(from.bits(u32::BITS) as u32)
    }
    option_in_place!();
}

impl Pack for Dir {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        to.bits(self.index() as u64, 1);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if from.bits(1) == 0 { Self::Up } else { Self::Down }
    }
    #[inline(always)]
    fn pack_option(value: Option<&Self>, to: &mut Packer<'_>) {
        to.bits(value.map_or(0, |dir| 1 + dir.index() as u64), 2);
    }
    #[inline(always)]
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.bits(2) {
            0 => None,
            1 => Some(Self::Up),
            _ => Some(Self::Down),
        }
    }
}

impl Pack for IpAddr {
    fn pack(&self, to: &mut Packer<'_>) {
        self.is_ipv6().pack(to);
        match self {
            Self::V4(ip) => to.word(u32::from_be_bytes(ip.octets()).into()),
            Self::V6(ip) => pack_16(ip.octets(), to),
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if bool::unpack(from) {
            Self::from(unpack_16(from))
        } else {
            Self::from((from.word() as u32).to_be_bytes())
        }
    }
}

/// The bytes of an IPv6 address.
#[inline(always)]
fn pack_16(bytes: [u8; 16], to: &mut Packer<'_>) {
    let number = u128::from_be_bytes(bytes);
    to.word((number >> 64) as u64);
    to.word(number as u64);
}

#[inline(always)]
fn unpack_16(from: &mut Unpacker<'_>) -> [u8; 16] {
    (u128::from(from.word()) << 64 | u128::from(from.word())).to_be_bytes()
}

impl Pack for FlowKey {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        let (Self::V4(_, _, low, high) | Self::V6(_, _, low, high)) = self;
        low.pack(to);
        high.pack(to);
        matches!(self, Self::V6(..)).pack(to);
        match self {
            Self::V4(low, high, ..) => {
                let (low, high) = (u32::from_be_bytes(*low), u32::from_be_bytes(*high));
                to.like_last(Kind::Addresses, u64::from(low) << 32 | u64::from(high));
            }
            Self::V6(low, high, ..) => {
                pack_16(*low, to);
                pack_16(*high, to);
            }
        }
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (low, high) = (u16::unpack(from), u16::unpack(from));
        if bool::unpack(from) {
            Self::V6(unpack_16(from), unpack_16(from), low, high)
        } else {
            let ips = from.like_last(Kind::Addresses);
            Self::V4(
                ((ips >> 32) as u32).to_be_bytes(),
                (ips as u32).to_be_bytes(),
                low,
                high,
            )
        }
    }
}

impl<T: Pack> Pack for Option<T> {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        T::pack_option(self.as_ref(), to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        T::unpack_option(from)
    }
}

impl<T: Pack, U: Pack> Pack for (T, U) {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.0.pack(to);
        self.1.pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (T::unpack(from), U::unpack(from))
    }
}

/// One after the other, in so many words: a loop would not know where in its word each of them is.
macro_rules! pack_arrays {
    ($($length:literal: $($place:literal)+;)+) => {
        $(impl<T: Pack> Pack for [T; $length] {
            #[inline(always)]
            fn pack(&self, to: &mut Packer<'_>) {
                $(self[$place].pack(to);)+
            }
            #[inline(always)]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                [$({ let _ = $place; T::unpack(from) }),+]
            }
        })+
    };
}
pack_arrays!(2: 0 1; 3: 0 1 2; 8: 0 1 2 3 4 5 6 7;);

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, to: &mut Packer<'_>) {
        let outside = to.enter();
        to.word(self.len() as u64);
        for value in self {
            value.pack(to);
        }
        to.leave(outside);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let outside = from.enter();
        // More than there is room for comes from a broken disk.
        let count = from.word().min(from.words.len() as u64 * u64::from(u64::BITS));
        let values = (0..count).map(|_| T::unpack(from)).collect();
        from.leave(outside);
        values
    }
}

impl Pack for Box<str> {
    fn pack(&self, to: &mut Packer<'_>) {
        pack_text(self, to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        String::from_utf8_lossy(&unpack_text(from)).into()
    }
}

/// A text, or any bytes.
pub fn pack_text(text: &str, to: &mut Packer<'_>) {
    to.word(text.len() as u64);
    for bytes in text.as_bytes().chunks(size_of::<u64>()) {
        pack_word(bytes, to);
    }
}

/// See [`pack_text`].
pub fn unpack_text(from: &mut Unpacker<'_>) -> Vec<u8> {
    let length = from.word() as usize;
    let mut bytes = Vec::new();
    while bytes.len() < length && from.at < from.words.len() {
        bytes.extend(unpack_word(from));
    }
    bytes.truncate(length);
    bytes
}

/// Eight bytes, or less with zeros behind them.
#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; size_of::<u64>()];
    match bytes.first_chunk() {
        Some(whole) => word = *whole,
        None => word[..bytes.len()].copy_from_slice(bytes),
    }
    u64::from_le_bytes(word)
}

/// See [`word_of`].
#[inline(always)]
pub fn pack_word(bytes: &[u8], to: &mut Packer<'_>) {
    to.word(word_of(bytes));
}

/// See [`word_of`].
#[inline(always)]
pub fn unpack_word(from: &mut Unpacker<'_>) -> [u8; size_of::<u64>()] {
    from.word().to_le_bytes()
}

/// As [`pack_word`], where most are like the last of their kind.
#[inline(always)]
pub fn pack_like_last(kind: Kind, bytes: &[u8], to: &mut Packer<'_>) {
    to.like_last(kind, word_of(bytes));
}

/// See [`pack_like_last`].
#[inline(always)]
pub fn unpack_like_last(kind: Kind, from: &mut Unpacker<'_>) -> [u8; size_of::<u64>()] {
    from.like_last(kind).to_le_bytes()
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, to: &mut Packer<'_>) {
        (**self).pack(to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self::new(T::unpack(from))
    }
}

impl<T: Usual + Pack> Pack for Rare<T> {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        Pack::pack_option(if self.is_usual() { None } else { Some(&**self) }, to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Pack::unpack_option(from).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first_packet, pack, unpack, unpack_behind};
    use super::*;
    use crate::base::{Span, Stamp};
    use crate::flow::Sighting;

    fn round_trip<T: Pack + PartialEq + std::fmt::Debug>(values: Vec<T>) -> usize {
        const FIRST: Stamp = Stamp(1_700_000_000_000_000_000);
        let mut blocks = vec![[[7; 8]; 4]; 3000];
        let all = (values, 7_u8);
        let bytes = pack(&3_u16, &all, 1000, FIRST, &mut blocks).unwrap();
        let back = unpack_behind::<u16, (Vec<T>, u8)>(bytes);
        assert_eq!(back, all, "and what comes after stays readable");
        assert_eq!((unpack::<u16>(bytes), first_packet(bytes)), (3, 1000));
        bytes.len()
    }

    #[test]
    fn what_was_packed_comes_back() {
        const FIRST: i64 = 1_700_000_000_000_000_000;
        round_trip(vec![0, 1, 112, 113, 127, 128, u64::MAX, 0, 0]);
        round_trip(vec![0xfffe_u32, 0xffff, 0x1_0000, u32::MAX, 0]);
        round_trip(vec![0xf_fffe_u64, 0xf_ffff, 0x10_0000]);
        round_trip(vec![Some(u8::MAX), None, Some(0)]);
        round_trip((0..20_000).map(|at| at as u8).collect());
        round_trip(vec![Span(0), Span(-1), Span(i64::MIN), Span(i64::MAX)]);
        round_trip(vec![Some(Span(-1)), None, Some(Span(0)), Some(Span((1 << 40) - 1))]);
        round_trip(vec![Span(1), Span(-1000), Span(1 << 62), Span(i64::MAX - 807)]);
        round_trip(vec![Stamp(0), Stamp(i64::MIN), Stamp(i64::MAX), Stamp(5), Stamp(1005)]);
        let sightings = |count: u64| (1..count).map(|at| Sighting::new(at * at, Stamp(1000 * at as i64 + 1)));
        round_trip(sightings(9).chain(sightings(90)).map(Some).chain([None]).collect());
        let far = [(u64::MAX, i64::MIN), (1, i64::MAX), (999, FIRST), (1000, FIRST - 1)];
        let limits = [1 << 24, (1 << 24) - 1, (1 << 24) - 2].map(|packets| (1000 + packets, FIRST + (1 << 40) - 1));
        let all = far
            .into_iter()
            .chain(limits)
            .chain([(1000, FIRST), (1000, FIRST + (1 << 40))]);
        let all = all.map(|(packet, stamp)| Some(Sighting::new(packet, Stamp(stamp))));
        round_trip(all.flat_map(|at| [at, None, at]).collect());
        round_trip(vec![
            Stamp(FIRST),
            Stamp(FIRST - 1),
            Stamp(FIRST - 2),
            Stamp(FIRST + (1 << 40) - 2),
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
        round_trip(vec![Some(Dir::Up), None, Some(Dir::Down)]);
        round_trip(vec![Some(Seq(0)), None, Some(Seq(u32::MAX))]);
    }

    #[test]
    fn hundreds_of_zeros_take_few_bytes() {
        assert!(round_trip(vec![0_u32; 600]) < 100);
    }

    #[test]
    fn what_is_too_long_is_not_packed() {
        assert!(pack(&0_u8, &vec![1_u8; 1 << 17], 1, Stamp(0), &mut Vec::new()).is_none());
    }

    #[test]
    fn cut_bytes_give_zeros_and_no_panic() {
        assert_eq!(unpack::<u64>(&[0x80]), 0);
        assert_eq!(unpack::<Box<str>>(&[0xff; 30]), "".into());
        assert!(unpack::<Vec<u8>>(&[0xff; 32]).len() < 10_000);
    }
}
