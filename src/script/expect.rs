//! What a script expects: marks after `;`, findings and words after `=>`.

use super::options::number;
use super::{Expectation, KEYS, MARKS, Mark, Read, Seen};

/// What stands after the `;` of a packet line.
pub(super) fn comment_marks(comment: &str) -> Read<(Vec<Mark>, Seen)> {
    let mut seen = Seen {
        client: true,
        server: true,
    };
    let mut marks = Vec::new();
    for item in comment.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match item {
            "!client" => seen.client = false,
            "!server" => seen.server = false,
            _ => marks.push(mark(item)?),
        }
    }
    Ok((marks, seen))
}

fn mark(item: &str) -> Read<Mark> {
    let (word, count) = item.split_once(' ').unwrap_or((item, ""));
    let id = MARKS
        .iter()
        .find(|id| **id == word)
        .ok_or_else(|| format!("unknown mark `{word}`"))?;
    let number = if count.is_empty() {
        None
    } else {
        Some(number(count.trim())?)
    };
    Ok(Mark { id, number })
}

/// What stands after `=>`.
pub(super) fn expectation(line: usize, rest: &str) -> Read<Expectation> {
    let mut expected = Expectation {
        line,
        ..Expectation::default()
    };
    for word in rest.split([' ', '\t', ';']).filter(|word| !word.is_empty()) {
        if let Some((key, value)) = word.split_once('=') {
            if !KEYS.contains(&key) || value.is_empty() {
                return Err(format!("unknown expectation `{word}`"));
            }
            expected.words.push((key.to_string(), value.to_string()));
            continue;
        }
        let (list, id) = match word.strip_prefix('-') {
            Some(id) => (&mut expected.absent, id),
            None => (&mut expected.present, word),
        };
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            return Err(format!("`{id}` is not a finding's id"));
        }
        list.push(id.to_string());
    }
    Ok(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn marks_and_places_follow_the_semicolon() {
        let script = Script::parse(
            "0 > S 0:0(0)\n+1 > S 0:0(0) ; retransmission, !server\n+1 > . 1:1(0) ack 1 ; duplicate-ack 2",
        )
        .unwrap();
        assert_eq!(
            script.events[1].marks,
            [Mark {
                id: "retransmission",
                number: None
            }]
        );
        assert_eq!(
            script.events[1].seen,
            Seen {
                client: true,
                server: false
            }
        );
        assert_eq!(
            script.events[2].marks,
            [Mark {
                id: "duplicate-ack",
                number: Some(2)
            }]
        );
    }
}
