//! Connections through a proxy.

use crate::common::situation::{Told, play};
use whodropped::base::{Endpoint, FlowKey, Span};
use whodropped::script::{Script, What};

/// One proxied connection: asked for `target`, answered `answer`.
fn proxied(target: &str, answer: &str) -> String {
    let ask = format!("CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n");
    let say = format!("HTTP/1.1 {answer}\\r\\n\\r\\n");
    let length = |text: &str| text.replace("\\r\\n", "__").len();
    let (asked, said) = (1 + length(&ask), 1 + length(&say));
    format!(
        "@ server 10.0.0.2:3128\n0 > S 0:0(0) <mss 1460>\n+.03 < S. 0:0(0) ack 1 <mss 1460>\n+.0001 > . 1:1(0) ack 1\n\
         +.001 > P. 1:{asked}({}) ack 1 text \"{ask}\"\n+.031 < P. 1:{said}({}) ack {asked} text \"{say}\"\n\
         +0 < F. {said}:{said}(0) ack {asked}\n+.0001 > F. {asked}:{asked}(0) ack {}\n+.03 < . {}:{}(0) ack {}\n",
        asked - 1,
        said - 1,
        said + 1,
        said + 1,
        said + 1,
        asked + 1,
    )
}

/// The first of two connections to a proxy, the second of which begins so many seconds later.
fn first_of_two(first: &str, second: &str, seconds: i64) -> Told {
    let mut script = Script::parse(first).unwrap_or_else(|error| panic!("{error}\n{first}"));
    let mut later = Script::parse(second).unwrap_or_else(|error| panic!("{error}\n{second}"));
    for event in &mut later.events {
        event.stamp = event.stamp + Span::from_secs(seconds);
        if let What::Segment(segment) = &mut event.what {
            let ends = [segment.dir, segment.dir.flip()].map(|dir| segment.key.sender(dir));
            let moved = ends.map(|end| Endpoint {
                port: if end.port == 3128 { 3128 } else { end.port + 1 },
                ..end
            });
            (segment.key, segment.dir) = FlowKey::between(moved[0], moved[1]).expect("the same family");
            segment.stamp = segment.stamp + Span::from_secs(seconds);
            segment.packet += 100;
        }
    }
    script.events.extend(later.events);
    play(&script).into_iter().next().expect("two flows")
}

#[test]
fn a_login_that_a_proxy_asks_for_and_gets_soon_is_no_failure() {
    let wanted = proxied("db:5432", "407 Proxy Authentication Required");
    let granted = proxied("db:5432", "200 Connection established");
    let told = first_of_two(&wanted, &granted, 1);
    assert_eq!(told.column("status"), "ok", "{}", told.words());
    assert_eq!(told.ids(), ["proxy-refused"]);
    assert!(
        told.findings[0].summary.contains("ordinary login"),
        "{}",
        told.findings[0].summary
    );
}

#[test]
fn a_login_that_comes_to_nothing_is_a_failure() {
    let wanted = proxied("db:5432", "407 Proxy Authentication Required");
    let forbidden = proxied("db:5432", "403 Forbidden");
    let granted = proxied("db:5432", "200 Connection established");
    let elsewhere = proxied("db:5433", "200 Connection established");
    // Refused again; another target; too late; and what its rules do not allow is no matter of a login.
    for (first, second, seconds) in [
        (&wanted, &wanted, 1),
        (&wanted, &elsewhere, 1),
        (&wanted, &granted, 90),
        (&forbidden, &granted, 1),
    ] {
        let told = first_of_two(first, second, seconds);
        assert_eq!(told.column("status"), "failed", "{}", told.words());
    }
}
