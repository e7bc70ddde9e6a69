//! One side's first bytes in order, and TLS records in them wherever segments begin and end.

use super::super::pack::pack_fields;
use super::{Seq, limits};
use crate::wire::talk::tls;
use std::borrow::Cow;

/// How far one side has been understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ear {
    /// Nothing more is expected of this side.
    pub is_done: bool,
    /// Segments heard.
    pub segments: u8,
    /// The next byte expected.
    next: Option<Seq>,
    /// The beginning of a record's header.
    head: Vec<u8>,
    /// Type of the current record.
    kind: u8,
    /// Bytes of it still to come.
    left: u32,
    /// The first handshake message, as far as it has come.
    message: Vec<u8>,
    /// It has been read.
    has_message: bool,
}

/// What the records of one stretch of bytes tell, one after the other.
#[derive(Debug, PartialEq)]
pub enum Heard<'a> {
    /// The first handshake message: type, body, whether it is whole.
    Message(u8, Cow<'a, [u8]>, bool),
    /// A record begins: type and length.
    Record(u8, usize),
    /// An alert in the clear: level and description.
    Alert(u8, u8),
    /// These are no TLS records.
    NotTls,
}

impl Ear {
    /// Of a segment's payload what is new, if it follows what was heard before. `length`: on the wire.
    pub fn take_in_order<'a>(&mut self, start: Seq, length: u32, bytes: &'a [u8], is_cut: bool) -> Option<&'a [u8]> {
        let next = *self.next.get_or_insert(start);
        let known = next.since(start);
        if known >= length as i32 && known > 0 {
            return None;
        }
        let end = start.plus(length);
        self.next = Some(end);
        self.segments = self.segments.saturating_add(1);
        // Something is missing: whatever was begun cannot be finished.
        if known < 0 {
            self.lose_track();
        }
        let new = bytes.get(known.max(0) as usize..)?;
        if is_cut && new.is_empty() {
            return None;
        }
        Some(new)
    }

    /// Where records begin is not known any more.
    pub fn lose_track(&mut self) {
        self.head = Vec::new();
        self.message = Vec::new();
        self.left = 0;
        self.has_message = true;
    }

    /// The same side at the beginning of another dialogue.
    pub fn afresh(&self) -> Self {
        Self {
            next: self.next,
            ..Self::default()
        }
    }

    /// Nothing more is expected.
    pub fn finish(&mut self) {
        self.lose_track();
        self.is_done = true;
    }

    /// Bytes put aside.
    pub fn aside(&self) -> usize {
        self.message.len() + self.head.len()
    }

    /// What was put aside of the first message, for want of its end.
    pub fn give_up(&mut self) -> Option<(u8, Vec<u8>)> {
        let message = std::mem::take(&mut self.message);
        self.has_message = true;
        tls::message(&message).map(|(kind, body, _)| (kind, body.to_vec()))
    }

    /// Takes in so much of a stream of TLS records as tells something, and leaves the rest in `bytes`.
    pub fn on_records<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Heard<'a>> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let here = take(bytes, self.left as usize);
                self.left -= here.len() as u32;
                if let Some(heard) = self.on_content(here) {
                    return Some(heard);
                }
                continue;
            }
            let here = take(bytes, 5_usize.saturating_sub(self.head.len()));
            let header = if here.len() == 5 {
                here
            } else {
                self.head.extend_from_slice(here);
                &self.head
            };
            if header.len() < 5 {
                break;
            }
            let Some((kind, length)) = tls::record(header) else {
                self.finish();
                *bytes = &[];
                return Some(Heard::NotTls);
            };
            self.head.clear();
            (self.kind, self.left) = (kind, length as u32);
            return Some(Heard::Record(kind, length));
        }
        None
    }

    fn on_content<'a>(&mut self, here: &'a [u8]) -> Option<Heard<'a>> {
        match (self.kind, here) {
            (21, [level, description]) if self.left == 0 => Some(Heard::Alert(*level, *description)),
            (22, _) if !self.has_message => self.on_message(here),
            _ => None,
        }
    }

    /// A handshake message, or a part of one. Put aside only while there is more to come.
    fn on_message<'a>(&mut self, here: &'a [u8]) -> Option<Heard<'a>> {
        if let Some((kind, body, is_whole)) = complete(here).filter(|_| self.message.is_empty()) {
            self.has_message = true;
            return Some(Heard::Message(kind, body.into(), is_whole));
        }
        self.message.extend_from_slice(here);
        let (kind, body, is_whole) = complete(&self.message)?;
        let heard = Heard::Message(kind, body.to_vec().into(), is_whole);
        self.message = Vec::new();
        self.has_message = true;
        Some(heard)
    }
}

/// A handshake message that is whole, or longer than what is waited for.
fn complete(bytes: &[u8]) -> Option<(u8, &[u8], bool)> {
    let is_full = bytes.len() >= limits::MAX_JOINED;
    tls::message(bytes).filter(|(.., is_whole)| *is_whole || is_full)
}

/// The first of `bytes`, at most `most`.
fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (first, rest) = bytes.split_at(bytes.len().min(most));
    *bytes = rest;
    first
}

pack_fields!(Ear { is_done segments next head kind left message has_message });
