//! Facts and findings to one verdict per flow: pure and total.

pub mod words;
