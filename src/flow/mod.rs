//! Segments to facts: the tracker of one flow. Pure and total: every segment is accepted in every state.

pub mod facts;
mod blank;
mod conn_state;
mod copies;
mod end;
pub mod finished;
mod handshake;
mod holes;
mod likely_servers;
mod lone;
pub mod loss;
pub mod mark;
mod newest;
mod opening;
pub mod outline;
mod pack;
mod receiver;
pub mod recovery;
mod reset;
mod roles;
pub mod rtt;
mod sender;
mod steady;
mod store;
mod stream;
pub mod table;
pub mod talk;
mod wireshark;
mod zeek;

pub use conn_state::{ConnState, History};
pub use facts::{FlowFacts, IcmpMeaning, Sighting};

use crate::base::{Dir, Rare, Span, Stamp};
use crate::wire::{Flags, IcmpError, Segment};
use copies::Copies;
use facts::{IcmpFact, Repeats};
use pack::pack_fields;
use receiver::Receiver;
use sender::{Progress, Sender};
use table::Conversation;
use zeek::Zeek;

/// Live state of one side, dropped when the flow is finished: one line of memory.
#[repr(align(64))]
#[derive(Clone, Debug)]
struct Side {
    sender: Sender,
    receiver: Receiver,
}

/// One flow while it lives. It is far away when its next segment comes: so what most segments read and change stands in few
/// lines of memory.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub struct Flow {
    /// The last silence of at least [`IDLE`]: how long, and when it ended.
    idle: Option<(Span, Stamp)>,
    zeek: Zeek,
    /// VLANs and tunnels of its first packet.
    path: u32,
    /// It was found fit for the shortest way, and took no other since.
    is_steady: bool,
    /// It was found calm, and took no long way since.
    is_calm: bool,
    /// Who sent payload last.
    last_speaker: Option<Dir>,
    /// Who has acknowledged the other side's SYN.
    syns_acked: [bool; 2],
    /// The client's first SYN asked for ECN, for fast open.
    first_syn_asked: (bool, bool),
    facts: FlowFacts,
    sides: [Side; 2],
    /// The last few packets of each side.
    copies: [Copies; 2],
    /// What it knows of its 4-tuple.
    conversation: Conversation,
}

/// Silence from which a flow counts as having been idle (SEMANTICS 5.5 D31, D45: the shortest usual timers are longer).
pub const IDLE: Span = Span::from_secs(10);
/// Packets of several interfaces or queues may lie this much out of order in a file.
const FILE_ORDER: Span = Span::from_millis(1);

impl Flow {
    /// Reads from each line of memory that most segments from `dir` change, so that they are near by then. The value means
    /// nothing.
    #[inline]
    fn touch(&self, dir: Dir) -> u32 {
        let (own, peer) = (dir.index(), dir.flip().index());
        let live = self.sides[own].sender.raw_next() ^ self.sides[peer].sender.raw_next();
        let (own, peer, copies) = (&self.facts.sides[own], &self.facts.sides[peer], &self.copies[own]);
        let counts = own.packets as u32 ^ u32::from(own.ttl.first) ^ u32::from(peer.ttl.first);
        live ^ counts ^ self.path ^ self.zeek.touch() ^ copies.touch()
    }

    /// What is known so far.
    #[must_use]
    pub fn facts(&self) -> &FlowFacts {
        &self.facts
    }

    /// Another flow becomes the newest of this 4-tuple.
    fn take_conversation(&mut self) -> Conversation {
        let stream = self.conversation.stream;
        std::mem::replace(
            &mut self.conversation,
            Conversation {
                stream,
                others: Rare::default(),
            },
        )
    }

    /// It has been quiet for so long that no copies of its last packets can come.
    fn forget_copies(&mut self) {
        self.copies.iter_mut().for_each(Copies::forget);
    }

    /// VLANs and tunnels of its first packet.
    #[must_use]
    pub fn path(&self) -> u32 {
        self.path
    }

    /// Takes in the next segment of this flow, whatever it is, the long way. Says whether it was a copy of one seen before.
    pub fn on_segment(&mut self, segment: &Segment) -> bool {
        self.forget_pace();
        let peer = segment.dir.flip().index();
        let missed = self.sides[peer].sender.missed();
        let is_copy = self.track(segment);
        self.zeek.on_segment(segment, self.sides[peer].sender.missed() > missed);
        is_copy
    }

    fn track(&mut self, segment: &Segment) -> bool {
        let from = segment.dir.index();
        self.on_time(segment);
        self.facts.header_cut |= segment.header_cut;
        if segment.flags.is_syn_ack() {
            let opening = &self.facts.opening;
            let doubled = self.facts.sides[segment.dir.flip().index()].copies > 0;
            self.copies[from].answers_once = doubled || opening.syn.count == 1 && opening.syn_ack.count <= 1;
        }
        let is_copy = self.copies[from].is_copy(segment) || self.is_out_of_the_past(segment);
        self.count(segment, is_copy);
        if is_copy {
            return true;
        }
        if segment.flags.any(Flags::SYN) {
            roles::on_syn(&mut self.facts, segment);
        }
        self.facts.only_odd_flags &= roles::has_odd_flags(segment.flags);
        if segment.flags.is_rst() {
            self.on_reset(segment);
        } else {
            self.on_ordinary(segment);
        }
        false
    }

    /// Stamped before packets that lie before it in the file, and nothing new: files put together without regard to time.
    fn is_out_of_the_past(&self, segment: &Segment) -> bool {
        if self.facts.last.stamp - segment.stamp < FILE_ORDER {
            return false;
        }
        let from = segment.dir.index();
        if segment.flags.any(Flags::SYN) {
            return self.facts.sides[from].isn == Some(segment.seq);
        }
        self.sides[from].sender.has_all_of(segment)
    }

    fn on_ordinary(&mut self, segment: &Segment) {
        let at = Sighting::from(segment);
        if self.facts.reset.is_some() {
            self.on_segment_after_reset(segment);
        }
        if opening::is_stale_answer(self, segment) {
            self.facts.opening.troubles.make_mut().stale_answer.get_or_insert(at);
            self.note_sender(segment);
            return;
        }
        if segment.flags.any(Flags::SYN) {
            let side = segment.dir.index();
            self.sides[side].sender.on_syn(segment, &mut self.facts.sides[side]);
        }
        opening::on_segment(self, segment);
        let progress = self.on_sequence(segment);
        if segment.flags.is_ack() {
            self.on_acknowledgment(segment, progress);
        }
        self.on_window(segment, progress);
        self.note_sender(segment);
        self.on_payload(segment);
    }

    /// Packets, silence: what is true of every packet.
    fn on_time(&mut self, segment: &Segment) {
        let silence = segment.stamp - self.facts.last.stamp;
        if silence > self.facts.max_silence {
            self.facts.max_silence = silence;
        }
        if silence >= IDLE {
            self.idle = Some((silence, segment.stamp));
        }
        let last = self.facts.last;
        self.facts.last = Sighting::new(last.number().max(segment.packet), last.stamp.max(segment.stamp));
    }

    fn count(&mut self, segment: &Segment, is_copy: bool) {
        let side = &mut self.facts.sides[segment.dir.index()];
        side.packets += 1;
        side.copies += u64::from(is_copy);
        side.syns = side.syns.saturating_add(segment.flags.is_syn().into());
        side.syn_acks = side.syn_acks.saturating_add(segment.flags.is_syn_ack().into());
        if !is_copy {
            side.first.get_or_insert(Sighting::from(segment));
            side.data_segments += u64::from(segment.length > 0 && !segment.flags.is_rst());
        }
    }

    /// What its sender's later packets are compared with: TTL, IP identification, time.
    fn note_sender(&mut self, segment: &Segment) {
        let side = &mut self.facts.sides[segment.dir.index()];
        side.last = Some(Sighting::from(segment));
        side.ttl.on(segment.ttl);
        side.timestamps |= segment.options.timestamps.is_some();
        if segment.flags.any(Flags::SYN) {
            side.window_scale = segment.options.window_scale;
            side.mss = segment.options.mss;
        }
        // Linux sends SYN-ACKs with identification 0 whatever it does later.
        side.ip_ids.on(segment.ip_id.filter(|_| !segment.flags.is_syn_ack()));
        if let Some(troubles) = self.facts.sides[segment.dir.flip().index()].troubles.get_mut() {
            troubles.unanswered_keep_alives = Repeats::default();
        }
    }

    fn on_sequence(&mut self, segment: &Segment) -> Progress {
        let (from, at) = (segment.dir.index(), Sighting::from(segment));
        let side = &mut self.facts.sides[from];
        if segment.flags.any(Flags::SYN) {
            return Progress::Nothing;
        }
        let progress = self.sides[from]
            .sender
            .on_segment(segment, side, self.facts.opening.rtt);
        match progress {
            Progress::KeepAlive => {
                let troubles = side.troubles.make_mut();
                troubles.keep_alives = troubles.keep_alives.saturating_add(1);
                troubles.unanswered_keep_alives.on(at);
            }
            Progress::New | Progress::Filled => self.facts.progress_after_icmp = true,
            Progress::Nothing | Progress::Again | Progress::Stray => {}
        }
        if segment.length > 0 && progress != Progress::KeepAlive {
            side.first_data.get_or_insert(at);
            if matches!(progress, Progress::New | Progress::Filled) {
                side.last_data = Some(at);
                self.last_speaker = Some(segment.dir);
            }
        }
        if segment.flags.is_fin() {
            side.fin.get_or_insert(at);
            side.fins = side.fins.saturating_add(1);
        }
        progress
    }

    fn on_acknowledgment(&mut self, segment: &Segment, progress: Progress) {
        let (from, to) = (segment.dir.index(), segment.dir.flip().index());
        let peer = &mut self.facts.sides[to];
        let sender = &mut self.sides[to].sender;
        if sender.on_ack(segment, peer) {
            self.facts.progress_after_icmp = true;
        } else if progress == Progress::Nothing
            && self.sides[from].receiver.is_duplicate(segment)
            && sender.unacked() > 0
            && sender.acked() == Some(segment.ack)
        {
            self.sides[to].sender.on_duplicate_ack();
            let side = &mut self.facts.sides[from];
            side.duplicate_acks = side.duplicate_acks.saturating_add(1);
        }
        if let Some((left, _)) = segment.options.sack {
            let peer = &mut self.facts.sides[to];
            // A repeated SYN-ACK and a keep-alive are reported the same way, and are no data.
            let is_data = peer.isn != Some(left) && peer.unanswered_keep_alives.count == 0;
            let is_dsack = is_data && segment.options.is_dsack(segment.ack);
            let troubles = peer.troubles.make_mut();
            troubles.sacked_beyond |= left.is_after(segment.ack);
            troubles.dsacks = troubles.dsacks.saturating_add(is_dsack.into());
        }
    }

    fn on_window(&mut self, segment: &Segment, progress: Progress) {
        let (from, to) = (segment.dir.index(), segment.dir.flip().index());
        self.sides[from]
            .receiver
            .on_segment(segment, &mut self.facts.sides[from]);
        let peer = &mut self.facts.sides[to];
        let uses_window = matches!(
            progress,
            Progress::New | Progress::Again | Progress::Filled | Progress::KeepAlive
        );
        if peer.window_is_zero && uses_window {
            let troubles = peer.troubles.make_mut();
            troubles.probes_received = troubles.probes_received.saturating_add(1);
        }
    }

    fn on_payload(&mut self, segment: &Segment) {
        self.facts.sides[segment.dir.index()].kinds.add(segment.kind);
        self.note_name(segment);
    }

    /// An ICMP error that quotes a packet of this flow. Ignored where that packet was never sent (SEMANTICS 5.4).
    pub fn on_icmp(&mut self, error: &IcmpError) {
        self.forget_pace();
        let quoted = &self.sides[error.dir.index()].sender;
        let Some(next) = quoted.next() else { return };
        let behind = next.since(error.seq);
        if !(0..=1 << 30).contains(&behind) {
            return;
        }
        let fact = IcmpFact::new(error);
        self.facts.last = Sighting::new(self.facts.last.number(), self.facts.last.stamp.max(error.stamp));
        if fact.is_hard() {
            let troubles = self.facts.troubles.make_mut();
            troubles.icmp_errors = troubles.icmp_errors.saturating_add(1);
            troubles.icmp.get_or_insert(fact);
            self.facts.progress_after_icmp = false;
        } else if fact.meaning() == IcmpMeaning::TooBig {
            self.facts.troubles.make_mut().too_big.get_or_insert(fact);
        }
    }

    /// A new SYN has taken the ports.
    pub fn on_superseded(&mut self, by: Sighting) {
        if !self.is_over() {
            self.facts.troubles.make_mut().superseded.get_or_insert(by);
        }
    }

    /// Closed by both FINs, or by a valid RST.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.facts.reset.is_some() || self.facts.sides.iter().all(|side| side.fin.is_some())
    }

    /// Its sequence numbers make `segment` a part of this flow, wherever it was captured.
    #[must_use]
    pub fn fits(&self, segment: &Segment) -> bool {
        let (from, to) = (segment.dir.index(), segment.dir.flip().index());
        if segment.flags.is_syn() {
            return self.facts.sides[from].isn.is_none_or(|isn| isn == segment.seq);
        }
        self.sides[from].sender.fits(segment.seq)
            && (!segment.flags.is_ack() || self.sides[to].sender.fits(segment.ack))
    }
}

pack_fields!(Side { sender receiver });
// The facts come first: who only reads them stops there.
pack_fields!(Flow { facts sides copies conversation path idle last_speaker syns_acked zeek first_syn_asked is_steady is_calm });
