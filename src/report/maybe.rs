//! What an entry may come from: said once, and only named where it would be the same again.

use super::entry::Entry;
use super::group::Group;
use crate::verdict::words::Status;

/// Candidates of what failed.
pub(super) const CANDIDATES: usize = 3;
/// Candidates of what is degraded.
const FEW: usize = 2;

/// Candidates that the report has named already.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<Vec<&'static str>>);

impl Said {
    /// These were said before. If not, they are now.
    pub(super) fn knows(&mut self, ids: Vec<&'static str>) -> bool {
        let known = self.0.contains(&ids);
        if !known {
            self.0.push(ids);
        }
        known
    }
}

/// What it may come from, the likeliest with what would settle it, unless an entry before said the same. Says whether it is
/// new.
pub(super) fn maybe(group: &Group, said: &mut Said, out: &mut Entry<'_>) -> bool {
    let most = if group.status == Status::Degraded {
        FEW
    } else {
        CANDIDATES
    };
    let mut causes = group.example.candidates();
    causes.truncate(most);
    // One alone is what the title says.
    if causes.len() < 2 {
        return false;
    }
    let ids: Vec<&str> = causes.iter().map(|cause| cause.id).collect();
    if said.knows(ids.clone()) {
        if let [most @ .., last] = &ids[..] {
            out.labelled("maybe", &format!("{} or {last}, as above", most.join(", ")));
        }
        return false;
    }
    for (index, cause) in causes.iter().enumerate() {
        if index == 0 {
            out.labelled("maybe", &cause.text());
        } else {
            out.labelled("or", &format!("{} ({})", cause.what, cause.id));
        }
    }
    true
}
