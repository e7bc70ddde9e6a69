//! How each kind of value is packed.

use super::{Bases, Pack, Packer, Unpacker};
use crate::base::{Dir, FlowKey, Seq, Span, Stamp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

macro_rules! pack_numbers {
    ($($number:ty)+) => {
        $(impl Pack for $number {
            fn pack(&self, to: &mut Packer) {
                to.number(u64::from(*self));
            }
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                from.number() as $number
            }
        })+
    };
}
pack_numbers!(u8 u16 u32 u64);

impl Pack for bool {
    fn pack(&self, to: &mut Packer) {
        to.number(u64::from(*self));
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.number() != 0
    }
}

impl Pack for Span {
    fn pack(&self, to: &mut Packer) {
        to.signed(self.0);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(from.signed())
    }
}

impl Pack for Stamp {
    fn pack(&self, to: &mut Packer) {
        to.signed(self.0.wrapping_sub(to.bases.stamp));
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(from.signed().wrapping_add(from.bases.stamp))
    }
}

/// A packet number of this flow.
pub fn pack_packet(packet: u64, to: &mut Packer) {
    to.signed(packet.wrapping_sub(to.bases.packet) as i64);
}

/// See [`pack_packet`].
pub fn unpack_packet(from: &mut Unpacker<'_>) -> u64 {
    from.bases.packet.wrapping_add(from.signed() as u64)
}

impl Bases {
    /// The nearer of the two, its place, and the distance; an empty place is taken.
    fn nearest(&mut self, seq: u32) -> (u64, i64) {
        let distance = |base: u32| i64::from(seq.wrapping_sub(base) as i32);
        match self.seqs {
            [Some(first), Some(second)] => {
                let (one, two) = (distance(first), distance(second));
                if one.abs() <= two.abs() { (0, one) } else { (1, two) }
            }
            [Some(first), None] if distance(first).abs() < 1 << 24 => (0, distance(first)),
            [first, _] => {
                let place = usize::from(first.is_some());
                self.seqs[place] = Some(seq);
                (place as u64, distance(0))
            }
        }
    }
}

impl Pack for Seq {
    fn pack(&self, to: &mut Packer) {
        let (place, distance) = to.bases.nearest(self.0);
        to.number(((distance << 1 ^ distance >> 63) as u64) << 1 | place);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let word = from.number();
        let (place, zigzag) = ((word & 1) as usize, word >> 1);
        let distance = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        let base = from.bases.seqs[place];
        let seq = base.unwrap_or(0).wrapping_add(distance as u32);
        if base.is_none() {
            from.bases.seqs[place] = Some(seq);
        }
        Self(seq)
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
                to.number(u64::from(u32::from(*ip)));
            }
            Self::V6(ip) => {
                to.number(6);
                let bits = u128::from(*ip);
                to.number((bits >> 64) as u64);
                to.number(bits as u64);
            }
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if from.number() == 4 {
            return Self::V4(Ipv4Addr::from(from.number() as u32));
        }
        let high = u128::from(from.number());
        Self::V6(Ipv6Addr::from(high << 64 | u128::from(from.number())))
    }
}

impl Pack for FlowKey {
    fn pack(&self, to: &mut Packer) {
        for dir in [Dir::Up, Dir::Down] {
            let end = self.sender(dir);
            end.ip.pack(to);
            end.port.pack(to);
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (low, low_port) = (IpAddr::unpack(from), u16::unpack(from));
        let (high, high_port) = (IpAddr::unpack(from), u16::unpack(from));
        match (low, high) {
            (IpAddr::V4(low), IpAddr::V4(high)) => Self::V4(low.octets(), high.octets(), low_port, high_port),
            (low, high) => Self::V6(v6(low), v6(high), low_port, high_port),
        }
    }
}

fn v6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut Packer) {
        to.number(u64::from(self.is_some()));
        if let Some(value) = self {
            value.pack(to);
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (from.number() != 0).then(|| T::unpack(from))
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
        to.number(self.len() as u64);
        to.flush_zeros();
        to.bytes.extend_from_slice(self.as_bytes());
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let length = (from.number() as usize).min(from.bytes.len());
        let (text, rest) = from.bytes.split_at(length);
        from.bytes = rest;
        String::from_utf8_lossy(text).into()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
        round_trip(vec![0, 1, 127, 128, u64::MAX, 0, 0]);
        round_trip(vec![Span(0), Span(-1), Span(i64::MIN), Span(i64::MAX)]);
        round_trip(vec![Stamp(0), Stamp(i64::MIN), Stamp(i64::MAX)]);
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
