//! Items whose places are used again.

/// Items whose places are used again.
#[derive(Debug)]
pub(super) struct Arena<T> {
    pub(super) items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Arena<T> {
    /// Room for an item, and its place. To make it there is cheaper than to put it there where it has many small fields: what
    /// was written in small parts and is read at once in large ones has to wait for all that was written before.
    #[inline]
    pub(super) fn room(&mut self) -> (u32, &mut Option<T>) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            self.items.len() as u32 - 1
        });
        (place, &mut self.items[place as usize])
    }

    pub(super) fn take(&mut self, place: u32) -> Option<T> {
        let item = self.items.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(item)
    }

    pub(super) fn peek(&self, place: u32) -> Option<&T> {
        self.items.get(place as usize)?.as_ref()
    }

    pub(super) fn used(&self) -> usize {
        self.items.len() - self.free.len()
    }
}
