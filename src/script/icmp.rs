//! ICMP and `ICMPv6` errors: their names (those of iptables and ip6tables where these have one), and their lines.

use super::Read;
use super::options::offset;
use super::parse::Reader;
use super::words::Words;
use crate::base::Seq;
use crate::wire::{Flags, IcmpError};

/// Word, type and code.
type Name = (&'static str, u8, u8);

const V4: &[Name] = &[
    ("net-unreachable", 3, 0),
    ("host-unreachable", 3, 1),
    ("proto-unreachable", 3, 2),
    ("port-unreachable", 3, 3),
    ("frag-needed", 3, 4),
    ("source-route-failed", 3, 5),
    ("net-unknown", 3, 6),
    ("host-unknown", 3, 7),
    ("net-prohibited", 3, 9),
    ("host-prohibited", 3, 10),
    ("admin-prohibited", 3, 13),
    ("source-quench", 4, 0),
    ("ttl-exceeded", 11, 0),
    ("reassembly-exceeded", 11, 1),
    ("parameter-problem", 12, 0),
];

const V6: &[Name] = &[
    ("no-route", 1, 0),
    ("admin-prohibited", 1, 1),
    ("beyond-scope", 1, 2),
    ("addr-unreachable", 1, 3),
    ("port-unreachable", 1, 4),
    ("policy-fail", 1, 5),
    ("reject-route", 1, 6),
    ("too-big", 2, 0),
    ("ttl-exceeded", 3, 0),
    ("reassembly-exceeded", 3, 1),
    ("parameter-problem", 4, 0),
];

fn names(v6: bool) -> &'static [Name] {
    if v6 { V6 } else { V4 }
}

/// Type and code of a word, or of `TYPE/CODE`.
pub(super) fn read_name(word: &str, v6: bool) -> Option<(u8, u8)> {
    if let Some((kind, code)) = word.split_once('/') {
        return Some((kind.parse().ok()?, code.parse().ok()?));
    }
    names(v6)
        .iter()
        .find(|(name, ..)| *name == word)
        .map(|&(_, kind, code)| (kind, code))
}

/// The word for a type and code, or `TYPE/CODE` where there is none.
pub(super) fn name(kind: u8, code: u8, v6: bool) -> String {
    names(v6)
        .iter()
        .find(|&&(_, k, c)| (k, c) == (kind, code))
        .map_or_else(|| format!("{kind}/{code}"), |(name, ..)| (*name).to_string())
}

/// Reads `icmp WORD from ADDRESS …`; the error travels from or to `side` as the arrow says, so the other way is quoted.
pub(super) fn read_icmp(reader: &Reader, side: usize, v6: bool, words: &mut Words<'_>) -> Read<IcmpError> {
    words.next();
    if v6 != reader.script.client.ip.is_ipv6() {
        return Err("ICMP goes with IPv4, icmp6 with IPv6".to_string());
    }
    let word = words.next().ok_or("which ICMP error?")?;
    let (kind, code) = read_name(word, v6).ok_or_else(|| format!("unknown ICMP error `{word}`"))?;
    let (mut from, mut seq, mut mtu, mut quoted, mut ttl) = (None, None, 0, 20, 64);
    let quoted_side = &reader.sides[1 - side];
    while let Some(word) = words.next() {
        match word {
            "from" => from = Some(words.expect(word)?),
            "seq" => seq = Some(quoted_side.isn.plus(offset(words.next().unwrap_or_default())?)),
            "mtu" => mtu = words.expect(word)?,
            "quote" => quoted = words.expect(word)?,
            "ttl" => ttl = words.expect(word)?,
            _ => return Err(format!("unknown word `{word}`")),
        }
    }
    let last = quoted_side.last.as_ref();
    Ok(IcmpError {
        packet: reader.packets,
        stamp: reader.now(),
        from: from.ok_or("`from ADDRESS` is missing")?,
        ttl,
        v6,
        kind,
        code,
        mtu,
        key: reader.key,
        dir: if side == 0 { reader.client.flip() } else { reader.client },
        seq: seq
            .or(last.map(|segment| segment.seq))
            .ok_or("nothing was sent that it could quote; say `seq N`")?,
        ack: last
            .filter(|_| quoted >= 20)
            .map_or(Seq::default(), |segment| segment.ack),
        flags: last
            .filter(|_| quoted >= 20)
            .map_or(Flags::default(), |segment| segment.flags),
        quoted,
        interface: last.map_or(0, |segment| segment.interface),
        path: last.map_or(0, |segment| segment.path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Script, What};

    #[test]
    fn the_same_word_differs_between_v4_and_v6() {
        assert_eq!(read_name("admin-prohibited", false), Some((3, 13)));
        assert_eq!(read_name("admin-prohibited", true), Some((1, 1)));
        assert_eq!(read_name("no-route", false), None);
        assert_eq!(read_name("3/200", false), Some((3, 200)));
        assert_eq!(read_name("3/300", false), None);
    }

    #[test]
    fn every_name_comes_back() {
        for v6 in [false, true] {
            for &(word, kind, code) in names(v6) {
                assert_eq!(name(kind, code, v6), word);
                assert_eq!(read_name(word, v6), Some((kind, code)));
            }
            assert_eq!(name(200, 7, v6), "200/7");
        }
    }

    fn error(text: &str) -> IcmpError {
        let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        match script.events.last().map(|event| event.what.clone()) {
            Some(What::Icmp(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_quotes_the_last_packet_of_the_other_way() {
        let text = "0 > S 0:0(0)\n+1 > P 1:5(4)\n+0 < S. 0:0(0) ack 1\n+.1 < icmp frag-needed from 10.9.9.9 mtu 1400 quote 8 ttl 3";
        let heard = error(text);
        let script = Script::parse(text).unwrap();
        let quoted = script.segments().nth(1).unwrap();
        assert_eq!((heard.seq, heard.dir, heard.key), (quoted.seq, quoted.dir, quoted.key));
        assert_eq!(
            (heard.kind, heard.code, heard.mtu, heard.quoted, heard.ttl, heard.packet),
            (3, 4, 1400, 8, 3, 4)
        );
        assert_eq!(error("0 < icmp 3/1 from 10.9.9.9 seq 5").seq.0, 1005);
    }

    #[test]
    fn version_six_moves_the_whole_script() {
        let heard = error("0 > S 0:0(0)\n+.1 < icmp6 no-route from 2001:db8::9");
        assert!(heard.v6 && matches!(heard.key, crate::base::FlowKey::V6(..)));
    }

    #[test]
    fn what_cannot_be_is_said() {
        for bad in [
            "0 < icmp net-unreachable from 1.1.1.1",
            "0 < icmp",
            "0 < icmp what from 1.1.1.1 seq 1",
            "0 < icmp no-route from 1.1.1.1 seq 1",
            "0 < icmp 3/1 seq 1",
            "0 < icmp 3/1 from x seq 1",
            "0 < icmp 3/1 what",
            "0 < icmp 3/1 from 1.1.1.1 seq 1 ; retransmission",
            "@ client 1.1.1.1:1\n@ server [::1]:1\n0 < icmp6 1/0 from ::2",
        ] {
            assert!(Script::parse(bad).is_err(), "{bad}");
        }
    }
}
