//! What hosts look up before they connect: names (DNS), and neighbours on the link (ARP, neighbour discovery). Fed in
//! capture order; what was never answered, refused or slow is told at the end. No opinions in here.

pub mod dns;
pub mod names;
pub mod neighbors;
mod solved;

pub use dns::{Lookup, Lookups};
pub use names::Names;
pub use neighbors::{Neighbors, Unanswered};
