//! Zeek's `conn_state` and `history` of a flow, by Zeek's rules in its default configuration (SEMANTICS 2.1 to 2.4).
//!
//! Where Zeek would write several records for one flow, these are the first record's: the record ends where Zeek's timers,
//! or a new connection on the same ports, would end it. Zeek knows no copies, so every packet counts.
//!
//! Checksums are not verified, as with `zeek -C`: they need every payload byte, and on the sending host offload leaves them
//! unfinished, so that a strict Zeek ignores good packets (`C`). `X` (an application's analysis given up) is never written.

mod short;

use super::conn_state::{ConnState, History, State};
use super::likely_servers::is_flipped_by_ports;
use super::pack::{Pack, Packer, Unpacker, pack_fields};
use crate::base::{Dir, FlowKey, Seq, Span, Stamp};
use crate::wire::{Flags, Segment};

/// A SYN that nobody answers is given up (`tcp_attempt_delay`).
const ATTEMPT: Span = Span::from_secs(5);
/// A closed or reset connection is forgotten after so long without a packet (`tcp_close_delay`, `tcp_connection_linger`).
const LINGER: Span = Span::from_secs(5);
/// No timer is shorter than this.
const SHORTEST_TIMER: Span = Span::from_secs(5);
/// Silence that ends a connection that is not established (`udp_inactivity_timeout`, the default of all connections).
const UNESTABLISHED: Span = Span::from_secs(60);
/// Silence that ends an established connection (`tcp_inactivity_timeout`).
const INACTIVE: Span = Span::from_secs(300);
/// The same for protocols in which people pause (`port_inactivity_timeouts`).
const PATIENT: Span = Span::from_secs(3600);
const PATIENT_PORTS: [u16; 4] = [21, 22, 23, 513];

/// Bits of the events that stand in a history only once per side. The first three, of SYN, FIN and RST, are in the order of
/// [`End::control`].
const ACK: u8 = 1 << 3;
const DATA: u8 = 1 << 4;
const FIN_AND_RST: u8 = 1 << 5;
const SYN_AND_MORE: u8 = 1 << 6;

/// One side as Zeek sees it.
#[derive(Clone, Copy, Debug)]
struct End {
    state: State,
    /// The state before.
    before: State,
    /// End of the highest byte sent; nothing before its first packet, whatever its state.
    last: Option<u32>,
    /// Sequence number of its SYN.
    start: u32,
    /// Bits of events that stand in the history.
    once: u8,
    /// Sequence numbers of the last SYN, FIN and RST that stand in the history.
    control: [u32; 3],
    sent_data: bool,
}

/// What is counted in [`Zeek::often`].
#[derive(Clone, Copy)]
enum Often {
    Again,
    ZeroWindow,
    Gap,
}

/// Zeek's record of a flow while it grows. What most segments change stands together.
#[repr(C)]
#[derive(Clone, Debug)]
pub(super) struct Zeek {
    history: History,
    started: Stamp,
    /// How often each side sent payload again, closed its window, or had payload missed: few ever do.
    often: Option<Box<[[u32; 3]; 2]>>,
    ends: [End; 2],
    last: Stamp,
    originator: Dir,
    /// Zeek has written the record; what follows belongs to another.
    is_written: bool,
}

impl Zeek {
    /// To be started.
    pub(super) const BLANK: Self = Self {
        originator: Dir::Up,
        ends: [End::BLANK; 2],
        history: History::EMPTY,
        started: Stamp(0),
        last: Stamp(0),
        often: None,
        is_written: false,
    };

    /// A blank record starts with `segment`.
    pub(super) fn start(&mut self, segment: &Segment) {
        (self.started, self.last) = (segment.stamp, segment.stamp);
        self.originator = segment.dir;
        if is_flipped_by_ports(segment) {
            self.originator = segment.dir.flip();
            self.history.push(b'^');
        }
    }

    /// The next packet. `missed`: it acknowledges payload that was never captured.
    pub(super) fn on_segment(&mut self, segment: &Segment, missed: bool) {
        // A header that reaches beyond the packet.
        if segment.bad_offset || !missed && self.on_plain(segment) {
            return;
        }
        self.is_written = self.is_written || self.is_over(segment);
        if self.is_written {
            return;
        }
        self.last = self.last.max(segment.stamp);
        self.flip_late(segment);
        self.note_flags(segment);
        self.note_window(segment);
        self.note_sequence(segment);
        self.change_state(segment);
        if missed && self.ends.iter().all(End::is_clean) {
            self.note_often(segment.dir.flip(), Often::Gap);
        }
    }

    /// What the record says.
    pub(super) fn finish(&self) -> (ConnState, History) {
        let [own, peer] = [self.originator, self.originator.flip()].map(|dir| &self.ends[dir.index()]);
        let is_empty = !own.sent_data && !peer.sent_data;
        (
            ConnState::of(own.state, peer.state, is_empty, &self.history),
            self.history.clone(),
        )
    }

    /// Who opened the connection; nobody where this record is not the only one.
    pub(super) fn originator(&self) -> Option<Dir> {
        (!self.is_written).then_some(self.originator)
    }

    /// Zeek has given up the connection before this packet, or takes the packet for the start of another.
    fn is_over(&self, segment: &Segment) -> bool {
        let [own, peer] = self.pair(segment.dir);
        let states = [own.state, peer.state];
        if segment.flags.is_syn() && own.state != State::Inactive {
            let is_closed = states.iter().any(|state| state.is_closed());
            if is_closed || (own.start != segment.seq.0 && own.state != State::Partial) {
                return true;
            }
        }
        // Too young for any timer: `last` is never before `started`.
        if segment.stamp - self.started < SHORTEST_TIMER {
            return false;
        }
        let silence = segment.stamp - self.last;
        let [originator, responder] = [self.originator, self.originator.flip()].map(|dir| self.ends[dir.index()].state);
        let is_attempt = matches!(originator, State::SynSent | State::SynAckSent) && responder == State::Inactive;
        if is_attempt && segment.stamp - self.started >= ATTEMPT {
            return true;
        }
        let waits = states
            .iter()
            .all(|state| matches!(state, State::Closed | State::Established))
            && states != [State::Closed; 2];
        if silence >= LINGER && states.iter().any(|state| state.is_closed()) && !waits {
            return true;
        }
        silence > UNESTABLISHED && silence > self.patience(&segment.key)
    }

    fn patience(&self, key: &FlowKey) -> Span {
        let is_established = self.ends.iter().all(End::is_clean);
        let responder = key.sender_port(self.originator.flip());
        match is_established {
            true if PATIENT_PORTS.contains(&responder) => PATIENT,
            true => INACTIVE,
            false => UNESTABLISHED,
        }
    }

    fn pair(&self, dir: Dir) -> [&End; 2] {
        [&self.ends[dir.index()], &self.ends[dir.flip().index()]]
    }

    /// A connection that began with a SYN-ACK: the other side's first ordinary packet shows who called.
    fn flip_late(&mut self, segment: &Segment) {
        if self.ends[self.originator.index()].state != State::SynAckSent {
            return;
        }
        let is_plain = !segment.flags.any(Flags::SYN | Flags::FIN | Flags::RST) && segment.flags.is_ack();
        if segment.dir != self.originator && is_plain {
            self.originator = segment.dir;
            self.history.flip();
            for end in &mut self.ends {
                end.set(State::Established);
            }
        }
    }

    fn note_flags(&mut self, segment: &Segment) {
        let flags = segment.flags;
        if !flags.any(Flags::SYN | Flags::FIN | Flags::RST) {
            if segment.length > 0 {
                self.note_once(segment.dir, DATA, b'D');
            } else if flags.is_ack() {
                self.note_once(segment.dir, ACK, b'A');
            }
            return;
        }
        let control = [Flags::SYN, Flags::FIN, Flags::RST].map(|flag| flags.any(flag));
        match control {
            [false, true, true] => self.note_once(segment.dir, FIN_AND_RST, b'I'),
            [true, true, _] | [true, _, true] => self.note_once(segment.dir, SYN_AND_MORE, b'Q'),
            [true, ..] => self.note_control(segment, 0, if flags.is_ack() { b'H' } else { b'S' }),
            [_, true, _] => self.note_control(segment, 1, b'F'),
            _ => self.note_control(segment, 2, b'R'),
        }
    }

    /// SYN, FIN, RST: again only with another sequence number than the first one's.
    fn note_control(&mut self, segment: &Segment, which: usize, letter: u8) {
        let end = &mut self.ends[segment.dir.index()];
        // A FIN comes behind the payload of its packet.
        let seq = if which == 1 {
            segment.seq.plus(segment.length).0
        } else {
            segment.seq.0
        };
        let is_first = end.once & 1 << which == 0;
        if is_first {
            end.control[which] = seq;
            end.once |= 1 << which;
        }
        if is_first || end.control[which] != seq {
            self.history.note(letter, segment.dir == self.originator);
        }
    }

    #[inline(always)]
    fn note_once(&mut self, dir: Dir, bit: u8, letter: u8) {
        let end = &mut self.ends[dir.index()];
        if end.once & bit == 0 {
            end.once |= bit;
            self.history.note(letter, dir == self.originator);
        }
    }

    /// The first, the tenth, the hundredth time.
    fn note_often(&mut self, dir: Dir, what: Often) {
        let count = &mut self.often.get_or_insert_default()[dir.index()][what as usize];
        *count = count.saturating_add(1);
        if matches!(*count, 1 | 10 | 100 | 1_000 | 10_000 | 100_000 | 1_000_000) {
            let letter = match what {
                Often::Again => b'T',
                Often::ZeroWindow => b'W',
                Often::Gap => b'G',
            };
            self.history.note(letter, dir == self.originator);
        }
    }

    fn note_window(&mut self, segment: &Segment) {
        if segment.window != 0 {
            return;
        }
        let [own, peer] = self.pair(segment.dir);
        let is_boring = segment.flags.is_rst() || own.state == State::Reset || peer.state == State::Closed;
        if !is_boring {
            self.note_often(segment.dir, Often::ZeroWindow);
        }
    }

    /// Payload at or below the highest byte was sent again.
    fn note_sequence(&mut self, segment: &Segment) {
        let end = &mut self.ends[segment.dir.index()];
        let phantom = u32::from(segment.flags.any(Flags::SYN)) + u32::from(segment.flags.is_fin());
        let behind = segment.seq.0.wrapping_add(segment.length).wrapping_add(phantom);
        let is_new_syn = segment.flags.any(Flags::SYN) && segment.seq.0 != end.start;
        end.sent_data |= segment.length > 0;
        let Some(last) = end.last.filter(|_| !is_new_syn) else {
            end.start = segment.seq.0;
            end.last = Some(behind);
            return;
        };
        if end.state == State::Reset {
            return;
        }
        let ahead = behind.wrapping_sub(last) as i32;
        if ahead > 0 {
            end.last = Some(behind);
        } else if segment.length > 0 {
            self.note_often(segment.dir, Often::Again);
        }
    }

    fn change_state(&mut self, segment: &Segment) {
        let from = segment.dir.index();
        let is_originator = segment.dir == self.originator;
        let [up, down] = &mut self.ends;
        let (own, peer) = if from == 0 { (up, down) } else { (down, up) };
        if segment.flags.any(Flags::SYN) {
            on_syn(own, peer, segment.flags.is_ack(), is_originator);
        }
        if segment.flags.is_fin() && !segment.flags.is_rst() {
            on_fin(own, peer);
        }
        if segment.flags.is_rst() {
            on_rst(own, peer);
        }
        if own.state == State::Inactive {
            own.set(State::Partial);
        }
    }
}

impl End {
    const BLANK: Self = Self {
        state: State::Inactive,
        before: State::Inactive,
        last: None,
        start: 0,
        once: 0,
        control: [0; 3],
        sent_data: false,
    };

    fn set(&mut self, state: State) {
        self.before = self.state;
        self.state = state;
    }

    /// Established, or closed after that.
    fn is_clean(&self) -> bool {
        self.state == State::Established || (self.state == State::Closed && self.before == State::Established)
    }
}

fn on_syn(own: &mut End, peer: &mut End, has_ack: bool, is_originator: bool) {
    let answers = has_ack && peer.state != State::Inactive;
    match own.state {
        State::Inactive | State::SynSent if has_ack && (answers || !is_originator) => {
            own.set(State::Established);
            if !peer.state.is_closed() {
                peer.set(State::Established);
            }
        }
        State::Inactive => own.set(if has_ack { State::SynAckSent } else { State::SynSent }),
        State::Partial if peer.state == State::Inactive && !has_ack => own.set(State::SynSent),
        _ => {}
    }
}

fn on_fin(own: &mut End, peer: &mut End) {
    if own.state.is_closed() {
        return;
    }
    own.set(State::Closed);
    // The other side's RST only followed its FIN: both are closed.
    if peer.state == State::Reset && peer.before == State::Closed {
        peer.set(State::Closed);
    }
}

/// Sequence numbers are not looked at.
fn on_rst(own: &mut End, peer: &End) {
    let both_closed = own.state == State::Closed && peer.state == State::Closed;
    if !both_closed && own.state != State::Reset {
        own.set(State::Reset);
    }
}

pack_fields!(Zeek { originator ends history started last often is_written });

impl Pack for End {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.state.pack(to);
        self.before.pack(to);
        self.last.map(Seq).pack(to);
        self.once.pack(to);
        Seq(self.start).pack(to);
        self.control.map(Seq).pack(to);
        self.sent_data.pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self {
            state: Pack::unpack(from),
            before: Pack::unpack(from),
            last: Option::<Seq>::unpack(from).map(|seq| seq.0),
            once: Pack::unpack(from),
            start: Seq::unpack(from).0,
            control: <[Seq; 3]>::unpack(from).map(|seq| seq.0),
            sent_data: Pack::unpack(from),
        }
    }
}
