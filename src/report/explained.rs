//! Which groups incidents explain, looked up instead of asked of each incident.

use super::group::Group;
use crate::base::{Endpoint, Set};
use crate::incident::{Failure, Incident};
use std::net::IpAddr;

/// What incidents explain: a failure at a service, of every client or of this one. There may be thousands of incidents, and
/// of groups.
pub(super) struct Explained(Set<(Endpoint, Failure, Option<IpAddr>)>);

impl Explained {
    pub fn by(incidents: &[Incident]) -> Self {
        let covers = incidents.iter().map(|incident| &incident.covers);
        let all = covers.flat_map(|cover| cover.all().map(|(service, way)| (service, way, cover.client)));
        Self(all.collect())
    }

    /// One of them explains a group of one service.
    pub fn has(&self, group: &Group) -> bool {
        let (Some(failure), [service]) = (group.failure, &group.services[..]) else {
            return false;
        };
        let only = group.clients.iter().next().filter(|_| group.clients.len() == 1);
        let has = |client| self.0.contains(&(*service, failure, client));
        has(None) || only.is_some_and(|client| has(Some(*client)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Cover, PORT_SCAN};
    use crate::report::group::Groups;
    use crate::report::sample;
    use crate::verdict::words::Status;

    #[test]
    fn an_incident_of_one_client_explains_only_what_nobody_else_met() {
        let mut rows: Vec<_> = (1..=4).map(sample::row).collect();
        (rows[2].server.port, rows[3].server.port) = (81, 81);
        rows[3].client.ip = [192, 168, 1, 21].into();
        let mut groups = Groups::default();
        for row in &rows {
            groups.add(&sample::report(row));
        }
        let what = [rows[0].server, rows[2].server].map(|server| (server, Failure::Silent));
        let left = |covers| {
            let time = (sample::NOON, sample::NOON);
            let incident = Incident::new(&PORT_SCAN, String::new(), time, String::new());
            let left = groups.ranked(Status::Failed, &[Incident { covers, ..incident }]);
            left.iter().map(|group| group.example.server.port).collect::<Vec<_>>()
        };
        assert_eq!(left(Cover::default()), [8080, 81]);
        assert_eq!(left(Cover::new(what, None)), [0; 0]);
        assert_eq!(left(Cover::new(what, Some(rows[0].client.ip))), [81]);
        assert_eq!(left(Cover::new(what, Some(rows[3].client.ip))), [8080, 81]);
        assert_eq!(
            left(Cover::new(what.map(|(server, _)| (server, Failure::Refused)), None)),
            [8080, 81]
        );
    }
}
