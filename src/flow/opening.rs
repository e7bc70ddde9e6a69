//! The three-way handshake: which SYNs and SYN-ACKs passed, what completed it, what answered instead.

use super::Flow;
use super::facts::Sighting;
use crate::wire::{Flags, Segment};

/// A segment of the server, before any right SYN-ACK, that acknowledges what the SYN did not send.
/// RFC 9293 3.5.1: the peer still has an old connection on these ports and answers for that.
pub fn is_stale_answer(flow: &Flow, segment: &Segment) -> bool {
    let facts = &flow.facts;
    if segment.dir == facts.client
        || segment.length > 0
        || !segment.flags.is_ack()
        || facts.opening.syn.count == 0
        || facts.opening.syn_ack.count > 0
        || facts.is_established()
    {
        return false;
    }
    facts.client().isn.is_some_and(|isn| {
        let acked = segment.ack.since(isn);
        !(1..=1 + MOST_SYN_DATA).contains(&acked)
    })
}

/// A SYN carries at most one segment of data (RFC 7413).
const MOST_SYN_DATA: i32 = 65_535;

/// Any segment but a RST.
#[inline]
pub fn on_segment(flow: &mut Flow, segment: &Segment) {
    // Most come later.
    if flow.facts.opening.completed.is_none() || segment.flags.any(Flags::SYN) {
        on_early(flow, segment);
    }
}

/// A segment of the handshake, or of a connection that began before the capture.
fn on_early(flow: &mut Flow, segment: &Segment) {
    let is_client = segment.dir == flow.facts.client;
    if segment.flags.is_syn() && is_client {
        on_syn(flow, segment);
    } else if segment.flags.is_syn_ack() && !is_client {
        on_syn_ack(flow, segment);
    }
    if segment.flags.is_ack() {
        on_ack(flow, segment);
    }
}

/// The client's SYN, of which nothing was heard before.
pub fn on_first_syn(flow: &mut Flow, segment: &Segment) {
    flow.first_syn_asked = asks_of(segment);
    flow.facts.opening.syn.on_first(Sighting::from(segment));
}

/// Does a SYN ask for ECN, for fast open?
fn asks_of(syn: &Segment) -> (bool, bool) {
    (
        syn.flags.any(Flags::ECE | Flags::CWR),
        syn.length > 0 || syn.options.fast_open_cookie,
    )
}

fn on_syn(flow: &mut Flow, segment: &Segment) {
    let (asks_ecn, asks_fast_open) = asks_of(segment);
    let opening = &mut flow.facts.opening;
    if opening.syn.count == 0 {
        flow.first_syn_asked = (asks_ecn, asks_fast_open);
    }
    let (gives_up_ecn, gives_up_fast_open) = (
        flow.first_syn_asked.0 && !asks_ecn,
        flow.first_syn_asked.1 && !asks_fast_open,
    );
    let is_late = opening.syn_ack.count > 0;
    if is_late || gives_up_ecn || gives_up_fast_open || !opening.troubles.is_usual() {
        let troubles = opening.troubles.make_mut();
        troubles.ecn_given_up = gives_up_ecn;
        troubles.fast_open_given_up = gives_up_fast_open;
        troubles.syns_after_syn_ack += u32::from(is_late);
    }
    opening.syn.on(Sighting::from(segment));
}

fn on_syn_ack(flow: &mut Flow, segment: &Segment) {
    let opening = &mut flow.facts.opening;
    if let Some(syn) = opening.syn.last().filter(|_| opening.syn_ack.count == 0) {
        opening.server_rtt = Some(segment.stamp - syn.stamp).filter(|rtt| rtt.0 >= 0);
    }
    if opening.completed.is_some() {
        opening.troubles.make_mut().syn_acks_after_ack += 1;
    }
    opening.syn_ack.on(Sighting::from(segment));
}

/// An acknowledgment of the other side's SYN, or of something after it.
fn on_ack(flow: &mut Flow, segment: &Segment) {
    if flow.facts.is_mid_stream() || flow.facts.opening.completed.is_some() {
        return;
    }
    let peer_isn = flow.facts.sides[segment.dir.flip().index()].isn;
    let covers_syn = peer_isn.is_some_and(|isn| segment.ack.since(isn) >= 1);
    let is_client = segment.dir == flow.facts.client;
    // A SYN-ACK answers a SYN, captured or not.
    if covers_syn || peer_isn.is_none() && segment.flags.is_syn_ack() {
        flow.syns_acked[segment.dir.index()] = true;
    }
    let at = Sighting::from(segment);
    let opening = &mut flow.facts.opening;
    if is_client && opening.stale_answer.is_some() && segment.length > 0 && !segment.flags.any(Flags::SYN) {
        // Whatever its number, the client took that answer for the one it waited for.
        opening.infer(at);
        return;
    }
    if flow.syns_acked == [true, true] {
        opening.completed = Some(at);
        opening.rtt = opening
            .syn
            .last()
            .map(|syn| at.stamp - syn.stamp)
            .filter(|rtt| rtt.0 >= 0);
    } else if is_client && peer_isn.is_none() && !segment.flags.any(Flags::SYN) {
        // The SYN-ACK was not captured, but the client acts on it.
        opening.infer(at);
    } else if !is_client && segment.length > 0 && (covers_syn || peer_isn.is_none()) {
        // The server sends data, so it has the client's ACK, which was not captured.
        opening.infer(at);
    }
}
