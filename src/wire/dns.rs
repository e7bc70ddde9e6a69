//! DNS and mDNS answers: which names were given to which addresses. Total on hostile bytes.

use super::DnsAnswer;
use super::hello::name_of;
use super::walk::Net;
use crate::base::{Endpoint, Stamp};
use std::net::IpAddr;

/// Records read of one message: 512 bytes hold fewer than 32 addresses, and larger answers are rare.
const MAX_RECORDS: u16 = 128;

/// Compression pointers followed in one name (RFC 1035 4.1.4). A name has at most 127 labels, one pointer each.
const MAX_POINTERS: usize = 127;

/// RFC 1035 4.1: an answer without error that holds at least one address. What a cut message still shows is taken.
pub(super) fn read(stamp: Stamp, net: &Net, server_port: u16, message: &[u8]) -> Option<Box<DnsAnswer>> {
    let head = message.first_chunk::<12>()?;
    let (is_answer, error) = (head[2] & 0x80 != 0, head[3] & 0x0f);
    if !is_answer || error != 0 {
        return None;
    }
    let questions = u16::from_be_bytes([head[4], head[5]]);
    let records = [[head[6], head[7]], [head[8], head[9]], [head[10], head[11]]]
        .map(u16::from_be_bytes)
        .into_iter()
        .fold(0, u16::saturating_add)
        .min(MAX_RECORDS);
    let names = read_names(message, questions, records);
    if names.is_empty() {
        return None;
    }
    let server = Endpoint {
        ip: net.pair.source(),
        port: server_port,
    };
    Some(Box::new(DnsAnswer {
        stamp,
        client: net.pair.target(),
        server,
        names,
    }))
}

/// The name asked for stands for every address in the answer (aliases lead to them); without a question, as in mDNS,
/// each record's own name does.
fn read_names(message: &[u8], questions: u16, records: u16) -> Vec<(String, IpAddr)> {
    let mut names = Vec::new();
    let mut at = 12;
    let mut asked = None;
    for question in 0..questions.min(MAX_RECORDS) {
        let Some((name, after)) = read_name(message, at) else {
            return names;
        };
        if question == 0 {
            asked = name;
        }
        at = after + 4;
    }
    for _ in 0..records {
        let Some(record) = read_record(message, at) else {
            break;
        };
        at = record.after;
        if let (Some(name), Some(address)) = (asked.as_ref().or(record.name.as_ref()), record.address) {
            names.push((name.clone(), address));
        }
    }
    names
}

struct Answer {
    name: Option<String>,
    address: Option<IpAddr>,
    /// Offset of the next record.
    after: usize,
}

/// RFC 1035 3.2.1: name, type, class, time to live, length, data. Types: A (1) and AAAA (28, RFC 3596).
fn read_record(message: &[u8], at: usize) -> Option<Answer> {
    let (name, fixed) = read_name(message, at)?;
    let [high, low, class, class_low, _, _, _, _, length, length_low] = *message.get(fixed..)?.first_chunk::<10>()?;
    let length = usize::from(u16::from_be_bytes([length, length_low]));
    let data = message.get(fixed + 10..)?.get(..length)?;
    // The top bit of the class is mDNS's "flush the cache" (RFC 6762 10.2).
    let is_internet = (class & 0x7f, class_low) == (0, 1);
    let address = match (u16::from_be_bytes([high, low]), is_internet) {
        (1, true) => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        (28, true) => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    };
    Some(Answer {
        name,
        address,
        after: fixed + 10 + length,
    })
}

/// The name at `at` (`None` where it is not printable) and the offset after it.
fn read_name(message: &[u8], mut at: usize) -> Option<(Option<String>, usize)> {
    let mut name = Vec::new();
    let mut after = None;
    let mut pointers = 0;
    loop {
        let length = *message.get(at)?;
        match length {
            0 => return Some((name_of(&name).map(String::from), after.unwrap_or(at + 1))),
            1..=63 => {
                if !name.is_empty() {
                    name.push(b'.');
                }
                name.extend(message.get(at + 1..)?.get(..length.into())?);
                at += 1 + usize::from(length);
            }
            0xc0..=0xff => {
                after = after.or(Some(at + 2));
                pointers += 1;
                at = usize::from(length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
            }
            _ => return None,
        }
        if pointers > MAX_POINTERS || name.len() > 255 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::walk::Pair;

    fn ask(message: &[u8]) -> Option<Box<DnsAnswer>> {
        let net = Net {
            pair: Pair::V4([10, 0, 0, 53], [10, 0, 0, 1]),
            ttl: 64,
            ip_id: None,
        };
        read(Stamp(7), &net, 53, message)
    }

    /// www.Example.org is an alias of a.cdn, which has an IPv4 and an IPv6 address.
    fn answer() -> Vec<u8> {
        let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0];
        message.extend(b"\x03www\x07Example\x03org\0\0\x01\0\x01");
        message.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x07\x01a\x03cdn\0");
        message.extend(b"\xc0\x2d\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03");
        message.extend(b"\xc0\x2d\0\x1c\0\x01\0\0\0\x3c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
        message
    }

    #[test]
    fn addresses_get_the_name_that_was_asked_for() {
        let answer = ask(&answer()).unwrap();
        assert_eq!(answer.client, "10.0.0.1".parse::<IpAddr>().unwrap());
        assert_eq!(answer.server.to_string(), "10.0.0.53:53");
        let expected = ["10.1.2.3", "2001:db8::1"].map(|ip| ("www.example.org".to_owned(), ip.parse().unwrap()));
        assert_eq!(answer.names, expected);
    }

    #[test]
    fn without_a_question_each_record_speaks_for_itself() {
        let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        message.extend(b"\x07printer\x05local\0\0\x01\x80\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03");
        assert_eq!(ask(&message).unwrap().names[0].0, "printer.local");
    }

    #[test]
    fn queries_and_errors_name_nothing() {
        let mut message = answer();
        message[2] = 0x01;
        assert_eq!(ask(&message), None);
        message[2..4].copy_from_slice(&[0x81, 0x83]);
        assert_eq!(ask(&message), None);
    }

    #[test]
    fn pointer_loops_end() {
        let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        message.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03");
        assert_eq!(ask(&message), None);
        message[12..14].copy_from_slice(b"\x01a");
        message.extend(b"\xc0\x0c");
        assert_eq!(ask(&message), None);
    }

    #[test]
    fn cuts_and_mutations_are_survived() {
        let whole = answer();
        for end in 0..whole.len() {
            let _ = ask(&whole[..end]);
            for value in [0, 1, 63, 64, 0xc0, 0xff] {
                let mut message = whole.clone();
                message[end] = value;
                let _ = ask(&message);
            }
        }
    }
}
