//! What the two ends say to each other before the dialogue is all theirs: TLS handshake, HTTP, proxies, greetings.

mod dialog;
mod ear;
mod tls;

use super::Flow;
use super::facts::{FlowFacts, Sighting};
use super::pack::{pack_fields, pack_words};
use crate::base::{Dir, Seq, limits};
use crate::wire::talk::{
    Alert, ClientHello, Greeting, Protocol, Refusal, Request, ServerHello, Status, greeting, proxy, text_of,
};
use crate::wire::{Flags, PayloadKind, Segment};
use ear::Ear;

/// All that the first payload bytes of a flow told, and what is needed to understand the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Talk {
    /// Which protocol; `None` while nobody knows.
    pub protocol: Option<Protocol>,
    /// The client's hello.
    pub hello: Option<ClientHello>,
    /// The server's hello.
    pub server_hello: Option<ServerHello>,
    /// TLS alerts by direction: the first that is no farewell, else the last.
    pub alerts: [Option<SaidAlert>; 2],
    /// First encrypted record, by direction: that side is done with its handshake, or, of a TLS 1.3 server, nearly so.
    pub encrypted: [Option<Sighting>; 2],
    /// The first request line.
    pub request: Option<Request>,
    /// The first final answer to it.
    pub answer: Option<(Status, Sighting)>,
    /// The first answer of 500 and more.
    pub error: Option<Box<(Status, Sighting)>>,
    /// Answers of 500 and more.
    pub errors: u32,
    /// The client asked a proxy for a way to somewhere else.
    pub tunnel: Option<Box<Tunnel>>,
    /// The server sent the client away in its own protocol.
    pub refusal: Option<Box<(Refusal, Sighting)>>,
    /// One end speaks TLS and the other does not: the packet that shows it.
    pub mismatch: Option<Sighting>,
    /// The text in a RST: some devices write their reason there.
    pub reset_text: Option<Box<str>>,
    /// Its first bytes were given up for want of room.
    pub is_limited: bool,
    pub(crate) ears: [Ear; 2],
}

/// An alert and the packet that brought it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SaidAlert {
    /// What it says.
    pub alert: Alert,
    /// When.
    pub at: Sighting,
}

/// A way through a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct Tunnel {
    /// How it was asked for.
    pub protocol: Protocol,
    /// Where to; `None` where it did not come to that.
    pub target: Option<Box<str>>,
    /// The proxy's answer: HTTP status or SOCKS reply; `None` before it came.
    pub code: Option<u16>,
    /// The answer in words.
    pub reason: Option<Box<str>>,
    /// The way is open.
    pub granted: bool,
    /// The proxy does not know the client, or not yet.
    pub is_login: bool,
    /// The answer's packet.
    pub at: Option<Sighting>,
}

/// A side is listened to for so many segments, at most.
const MOST_SEGMENTS: u8 = 40;

impl Flow {
    /// The name that the client asks for, if the decoder has seen one.
    #[inline]
    pub(super) fn note_name(&mut self, segment: &Segment) {
        if segment.name.is_some() && self.facts.name.is_none() && segment.dir == self.facts.client {
            self.facts.name.clone_from(&segment.name);
        }
    }

    /// Do the bytes of this segment, which was taken in just now, matter to the flow?
    #[inline]
    #[must_use]
    pub fn wants_payload(&self, segment: &Segment) -> bool {
        segment.length > 0 && segment.kind != PayloadKind::None && self.listens(segment)
    }

    fn listens(&self, segment: &Segment) -> bool {
        if segment.flags.is_rst() {
            return true;
        }
        let Some(talk) = &self.facts.talk else {
            let side = &self.facts.sides[segment.dir.index()];
            let stands_out = matches!(segment.kind, PayloadKind::TlsClientHello | PayloadKind::TlsAlert);
            return side.data_segments <= 1 || stands_out;
        };
        match segment.kind {
            PayloadKind::TlsAlert | PayloadKind::HttpError => true,
            PayloadKind::TlsClientHello if talk.hello.is_none() => true,
            _ => !talk.ears[segment.dir.index()].is_done,
        }
    }

    /// The captured payload of a segment that [`Flow::wants_payload`]. `room`: bytes that may still be put aside.
    pub fn on_bytes(&mut self, segment: &Segment, bytes: &[u8], room: usize) {
        if self.facts.talk.is_none() && !may_begin(&self.facts, segment, bytes) {
            return;
        }
        let before = self.facts.talk.take();
        let is_new = before.is_none();
        let mut talk = before.unwrap_or_default();
        talk.on_bytes(&self.facts, segment, bytes, room);
        if self.facts.name.is_none() {
            self.facts.name = talk.hello.as_ref().and_then(|hello| hello.name.clone());
        }
        // Nothing known, nothing kept: the other side's first words may tell more.
        if !is_new || talk.protocol.is_some() || talk.reset_text.is_some() || talk.mismatch.is_some() {
            self.facts.talk = Some(talk);
        }
    }

    /// Its first bytes were given up for want of room.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        self.facts.talk.as_ref().is_some_and(|talk| talk.is_limited)
    }

    /// Bytes put aside.
    #[must_use]
    pub fn aside(&self) -> usize {
        self.facts.talk.as_ref().map_or(0, |talk| talk.aside())
    }
}

impl Talk {
    /// The server's answer of TLS 1.3, which encrypts its alerts too.
    #[must_use]
    pub fn is_tls_1_3(&self) -> bool {
        self.server_hello.as_ref().is_some_and(|hello| hello.version == 0x0304)
    }

    /// An end said in words why this connection is over, at the latest in packet `before`.
    #[must_use]
    pub fn has_last_word(&self, before: Sighting) -> bool {
        let alerts = self
            .alerts
            .iter()
            .flatten()
            .filter(|said| said.alert.is_fatal())
            .map(|said| said.at);
        let tunnel = self
            .tunnel
            .as_ref()
            .filter(|tunnel| !tunnel.granted)
            .and_then(|tunnel| tunnel.at);
        let refusal = self.refusal.as_deref().map(|(_, at)| *at);
        let answer = self.answer.as_ref().or(self.error.as_deref());
        let answer = answer.filter(|(status, _)| status.code >= 400).map(|(_, at)| *at);
        let mut words = alerts.chain(tunnel).chain(refusal).chain(self.mismatch).chain(answer);
        words.any(|at| at.number() <= before.number())
    }

    fn aside(&self) -> usize {
        self.ears.iter().map(Ear::aside).sum()
    }

    fn on_bytes(&mut self, facts: &FlowFacts, segment: &Segment, bytes: &[u8], room: usize) {
        if segment.flags.is_rst() {
            self.reset_text = self.reset_text.take().or_else(|| text_of(bytes));
            return;
        }
        let said = Said {
            dir: segment.dir,
            by_client: segment.dir == facts.client,
            at: Sighting::from(segment),
            kind: segment.kind,
            port: facts.key.sender_port(facts.client.flip()),
            is_plain: is_plain(facts),
            is_first: is_first(facts, segment),
            room,
        };
        let start = segment.seq.plus(segment.flags.any(Flags::SYN).into());
        let is_cut = (bytes.len() as u64) < u64::from(segment.length);
        let ear = &mut self.ears[said.dir.index()];
        let was_done = ear.is_done;
        let Some(bytes) = ear.take_in_order(start, segment.length, bytes, is_cut) else {
            return;
        };
        if was_done {
            self.on_later(&said, bytes);
            return;
        }
        if ear.segments > MOST_SEGMENTS {
            ear.finish();
        }
        self.hear(&said, bytes);
        if is_cut {
            self.on_cut(&said);
        }
    }

    fn hear(&mut self, said: &Said, bytes: &[u8]) {
        match self.protocol {
            None => self.classify(said, bytes),
            Some(_) if said.kind == PayloadKind::TlsClientHello && said.by_client && self.hello.is_none() => {
                self.start_tls(said, bytes);
            }
            Some(Protocol::Tls) => self.on_tls(said, bytes),
            Some(Protocol::Http) => self.on_http(said, bytes),
            Some(Protocol::Socks5) => self.on_socks5(said, bytes),
            Some(Protocol::Socks4) => self.on_socks4(said, bytes),
            Some(Protocol::Postgres) => self.on_postgres(said, bytes),
            Some(Protocol::Mysql) => self.on_mysql(said, bytes),
            Some(Protocol::Redis) => self.on_redis(said, bytes),
            Some(_) => self.ears[said.dir.index()].finish(),
        }
    }

    /// A side that is not listened to any more says something that stands out.
    fn on_later(&mut self, said: &Said, bytes: &[u8]) {
        match said.kind {
            PayloadKind::HttpError if !said.by_client && self.tunnel.is_none() => self.on_answer(said, bytes),
            PayloadKind::TlsAlert => self.on_bare_alert(said, bytes),
            PayloadKind::TlsClientHello if said.by_client && self.hello.is_none() => {
                self.start_tls(said, bytes);
            }
            _ => {}
        }
    }

    /// The first bytes of one side, while nothing is known of the other.
    fn classify(&mut self, said: &Said, bytes: &[u8]) {
        match said.kind {
            PayloadKind::TlsClientHello if said.by_client => return self.start_tls(said, bytes),
            PayloadKind::TlsAlert => {
                // The client has spoken, and not TLS.
                self.mismatch = (!said.by_client && said.is_plain).then_some(said.at);
                self.protocol = Some(Protocol::Tls);
                return self.on_bare_alert(said, bytes);
            }
            PayloadKind::HttpRequest if said.by_client => return self.on_request(said, bytes),
            PayloadKind::HttpResponse | PayloadKind::HttpError if !said.by_client => {
                self.protocol = Some(Protocol::Http);
                return self.on_answer(said, bytes);
            }
            _ => {}
        }
        if !said.is_first {
            return;
        }
        if said.by_client {
            self.classify_client(bytes);
        } else if let Some(Greeting { protocol, refusal }) = greeting::read(bytes, said.port) {
            self.protocol = Some(protocol);
            self.refusal = refusal.map(|refusal| Box::new((refusal, said.at)));
            if protocol != Protocol::Mysql {
                self.ears.iter_mut().for_each(Ear::finish);
            }
        }
    }

    fn classify_client(&mut self, bytes: &[u8]) {
        let tunnel = |protocol, target| Tunnel {
            protocol,
            target,
            code: None,
            reason: None,
            granted: false,
            is_login: false,
            at: None,
        };
        if proxy::is_socks5_offer(bytes) {
            self.tunnel = Some(Box::new(tunnel(Protocol::Socks5, None)));
        } else if let Some(target) = proxy::socks4_target(bytes) {
            self.tunnel = Some(Box::new(tunnel(Protocol::Socks4, Some(target))));
        } else if greeting::is_postgres_start(bytes) {
            self.protocol = Some(Protocol::Postgres);
        } else if greeting::is_redis_command(bytes) {
            self.protocol = Some(Protocol::Redis);
        } else if bytes.starts_with(b"SSH-") {
            self.protocol = Some(Protocol::Ssh);
        }
        self.protocol = self.protocol.or(self.tunnel.as_ref().map(|tunnel| tunnel.protocol));
    }
}

/// May a talk begin with this payload? Most say nothing that is known.
fn may_begin(facts: &FlowFacts, segment: &Segment, bytes: &[u8]) -> bool {
    let is_known = !matches!(segment.kind, PayloadKind::Other | PayloadKind::TlsData);
    if is_known || segment.flags.is_rst() {
        return true;
    }
    is_first(facts, segment)
        && if segment.dir == facts.client {
            has_known_start(bytes)
        } else {
            greeting::read(bytes, facts.key.sender_port(facts.client.flip())).is_some()
        }
}

/// The other side has said nothing, and the beginning was captured.
fn is_first(facts: &FlowFacts, segment: &Segment) -> bool {
    facts.sides[segment.dir.flip().index()].bytes == 0 && !facts.is_mid_stream()
}

/// A client begins so in one of the protocols that [`Talk::classify_client`] knows.
fn has_known_start(bytes: &[u8]) -> bool {
    proxy::is_socks5_offer(bytes)
        || bytes.starts_with(&[4])
        || greeting::is_postgres_start(bytes)
        || greeting::is_redis_command(bytes)
        || bytes.starts_with(b"SSH-")
}

/// The client's first bytes were captured, and are not TLS.
fn is_plain(facts: &FlowFacts) -> bool {
    let client = facts.client();
    let has = |kind| client.kinds.has(kind);
    let is_tls = has(PayloadKind::TlsClientHello) || has(PayloadKind::TlsData) || has(PayloadKind::TlsServerHello);
    let is_heard = has(PayloadKind::HttpRequest) || has(PayloadKind::Other);
    is_heard && !is_tls && !facts.is_mid_stream() && client.holes == 0 && client.missed_bytes == 0
}

/// What is known of a stretch of payload besides its bytes.
struct Said {
    dir: Dir,
    by_client: bool,
    at: Sighting,
    kind: PayloadKind,
    /// The server's port.
    port: u16,
    /// The client's first bytes were captured, and they are no TLS.
    is_plain: bool,
    /// The other side has said nothing, and the beginning was captured.
    is_first: bool,
    /// Bytes that may still be put aside.
    room: usize,
}

pack_words!(Protocol, Protocol::ALL);
pack_fields!(ClientHello { name alpn version ech cut });
pack_fields!(ServerHello { version retry alpn });
pack_fields!(Alert { level description });
pack_fields!(SaidAlert { alert at });
pack_fields!(Request { method target });
pack_fields!(Status { code reason });
pack_fields!(Refusal { code text is_login });
pack_fields!(Tunnel { protocol target code reason granted is_login at });
pack_fields!(Talk { protocol hello server_hello alerts encrypted request answer error errors tunnel refusal mismatch reset_text is_limited ears });
