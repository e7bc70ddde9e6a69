//! The kinds of connection that are mixed, each with what it looks like and what is true of it.

use super::packet::{ACK, Client, Look, MILLI, Payload, RST, SECOND, Server};
use super::talk::Talk;
use super::truth::Truth;

/// How much is said in a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// One small question and answer.
    Small,
    /// Pages and downloads.
    Usual,
    /// This many bytes.
    Huge(u64),
}

/// What becomes of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Healthy,
    Refused,
    Dropped,
    Rejected,
    Late,
    HalfOpen,
    SynAckIgnored,
    OneWay,
    BlackHole,
    AnswersLost,
    HelloLost,
    ServerReset,
    ServerResetRequest,
    ServerResetHello,
    ServerResetAtOnce,
    HelloResetByBox,
    ClientReset,
    ClientGaveUp,
    ZeroWindow,
    ClientZeroWindow,
    NoResponse,
    MidStream,
    HalfClosed,
    KeptAlive,
    KeepAliveFailed,
    IcmpMidStream,
    StalePeer,
    LateSyn,
    LateOpen,
    SingleSyn,
    SpoofedAnswered,
}

/// Kinds and their shares in mixed traffic, in thousandths.
pub const MIXED: &[(Kind, u32)] = &[
    (Kind::Healthy, 500),
    (Kind::Refused, 60),
    (Kind::Dropped, 60),
    (Kind::Rejected, 30),
    (Kind::Late, 40),
    (Kind::HalfOpen, 15),
    (Kind::SynAckIgnored, 8),
    (Kind::OneWay, 10),
    (Kind::BlackHole, 25),
    (Kind::AnswersLost, 15),
    (Kind::HelloLost, 12),
    (Kind::ServerReset, 20),
    (Kind::ServerResetRequest, 20),
    (Kind::ServerResetHello, 20),
    (Kind::ServerResetAtOnce, 10),
    (Kind::HelloResetByBox, 20),
    (Kind::ClientReset, 20),
    (Kind::ClientGaveUp, 10),
    (Kind::ZeroWindow, 8),
    (Kind::ClientZeroWindow, 5),
    (Kind::NoResponse, 20),
    (Kind::MidStream, 12),
    (Kind::HalfClosed, 12),
    (Kind::KeptAlive, 12),
    (Kind::KeepAliveFailed, 6),
    (Kind::IcmpMidStream, 6),
    (Kind::StalePeer, 4),
];

/// Kinds of many short connections.
pub const SHORT: &[(Kind, u32)] = &[
    (Kind::Healthy, 920),
    (Kind::Refused, 30),
    (Kind::Dropped, 15),
    (Kind::Late, 10),
    (Kind::ServerReset, 15),
    (Kind::Rejected, 10),
];

/// Kinds that only the end of a capture makes.
pub const AT_END: &[(Kind, u32)] = &[(Kind::LateSyn, 500), (Kind::LateOpen, 500)];

const fn truth(
    kind: &'static str,
    handshake: &'static str,
    ending: &'static str,
    status: &'static str,
    culprit: &'static str,
) -> Truth {
    Truth {
        kind,
        handshake,
        ending,
        status,
        culprit,
    }
}

impl Kind {
    /// Plans the whole connection; says what is true of it. `end`: when the capture ends.
    pub fn plan(self, talk: &mut Talk<'_>, size: Size, linux: bool, end: u64) -> Truth {
        match self {
            Self::Healthy => healthy(talk, size),
            Self::Refused => refused(talk, linux),
            Self::Dropped => dropped(talk, linux, size),
            Self::Rejected => rejected(talk),
            Self::Late => late(talk, linux, size),
            Self::HalfOpen | Self::SpoofedAnswered => half_open(talk, self == Self::HalfOpen),
            Self::SynAckIgnored => syn_ack_ignored(talk),
            Self::OneWay => one_way(talk),
            Self::BlackHole => black_hole(talk),
            Self::AnswersLost => answers_lost(talk),
            Self::HelloLost => hello_lost(talk),
            Self::ServerReset | Self::ServerResetRequest | Self::ServerResetHello | Self::ServerResetAtOnce => {
                server_reset(self, talk, size)
            }
            Self::HelloResetByBox => hello_reset_by_box(talk),
            Self::ClientReset => client_reset(talk),
            Self::ClientGaveUp => client_gave_up(talk),
            Self::ZeroWindow => zero_window(talk),
            Self::ClientZeroWindow => client_zero_window(talk),
            Self::NoResponse => no_response(talk),
            Self::MidStream => mid_stream(talk),
            Self::HalfClosed => half_closed(talk),
            Self::KeptAlive => kept_alive(talk, end),
            Self::KeepAliveFailed => keep_alive_failed(talk),
            Self::IcmpMidStream => icmp_mid_stream(talk),
            Self::StalePeer => stale_peer(talk),
            Self::LateSyn => late_syn(talk),
            Self::LateOpen => {
                talk.handshake();
                ask(talk, Size::Small, 0);
                truth("late-open", "completed", "open", "ok", "")
            }
            Self::SingleSyn => {
                talk.syn();
                let waited = end - talk.now > 7 * SECOND;
                if waited {
                    truth("single-syn", "silently-dropped", "none", "failed", "path")
                } else {
                    truth("single-syn-late", "undetermined", "none", "unknown", "")
                }
            }
        }
    }
}

/// A request and its answer.
fn ask(talk: &mut Talk<'_>, size: Size, loss: u64) {
    let (request, answer, payload) = match size {
        Size::Small => (talk.random.between(18, 60), talk.random.between(12, 60), Payload::Noise),
        Size::Usual => (
            talk.random.between(120, 900),
            talk.random.skewed(2_700, 600_000),
            Payload::TlsData,
        ),
        Size::Huge(bytes) => (talk.random.between(120, 900), bytes, Payload::TlsData),
    };
    talk.send(Client, request as u16, payload);
    talk.turn(Server);
    if talk.random.chance(300) || size == Size::Small {
        talk.say(Server, ACK);
        talk.wait_between(MILLI / 2, 40 * MILLI);
    }
    talk.transfer(Server, answer, payload, loss);
}

/// Hellos of TLS 1.3, or nothing where plain HTTP is spoken.
fn greet(talk: &mut Talk<'_>) {
    let large = talk.random.chance(400);
    let hello = if large { 1800 } else { 517 };
    if hello > talk.mss {
        let first = talk.mss;
        talk.send(Client, first, Payload::ClientHello);
        talk.wait(15_000);
        talk.send(Client, hello - first, Payload::Noise);
    } else {
        talk.send(Client, hello, Payload::ClientHello);
    }
    talk.turn(Server);
    let flight = talk.random.between(1_800, 4_800);
    talk.transfer(Server, flight, Payload::ServerHello, 0);
    talk.send(Client, 80, Payload::TlsData);
    talk.wait(200_000);
}

fn healthy(talk: &mut Talk<'_>, size: Size) -> Truth {
    talk.handshake();
    let loss = if size == Size::Small {
        0
    } else {
        talk.random.pick(&[0, 0, 0, 2, 10, 50])
    };
    if size == Size::Usual {
        greet(talk);
    }
    let rounds = if size == Size::Usual {
        talk.random.between(1, 4)
    } else {
        1
    };
    for _ in 0..rounds {
        ask(talk, size, loss);
        if size == Size::Usual {
            talk.wait_between(5 * MILLI, 1500 * MILLI);
        }
    }
    if size == Size::Usual && talk.random.chance(100) {
        let upload = talk.random.skewed(3_000, 300_000);
        talk.transfer(Client, upload, Payload::TlsData, loss);
        talk.send(Server, 120, Payload::TlsData);
        talk.turn(Client);
    }
    let first = if talk.random.chance(700) { Client } else { Server };
    talk.close(first);
    let status = if loss > 0 { "ok|degraded" } else { "ok" };
    truth("healthy", "completed", "fin", status, "")
}

fn refused(talk: &mut Talk<'_>, linux: bool) -> Truth {
    // Windows tries again after a RST, at a constant interval.
    let times = if linux { 1 } else { 3 };
    for _ in 0..times {
        let (start, isn) = (talk.now, talk.next[0]);
        talk.syn();
        talk.turn(Server);
        talk.say_as(Server, RST | ACK, |packet| {
            packet.seq = 0;
            packet.ack = isn.wrapping_add(1);
            packet.window = 0;
            packet.look = Look::NoSocket;
        });
        talk.now = start + 500 * MILLI;
    }
    truth("refused", "rst", "none", "failed", "server-host")
}

const LINUX_SYNS: [f64; 9] = [0.0, 1.02, 2.05, 3.08, 4.1, 5.12, 7.18, 11.3, 19.5];
const OLD_LINUX_SYNS: [f64; 5] = [0.0, 1.0, 3.0, 7.0, 15.0];
const WINDOWS_SYNS: [f64; 3] = [0.0, 3.0, 9.0];

fn schedule(talk: &mut Talk<'_>, linux: bool) -> &'static [f64] {
    if linux {
        talk.random
            .pick(&[&LINUX_SYNS[..], &LINUX_SYNS[..], &OLD_LINUX_SYNS[..]])
    } else {
        talk.random.pick(&[&WINDOWS_SYNS[..], &OLD_LINUX_SYNS[..]])
    }
}

fn dropped(talk: &mut Talk<'_>, linux: bool, size: Size) -> Truth {
    let schedule = schedule(talk, linux);
    let most = if size == Size::Small { 4 } else { schedule.len() };
    let times = talk.random.between(1, most.min(schedule.len()) as u64) as usize;
    talk.at_each(&schedule[..times], Talk::syn);
    truth("dropped", "silently-dropped", "none", "failed", "path")
}

fn rejected(talk: &mut Talk<'_>) -> Truth {
    talk.syn();
    talk.wait(talk.trip[1] / 2 + MILLI / 2);
    let is_v6 = talk.mss <= 1440 && talk.mss != 1400;
    let (kind, code) = if is_v6 {
        talk.random.pick(&[(1, 1), (1, 4), (1, 0), (1, 3)])
    } else {
        talk.random.pick(&[(3, 13), (3, 10), (3, 3), (3, 1), (3, 0)])
    };
    talk.say_as(Server, 0, |packet| packet.look = Look::Icmp(kind, code));
    truth("rejected", "icmp-rejected", "none", "failed", "")
}

fn late(talk: &mut Talk<'_>, linux: bool, size: Size) -> Truth {
    let schedule = schedule(talk, linux);
    let most = if size == Size::Small { 3 } else { 4 };
    let times = talk.random.between(2, most.min(schedule.len()) as u64) as usize;
    talk.at_each(&schedule[..times], Talk::syn);
    talk.turn(Server);
    talk.syn_ack();
    talk.turn(Client);
    talk.open();
    talk.say(Client, ACK);
    talk.wait(20_000);
    ask(talk, size, 0);
    talk.close(Client);
    truth("late", "retransmitted", "fin", "degraded", "")
}

/// The SYN-ACK is repeated, and nobody answers it; or it is sent once.
fn half_open(talk: &mut Talk<'_>, repeats: bool) -> Truth {
    talk.syn();
    talk.turn(Server);
    let times: &[f64] = if repeats { &[0.0, 1.0, 3.0, 7.2] } else { &[0.0] };
    talk.at_each(times, Talk::syn_ack);
    truth("half-open", "half-open", "none", "failed", "")
}

/// The client's own firewall drops the SYN-ACKs: it repeats its SYN.
fn syn_ack_ignored(talk: &mut Talk<'_>) -> Truth {
    talk.at_each(&[0.0, 1.02, 2.05, 3.08, 4.1, 5.12], |talk| {
        talk.syn();
        talk.turn(Server);
        talk.syn_ack();
    });
    truth("syn-ack-ignored", "half-open", "none", "failed", "client-filter|path")
}

/// Behind the tap everything from the client after its SYN is dropped.
fn one_way(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    let (start, isn) = (talk.now, talk.next[1].wrapping_sub(1));
    talk.send(Client, 300, Payload::HttpRequest);
    talk.insist(Client, 300, Payload::HttpRequest, 6);
    talk.now = start;
    talk.at_each(&[1.0, 3.0, 7.2], |talk| {
        talk.say_as(Server, super::packet::SYN | ACK, |packet| {
            packet.seq = isn;
            // All that arrived is the SYN.
            packet.ack = packet.ack.wrapping_sub(300);
            packet.window = 65_160;
        });
        talk.wait(talk.trip[0]);
        talk.say(Client, ACK);
    });
    truth("one-way", "retransmitted", "stalled", "failed", "path")
}

fn black_hole(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Usual, 0);
    talk.wait_between(10 * MILLI, 3 * SECOND);
    talk.send(Client, 350, Payload::TlsData);
    let times = talk.random.between(4, 7) as u32;
    talk.insist(Client, 350, Payload::TlsData, times);
    truth("black-hole", "completed", "stalled", "failed", "path")
}

/// The way to the client breaks on its side of the tap.
fn answers_lost(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    talk.send(Client, 350, Payload::TlsData);
    talk.turn(Server);
    talk.send(Server, 900, Payload::TlsData);
    let times = talk.random.between(4, 7) as u32;
    talk.insist(Server, 900, Payload::TlsData, times);
    truth("answers-lost", "completed", "stalled", "failed", "path")
}

fn hello_lost(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    talk.send(Client, 517, Payload::ClientHello);
    let times = talk.random.between(3, 6) as u32;
    talk.insist(Client, 517, Payload::ClientHello, times);
    truth("hello-lost", "completed", "stalled", "failed", "path")
}

fn server_reset(kind: Kind, talk: &mut Talk<'_>, size: Size) -> Truth {
    talk.handshake();
    let name = match kind {
        Kind::ServerReset => {
            if size == Size::Usual {
                greet(talk);
            }
            ask(talk, size, 0);
            talk.send(Client, 60, Payload::TlsData);
            talk.turn(Server);
            "server-reset"
        }
        Kind::ServerResetRequest => {
            talk.send(Client, 300, Payload::HttpRequest);
            talk.turn(Server);
            talk.say(Server, ACK);
            talk.wait_between(MILLI, 900 * MILLI);
            "server-reset-request"
        }
        Kind::ServerResetHello => {
            talk.send(Client, 517, Payload::ClientHello);
            talk.turn(Server);
            talk.say(Server, ACK);
            talk.wait_between(MILLI / 10, 3 * MILLI);
            "server-reset-hello"
        }
        _ => {
            talk.turn(Server);
            "server-reset-at-once"
        }
    };
    talk.abort(Server);
    truth(name, "completed", "rst-server", "failed", "server-app")
}

/// A device near the client answers a forbidden name in the server's place.
fn hello_reset_by_box(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    talk.send(Client, 517, Payload::ClientHello);
    talk.wait(talk.trip[1] / 5);
    talk.say_as(Server, RST, |packet| {
        packet.look = Look::Device;
        packet.window = 0;
    });
    truth("hello-reset-by-box", "completed", "rst-injected", "failed", "middlebox")
}

/// The client's application aborts in the middle of a download.
fn client_reset(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Usual, 0);
    talk.send(Server, 1000, Payload::Noise);
    talk.wait(talk.trip[0]);
    talk.abort(Client);
    truth(
        "client-reset",
        "completed",
        "rst-client",
        "failed|degraded|ok",
        "client-app|unknown",
    )
}

/// The client takes back its attempt as soon as it is answered.
fn client_gave_up(talk: &mut Talk<'_>) -> Truth {
    talk.syn();
    talk.turn(Server);
    talk.syn_ack();
    talk.turn(Client);
    talk.open();
    talk.say_as(Client, RST, |packet| {
        packet.look = Look::NoSocket;
        packet.window = 0;
    });
    truth("client-gave-up", "aborted", "none", "failed", "client-app")
}

/// The server's application stops reading an upload.
fn zero_window(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    talk.transfer(Client, 60_000, Payload::TlsData, 0);
    talk.window[1] = 0;
    talk.send(Client, talk.mss, Payload::Noise);
    talk.turn(Server);
    talk.say(Server, ACK);
    let mut timer = 220 * MILLI;
    for _ in 0..9 {
        talk.wait(timer);
        timer *= 2;
        talk.say_as(Client, ACK, |packet| packet.seq = packet.seq.wrapping_sub(1));
        talk.turn(Server);
        talk.say(Server, ACK);
    }
    truth("zero-window", "completed", "zero-window", "failed", "server-app")
}

/// The client's application stops reading a download.
fn client_zero_window(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Usual, 0);
    talk.window[0] = 0;
    talk.send(Server, talk.mss, Payload::Noise);
    talk.turn(Client);
    talk.say(Client, ACK);
    let mut timer = 220 * MILLI;
    for _ in 0..9 {
        talk.wait(timer);
        timer *= 2;
        talk.say_as(Server, ACK, |packet| packet.seq = packet.seq.wrapping_sub(1));
        talk.turn(Client);
        talk.say(Client, ACK);
    }
    truth("client-zero-window", "completed", "zero-window", "failed", "client-app")
}

fn no_response(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    talk.send(Client, 400, Payload::HttpRequest);
    talk.turn(Server);
    talk.say(Server, ACK);
    if talk.random.chance(600) {
        let patience = talk.random.pick(&[5, 10, 30]);
        talk.wait(patience * SECOND);
        talk.fin(Client);
        talk.turn(Server);
        talk.wait(40 * MILLI);
        talk.say(Server, ACK);
    }
    truth("no-response", "completed", "no-response", "failed", "server-app")
}

/// A healthy connection that began before the capture did.
fn mid_stream(talk: &mut Talk<'_>) -> Truth {
    healthy(talk, Size::Usual);
    talk.sort();
    let skip = 8 + talk.random.below(8) as usize;
    let skip = skip.min(talk.packets.len().saturating_sub(5));
    let delay = talk.packets[skip].at - talk.packets[0].at;
    talk.packets.drain(..skip);
    for packet in talk.packets.iter_mut() {
        packet.at -= delay;
    }
    truth("mid-stream", "not-captured", "fin", "ok|degraded|unknown", "")
}

/// The server closes; the client's application never does.
fn half_closed(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Usual, 0);
    talk.wait(5 * SECOND);
    talk.fin(Server);
    talk.turn(Client);
    talk.wait(40 * MILLI);
    talk.say(Client, ACK);
    truth("half-closed", "completed", "half-closed", "ok", "")
}

/// Idle to the end of the capture, with keep-alives that are answered.
fn kept_alive(talk: &mut Talk<'_>, end: u64) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Small, 0);
    let every = talk.random.pick(&[5, 15, 30]) * SECOND;
    while talk.now + every + SECOND < end {
        talk.wait(every);
        talk.say_as(Client, ACK, |packet| packet.seq = packet.seq.wrapping_sub(1));
        talk.turn(Server);
        talk.say(Server, ACK);
    }
    truth("kept-alive", "completed", "open", "ok", "")
}

fn keep_alive_failed(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Usual, 0);
    for _ in 0..5 {
        talk.wait(10 * SECOND);
        talk.say_as(Client, ACK, |packet| packet.seq = packet.seq.wrapping_sub(1));
    }
    talk.wait(10 * SECOND);
    talk.abort(Client);
    truth("keep-alive-failed", "completed", "rst-client", "failed", "path")
}

fn icmp_mid_stream(talk: &mut Talk<'_>) -> Truth {
    talk.handshake();
    greet(talk);
    ask(talk, Size::Usual, 0);
    let is_v6 = talk.mss <= 1440 && talk.mss != 1400;
    let look = if is_v6 { Look::Icmp(1, 3) } else { Look::Icmp(3, 1) };
    talk.send(Client, 350, Payload::TlsData);
    for timer in [200, 420, 840, 1700] {
        talk.wait(timer * MILLI);
        talk.send_again(Client, 350, Payload::TlsData);
        talk.wait(3 * MILLI);
        talk.say_as(Server, 0, |packet| packet.look = look);
    }
    truth("icmp-mid-stream", "completed", "icmp", "failed", "")
}

/// The server still has an older connection on these ports, and answers for that.
pub fn stale_peer(talk: &mut Talk<'_>) -> Truth {
    let old = talk.random.bits();
    for _ in 0..3 {
        talk.syn();
        talk.turn(Server);
        talk.say_as(Server, ACK, |packet| packet.ack = old);
        talk.turn(Client);
        talk.say_as(Client, RST, |packet| {
            packet.seq = old;
            packet.look = Look::NoSocket;
            packet.window = 0;
        });
        talk.wait(SECOND);
    }
    truth("stale-peer", "stale-peer", "none", "failed", "server-host")
}

/// Too near to the end of the capture to say anything.
fn late_syn(talk: &mut Talk<'_>) -> Truth {
    talk.syn();
    if talk.random.chance(500) {
        talk.wait(SECOND + 20 * MILLI);
        talk.syn();
    }
    truth("late-syn", "undetermined", "none", "unknown", "")
}
