//! What the application's side and the wire's show only together.

use crate::report::FlowRow;
use crate::report::probe::{Attempt, StepKind};
use crate::verdict::words::{AppError, Handshake};

/// What it means that `on` showed no packet of an attempt; `link`: what is known of neighbours that did not answer.
pub(super) fn silence(attempt: &Attempt, on: &str, link: Option<&str>) -> String {
    let nothing = format!("no packet of it was seen on {on}");
    let all = if on == "any" { "" } else { " (-i any shows all)" };
    if attempt.worked() {
        return format!(
            "{nothing}, and yet it worked: its packets go another way, or with another address in them (-i any --filter tcp shows all)"
        );
    }
    if let Some(link) = link {
        return format!("{nothing}: {link}");
    }
    let why = match attempt.trouble().and_then(|step| step.error) {
        Some(AppError::NetworkUnreachable) => {
            return format!("{nothing}: this machine itself knows no way there (its routes or its own firewall)");
        }
        Some(AppError::HostUnreachable) => {
            return format!(
                "{nothing}: this machine itself could not send it (a host or router on its link that does not answer, or its own firewall)"
            );
        }
        Some(AppError::ConnectionRefused | AppError::PermissionDenied) => {
            "this machine itself refused it (its own firewall)"
        }
        Some(AppError::TimedOut) => "this machine's own firewall drops it before it leaves",
        _ => "it failed on this machine",
    };
    format!("{nothing}: {why}, or its packets go another way{all}")
}

/// What follows from both sides, and from neither alone.
pub(super) fn both(attempt: &Attempt, row: &FlowRow) -> Option<String> {
    let step = attempt.trouble().filter(|step| step.kind == StepKind::Connect)?;
    let is_open = matches!(row.handshake, Handshake::Completed | Handshake::Retransmitted);
    match step.error? {
        AppError::TimedOut if row.syn_acks > 0 && !is_open => Some(format!(
            "{} answered and the answer reached this machine, but not the application: this machine's own firewall or its reverse path filter drops it.",
            row.server
        )),
        AppError::ConnectionRefused
            if row.server_side.packets == 0 && !matches!(row.handshake, Handshake::Rst | Handshake::IcmpRejected) =>
        {
            Some("Nothing on the wire refused it: this machine itself did (its own firewall).".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Span, Stamp};
    use crate::report::probe::Step;
    use crate::report::sample;

    fn attempt(trouble: Option<AppError>) -> Attempt {
        Attempt {
            number: 1,
            of: 1,
            target: "db.example:5432".to_owned(),
            server: None,
            client_port: Some(40_000),
            began: Stamp(0),
            ended: Stamp(0),
            steps: vec![Step {
                kind: StepKind::Connect,
                worked: trouble.is_none(),
                took: Span::from_millis(3),
                said: String::new(),
                error: trouble,
            }],
        }
    }

    #[test]
    fn silence_means_what_the_application_saw() {
        let said = |trouble, on| silence(&attempt(trouble), on, None);
        assert!(said(None, "eth0").contains("another way"));
        let dropped = said(Some(AppError::TimedOut), "eth0");
        assert!(
            dropped.contains("own firewall drops it") && dropped.contains("-i any"),
            "{dropped}"
        );
        assert!(!said(Some(AppError::TimedOut), "any").contains("-i any"));
        assert!(said(Some(AppError::ConnectionRefused), "eth0").contains("refused it"));
        assert!(said(Some(AppError::HostUnreachable), "eth0").contains("does not answer"));
        let link = silence(
            &attempt(Some(AppError::HostUnreachable)),
            "eth0",
            Some("10.0.0.5 did not answer"),
        );
        assert_eq!(link, "no packet of it was seen on eth0: 10.0.0.5 did not answer");
        assert!(said(Some(AppError::NetworkUnreachable), "eth0").contains("knows no way there"));
    }

    #[test]
    fn an_answer_that_only_the_wire_saw_was_dropped_on_this_machine() {
        let mut row = sample::row(1);
        assert_eq!(both(&attempt(Some(AppError::TimedOut)), &row), None, "no answer came");
        (row.syn_acks, row.handshake) = (3, Handshake::Undetermined);
        let said = both(&attempt(Some(AppError::TimedOut)), &row).unwrap();
        assert!(said.starts_with("10.0.0.5:8080 answered"), "{said}");
        assert_eq!(both(&attempt(None), &row), None);
    }
}
