//! How far a flow got.

use super::words::{Ending, Stage};
use crate::case::Case;
use crate::wire::PayloadKind;

/// The word for it.
pub fn stage_of(case: &Case<'_>) -> Stage {
    let facts = case.facts;
    let (client, server) = (facts.client(), facts.server());
    if !facts.is_established() {
        return if facts.opening.syn_ack.count > 0 {
            Stage::Handshake
        } else {
            Stage::Syn
        };
    }
    if case.ending == Ending::Fin {
        return Stage::Closed;
    }
    if client.kinds.has(PayloadKind::TlsClientHello) {
        let both_encrypt = client.kinds.has(PayloadKind::TlsData) && server.kinds.has(PayloadKind::TlsData);
        let answered = client
            .last_data
            .zip(server.last_data)
            .is_some_and(|(asked, said)| said.number() > asked.number());
        return match (both_encrypt, answered) {
            (true, true) => Stage::Response,
            (true, false) => Stage::TlsDone,
            (false, _) => Stage::TlsHello,
        };
    }
    if server.bytes > 0 {
        Stage::Response
    } else if client.bytes > 0 {
        Stage::Request
    } else {
        Stage::Established
    }
}
