//! Capture filters in libpcap's own syntax, compiled by libpcap itself.

use super::LinkType;
use super::libpcap::{self, Program};
use pcap::{Capture, Linktype};
use std::fmt;

/// A compiled filter, for packets of one link type. Threads may share it.
pub struct Filter {
    link: LinkType,
    program: Program,
}

impl Filter {
    /// Compiles `text`, which is `tcpdump`'s filter syntax, for packets of link type `link`. Names of hosts in it are
    /// looked up by libpcap. BSD loopback (0) is taken to come from a machine of this one's byte order.
    ///
    /// # Errors
    /// One sentence: libpcap is not there, or it does not understand `text`, or cannot filter this link type.
    pub fn compile(link: LinkType, text: &str) -> Result<Self, String> {
        libpcap::load().map_err(|why| missing(&why))?;
        let refused = |error: pcap::Error| {
            let why = match error {
                pcap::Error::PcapError(why) => why,
                other => other.to_string(),
            };
            format!("--filter '{text}': {why}")
        };
        let capture = Capture::dead(Linktype(handle_link(link))).map_err(refused)?;
        let program = capture.compile(text, true).map_err(refused)?;
        Ok(Self {
            link,
            program: Program::new(program),
        })
    }

    /// The link type that it was compiled for.
    #[must_use]
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Does a packet of `original` bytes on the wire, of which `bytes` were captured, match?
    #[must_use]
    pub fn matches(&self, bytes: &[u8], original: u32) -> bool {
        self.program.matches(bytes, original)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

fn missing(why: &str) -> String {
    let install = if cfg!(windows) {
        "install Npcap from npcap.com"
    } else {
        "install it, on Debian and Ubuntu with apt install libpcap0.8"
    };
    format!("--filter needs libpcap, and {why}: {install}; without it, use --port and --host")
}

/// What libpcap calls raw IP; the crate's `Linktype::RAW` is the files' 101, for which it does not compile.
const DLT_RAW: i32 = if cfg!(target_os = "openbsd") { 14 } else { 12 };

/// libpcap's DLT_ number for a LINKTYPE_ number: the same, but for raw IP, which files write in three ways.
fn handle_link(link: LinkType) -> i32 {
    match link.0 {
        12 | 14 | 101 => DLT_RAW,
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    const ETHERNET: LinkType = LinkType(1);

    /// The compiled filter, or nothing, said loudly, where this machine has no libpcap.
    fn compiled(link: LinkType, text: &str) -> Option<Filter> {
        match Filter::compile(link, text) {
            Err(why) if libpcap::load().is_err() => {
                use std::io::Write;
                assert!(std::env::var_os("CI").is_none(), "{why}");
                // Straight to the stream: the harness shows what goes through `eprintln!` of failing tests only.
                let _ = writeln!(std::io::stderr(), "\nNOT TESTED: {why}");
                None
            }
            other => Some(other.unwrap()),
        }
    }

    fn frame(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .tcp(40_000, port, 1, 1000)
            .syn()
            .write(&mut frame, payload)
            .unwrap();
        frame
    }

    #[test]
    fn a_filter_keeps_what_tcpdump_would() {
        for (text, fits) in [
            ("tcp port 443", true),
            ("tcp port 80", false),
            ("dst host 10.0.0.2 and tcp[tcpflags] & tcp-syn != 0", true),
            ("net 192.168.0.0/16", false),
            ("", true),
        ] {
            let Some(filter) = compiled(ETHERNET, text) else { return };
            let frame = frame(443, b"");
            assert_eq!(filter.matches(&frame, frame.len() as u32), fits, "{text}");
        }
    }

    #[test]
    fn raw_ip_is_filtered_under_all_its_numbers() {
        for link in [12, 14, 101, 228] {
            let Some(filter) = compiled(LinkType(link), "tcp port 443") else {
                return;
            };
            let frame = frame(443, b"");
            assert!(filter.matches(&frame[14..], frame.len() as u32 - 14), "{link}");
        }
    }

    #[test]
    fn length_is_that_on_the_wire() {
        let Some(filter) = compiled(ETHERNET, "greater 1000") else {
            return;
        };
        let frame = frame(443, &[0; 1200]);
        assert!(filter.matches(&frame[..96], frame.len() as u32));
        assert!(!filter.matches(&frame[..96], 96));
    }

    #[test]
    fn a_cut_or_empty_packet_is_no_match_and_no_harm() {
        let Some(filter) = compiled(ETHERNET, "tcp port 443") else {
            return;
        };
        let frame = frame(443, b"");
        for length in 0..36 {
            assert!(!filter.matches(&frame[..length], frame.len() as u32), "{length}");
        }
    }

    #[test]
    fn threads_share_a_filter() {
        let Some(filter) = compiled(ETHERNET, "tcp port 443") else {
            return;
        };
        std::thread::scope(|scope| {
            for port in [443, 80, 443, 80] {
                let filter = &filter;
                scope.spawn(move || {
                    let frame = frame(port, b"");
                    assert!((0..1000).all(|_| filter.matches(&frame, 54) == (port == 443)));
                });
            }
        });
    }

    #[test]
    fn what_libpcap_does_not_understand_is_one_sentence() {
        if compiled(ETHERNET, "tcp").is_none() {
            return;
        }
        for (link, text) in [(1, "tcp prot 80"), (1, "host"), (1, "a\0b"), (65_000, "tcp")] {
            let why = Filter::compile(LinkType(link), text).unwrap_err();
            assert!(why.starts_with("--filter '") && !why.contains('\n'), "{why}");
        }
    }

    #[test]
    fn without_libpcap_the_sentence_says_what_to_do() {
        let why = missing("it is not installed");
        assert!(why.contains("--port and --host") && why.contains("install"), "{why}");
    }
}
