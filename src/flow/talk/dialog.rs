//! What is asked and answered outside of TLS: HTTP, proxies, servers that want a login.

use super::{Ear, Said, Talk, Tunnel};
use crate::wire::PayloadKind;
use crate::wire::talk::{Protocol, Refusal, greeting, http, proxy};

impl Talk {
    pub(super) fn on_request(&mut self, said: &Said, bytes: &[u8]) {
        let Some(request) = http::request(bytes) else {
            return;
        };
        self.protocol = Some(if &*request.method == "PRI" {
            Protocol::Http2
        } else {
            Protocol::Http
        });
        if &*request.method == "CONNECT" {
            self.tunnel = Some(Box::new(Tunnel {
                protocol: Protocol::Http,
                target: Some(request.target.clone()),
                code: None,
                reason: None,
                granted: false,
                is_login: false,
                at: None,
            }));
        } else {
            self.ears[said.dir.index()].finish();
        }
        self.request = self.request.take().or(Some(request));
    }

    pub(super) fn on_http(&mut self, said: &Said, bytes: &[u8]) {
        match (said.by_client, said.kind) {
            (true, PayloadKind::HttpRequest) if self.tunnel.is_some() => self.on_request(said, bytes),
            (true, _) => {}
            (false, PayloadKind::TlsAlert) => {
                self.mismatch = Some(said.at);
                self.on_bare_alert(said, bytes);
            }
            (false, _) => self.on_answer(said, bytes),
        }
    }

    pub(super) fn on_answer(&mut self, said: &Said, bytes: &[u8]) {
        let Some(status) = http::status(bytes) else {
            return;
        };
        // Interim answers (RFC 9110 15.2); 101 is the last in HTTP.
        if status.code < 200 && status.code != 101 {
            return;
        }
        if let Some(tunnel) = self.tunnel.as_mut().filter(|tunnel| !tunnel.granted) {
            tunnel.code = Some(status.code);
            tunnel.is_login = status.code == 407;
            tunnel.at = Some(said.at);
            if status.code < 300 {
                self.on_granted();
            } else if let Some(tunnel) = &mut self.tunnel {
                tunnel.reason = status.reason;
            }
            return;
        }
        if status.code >= 500 {
            self.errors = self.errors.saturating_add(1);
            self.error = self.error.take().or_else(|| Some(Box::new((status.clone(), said.at))));
        }
        self.answer = self.answer.take().or(Some((status, said.at)));
        self.ears[said.dir.index()].finish();
    }

    /// What comes now is between the client and somebody else.
    pub(super) fn on_granted(&mut self) {
        if let Some(tunnel) = &mut self.tunnel {
            (tunnel.granted, tunnel.is_login, tunnel.reason) = (true, false, None);
        }
        self.protocol = None;
        self.ears = self.ears.each_ref().map(Ear::afresh);
    }

    pub(super) fn on_refused(&mut self, said: &Said, code: u16, reason: &str, is_login: bool) {
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.code = Some(code);
            tunnel.reason = Some(reason.into());
            tunnel.is_login = is_login;
            tunnel.at = Some(said.at);
        }
        self.ears.iter_mut().for_each(Ear::finish);
    }

    pub(super) fn on_socks5(&mut self, said: &Said, bytes: &[u8]) {
        let target = self.tunnel.as_ref().and_then(|tunnel| tunnel.target.clone());
        match (said.by_client, bytes, target) {
            (true, _, _) => {
                if let (Some(tunnel), Some(target)) = (&mut self.tunnel, proxy::socks5_target(bytes)) {
                    tunnel.target = Some(target);
                }
            }
            (false, [5, 0xff], _) => self.on_refused(said, 255, "none of the client's ways to log in", true),
            (false, [1, code], _) if *code != 0 => self.on_refused(said, (*code).into(), "user or password", true),
            (false, [5, 0, 0, ..], Some(_)) => {
                if let Some(tunnel) = &mut self.tunnel {
                    (tunnel.code, tunnel.at) = (Some(0), Some(said.at));
                }
                self.on_granted();
            }
            (false, [5, code, 0, ..], Some(_)) => {
                self.on_refused(said, (*code).into(), proxy::socks5_reply(*code), false);
            }
            (false, ..) => {}
        }
    }

    pub(super) fn on_socks4(&mut self, said: &Said, bytes: &[u8]) {
        match (said.by_client, bytes) {
            (false, [0, 90, ..]) => {
                if let Some(tunnel) = &mut self.tunnel {
                    (tunnel.code, tunnel.at) = (Some(90), Some(said.at));
                }
                self.on_granted();
            }
            (false, [0, code, ..]) => {
                self.on_refused(
                    said,
                    (*code).into(),
                    proxy::socks4_reply(*code),
                    matches!(code, 92 | 93),
                );
            }
            _ => {}
        }
    }

    pub(super) fn on_postgres(&mut self, said: &Said, bytes: &[u8]) {
        match (said.by_client, bytes) {
            // It agrees to TLS: the client begins anew.
            (false, [b'S']) => (self.protocol, self.ears) = (None, self.ears.each_ref().map(Ear::afresh)),
            (false, [b'E', ..]) => self.on_refusal(said, greeting::postgres_error(bytes)),
            // AuthenticationOk.
            (false, [b'R', 0, 0, 0, 8, 0, 0, 0, 0, ..]) => self.ears.iter_mut().for_each(Ear::finish),
            _ => {}
        }
    }

    pub(super) fn on_mysql(&mut self, said: &Said, bytes: &[u8]) {
        match (said.by_client, bytes.get(4)) {
            (false, Some(0xff)) => self.on_refusal(said, greeting::mysql_error(bytes)),
            // OK: logged in.
            (false, Some(0)) => self.ears.iter_mut().for_each(Ear::finish),
            _ => {}
        }
    }

    pub(super) fn on_redis(&mut self, said: &Said, bytes: &[u8]) {
        if !said.by_client {
            self.on_refusal(said, greeting::redis_error(bytes));
            self.ears.iter_mut().for_each(Ear::finish);
        }
    }

    pub(super) fn on_refusal(&mut self, said: &Said, refusal: Option<Refusal>) {
        if let Some(refusal) = refusal {
            self.refusal = Some(Box::new((refusal, said.at)));
            self.ears.iter_mut().for_each(Ear::finish);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::flow::table::Table;
    use crate::script::{Script, What};
    use crate::wire::talk::tls::tests::client_hello_records;

    /// Plays a script; `payloads` replace those of the packets with these numbers.
    fn talk_of(script: &str, payloads: &[(u64, &[u8])]) -> Option<Talk> {
        let script = Script::parse(script).unwrap();
        let mut table = Table::default();
        for event in &script.events {
            let What::Segment(segment) = &event.what else { continue };
            let given = payloads.iter().find(|(packet, _)| *packet == segment.packet);
            let bytes = given.map_or(&event.payload[..], |(_, bytes)| bytes);
            table.on_segment(segment, 0);
            table.on_payload(segment, bytes);
        }
        let facts = table.finish().flows().next().unwrap();
        facts.talk.map(|talk| *talk)
    }

    const OPENING: &str = "0 > S 0:0(0)\n+.03 < S. 0:0(0) ack 1\n+0 > . 1:1(0) ack 1\n";

    #[test]
    fn a_client_hello_is_put_together_from_its_segments_in_order() {
        let hello = client_hello_records("split.example", 16_000);
        let (one, two) = hello.split_at(700);
        let lines = format!(
            "{OPENING}+0 > . 1:701(700) ack 1 tls hello -\n+0 > P. 701:{0}({1}) ack 1\n+0 > P. 701:{0}({1}) ack 1",
            hello.len() + 1,
            two.len()
        );
        let talk = talk_of(&lines, &[(4, one), (5, two), (6, two)]).unwrap();
        let hello = talk.hello.unwrap();
        assert_eq!(
            (hello.name.as_deref(), hello.version, hello.cut),
            (Some("split.example"), 0x0304, false)
        );
    }

    #[test]
    fn a_client_hello_whose_rest_was_not_captured_is_cut() {
        let hello = client_hello_records("split.example", 16_000);
        let lines = format!("{OPENING}+0 > . 1:1501(1500) ack 1 tls hello -");
        let talk = talk_of(&lines, &[(4, &hello[..80])]).unwrap();
        let hello = talk.hello.unwrap();
        assert_eq!((hello.name, hello.version, hello.cut), (None, 0, true));
    }

    #[test]
    fn a_lone_encrypted_alert_in_tls_1_3_is_known_by_its_size() {
        let mut server = vec![22, 3, 3, 0, 50, 2, 0, 0, 46, 3, 3];
        server.extend([9; 32]);
        server.extend([0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        server.extend([20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 100]);
        server.extend([5; 100]);
        let mut client = vec![20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 19];
        client.extend([7; 19]);
        let hello = client_hello_records("a.example", 16_000);
        let lines = format!(
            "{OPENING}+0 > P. 1:{0}({1}) ack 1 tls hello a.example\n+0 < P. 1:{2}({3}) ack {0} tls server\n\
             +0 > P. {0}:{4}(30) ack {2} tls data",
            hello.len() + 1,
            hello.len(),
            server.len() + 1,
            server.len(),
            hello.len() + 31,
        );
        let talk = talk_of(&lines, &[(4, &hello), (5, &server), (6, &client)]).unwrap();
        assert!(talk.is_tls_1_3());
        let by_client = talk.alerts.iter().flatten().next().unwrap();
        assert_eq!((by_client.alert, by_client.at.number()), (Alert::ENCRYPTED, 6));
    }

    #[test]
    fn a_tunnel_shows_what_goes_through_it() {
        let hello = client_hello_records("inner.example", 16_000);
        let lines = format!(
            "{OPENING}+0 > P. 1:4(3) ack 1 hex 050100\n+0 < P. 1:3(2) ack 4 hex 0500\n\
             +0 > P. 4:14(10) ack 3 hex 050100010a09090901bb\n+0 < P. 3:13(10) ack 14 hex 05000001000000000000\n\
             +0 > P. 14:{}({}) ack 13 tls hello inner.example",
            hello.len() + 14,
            hello.len()
        );
        let talk = talk_of(&lines, &[(8, &hello)]).unwrap();
        let tunnel = talk.tunnel.unwrap();
        assert_eq!((tunnel.target.as_deref(), tunnel.granted), (Some("10.9.9.9:443"), true));
        assert_eq!(talk.protocol, Some(Protocol::Tls));
        assert_eq!(talk.hello.unwrap().name.as_deref(), Some("inner.example"));
    }

    #[test]
    fn what_was_said_survives_packing() {
        use crate::flow::pack::{pack, unpack_behind};
        let hello = client_hello_records("split.example", 16_000);
        let lines = format!("{OPENING}+0 > . 1:701(700) ack 1 tls hello -\n+0 < P. 1:8(7) ack 701 hex 15030300020228");
        let talk = talk_of(&lines, &[(4, &hello[..700])]).unwrap();
        assert!(talk.alerts.iter().any(Option::is_some) && talk.aside() > 600);
        let (mut blocks, at) = (Vec::new(), crate::base::Stamp(1_700_000_000_000_000_000));
        let bytes = pack(&0_u8, &talk, 1, at, &mut blocks).unwrap();
        assert_eq!(unpack_behind::<u8, Talk>(bytes), talk);
    }

    #[test]
    fn unknown_talk_keeps_nothing() {
        let lines = format!("{OPENING}+0 > P. 1:9(8) ack 1 text \"whatever\"\n+0 < P. 1:5(4) ack 9 text \"what\"");
        assert_eq!(talk_of(&lines, &[]), None);
    }

    #[test]
    fn no_client_that_is_known_by_its_first_bytes_is_passed_over() {
        let starts: [(&[u8], bool); 7] = [
            (&[5, 1, 0], true),
            (&[4, 1, 1, 187, 10, 9, 9, 9, 0], true),
            (&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], true),
            (&[0, 0, 0, 40, 0, 3, 0, 0, b'u'], true),
            (b"*1\r\n$4\r\nPING\r\n", true),
            (b"SSH-2.0-OpenSSH_9.2", true),
            (b"whatever", false),
        ];
        for (bytes, is_known) in starts {
            let mut talk = Talk::default();
            talk.classify_client(bytes);
            let found = (talk.protocol.is_some(), super::super::has_known_start(bytes));
            assert_eq!(found, (is_known, is_known), "{bytes:?}");
        }
    }

    #[test]
    fn the_words_in_a_reset_are_kept() {
        let lines = format!("{OPENING}+0 < R. 1:12(11) ack 1 text \"No flow\\x00abc\"");
        assert_eq!(talk_of(&lines, &[]).unwrap().reset_text.as_deref(), Some("No flow"));
    }
}
