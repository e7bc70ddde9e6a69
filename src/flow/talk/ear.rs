//! One side's first bytes in order, and TLS records in them wherever segments begin and end.

use super::super::pack::pack_fields;
use super::{Seq, limits};
use crate::wire::talk::tls;

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

/// What the records of one stretch of bytes told.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// The first handshake message: type, body, whether it is whole.
    Message(u8, Vec<u8>, bool),
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

    /// Takes in the next bytes of a stream of TLS records.
    pub fn on_records(&mut self, mut bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        while !bytes.is_empty() {
            if self.left > 0 {
                let (here, rest) = bytes.split_at(bytes.len().min(self.left as usize));
                self.left -= here.len() as u32;
                bytes = rest;
                self.on_content(here, &mut heard);
                continue;
            }
            let wanted = 5_usize.saturating_sub(self.head.len());
            let (here, rest) = bytes.split_at(bytes.len().min(wanted));
            self.head.extend_from_slice(here);
            bytes = rest;
            if self.head.len() < 5 {
                break;
            }
            let Some((kind, length)) = tls::record(&self.head) else {
                heard.push(Heard::NotTls);
                self.finish();
                break;
            };
            self.head.clear();
            (self.kind, self.left) = (kind, length as u32);
            heard.push(Heard::Record(kind, length));
        }
        heard
    }

    fn on_content(&mut self, here: &[u8], heard: &mut Vec<Heard>) {
        match (self.kind, here) {
            (21, [level, description]) if self.left == 0 => heard.push(Heard::Alert(*level, *description)),
            (22, _) if !self.has_message => {
                self.message.extend_from_slice(here);
                let is_full = self.message.len() >= limits::MAX_JOINED;
                let done = tls::message(&self.message)
                    .filter(|(_, _, is_whole)| *is_whole || is_full)
                    .map(|(kind, body, is_whole)| Heard::Message(kind, body.to_vec(), is_whole));
                if let Some(message) = done {
                    self.message = Vec::new();
                    self.has_message = true;
                    heard.push(message);
                }
            }
            _ => {}
        }
    }
}

pack_fields!(Ear { is_done segments next head kind left message has_message });
