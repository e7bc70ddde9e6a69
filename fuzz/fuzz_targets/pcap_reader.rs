//! Fuzz target: bytes as a capture file of any format.
#![no_main]

#[path = "../../tests/fuzz_bodies.rs"]
#[expect(dead_code, reason = "the bodies of the other targets")]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_bodies::pcap_reader(bytes));
