//! A deterministic generator of TCP traffic with known outcomes, for benches and tests.

pub mod kinds;
pub mod packet;
pub mod random;
pub mod shapes;
pub mod strange;
pub mod talk;
pub mod transfer;
pub mod truth;
pub mod verify;
pub mod writer;
