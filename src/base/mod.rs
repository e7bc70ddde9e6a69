//! What every room speaks: capture time, sequence numbers, flow keys and the limits.

pub mod stamp;
pub mod seq;
pub mod digits;
pub mod key;
pub mod limits;
mod rare;
mod words;

pub use key::{Dir, Endpoint, FlowKey};
pub use rare::{Rare, Usual};
pub use seq::Seq;
pub use stamp::{Span, Stamp};
pub(crate) use words::words;

/// A hash map with a fast hash and a random seed per run: the keys are chosen by strangers.
pub type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::RandomState>;

/// A hash set, likewise.
pub type Set<K> = hashbrown::HashSet<K, foldhash::fast::RandomState>;
