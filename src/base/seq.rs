//! TCP sequence numbers: points on a circle of 2^32 (RFC 9293 3.4). Total, and deliberately without `Ord`.

use std::fmt;

/// A sequence or acknowledgment number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `bytes` further on the circle.
    #[must_use]
    pub fn plus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The number `bytes` back on the circle.
    #[must_use]
    pub fn minus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }

    /// Signed distance from `other` to `self`: positive where `self` is later.
    #[must_use]
    pub fn since(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// `self` comes before `other`.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        self.since(other) < 0
    }

    /// `self` comes after `other`.
    #[must_use]
    pub fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }

    /// `self` is `other` or later.
    #[must_use]
    pub fn is_at_least(self, other: Self) -> bool {
        self.since(other) >= 0
    }

    /// The later of the two.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if other.is_after(self) { other } else { self }
    }

    /// The earlier of the two.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let before = Seq(u32::MAX - 9);
        let after = before.plus(20);
        assert_eq!(after, Seq(10));
        assert!(before.is_before(after) && after.is_after(before));
        assert_eq!(after.since(before), 20);
        assert_eq!(after.minus(20), before);
        assert_eq!(before.later(after), after);
        assert_eq!(before.earlier(after), before);
    }

    #[test]
    fn distance_is_total_at_the_antipode() {
        assert_eq!(Seq(0x8000_0000).since(Seq(0)), i32::MIN);
    }
}
