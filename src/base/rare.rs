//! What few things have, in a box that the others do without.

use std::ops::Deref;

/// A value that is usual for nearly all: it is not kept where it is.
pub trait Usual: Clone + 'static {
    /// The usual value.
    const USUAL: &'static Self;
}

impl<T: Clone + 'static> Usual for Vec<T> {
    const USUAL: &'static Self = &Self::new();
}

/// Reads like a `T`, and takes a pointer's room as long as that is the usual one.
#[derive(Clone, Debug)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    /// The usual value.
    pub const USUAL: Self = Self(None);
}

impl<T: Usual> Rare<T> {
    /// To be changed, where it is not the usual value.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// To be changed from what it is; from now on it has a box.
    #[must_use]
    pub fn make_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::USUAL.clone()))
    }

    /// It has never been anything else.
    #[inline]
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.0.is_none()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self::USUAL
    }
}

impl<T: Usual> Deref for Rare<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::USUAL)
    }
}

impl<T: Usual + PartialEq> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Usual> From<Option<T>> for Rare<T> {
    fn from(value: Option<T>) -> Self {
        Self(value.map(Box::new))
    }
}
