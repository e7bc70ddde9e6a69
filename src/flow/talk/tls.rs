//! The TLS handshake as far as it is in the clear, and alerts, in the clear or not.

use super::ear::{Ear, Heard};
use super::{Alert, Protocol, Said, SaidAlert, Talk};
use crate::wire::talk::tls;

/// Content of a TLS 1.3 record that holds nothing but an alert: two bytes, the inner type, a tag of 16 (RFC 8446 5.2).
const ALERT_RECORD: usize = 19;
/// TLS 1.3.
const TLS_1_3: u16 = 0x0304;

impl Talk {
    /// The client begins with TLS, at once or after something else.
    pub(super) fn start_tls(&mut self, said: &Said, bytes: &[u8]) {
        self.protocol = Some(Protocol::Tls);
        self.ears = self.ears.each_ref().map(Ear::afresh);
        // An old client's hello in the format of SSL 2 has no records.
        if tls::record(bytes).is_none() {
            self.ears.iter_mut().for_each(Ear::finish);
            return;
        }
        self.on_tls(said, bytes);
    }

    pub(super) fn on_tls(&mut self, said: &Said, bytes: &[u8]) {
        let side = said.dir.index();
        let ear = &mut self.ears[side];
        if ear.aside() + bytes.len() > said.room {
            self.is_limited = true;
            self.on_cut(said);
            self.ears[side].finish();
            return;
        }
        let (mut rest, mut is_last) = (bytes, false);
        while let Some(heard) = self.ears[side].on_records(&mut rest) {
            match heard {
                Heard::Message(kind, body, is_whole) => self.on_message(said, kind, &body, is_whole),
                Heard::Record(kind, length) => is_last |= self.on_record(said, kind, length),
                Heard::Alert(level, description) => self.on_alert(
                    said,
                    Alert {
                        level,
                        description: Some(description),
                    },
                ),
                // The server has not said a word of TLS.
                Heard::NotTls if !said.by_client && self.server_hello.is_none() && self.ears_fresh(said) => {
                    self.mismatch = Some(said.at);
                    if let Some(status) = crate::wire::talk::http::status(bytes) {
                        self.answer = Some((status, said.at));
                    }
                }
                Heard::NotTls => {}
            }
        }
        if is_last {
            self.ears[side].finish();
        }
    }

    /// This is all that this side has said.
    fn ears_fresh(&self, said: &Said) -> bool {
        self.ears[said.dir.index()].segments <= 1 && self.alerts[said.dir.index()].is_none()
    }

    /// The rest of this segment was not captured, or there is no room for it.
    pub(super) fn on_cut(&mut self, said: &Said) {
        if self.protocol != Some(Protocol::Tls) {
            return;
        }
        let ear = &mut self.ears[said.dir.index()];
        let rest = ear.give_up();
        ear.lose_track();
        if let Some((kind, body)) = rest {
            self.on_message(said, kind, &body, false);
        }
    }

    fn on_message(&mut self, said: &Said, kind: u8, body: &[u8], is_whole: bool) {
        match (kind, said.by_client) {
            (1, true) => {
                let hello = tls::client_hello(body, is_whole);
                self.hello = self.hello.take().or(Some(hello));
            }
            (2, false) => {
                let hello = tls::server_hello(body, is_whole);
                self.server_hello = self.server_hello.take().or(hello);
            }
            _ => {}
        }
    }

    /// Says whether nothing more is expected behind the bytes that it came with.
    fn on_record(&mut self, said: &Said, kind: u8, length: usize) -> bool {
        let (side, peer) = (said.dir.index(), said.dir.flip().index());
        let version = self.server_hello.as_ref().map_or(0, |hello| hello.version);
        let is_1_3 = version == TLS_1_3;
        match kind {
            // Before TLS 1.3 everything after this record is encrypted; there it means nothing.
            20 if (0x0300..TLS_1_3).contains(&version) => {
                self.encrypted[side].get_or_insert(said.at);
            }
            21 if length > 2 => self.on_alert(said, Alert::ENCRYPTED),
            23 => {
                // The client's first is its Finished, unless it has only an alert to send. The server's first after it is
                // an answer or a ticket, unless the same is true of it.
                let decides = if said.by_client {
                    self.encrypted[side].is_none()
                } else {
                    self.encrypted[peer].is_some()
                };
                if is_1_3 && decides && length == ALERT_RECORD {
                    self.on_alert(said, Alert::ENCRYPTED);
                }
                self.encrypted[side].get_or_insert(said.at);
                return !is_1_3 || decides && (said.by_client || self.encrypted[peer].is_some());
            }
            _ => {}
        }
        false
    }

    fn on_alert(&mut self, said: &Said, alert: Alert) {
        let known = &mut self.alerts[said.dir.index()];
        let is_better = known.is_none_or(|known| known.alert.is_farewell() || known.alert.description.is_none());
        if is_better {
            *known = Some(SaidAlert { alert, at: said.at });
        }
    }

    /// A segment that begins with an alert in the clear, outside of what was understood.
    pub(super) fn on_bare_alert(&mut self, said: &Said, bytes: &[u8]) {
        if let [21, 3, 0..=4, 0, 2, level @ 1..=2, description, ..] = bytes {
            let (level, description) = (*level, Some(*description));
            self.on_alert(said, Alert { level, description });
        }
    }
}
