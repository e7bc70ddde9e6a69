//! Where segments are written: their reader of bytes need not know who keeps them.

use super::Segment;
use crate::base::FlowKey;

/// Where a segment is to stand, in place of another one.
pub trait Place {
    /// The one that stands there.
    fn segment(&mut self) -> &mut Segment;
}

/// Has places for segments.
pub trait Places {
    /// One of them.
    type Place: Place;

    /// The next one for a segment of this flow.
    fn place(self, key: &FlowKey) -> Self::Place;
}

impl Place for &mut Segment {
    #[inline]
    fn segment(&mut self) -> &mut Segment {
        self
    }
}

/// One place for whatever comes.
impl Places for &mut Segment {
    type Place = Self;

    #[inline]
    fn place(self, _: &FlowKey) -> Self {
        self
    }
}
