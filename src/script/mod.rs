//! Packetdrill-like text to segments and back: the language of tests and pages, and of a flow pasted without addresses.
//!
//! ```text
//! # a comment
//! 0     >  S  0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>  win 64240 ttl 64 id 7
//! +.03  <  S. 0:0(0) ack 1 <mss 1460>
//! +0    >  .  1:1(0) ack 1
//! +1    >  P. 1:101(100) ack 1   ; retransmission, !server
//! +.03  <  icmp admin-prohibited from 10.0.0.254
//! @ end +30
//! => icmp-ended -stall handshake=completed
//! ```
//!
//! `>` is client to server, `<` server to client. A time is `+x` or `-x` (from the line before) or absolute (from [`EPOCH`]).
//! `start:end(length)` and `ack` count from the ISN of the side that owns the bytes: the SYN itself is 0, the first byte 1.
//! The length is redundant on purpose: a mismatch is an error. Flags are `S F P R U E C` and `.` for ACK, `-` for none.
//!
//! After the numbers, in any order: `ack N`, `<options>`, `win N`, `ttl N`, `id N`, `isn N` (first packet of a side), `sum N`,
//! `iface N`, `path N`, `tls hello NAME|-`, `tls server|alert|data`, `http request HOST|-`, `http response|error`, `unread` (a payload
//! that was not captured), `text "…"` (with `\r`, `\n`, `\\`, `\xNN`; `;`, `<`, `>`, `"` only as `\xNN`) and `hex 1603…` (payload bytes), `header-cut`, and `copy` (the same packet captured once more). After `;` stand the marks that are
//! expected on this packet (`duplicate-ack 2` gives its number), and `!client` or `!server`: that capture did not see it.
//!
//! Options: `mss N`, `wscale N`, `sackOK`, `TS val V ecr E`, `sack A:B [C:D]`, `FO [COOKIE]` or `tfo`, `mptcp`, `damaged`;
//! `nop`, `eol`, `MD5` mean nothing. ICMP: `icmp|icmp6 WORD|TYPE/CODE from ADDRESS [seq N] [mtu N] [quote BYTES] [ttl N]`;
//! the arrow is the way in which the error travels, and it quotes the last packet of the other way unless `seq` says otherwise.
//!
//! Lines that are no packet, and take no packet number: `@ end [+N]`, `@ loss`, `@ cut`, `@ other ADDRESS [+N]`,
//! `@ client ADDRESS:PORT`, `@ server ADDRESS:PORT`. `=>` lines hold what is expected of the flow: finding ids that must be
//! there, `-id` that must not, and `key=word` for the columns in [`KEYS`].

mod page;
mod parse;
mod expect;
mod packet;
mod words;
mod options;
mod icmp;
mod time;
mod write;

pub use page::examples;
pub use write::{Scribe, write_flow};

use crate::base::{Endpoint, Stamp};
use crate::wire::{IcmpError, Segment};
use std::fmt;
use std::net::IpAddr;

/// Script time 0. Not 1970: Wireshark takes a stamp of exactly 0 for "never seen".
pub const EPOCH: Stamp = Stamp(1_700_000_000_000_000_000);

/// Window of a packet that does not state one.
const WINDOW: u16 = 65_535;

/// The marks that a packet line may expect: `tcp.analysis.*` of Wireshark, as in the marks report.
pub const MARKS: &[&str] = &[
    "retransmission",
    "fast-retransmission",
    "spurious-retransmission",
    "out-of-order",
    "duplicate-ack",
    "lost-segment",
    "ack-lost-segment",
    "keep-alive",
    "keep-alive-ack",
    "zero-window",
    "zero-window-probe",
    "zero-window-probe-ack",
    "window-full",
    "window-update",
    "reused-ports",
];

/// The columns that a `=>` line may expect. `flow` is not a word but a number: which flow of the script is meant.
pub const KEYS: &[&str] = &[
    "handshake",
    "ending",
    "status",
    "stage",
    "cause",
    "culprit",
    "confidence",
    "doubt",
    "app_error",
    "flow",
];

/// A script: what was captured, and what should be said of it.
#[derive(Clone, Debug)]
pub struct Script {
    /// What was captured, in the order of the lines.
    pub events: Vec<Event>,
    /// What the `=>` lines expect, one each.
    pub expectations: Vec<Expectation>,
    /// Who `>` is.
    pub client: Endpoint,
    /// Who `<` is.
    pub server: Endpoint,
}

/// One line of a script that says what was captured.
#[derive(Clone, Debug)]
pub struct Event {
    /// Line number in the script, from 1.
    pub line: usize,
    /// When.
    pub stamp: Stamp,
    /// What.
    pub what: What,
    /// Payload bytes, where the line states them.
    pub payload: Vec<u8>,
    /// The marks that this packet should get: all of them, and no other.
    pub marks: Vec<Mark>,
    /// Which captures saw it.
    pub seen: Seen,
}

/// What was captured.
#[derive(Clone, Debug)]
pub enum What {
    /// A TCP segment.
    Segment(Segment),
    /// An ICMP error about one.
    Icmp(IcmpError),
    /// A packet of another flow between other hosts: the capture was still running.
    End,
    /// A packet of another flow from this host: its direction is visible.
    Other(IpAddr),
    /// The capture says that it dropped packets.
    Loss,
    /// The capture ends in the middle of a packet.
    Cut,
}

/// A mark expected on a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// One of [`MARKS`].
    pub id: &'static str,
    /// The number of a duplicate ACK, where the script states it.
    pub number: Option<u32>,
}

/// Which captures saw a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The capture at the client.
    pub client: bool,
    /// The capture at the server.
    pub server: bool,
}

/// One `=>` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Line number in the script, from 1.
    pub line: usize,
    /// Findings that must be there.
    pub present: Vec<String>,
    /// Findings that must not be there.
    pub absent: Vec<String>,
    /// Column (one of [`KEYS`]) and the word expected in it.
    pub words: Vec<(String, String)>,
}

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ScriptError {}

/// What a part of a line turned out to be, or what is wrong with it; the caller knows the line.
type Read<T> = Result<T, String>;

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that cannot be understood, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        parse::parse(text)
    }

    /// The segments alone, in order.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Segment(segment) => Some(segment),
            _ => None,
        })
    }
}

/// Defaults of one side of a script.
#[derive(Clone, Copy, Debug)]
struct Habits {
    isn: u32,
    ttl: u8,
    id: u16,
}

/// The client's and the server's, told apart so that a mix-up shows.
const HABITS: [Habits; 2] = [
    Habits {
        isn: 1000,
        ttl: 64,
        id: 1000,
    },
    Habits {
        isn: 5000,
        ttl: 60,
        id: 20_000,
    },
];

/// The checksum of a packet that does not state one. Like the real one it covers what TCP covers, not TTL and IP identification.
fn checksum(segment: &Segment) -> u16 {
    let covered = format!(
        "{} {} {} {} {} {:?} {:?} {:?}",
        segment.flags.0,
        segment.seq,
        segment.ack,
        segment.window,
        segment.length,
        segment.options,
        segment.kind,
        segment.name
    );
    // FNV-1a: small, and the same on every run and machine.
    let hash = covered.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise made of the language's own words gets further than bytes do.
    #[test]
    fn noise_is_an_error_with_a_line_or_a_script_but_never_a_panic() {
        const WORDS: &str = "0 +.5 -1 > < S S. . R 0:0(0) 1:5(4) -1:0(1) 4294967295:3(4) ack 1 -5 <mss 1460> <sack 1:2 win \
            ttl id isn copy icmp icmp6 3/1 from ::1 1.2.3.4 seq tls hello - ; retransmission !server @ end other => \
            status=ok é | | |";
        let words: Vec<&str> = WORDS.split(' ').filter(|word| !word.is_empty()).collect();
        let mut state = 7_u32;
        let mut good = 0;
        for _ in 0..20_000 {
            let mut text = String::from("0 > S 0:0(0)\n");
            for _ in 0..12 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(&words[(state >> 8) as usize % words.len()].replace('|', "\n"));
                text.push(' ');
            }
            match Script::parse(&text) {
                Ok(_) => good += 1,
                Err(error) => assert!((1..=text.lines().count()).contains(&error.line), "{error}\n{text}"),
            }
        }
        assert!(good < 20_000);
    }

    #[test]
    fn the_example_above_is_read() {
        let about = include_str!("mod.rs")
            .lines()
            .skip_while(|line| !line.contains("```text"))
            .skip(1);
        let text: Vec<&str> = about
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let script = Script::parse(&text.join("\n")).unwrap();
        assert_eq!(
            (
                script.events.len(),
                script.expectations.len(),
                script.segments().count()
            ),
            (6, 1, 4)
        );
    }
}
