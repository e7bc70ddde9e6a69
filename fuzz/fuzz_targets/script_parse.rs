//! Fuzz target: bytes as a script.
#![no_main]

#[path = "../../tests/fuzz_bodies.rs"]
#[expect(dead_code, reason = "the bodies of the other targets")]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_bodies::script_parse(bytes));
