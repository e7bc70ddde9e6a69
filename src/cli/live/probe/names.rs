//! What the wire shows of the probe's look-ups: who was asked for its names, and what came back.

use super::target::Target;
use crate::base::{Span, Stamp};
use crate::report::probe::millis;
use crate::wire::DnsMessage;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Messages kept: a probe of ten thousand attempts has a few of them each.
const MOST: usize = 50_000;
/// Copies of one packet follow it so soon; nobody asks again before that.
const COPY: Span = Span::from_millis(5);

/// Questions and answers about the names of the targets.
#[derive(Debug, Default)]
pub(super) struct Overheard {
    names: Vec<String>,
    messages: Vec<DnsMessage>,
}

impl Overheard {
    pub(super) fn new(targets: &[Target]) -> Self {
        let names = targets.iter().filter(|target| target.address().is_none());
        Self {
            names: names
                .map(|target| target.host.trim_end_matches('.').to_lowercase())
                .collect(),
            messages: Vec::new(),
        }
    }

    /// Takes one in.
    pub(super) fn on(&mut self, message: DnsMessage) {
        // Where all interfaces are captured on, a packet may pass twice.
        let is_copy = |known: &DnsMessage| {
            let same = (known.id, known.client, known.server, known.is_answer)
                == (message.id, message.client, message.server, message.is_answer);
            same && message.stamp - known.stamp < COPY && known.question == message.question
        };
        let is_new = || !self.messages.iter().rev().take(20).any(is_copy);
        if self.messages.len() < MOST && self.is_ours(&message) && is_new() {
            self.messages.push(message);
        }
    }

    fn is_ours(&self, message: &DnsMessage) -> bool {
        let question = message.question.as_ref();
        question.is_some_and(|(asked, _)| self.names.iter().any(|name| is_for(asked, name)))
    }

    /// In one sentence, what was seen of a look-up of `host` between `from` and `until`; `on`: the interfaces watched.
    pub(super) fn said(&self, host: &str, (from, until): (Stamp, Stamp), worked: bool, on: &str) -> Option<String> {
        let host = host.trim_end_matches('.').to_lowercase();
        let mine = self.messages.iter().filter(|message| {
            let is_mine = message.question.as_ref().is_some_and(|(asked, _)| is_for(asked, &host));
            is_mine && (from..=until).contains(&message.stamp)
        });
        let mut servers: BTreeMap<IpAddr, Server> = BTreeMap::new();
        for message in mine {
            servers.entry(message.server.ip).or_default().add(message);
        }
        if servers.is_empty() {
            let nothing =
                format!("no DNS question for {host} was seen on {on}: a cache, a hosts file or a local resolver");
            // Where it worked, nobody asked.
            return (!worked).then(|| format!("{nothing} answered, or none was sent"));
        }
        let said: Vec<_> = servers.iter().map(|(ip, server)| server.said(*ip, &host)).collect();
        Some(said.join("; "))
    }
}

/// A question for the name itself, or with a search domain behind it.
fn is_for(asked: &str, name: &str) -> bool {
    let rest = asked.trim_end_matches('.').strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// One server's part.
#[derive(Debug, Default)]
struct Server {
    asked: u32,
    first: Option<Stamp>,
    /// Answers by code, and when the first one came.
    answers: BTreeMap<u8, (u32, Stamp)>,
}

impl Server {
    fn add(&mut self, message: &DnsMessage) {
        if message.is_answer {
            self.answers.entry(message.code).or_insert((0, message.stamp)).0 += 1;
        } else {
            self.asked += 1;
            self.first.get_or_insert(message.stamp);
        }
    }

    fn said(&self, ip: IpAddr, host: &str) -> String {
        if self.answers.is_empty() {
            let times = if self.asked == 1 {
                "once".to_owned()
            } else {
                format!("{} times", self.asked)
            };
            return format!("{ip} was asked {times} for {host} and did not answer");
        }
        let answers = self.answers.iter().map(|(code, (_, at))| {
            let took = self.first.map_or(Span::ZERO, |first| *at - first);
            format!("{} after {}", meaning(*code), millis(took))
        });
        format!("{ip} answered {}", answers.collect::<Vec<_>>().join(", "))
    }
}

/// RFC 1035 4.1.1 and RFC 2136 2.2.
fn meaning(code: u8) -> String {
    match code {
        0 => "without error".to_owned(),
        1 => "FORMERR (it did not understand the question)".to_owned(),
        2 => "SERVFAIL (it could not find out)".to_owned(),
        3 => "NXDOMAIN (there is no such name)".to_owned(),
        4 => "NOTIMP (it does not do that)".to_owned(),
        5 => "REFUSED (it will not answer us)".to_owned(),
        code => format!("with code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Endpoint;

    fn at(millis: i64) -> Stamp {
        Stamp(1_700_000_000_000_000_000) + Span::from_millis(millis)
    }

    fn message(name: &str, millis: i64, answer: Option<u8>) -> DnsMessage {
        let end = |ip: &str, port| Endpoint {
            ip: ip.parse().unwrap(),
            port,
        };
        DnsMessage {
            packet: 1,
            stamp: at(millis),
            interface: 0,
            client: end("10.0.0.2", 5000),
            server: end("10.0.0.53", 53),
            id: 7,
            is_answer: answer.is_some(),
            is_truncated: false,
            code: answer.unwrap_or(0),
            question: Some((name.into(), 1)),
            answers: 0,
            names: Vec::new(),
        }
    }

    fn said(messages: Vec<DnsMessage>, worked: bool) -> Option<String> {
        let overheard = Overheard {
            names: vec!["db.example".to_owned()],
            messages,
        };
        overheard.said("DB.example", (at(0), at(10_000)), worked, "eth0")
    }

    #[test]
    fn silence_an_error_and_an_answer_are_told_apart() {
        let silent = vec![message("db.example", 1, None), message("db.example", 5001, None)];
        assert_eq!(
            said(silent, false).unwrap(),
            "10.0.0.53 was asked 2 times for db.example and did not answer"
        );
        let missing = vec![
            message("db.example.corp", 1, None),
            message("db.example.corp", 3, Some(3)),
        ];
        assert_eq!(
            said(missing, false).unwrap(),
            "10.0.0.53 answered NXDOMAIN (there is no such name) after 2.0 ms"
        );
        let fine = vec![message("db.example", 1, None), message("db.example", 3, Some(0))];
        assert_eq!(
            said(fine, true).unwrap(),
            "10.0.0.53 answered without error after 2.0 ms"
        );
    }

    #[test]
    fn copies_are_counted_once() {
        let mut overheard = Overheard::new(&[Target::read("db.example:5432").unwrap()]);
        for millis in [0, 1, 1000] {
            overheard.on(message("db.example", millis, None));
        }
        overheard.on(message("other.example", 2000, None));
        assert_eq!(overheard.messages.len(), 2);
    }

    #[test]
    fn what_belongs_to_others_or_to_another_time_is_left_out() {
        let others = vec![
            message("db.example", -5, None),
            message("mydb.example", 1, None),
            message("db.examples", 1, None),
        ];
        assert_eq!(said(others.clone(), true), None);
        assert!(
            said(others, false)
                .unwrap()
                .starts_with("no DNS question for db.example was seen on eth0")
        );
    }
}
