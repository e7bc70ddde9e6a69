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

/// Those of the catalogue with these numbers, in this order.
#[must_use]
pub fn numbered(ids: &[&str]) -> Vec<&'static Cause> {
    let known = |id: &&str| CAUSES.iter().find(|cause| cause.id == *id);
    ids.iter().filter_map(known).collect()
}
