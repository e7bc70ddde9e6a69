//! How Wireshark 4.0.17 splits a 4-tuple into streams (SEMANTICS 1.6).

use super::pack::{Pack, Packer, Unpacker, pack_packet, unpack_packet};
use crate::base::Seq;
use crate::wire::Flags;

/// One of Wireshark's streams: the number is the order of their first packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// Packet that started it.
    pub(super) start: u64,
    base: [Option<Seq>; 2],
}

impl Pack for Stream {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        pack_packet(self.start, to);
        self.base.pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self {
            start: unpack_packet(from),
            base: Pack::unpack(from),
        }
    }
}

/// What a header did to its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// A SYN with another sequence number: another stream.
    Restarted,
    /// The SYN of this stream again.
    SynAgain,
    /// A SYN-ACK with another sequence number: the same stream goes on with it.
    Rebased,
}

impl Stream {
    /// A stream that starts with packet `start`.
    pub(super) const fn new(start: u64) -> Self {
        Self { start, base: [None; 2] }
    }

    /// Both sides have said where their numbers begin.
    pub(super) fn knows_both(&self) -> bool {
        self.base.iter().all(Option::is_some)
    }

    /// A SYN-ACK of side `from` with this sequence number does nothing to it.
    pub(super) fn takes_answer(&self, from: usize, seq: Seq) -> bool {
        self.base[from].is_none_or(|base| base == seq)
    }

    /// A TCP header on this 4-tuple, sent by side `from`.
    pub(super) fn on_header(&mut self, packet: u64, from: usize, seq: Seq, ack: Seq, flags: Flags) -> Effect {
        let effect = self.effect(packet, from, seq, flags);
        if self.base[from].is_none() {
            self.base[from] = Some(if flags.any(Flags::SYN) { seq } else { seq.minus(1) });
        }
        if self.base[1 - from].is_none() && flags.is_ack() {
            self.base[1 - from] = Some(ack.minus(1));
        }
        effect
    }

    /// Only this much of a header whose length cannot be true: Wireshark judges it no further.
    pub(super) fn effect(&mut self, packet: u64, from: usize, seq: Seq, flags: Flags) -> Effect {
        match self.base[from] {
            Some(base) if flags.is_syn() && base == seq => Effect::SynAgain,
            Some(_) if flags.is_syn() => {
                *self = Self::new(packet);
                Effect::Restarted
            }
            Some(base) if flags.is_syn_ack() && base != seq => {
                self.base[from] = Some(seq);
                Effect::Rebased
            }
            _ => Effect::None,
        }
    }
}
