//! What the two ends said to each other, as the object `app` of a flow in JSON.

use crate::base::Dir;
use crate::flow::Sighting;
use crate::flow::talk::Talk;
use crate::wire::talk::tls::{name_of_alert, version_name};
use serde_json::{Map, Value, json};

/// A talk, and which direction is the client's.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// What was said.
    pub talk: &'a Talk,
    /// The client's direction.
    pub client: Dir,
}

/// Only what is known has a key.
#[must_use]
pub fn object(app: &App<'_>) -> Value {
    let talk = app.talk;
    let mut object = Map::new();
    if let Some(protocol) = talk.protocol {
        object.insert("protocol".into(), protocol.word().into());
    }
    let tls = tls(app);
    if !tls.is_empty() {
        object.insert("tls".into(), tls.into());
    }
    if talk.request.is_some() || talk.answer.is_some() || talk.error.is_some() {
        object.insert("http".into(), http(talk));
    }
    if let Some(tunnel) = &talk.tunnel {
        let proxy = json!({
            "protocol": tunnel.protocol.word(),
            "target": tunnel.target,
            "granted": tunnel.granted,
            "code": tunnel.code,
            "reason": tunnel.reason,
            "packet": tunnel.at.map(|at| at.number()),
        });
        object.insert("proxy".into(), proxy);
    }
    if let Some((refusal, at)) = talk.refusal.as_deref() {
        let refusal =
            json!({"code": refusal.code, "text": refusal.text, "login": refusal.is_login, "packet": at.number()});
        object.insert("refusal".into(), refusal);
    }
    if let Some(at) = talk.mismatch {
        object.insert("tls_mismatch_packet".into(), at.number().into());
    }
    if let Some(text) = &talk.reset_text {
        object.insert("reset_text".into(), (&**text).into());
    }
    object.into()
}

fn tls(app: &App<'_>) -> Map<String, Value> {
    let talk = app.talk;
    let mut tls = Map::new();
    let version = |version: u16| (version != 0).then(|| version_name(version));
    if let Some(hello) = &talk.hello {
        let alpn: Vec<&str> = hello
            .alpn
            .as_deref()
            .map_or_else(Vec::new, |names| names.split(',').collect());
        tls.insert("sni".into(), hello.name.as_deref().into());
        tls.insert("offered_version".into(), version(hello.version).into());
        tls.insert("offered_alpn".into(), alpn.into());
        tls.insert("ech".into(), hello.ech.into());
        tls.insert("hello_cut".into(), hello.cut.into());
    }
    if let Some(hello) = &talk.server_hello {
        tls.insert("version".into(), version(hello.version).into());
        tls.insert("alpn".into(), hello.alpn.as_deref().into());
        tls.insert("hello_retry".into(), hello.retry.into());
    }
    let alerts: Vec<Value> = [("client", app.client), ("server", app.client.flip())]
        .into_iter()
        .filter_map(|(side, dir)| Some((side, talk.alerts[dir.index()]?)))
        .map(|(side, said)| {
            json!({
                "by": side,
                "level": match said.alert.level { 1 => Some("warning"), 2 => Some("fatal"), _ => None },
                "code": said.alert.description,
                "description": said.alert.description.map(name_of_alert),
                "packet": said.at.number(),
            })
        })
        .collect();
    if !alerts.is_empty() {
        tls.insert("alerts".into(), alerts.into());
    }
    tls
}

fn http(talk: &Talk) -> Value {
    let status = |answer: Option<&(crate::wire::talk::Status, Sighting)>| {
        answer.map(|(status, at)| json!({"status": status.code, "reason": status.reason, "packet": at.number()}))
    };
    json!({
        "method": talk.request.as_ref().map(|request| &*request.method),
        "target": talk.request.as_ref().map(|request| &*request.target),
        "answer": status(talk.answer.as_ref()),
        "first_error": status(talk.error.as_deref()),
        "errors": talk.errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stamp;
    use crate::flow::talk::SaidAlert;
    use crate::wire::talk::{Alert, ClientHello, Protocol};

    #[test]
    fn only_what_is_known_has_a_key() {
        let mut talk = Talk {
            protocol: Some(Protocol::Tls),
            hello: Some(ClientHello {
                name: Some("a.example".into()),
                alpn: Some("h2,http/1.1".into()),
                version: 0x0304,
                ech: false,
                cut: false,
            }),
            ..Talk::default()
        };
        let alert = Alert {
            level: 2,
            description: Some(48),
        };
        let at = Sighting::new(7, Stamp(1));
        talk.alerts[Dir::Down.index()] = Some(SaidAlert { alert, at });
        let app = App {
            talk: &talk,
            client: Dir::Down,
        };
        assert_eq!(
            object(&app).to_string(),
            "{\"protocol\":\"tls\",\"tls\":{\"sni\":\"a.example\",\"offered_version\":\"TLS 1.3\",\
             \"offered_alpn\":[\"h2\",\"http/1.1\"],\"ech\":false,\"hello_cut\":false,\
             \"alerts\":[{\"by\":\"client\",\"level\":\"fatal\",\"code\":48,\"description\":\"unknown_ca\",\"packet\":7}]}}"
        );
    }
}
