//! DNS and mDNS messages: who asks for which name, what is answered, which addresses get which names. Total on hostile bytes.

use super::Segment;
use super::hello::name_of;
use super::walk::{Net, Origin, Pair};
use crate::base::{Endpoint, Stamp};
use std::net::IpAddr;

/// Records read of one message: 512 bytes hold fewer than 32 addresses, and larger answers are rare.
const MAX_RECORDS: u16 = 128;

/// Compression pointers followed in one name (RFC 1035 4.1.4). A name has at most 127 labels, one pointer each.
const MAX_POINTERS: usize = 127;

/// A DNS question or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsMessage {
    /// Its packet.
    pub packet: u64,
    /// When it was captured.
    pub stamp: Stamp,
    /// Interface index.
    pub interface: u16,
    /// Who asks.
    pub client: Endpoint,
    /// Who is asked.
    pub server: Endpoint,
    /// What ties an answer to its question, with both ends.
    pub id: u16,
    /// An answer.
    pub is_answer: bool,
    /// The answer did not fit: the question must be asked again by TCP (RFC 7766).
    pub is_truncated: bool,
    /// Response code: 0 no error, 2 failure, 3 no such name, 5 refused (RFC 1035 4.1.1).
    pub code: u8,
    /// Name and type of the question.
    pub question: Option<(Box<str>, u16)>,
    /// Records in the answer.
    pub answers: u16,
    /// The name asked for, and an address in the answer.
    pub names: Vec<(String, IpAddr)>,
}

impl DnsMessage {
    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> IpAddr {
        if self.is_answer { self.server.ip } else { self.client.ip }
    }
}

/// The DNS message in a stretch of a TCP stream (RFC 7766 8), if one begins there.
#[must_use]
pub fn dns_in_tcp(segment: &Segment, payload: &[u8]) -> Option<Box<DnsMessage>> {
    let (sender, receiver) = (segment.key.sender(segment.dir), segment.key.sender(segment.dir.flip()));
    let net = Net {
        pair: Pair::between(sender.ip, receiver.ip)?,
        ttl: segment.ttl,
        ip_id: None,
    };
    let origin = Origin {
        packet: segment.packet,
        stamp: segment.stamp,
        interface: segment.interface,
    };
    read(origin, &net, (sender.port, receiver.port), payload.get(2..)?)
}

/// A question or answer (RFC 1035 4.1) between `net`'s two hosts. `None` for what is neither, and for multicast questions.
/// What a cut message still shows is taken.
pub(super) fn read(origin: Origin, net: &Net, ports: (u16, u16), message: &[u8]) -> Option<Box<DnsMessage>> {
    let head = message.first_chunk::<12>()?;
    let is_answer = head[2] & 0x80 != 0;
    // Standard queries only (RFC 1035 4.1.1).
    if head[2] & 0x78 != 0 || is_answer && !matches!(ports.0, 53 | 5353) || !is_answer && ports.1 != 53 {
        return None;
    }
    let code = head[3] & 0x0f;
    let questions = u16::from_be_bytes([head[4], head[5]]);
    let records = [[head[6], head[7]], [head[8], head[9]], [head[10], head[11]]]
        .map(u16::from_be_bytes)
        .into_iter()
        .fold(0, u16::saturating_add)
        .min(MAX_RECORDS);
    let question = read_question(message).filter(|_| questions > 0);
    let answers = u16::from_be_bytes([head[6], head[7]]);
    let names = if is_answer && code == 0 {
        read_names(message, questions, records)
    } else {
        Vec::new()
    };
    if question.is_none() && names.is_empty() {
        return None;
    }
    let (asker, asked) = if is_answer {
        (net.pair.target(), net.pair.source())
    } else {
        (net.pair.source(), net.pair.target())
    };
    let (client_port, port) = if is_answer { (ports.1, ports.0) } else { ports };
    Some(Box::new(DnsMessage {
        packet: origin.packet,
        stamp: origin.stamp,
        interface: origin.interface,
        client: Endpoint {
            ip: asker,
            port: client_port,
        },
        server: Endpoint { ip: asked, port },
        id: u16::from_be_bytes([head[0], head[1]]),
        is_answer,
        is_truncated: head[2] & 0x02 != 0,
        code,
        question,
        answers,
        names,
    }))
}

/// Name and type of the first question.
fn read_question(message: &[u8]) -> Option<(Box<str>, u16)> {
    let (name, after) = read_name(message, 12)?;
    let kind = message.get(after..)?.first_chunk::<2>()?;
    // The root is asked for too, by resolvers.
    let name = name.unwrap_or_else(|| ".".into()).into();
    Some((name, u16::from_be_bytes(*kind)))
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

    fn ask(message: &[u8]) -> Option<Box<DnsMessage>> {
        let is_answer = message.get(2).is_some_and(|flags| flags & 0x80 != 0);
        let (server, client) = ([10, 0, 0, 53], [10, 0, 0, 1]);
        let net = Net {
            pair: if is_answer {
                Pair::V4(server, client)
            } else {
                Pair::V4(client, server)
            },
            ttl: 64,
            ip_id: None,
        };
        let origin = Origin {
            packet: 1,
            stamp: Stamp(7),
            interface: 0,
        };
        read(
            origin,
            &net,
            if is_answer { (53, 40_000) } else { (40_000, 53) },
            message,
        )
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
        assert_eq!(answer.client.to_string(), "10.0.0.1:40000");
        assert_eq!((answer.is_answer, answer.code, answer.answers), (true, 0, 3));
        assert_eq!(answer.question, Some(("www.example.org".into(), 1)));
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
    fn questions_and_errors_name_no_address() {
        let mut message = answer();
        message[2] = 0x01;
        let question = ask(&message).unwrap();
        assert_eq!((question.is_answer, question.names.len()), (false, 0));
        assert_eq!(question.client.to_string(), "10.0.0.1:40000");
        message[2..4].copy_from_slice(&[0x83, 0x83]);
        let error = ask(&message).unwrap();
        assert_eq!((error.code, error.is_truncated, error.names.len()), (3, true, 0));
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
