//! The flow that a lone SYN begins: what the tracker would make of the SYN.

use super::LoneSyn;
use crate::base::{FlowKey, Rare};
use crate::flow::Flow;
use crate::flow::stream::Stream;
use crate::flow::table::Conversation;

impl LoneSyn {
    /// A blank flow is that whose only packet this is.
    pub fn start(&self, key: FlowKey, flow: &mut Flow) {
        let segment = self.segment(key);
        let mut stream = Stream::new(self.packet);
        stream.on_header(self.packet, self.dir.index(), self.seq, segment.ack, self.flags);
        let conversation = Conversation {
            stream,
            others: Rare::default(),
        };
        flow.start(&segment, self.capture, conversation);
        if !flow.on_first_syn(&segment) {
            flow.on_segment(&segment);
        }
    }

    /// The flow whose only packet it is.
    pub fn flow(&self, key: FlowKey) -> Flow {
        let mut flow = Flow::BLANK;
        self.start(key, &mut flow);
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Seq, Stamp};
    use crate::script::Script;
    use crate::wire::{Flags, Options, Segment};

    /// The same by the tracker.
    fn tracked(syn: &LoneSyn, segment: &Segment) -> Flow {
        let mut stream = Stream::new(segment.packet);
        let from = segment.dir.index();
        stream.on_header(segment.packet, from, segment.seq, segment.ack, segment.flags);
        let others = Rare::default();
        let mut flow = Flow::BLANK;
        flow.start(segment, syn.capture, Conversation { stream, others });
        assert!(!flow.on_segment(segment));
        flow
    }

    /// A SYN whose every field is one of a few values, by chance.
    fn any_syn(like: &Segment, mut random: impl FnMut() -> u64) -> Segment {
        let mut one_of = |values: &[u64]| values[random() as usize % values.len()];
        let mut segment = Segment {
            packet: one_of(&[1, 2, 77, 1 << 40]),
            stamp: Stamp(one_of(&[0, 1, 1_700_000_000_123_456_789]) as i64),
            seq: Seq(one_of(&[0, 1, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]) as u32),
            window: one_of(&[0, 1, 64_240, 65_535]) as u16,
            checksum: one_of(&[0, 1, 0xffff]) as u16,
            ttl: one_of(&[0, 1, 64, 255]) as u8,
            ip_id: Some(one_of(&[0, 1, 0xffff]) as u16).filter(|_| one_of(&[0, 1]) > 0),
            interface: one_of(&[0, 3, 4095]) as u16,
            path: one_of(&[0, 9, u64::from(u32::MAX)]) as u32,
            flags: Flags(Flags::SYN),
            options: Options {
                mss: Some(one_of(&[0, 1, 1460]) as u16).filter(|_| one_of(&[0, 1]) > 0),
                window_scale: Some(one_of(&[0, 7, 14]) as u8).filter(|_| one_of(&[0, 1]) > 0),
                timestamps: Some((one_of(&[0, 1, 0xffff_ffff]) as u32, 0)).filter(|_| one_of(&[0, 1]) > 0),
                sack_permitted: one_of(&[0, 1]) > 0,
                fast_open_cookie: one_of(&[0, 1]) > 0,
                multipath: one_of(&[0, 1]) > 0,
                damaged: one_of(&[0, 1]) > 0,
                ..Options::default()
            },
            ..like.clone()
        };
        for flag in [Flags::PSH, Flags::URG, Flags::ECE, Flags::CWR, 0x100] {
            segment.flags.0 |= if one_of(&[0, 0, 1]) > 0 { flag } else { 0 };
        }
        segment
    }

    #[test]
    fn the_flow_of_a_syn_is_what_the_tracker_makes_of_it() {
        let scripts = ["0 > S 0:0(0)", "0 < S 0:0(0) <mss 1460>"].map(|line| Script::parse(line).unwrap());
        let mut state = 1_u64;
        for script in &scripts {
            let like = script.segments().next().unwrap();
            for _ in 0..3_000 {
                let segment = any_syn(like, || {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state >> 40
                });
                assert!(LoneSyn::fits(&segment));
                let syn = LoneSyn::of(&segment, 5);
                let (short, long) = (syn.flow(segment.key), tracked(&syn, &segment));
                assert_eq!(format!("{short:?}"), format!("{long:?}"), "{segment:?}");
            }
        }
    }
}
