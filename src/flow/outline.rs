//! What the recording as a whole wants to know of each flow: few values, to be had without unpacking the rest.

use super::FlowFacts;
use super::facts::{SideFacts, Ttl};
use super::pack::pack_fields;
use crate::base::{Dir, FlowKey, Span};

/// What one flow tells about its hosts and about the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The 4-tuple.
    pub key: FlowKey,
    /// Direction in which the client sends.
    pub client: Dir,
    /// Packet that started the stream which Wireshark counts it to.
    pub stream_start: u64,
    /// Each side, by [`Dir::index`].
    pub sides: [SideOutline; 2],
    /// Only one direction was captured although the other must have existed.
    pub is_one_sided: bool,
    /// Bytes were acknowledged that the capture never saw.
    pub is_lossy: bool,
    /// The handshake was seen to complete.
    pub is_completed: bool,
    /// A proxy was asked for a tunnel: its facts tell more.
    pub has_tunnel: bool,
}

/// What one side tells about its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideOutline {
    /// It sent packets.
    pub was_heard: bool,
    /// TTLs of those that were no resets.
    pub ttl: Ttl,
    /// Smallest time in which it answered.
    pub answered_in: Option<Span>,
}

pack_fields!(Outline { key client stream_start is_one_sided is_lossy is_completed has_tunnel sides });
pack_fields!(SideOutline { was_heard ttl answered_in });

impl Outline {
    /// Of a flow that ends here.
    #[must_use]
    pub fn of(facts: &FlowFacts) -> Self {
        Self {
            key: facts.key,
            client: facts.likely_client(),
            stream_start: facts.stream_start,
            sides: [Dir::Up, Dir::Down].map(|dir| facts.outline_of(dir)),
            is_one_sided: facts.is_one_sided(),
            is_lossy: facts.sides.iter().any(|side| side.missed_bytes > 1),
            is_completed: facts.opening.completed.is_some(),
            has_tunnel: facts.talk.as_ref().is_some_and(|talk| talk.tunnel.is_some()),
        }
    }
}

impl FlowFacts {
    /// Only one direction was captured although the other must have existed.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        let [up, down] = &self.sides;
        let missing = |silent: &SideFacts| silent.packets == 0 && (silent.bytes > 0 || silent.last_acked.is_some());
        let acts_alone = (up.packets == 0 || down.packets == 0) && self.opening.inferred.is_some();
        missing(up) || missing(down) || acts_alone
    }

    fn outline_of(&self, dir: Dir) -> SideOutline {
        let (side, peer) = (&self.sides[dir.index()], &self.sides[dir.flip().index()]);
        SideOutline {
            was_heard: side.packets > 0,
            ttl: side.ttl,
            answered_in: self.answer_time(dir, peer),
        }
    }

    /// In what time did the sender in `dir` answer?
    fn answer_time(&self, dir: Dir, peer: &SideFacts) -> Option<Span> {
        let is_server = dir != self.likely_client();
        let handshake = self
            .opening
            .server_rtt
            .filter(|_| is_server && self.opening.syn.count == 1);
        match (handshake, peer.min_rtt) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stamp;
    use crate::flow::pack;

    /// It is read from the first blocks of a flow: the longest that there can be must lie in them.
    #[test]
    fn the_longest_comes_back_from_the_head_of_what_was_packed() {
        let side = SideOutline {
            was_heard: true,
            ttl: Ttl {
                first: 255,
                min: 0,
                max: 255,
            },
            answered_in: Some(Span(i64::MAX)),
        };
        let outline = Outline {
            key: FlowKey::v6([255; 16], [254; 16], u16::MAX, u16::MAX).0,
            client: Dir::Down,
            stream_start: u64::MAX,
            sides: [side; 2],
            is_one_sided: true,
            is_lossy: true,
            is_completed: true,
            has_tunnel: true,
        };
        let mut blocks = Vec::new();
        let behind = vec![u64::MAX; 300];
        let bytes = pack::pack(&outline, &behind, u64::MAX, Stamp(i64::MAX), &mut blocks).unwrap();
        assert_eq!(pack::unpack::<Outline>(bytes), outline);
        assert_eq!(pack::unpack_behind::<Outline, Vec<u64>>(bytes), behind);
    }
}
