//! The catalogue of causes, each with what would settle it and the commands.

mod catalogue;

pub use catalogue::CAUSES;

/// A cause that fits.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its number in the catalogue, as on the pages of findings.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The observation that would settle it.
    pub settles: &'static str,
    /// Command for Linux; `{client}`, `{server}`, `{port}`, `{client_port}` and `{interface}` are filled in.
    pub linux: &'static str,
    /// The same for Windows.
    pub windows: &'static str,
}

impl Cause {
    /// What it is, and what would settle it: `the server's own firewall drops it (D2): a capture on the server …`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} ({}): {}", self.what, self.id, self.settles)
    }
}

/// The one with this number.
pub(super) fn cause(id: &str) -> Option<&'static Cause> {
    let number: usize = id.strip_prefix('D')?.parse().ok()?;
    // In order, with few numbers missing: it is at its own place, or little before.
    let until = CAUSES.get(..number).unwrap_or(CAUSES);
    until.iter().rfind(|cause| cause.id == id)
}

/// Those of the catalogue with these numbers, in this order.
#[must_use]
pub fn numbered(ids: &[&str]) -> Vec<&'static Cause> {
    ids.iter().filter_map(|id| cause(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_found_by_its_number() {
        for each in CAUSES {
            assert_eq!(cause(each.id), Some(each));
        }
        for id in ["", "D", "D0", "D13", "D99", "14", "D014"] {
            assert_eq!(cause(id), None, "{id}");
        }
    }
}
