//! What `/proc/drbd` of DRBD 8.4 says of one device (the manual's chapter "Status information in /proc/drbd").

/// A device that is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// `Connected`, `WFConnection`, `StandAlone`, `SyncSource`, ….
    pub connection: String,
    /// `Primary` or `Secondary`.
    pub role: String,
    /// The peer's; `Unknown` without one.
    pub peer_role: String,
    /// `UpToDate`, `Inconsistent`, `Diskless`, ….
    pub disk: String,
    /// The peer's; `DUnknown` without one.
    pub peer_disk: String,
}

/// The devices in the text of `/proc/drbd`, by minor.
pub fn parse(text: &str) -> impl Iterator<Item = (u32, Replica)> {
    text.lines().filter_map(device)
}

/// ` 1: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----`; other lines are counters.
fn device(line: &str) -> Option<(u32, Replica)> {
    let (minor, states) = line.trim_start().split_once(": ")?;
    let state = |name: &str| states.split(' ').find_map(|word| word.strip_prefix(name));
    let both = |name: &str| state(name)?.split_once('/').map(|(own, peer)| (own.to_owned(), peer.to_owned()));
    let ((role, peer_role), (disk, peer_disk)) = (both("ro:")?, both("ds:")?);
    let connection = state("cs:")?.to_owned();
    Some((minor.parse().ok()?, Replica { connection, role, peer_role, disk, peer_disk }))
}

#[cfg(test)]
mod tests {
    use super::{Replica, parse};

    #[test]
    fn devices_are_read_and_counters_are_not() {
        let text = "version: 8.4.11 (api:1/proto:86-101)\nbuilt-in\n 0: cs:Unconfigured\n \
             1: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n    \
             ns:0 nr:16 dw:16 dr:0 al:0 bm:0 lo:1 pe:1 ua:0 ap:0 ep:1 wo:f oos:1048508\n";
        let expected = Replica {
            connection: "SyncTarget".to_owned(),
            role: "Secondary".to_owned(),
            peer_role: "Primary".to_owned(),
            disk: "Inconsistent".to_owned(),
            peer_disk: "UpToDate".to_owned(),
        };
        assert_eq!(parse(text).collect::<Vec<_>>(), [(1, expected)]);
    }
}
