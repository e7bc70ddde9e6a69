//! Numbers out of bytes, in either byte order; a place outside the bytes gives `None`.

/// Byte order of a file or section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    /// The two bytes at `at`.
    pub(super) fn u16(self, data: &[u8], at: usize) -> Option<u16> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    /// The four bytes at `at`.
    pub(super) fn u32(self, data: &[u8], at: usize) -> Option<u32> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    /// The eight bytes at `at`.
    pub(super) fn u64(self, data: &[u8], at: usize) -> Option<u64> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn both_orders_and_nothing_past_the_end() {
        let data = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(Order::Little.u16(&data, 1), Some(0x0302));
        assert_eq!(Order::Big.u32(&data, 4), Some(0x0506_0708));
        assert_eq!(Order::Big.u64(&data, 0), Some(0x0102_0304_0506_0708));
        assert_eq!(Order::Little.u32(&data, 5), None);
        assert_eq!(Order::Little.u16(&data, usize::MAX), None);
    }
}
