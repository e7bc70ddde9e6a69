//! Lets the `pcap` crate link where libpcap is not installed: its `#[link(name = "pcap")]` is satisfied by an empty
//! archive, and the symbols that it imports are defined by `src/capture/libpcap.rs`. macOS always has libpcap and
//! links it plainly.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let archive = match (target("OS").as_str(), target("ENV").as_str()) {
        ("macos" | "ios", _) => return,
        ("windows", "msvc") => "wpcap.lib",
        ("windows", _) => "libwpcap.a",
        _ => "libpcap.a",
    };
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(directory.join(archive), b"!<arch>\n").expect("OUT_DIR can be written to");
    println!("cargo:rustc-link-search=native={}", directory.display());
}
