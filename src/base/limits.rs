//! Every cap in one place, with the memory it costs. Reaching one is counted and reported, never a silent loss.

/// Records in one batch: with 48 bytes of index each, 0.4 MB.
pub const BATCH_RECORDS: usize = 8192;

/// Bytes read from a source at once; a batch's data is this plus at most one record.
pub const READ_BLOCK: usize = 256 << 10;

/// Largest captured length taken as true: libpcap's `MAXIMUM_SNAPLEN` for ordinary links is 262,144 bytes,
/// Wireshark's `WTAP_MAX_PACKET_SIZE_STANDARD` the same. USB and D-Bus links allow more, but carry no TCP.
pub const MAX_RECORD: usize = 256 << 10;

/// Largest pcapng block kept in memory; a longer one is skipped, its bytes streamed over.
pub const MAX_BLOCK: usize = 16 << 20;

/// Decompressed bytes of the next captures of a recording that wait while one is read: 128 MB in all, and only where there
/// are several compressed ones, more than one thread, and no limit on memory.
pub const READ_AHEAD: usize = 128 << 20;

/// Captures that are opened before their turn; beside the bytes above each takes its decompressor's window.
pub const READ_AHEAD_CAPTURES: usize = 3;

/// Bytes of a pipe, or of a live capture, that are kept in a temporary file where they have to be read twice.
pub const SPOOLED: u64 = 1 << 30;

/// Dictionary or window that a compressed stream may demand: zstd's and xz's largest presets need 64 to 128 MiB.
pub const MAX_DICTIONARY: usize = 128 << 20;

/// Interfaces of one pcapng section that are told apart; further ones are read as the last of these.
pub const MAX_INTERFACES: usize = 4096;

/// Names kept from pcapng name resolution blocks and DNS answers: about 100 bytes each, 6.5 MB.
pub const MAX_NAMES: usize = 65_536;

/// Encapsulations looked through (VLAN tags and MPLS labels not counted) before a packet is called too deep.
pub const MAX_TUNNELS: usize = 8;

/// Datagrams in reassembly at once: at most 64 KiB each, 16 MB.
pub const MAX_REASSEMBLIES: usize = 256;

/// Missing ranges remembered per direction of a flow: 8 bytes each, 512 bytes, and only where something is missing.
pub const MAX_HOLES: usize = 64;

/// Flows of one recording, over all shards: about 100 bytes each for a lone SYN, about 650 for a packed flow, its place in the
/// table included. At most 10 GB, of which all but [`PACKED_ROOM`] may go to temporary files, and far less for any
/// recording with fewer flows.
pub const MAX_FLOWS: usize = 1 << 24;

/// Shards that flows are dealt to; more than any machine has threads, so that a shard's part of a batch works in cache.
pub const SHARDS: usize = 16;

/// Flows kept at once in one shard: some slack, because shards do not fill evenly.
pub const MAX_FLOWS_PER_SHARD: usize = MAX_FLOWS / SHARDS * 5 / 4;

/// Flows told apart on one 4-tuple in different VLANs or tunnels.
pub const MAX_OVERLAPS: usize = 64;

/// Packets with marks that are kept until the end: 40 bytes each, 670 MB.
pub const MAX_MARKED: usize = 1 << 24;

/// Hosts remembered as having been heard without TCP: about 40 bytes each.
pub const MAX_HOSTS: usize = 65_536;

/// Bytes of a flow that has only sent one SYN. With its slot, its place in the table (16 bytes, and half to twice as much
/// room) and in the report 95 to 120.
pub const LONE_SYN: usize = 48;

/// Bytes of an open flow, at most: what it has in boxes comes on top, and few have any.
pub const OPEN_FLOW: usize = 1408;
/// Bytes put together of one side's first TLS handshake message: a ClientHello has 200 to 2,000.
pub const MAX_JOINED: usize = 16 << 10;

/// Bytes put aside at once for messages that are not complete, in one shard: 16 shards × 2 MiB.
pub const MAX_ASIDE_PER_SHARD: usize = 2 << 20;

/// DNS names in question, and neighbours asked for on the link: about 250 bytes each, 16 MB.
pub const MAX_LOOKUPS: usize = 65_536;

/// Services whose attempts are counted for incidents: about 250 bytes each, 16 MB.
pub const MAX_SERVICES: usize = 65_536;

/// Kinds of failure at services that are told apart for incidents: about 500 bytes each, 5 MB.
pub const MAX_FAILURES: usize = 10_000;

/// Sources of failed connections that are told apart, over all incidents: about 40 bytes each, 10 MB.
pub const MAX_SOURCES: usize = 1 << 18;

/// Connections of a live capture that are compared at its end: about 400 bytes each, 26 MB.
pub const MAX_ENDED: usize = 1 << 16;

/// Clients with failed connections whose targets are counted: about 1 kB each, 17 MB.
pub const MAX_CALLERS: usize = 1 << 14;

/// Pairs of hosts whose connections lost data, and connections that are cut off above a rate: 26 MB with the examples.
pub const MAX_LOSSY: usize = 2048;

/// Connections between two such hosts that are remembered one by one: about 200 bytes each.
pub const MAX_LOSSY_OF_PAIR: usize = 64;

/// Broken connections whose moments are compared: about 200 bytes each, 13 MB.
pub const MAX_ENDS: usize = 1 << 16;

/// Ways through proxies that were granted, remembered for logins that were tried again: about 100 bytes each, 26 MB.
pub const MAX_GRANTED: usize = 1 << 18;

/// Services known to have completed a handshake, remembered for those that did not: about 24 bytes each, 25 MB.
pub const MAX_ANSWERING: usize = 1 << 20;

/// Flows kept open (not packed) in one shard: 16 shards × 512 flows × 1.4 kB are 12 MB, and what their talk takes. Where
/// there are many flows, it makes no difference to time whether more are.
pub const OPEN_PER_SHARD: usize = 512;

/// The same as long as a shard has few flows, 49,000 in all and 71 MB: so they are never packed in most recordings, and
/// fresh memory costs less than packing a flow and unpacking it again.
pub const OPEN_OF_FEW: usize = 3072;

/// Flows of a shard that are over and wait to be packed: 16 bytes each, 1 MB in all.
pub const MAX_OVER_PER_SHARD: usize = 1 << 12;

/// Flows of a shard that are few: 131,000 in all.
pub const FEW_PER_SHARD: usize = 1 << 13;

/// The same where more than these speak in turns, so that packing them would only be waste: a million in all, 1.5 GB.
pub const MAX_OPEN_PER_SHARD: usize = 1 << 16;

/// Packed flows that stay in memory where older ones may go to a temporary file: 64 MB in all.
pub const PACKED_ROOM: usize = 64 << 20;

/// Moments of loss kept per direction of a flow: 8 bytes each, and never more than packets were sent again.
pub const MAX_LOSS_TIMES: usize = 4096;

/// Losses per direction of a flow whose rates are compared: 48 bytes each. So many show a rate as well as any number does.
pub const MAX_LOSS_POINTS: usize = 512;

/// Moments of loss, and of handshakes, that are searched for a rhythm: 40 bytes each, 10 MB a list.
pub const MAX_MOMENTS: usize = 1 << 18;
/// Flows watched at once in a live capture, over all shards: at most some 600 bytes each, 600 MB. Beyond, those that have
/// been quiet for longest are reported and forgotten.
pub const MAX_LIVE_FLOWS: usize = 1 << 20;

/// Of a shard's memory, where it is limited, the part for open flows.
pub const OPEN_SHARE: usize = 3;

/// Bytes that the report takes for each flow: the key of a lone SYN, and the number of its stream.
pub const REPORT_PER_FLOW: usize = 28;

/// Memory beside that of flows: buffers, batches, what the system needs.
pub const BESIDE_FLOWS: usize = 24 << 20;
