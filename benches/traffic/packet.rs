//! What travels: one planned packet, and the two ends that it travels between.

use std::net::IpAddr;

pub const MILLI: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MILLI;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Client = 0,
    Server = 1,
}

pub use Side::{Client, Server};

impl Side {
    pub fn other(self) -> Self {
        match self {
            Client => Server,
            Server => Client,
        }
    }
}

/// What a payload begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// The inside of something longer.
    Noise,
    ClientHello,
    ServerHello,
    TlsData,
    HttpRequest,
}

/// How a packet differs from what its sender's others look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    Ordinary,
    /// Side a kernel that has no such socket: no options, IP identification 0.
    NoSocket,
    /// Side a device on the way: the same, with its own TTL.
    Device,
    /// Not TCP but an ICMP error of this type and code from the router, which quotes the other side's last packet.
    Icmp(u8, u8),
}

/// One packet of a plan. Times are nanoseconds since the capture began.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub at: u64,
    pub seq: u32,
    pub ack: u32,
    /// Edges of the SACK block; equal where there is none.
    pub sack: (u32, u32),
    pub length: u16,
    pub window: u16,
    pub flags: u8,
    pub from: Side,
    pub payload: Payload,
    pub look: Look,
}

/// The two ends of a connection and what their packets have in common.
#[derive(Clone, Debug)]
pub struct Line {
    /// Client, server.
    pub ips: [IpAddr; 2],
    pub ports: [u16; 2],
    /// TTL as captured.
    pub ttls: [u8; 2],
    pub scales: [u8; 2],
    pub mss: u16,
    pub timestamps: bool,
    /// Next IP identification.
    pub ids: [u16; 2],
    /// What the millisecond clocks showed when the capture began.
    pub clocks: [u32; 2],
    /// Last TSval that passed.
    pub heard: [u32; 2],
    /// Sequence number, acknowledgment and flags that passed last from each side: what an ICMP error quotes.
    pub last: [(u32, u32, u8); 2],
    /// Number of the host name in hellos and requests.
    pub name: u32,
}

/// The router that sends ICMP errors.
pub const ROUTER_V4: [u8; 4] = [10, 255, 0, 1];
pub const ROUTER_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// TTL of what devices on the way send, as captured: no server is so near.
pub const DEVICE_TTL: u8 = 62;
