//! A flow of which one SYN is all that was seen so far, in 48 bytes: a flood is millions of them.

mod flow;

use super::Sighting;
use crate::base::{Dir, FlowKey, Seq, Stamp};
use crate::wire::{Flags, Options, PayloadKind, Segment};

/// The SYN, but for its key, which the table holds.
#[derive(Clone, Copy, Debug)]
pub struct LoneSyn {
    packet: u64,
    stamp: Stamp,
    seq: Seq,
    path: u32,
    tsval: u32,
    flags: Flags,
    window: u16,
    checksum: u16,
    mss: u16,
    ip_id: u16,
    interface: u16,
    capture: u16,
    ttl: u8,
    window_scale: u8,
    /// What is set and which options are there, see the constants.
    bits: u8,
    dir: Dir,
}

/// What lone SYNs must have in common to be judged alike: all that is theirs but addresses, ports, times, and numbers that
/// say nothing by themselves (sequence number, timestamp, identification, checksum).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Its window is zero.
    shut: bool,
    flags: u16,
    mss: u16,
    /// Interface.
    pub interface: u16,
    /// Capture.
    pub capture: u16,
    ttl: u8,
    window_scale: u8,
    bits: u8,
    dir: Dir,
}

const HAS_MSS: u8 = 1;
const HAS_SCALE: u8 = 2;
const HAS_SACK: u8 = 4;
const HAS_TIMESTAMPS: u8 = 8;
const HAS_ID: u8 = 16;
const FAST_OPEN: u8 = 32;
const MULTIPATH: u8 = 64;
const DAMAGED: u8 = 128;

impl LoneSyn {
    /// Is it an ordinary SYN: without payload, and with nothing in fields that a SYN does not use? Only such have the small
    /// form.
    pub fn fits(segment: &Segment) -> bool {
        let options = &segment.options;
        segment.flags.is_syn()
            && !segment.flags.any(Flags::RST | Flags::FIN)
            && segment.length == 0
            && segment.ack == Seq(0)
            && segment.kind == PayloadKind::None
            && segment.name.is_none()
            && !segment.header_cut
            && !segment.bad_offset
            && segment.as_fcs == 0
            && options.sack.is_none()
            && options.second_sack.is_none()
            && options.timestamps.is_none_or(|(_, tsecr)| tsecr == 0)
    }

    /// The small form of an ordinary SYN.
    #[inline]
    pub fn of(segment: &Segment, capture: u16) -> Self {
        let options = &segment.options;
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        Self {
            packet: segment.packet,
            stamp: segment.stamp,
            seq: segment.seq,
            path: segment.path,
            tsval: options.timestamps.map_or(0, |(tsval, _)| tsval),
            flags: segment.flags,
            window: segment.window,
            checksum: segment.checksum,
            mss: options.mss.unwrap_or(0),
            ip_id: segment.ip_id.unwrap_or(0),
            interface: segment.interface,
            capture,
            ttl: segment.ttl,
            window_scale: options.window_scale.unwrap_or(0),
            bits: bit(options.mss.is_some(), HAS_MSS)
                | bit(options.window_scale.is_some(), HAS_SCALE)
                | bit(options.sack_permitted, HAS_SACK)
                | bit(options.timestamps.is_some(), HAS_TIMESTAMPS)
                | bit(segment.ip_id.is_some(), HAS_ID)
                | bit(options.fast_open_cookie, FAST_OPEN)
                | bit(options.multipath, MULTIPATH)
                | bit(options.damaged, DAMAGED),
            dir: segment.dir,
        }
    }

    /// The SYN's packet number.
    pub fn packet(&self) -> u64 {
        self.packet
    }

    /// The SYN's packet.
    pub fn at(&self) -> Sighting {
        Sighting::new(self.packet, self.stamp)
    }

    /// Direction that it was sent in.
    pub fn dir(&self) -> Dir {
        self.dir
    }

    /// What a judgement may depend on, apart from who and when.
    pub fn kind(&self) -> Kind {
        Kind {
            shut: self.window == 0,
            flags: self.flags.0,
            mss: self.mss,
            interface: self.interface,
            capture: self.capture,
            ttl: self.ttl,
            window_scale: self.window_scale,
            bits: self.bits,
            dir: self.dir,
        }
    }

    /// The SYN as it was.
    pub fn segment(&self, key: FlowKey) -> Segment {
        let has = |bit: u8| self.bits & bit != 0;
        Segment {
            packet: self.packet,
            stamp: self.stamp,
            key,
            dir: self.dir,
            flags: self.flags,
            seq: self.seq,
            ack: Seq(0),
            window: self.window,
            checksum: self.checksum,
            length: 0,
            options: Options {
                mss: has(HAS_MSS).then_some(self.mss),
                window_scale: has(HAS_SCALE).then_some(self.window_scale),
                sack_permitted: has(HAS_SACK),
                timestamps: has(HAS_TIMESTAMPS).then_some((self.tsval, 0)),
                sack: None,
                second_sack: None,
                fast_open_cookie: has(FAST_OPEN),
                multipath: has(MULTIPATH),
                damaged: has(DAMAGED),
            },
            ttl: self.ttl,
            ip_id: has(HAS_ID).then_some(self.ip_id),
            interface: self.interface,
            path: self.path,
            header_cut: false,
            bad_offset: false,
            short_offset: false,
            as_fcs: 0,
            kind: PayloadKind::None,
            name: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Script, What};

    fn segment(line: &str) -> Segment {
        let script = Script::parse(line).unwrap();
        match script.events.into_iter().next().unwrap().what {
            What::Segment(segment) => segment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_syn_comes_back_as_it_was() {
        for line in [
            "0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7> win 64240 ttl 63 id 7",
            "0 > SEC 0:0(0) <mss 1460> win 1 iface 3 path 9",
            "0 < S 0:0(0)",
        ] {
            let syn = segment(line);
            assert!(LoneSyn::fits(&syn), "{line}");
            let small = LoneSyn::of(&syn, 2);
            assert_eq!(small.segment(syn.key), syn, "{line}");
            assert_eq!(small.capture, 2);
        }
    }

    #[test]
    fn anything_else_keeps_its_own_form() {
        for line in [
            "0 > S. 0:0(0) ack 1",
            "0 > S 0:100(100)",
            "0 > SF 0:0(0)",
            "0 > . 1:1(0) ack 1",
            "0 > R 1:1(0)",
        ] {
            assert!(!LoneSyn::fits(&segment(line)), "{line}");
        }
    }

    #[test]
    fn it_is_as_small_as_its_limit_says() {
        assert_eq!(size_of::<LoneSyn>(), crate::base::limits::LONE_SYN);
    }
}
