//! What every room speaks: capture time, sequence numbers, flow keys and the limits.

pub mod stamp;
pub mod seq;
pub mod key;
pub mod limits;
mod words;

pub use key::{Dir, Endpoint, FlowKey};
pub use seq::Seq;
pub use stamp::{Span, Stamp};
pub(crate) use words::words;
