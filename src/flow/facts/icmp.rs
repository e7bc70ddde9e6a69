//! An ICMP error about a flow, and what it means.

use super::Sighting;
use crate::base::Dir;
use crate::flow::pack::pack_fields;
use crate::wire::IcmpError;

/// What an ICMP error means for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpMeaning {
    /// Host unreachable: address resolution failed, or a rule says so.
    HostUnreachable,
    /// No route.
    NetworkUnreachable,
    /// A rule forbids it.
    Prohibited,
    /// Port unreachable: the usual answer of a rejecting firewall.
    PortUnreachable,
    /// Protocol unreachable.
    ProtocolUnreachable,
    /// Too big for the next link; path MTU discovery, no failure by itself.
    TooBig,
    /// Hop count ran out.
    TtlExceeded,
    /// Any other.
    Other,
}

/// An ICMP error that quoted this flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpFact {
    /// The error's packet.
    pub at: Sighting,
    /// Its sender.
    pub from: std::net::IpAddr,
    /// `ICMPv6`.
    pub v6: bool,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Whose packet it quotes.
    pub about: Dir,
    /// Next-hop MTU, 0 where not stated.
    pub mtu: u32,
}

impl IcmpFact {
    /// What this error says.
    #[must_use]
    pub fn new(error: &IcmpError) -> Self {
        Self {
            at: Sighting::new(error.packet, error.stamp),
            from: error.from,
            v6: error.v6,
            kind: error.kind,
            code: error.code,
            about: error.dir,
            mtu: error.mtu,
        }
    }

    /// Its meaning (RFC 792, RFC 1812 5.2.7.1, RFC 4443 3).
    #[must_use]
    pub fn meaning(&self) -> IcmpMeaning {
        match (self.v6, self.kind, self.code) {
            (false, 3, 1 | 7 | 12) | (true, 1, 3) => IcmpMeaning::HostUnreachable,
            (false, 3, 0 | 6 | 11) | (true, 1, 0) => IcmpMeaning::NetworkUnreachable,
            (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => IcmpMeaning::Prohibited,
            (false, 3, 3) | (true, 1, 4) => IcmpMeaning::PortUnreachable,
            (false, 3, 2) | (true, 4, 1) => IcmpMeaning::ProtocolUnreachable,
            (false, 3, 4) | (true, 2, _) => IcmpMeaning::TooBig,
            (false, 11, 0) | (true, 3, 0) => IcmpMeaning::TtlExceeded,
            _ => IcmpMeaning::Other,
        }
    }

    /// Does it end a connection attempt? (RFC 1122 4.2.3.9, RFC 5461: what stacks do in SYN-SENT.)
    #[must_use]
    pub fn is_hard(&self) -> bool {
        !matches!(self.meaning(), IcmpMeaning::TooBig | IcmpMeaning::Other)
    }

    /// What it says, in words: `port unreachable (3/3)`.
    #[must_use]
    pub fn text(&self) -> String {
        let words = match (self.v6, self.kind, self.code) {
            (false, 3, 0) => "network unreachable",
            (false, 3, 1) | (true, 1, 3) => "host unreachable",
            (false, 3, 2) => "protocol unreachable",
            (false, 3, 3) | (true, 1, 4) => "port unreachable",
            (false, 3, 4) => "fragmentation needed",
            (false, 3, 9) => "network administratively prohibited",
            (false, 3, 10) => "host administratively prohibited",
            (false, 3, 13) | (true, 1, 1) => "administratively prohibited",
            (true, 1, 0) => "no route to destination",
            (true, 1, 5) => "source address failed policy",
            (true, 1, 6) => "rejected route",
            (true, 2, _) => "packet too big",
            (false, 11, 0) | (true, 3, 0) => "time to live exceeded",
            _ => "error",
        };
        format!(
            "{words} (ICMP{} {}/{})",
            if self.v6 { "v6" } else { "" },
            self.kind,
            self.code
        )
    }
}

pack_fields!(IcmpFact { at from v6 kind code about mtu });
