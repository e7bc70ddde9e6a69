//! What Wireshark says of one packet: its `tcp.analysis.*` flags as a small set.

use crate::base::{Dir, Stamp, words};
use crate::wire::Segment;

words! {
    /// One `tcp.analysis.*` flag of Wireshark, `-` for `_`.
    Mark {
        Retransmission "retransmission" "Bytes, a SYN or a FIN below the highest sequence number that this side had sent.",
        FastRetransmission "fast-retransmission" "The bytes that the other side asks for, within 20 ms of its second duplicate ACK or a later one.",
        SpuriousRetransmission "spurious-retransmission" "Bytes that the other side had acknowledged before.",
        OutOfOrder "out-of-order" "Bytes behind newer ones, sooner than a repetition is expected.",
        DuplicateAck "duplicate-ack" "An empty segment that repeats acknowledgment and window of the one before it.",
        LostSegment "lost-segment" "The bytes before this segment were not captured.",
        AckLostSegment "ack-lost-segment" "It acknowledges bytes that were not captured.",
        KeepAlive "keep-alive" "No byte, or one, just below the next sequence number.",
        KeepAliveAck "keep-alive-ack" "The answer to a keep-alive.",
        ZeroWindow "zero-window" "Its sender can take no more data.",
        ZeroWindowProbe "zero-window-probe" "One new byte sent into a closed window.",
        ZeroWindowProbeAck "zero-window-probe-ack" "The answer to such a byte: still closed.",
        WindowFull "window-full" "It fills the receiver's window to the last byte.",
        WindowUpdate "window-update" "It changes the window and nothing else.",
        ReusedPorts "reused-ports" "A SYN or SYN-ACK with another sequence number on ports that were in use.",
    }
}

/// All marks of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    bits: u16,
    /// Which duplicate of its acknowledgment it is, where it is one.
    pub number: u32,
}

impl Marks {
    /// Adds one.
    pub(super) fn add(&mut self, mark: Mark) {
        self.bits |= 1 << mark as u16;
    }

    /// Is `mark` among them?
    #[must_use]
    pub fn has(self, mark: Mark) -> bool {
        self.bits & 1 << mark as u16 != 0
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Each of them, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Mark> {
        Mark::ALL.iter().copied().filter(move |&mark| self.has(mark))
    }
}

/// A packet with marks, as kept until the end: 40 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Marked {
    /// Packet number in the recording.
    pub packet: u64,
    /// Capture time.
    pub stamp: Stamp,
    /// Packet that started Wireshark's stream.
    pub stream_start: u64,
    /// Number of its flow in its shard.
    pub flow: u32,
    /// What Wireshark says of it.
    pub marks: Marks,
    /// Who sent it.
    pub dir: Dir,
}

impl Marked {
    /// `segment` with its marks, if it has any.
    pub(super) fn of(segment: &Segment, flow: u32, stream_start: u64, marks: Marks) -> Option<Self> {
        (!marks.is_empty()).then_some(Self {
            packet: segment.packet,
            stamp: segment.stamp,
            stream_start,
            flow,
            marks,
            dir: segment.dir,
        })
    }
}
