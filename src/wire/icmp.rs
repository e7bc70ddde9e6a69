//! ICMP and `ICMPv6` errors, and the TCP header that they quote.

use super::segment::Flags;
use crate::base::{Dir, FlowKey, Seq, Stamp};
use std::net::IpAddr;

/// An ICMP error about a TCP segment. `key` and `dir` are those of the quoted segment, not of the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Packet number of the error.
    pub packet: u64,
    /// Capture time.
    pub stamp: Stamp,
    /// Who sent the error: the device that refused or could not deliver.
    pub from: IpAddr,
    /// TTL or hop limit with which the error arrived.
    pub ttl: u8,
    /// Is it `ICMPv6`?
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Next-hop MTU of "fragmentation needed" and "packet too big"; 0 where not stated.
    pub mtu: u32,
    /// Flow of the quoted segment.
    pub key: FlowKey,
    /// Direction of the quoted segment.
    pub dir: Dir,
    /// Sequence number of the quoted segment.
    pub seq: Seq,
    /// Its acknowledgment field; 0 where the quote is too short.
    pub ack: Seq,
    /// Its control bits; none where the quote is too short.
    pub flags: Flags,
    /// Bytes of the quoted TCP header that were captured (8 in the classic form, 20 and more in most).
    pub quoted: u16,
    /// Interface index.
    pub interface: u16,
    /// As [`crate::wire::Segment::path`].
    pub path: u32,
}
