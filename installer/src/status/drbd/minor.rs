//! `/proc/drbd` of DRBD 8.4 (drivers/block/drbd/drbd_proc.c), which has no machine-readable form of its own.

use std::collections::BTreeMap;

use crate::firstboot::{Replica, parse_replicas};

/// Devices by their numbers; those that are not configured are left out.
pub(in super::super) type Minors = BTreeMap<u32, Minor>;

/// One device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Minor {
    pub(in super::super) replica: Replica,
    /// Nothing is written until the peer is known to be off.
    pub(in super::super) frozen: bool,
    /// How much is copied, such as `12.3%`.
    pub(in super::super) progress: Option<String>,
}

/// `MINOR: cs:… ro:OURS/PEERS ds:OURS/PEERS PROTOCOL FLAGS`, then lines of numbers that belong to it.
pub(super) fn parse(text: &str) -> Minors {
    let mut minors = Minors::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if let Some((number, minor)) = device(line) {
            current = Some(number);
            minors.extend(minor.map(|minor| (number, minor)));
        } else if let Some(minor) = current.and_then(|number| minors.get_mut(&number)) {
            minor.progress = minor.progress.take().or_else(|| progress(line));
        }
    }
    minors
}

/// A device's first line; without a state if it is not configured.
fn device(line: &str) -> Option<(u32, Option<Minor>)> {
    let (number, _) = line.split_once(": cs:")?;
    let frozen = line.split_whitespace().last().is_some_and(|flags| flags.starts_with('s'));
    let configured = parse_replicas(line).next();
    let minor = configured.map(|(_, replica)| Minor { replica, frozen, progress: None });
    Some((number.parse().ok()?, minor))
}

/// `[==>......] sync'ed: 12.3% (880/1000)M`, or `verified:`.
fn progress(line: &str) -> Option<String> {
    let (_, behind) = line.split_once("] ")?;
    let words = behind.split_once(':')?.1;
    words.split_whitespace().next().map(str::to_owned)
}

impl Minor {
    /// It has no peer at the moment.
    pub(in super::super) fn is_alone(&self) -> bool {
        const ALONE: [&str; 9] = [
            "StandAlone",
            "Disconnecting",
            "Unconnected",
            "Timeout",
            "BrokenPipe",
            "NetworkFailure",
            "ProtocolError",
            "TearDown",
            "WFConnection",
        ];
        ALONE.contains(&self.replica.connection.as_str())
    }

    /// A verification compares whole copies; everything else but `Connected` makes them the same.
    pub(super) fn is_syncing(&self) -> bool {
        !["Connected", "VerifyS", "VerifyT"].contains(&self.replica.connection.as_str())
    }

    /// As DRBD says it.
    pub(super) fn words(&self) -> String {
        let Replica { connection, role, peer_role, disk, peer_disk } = &self.replica;
        let progress = self.progress.iter().map(|progress| format!(" {progress}")).collect::<String>();
        let frozen = if self.frozen { ", writes are frozen" } else { "" };
        format!("{connection}{progress}, {role}/{peer_role}, {disk}/{peer_disk}{frozen}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::parse;

    const PROC: &str = "\
version: 8.4.11 (api:1/proto:86-101)
built-in
 0: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----
    ns:0 nr:8388 dw:8388 dr:0 al:0 bm:0 lo:0 pe:2 ua:0 ap:0 ep:1 wo:f oos:1040188
\t[>...................] sync'ed:  0.9% (1040188/1048576)K
\tfinish: 0:02:03 speed: 8,388 (8,388) want: 102,400 K/sec
 1: cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C r-----
    ns:0 nr:0 dw:0 dr:672 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0

 3: cs:Unconfigured

 5: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   s-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:1802140
 7: cs:VerifyS ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
\t[=====>..............] verified: 30.1% (88040/125952)M
\tfinish: 0:12:03 speed: 98,388 (98,388) want: 102,400 K/sec
";

    #[test]
    fn each_device_is_read_with_what_belongs_to_it() {
        let minors = parse(PROC);
        let words: Vec<_> =
            minors.iter().map(|(number, minor)| format!("{number} {}", minor.words())).collect();
        let expected = [
            "0 SyncTarget 0.9%, Secondary/Primary, Inconsistent/UpToDate",
            "1 Connected, Primary/Primary, UpToDate/UpToDate",
            "5 StandAlone, Primary/Unknown, UpToDate/DUnknown, writes are frozen",
            "7 VerifyS 30.1%, Primary/Secondary, UpToDate/UpToDate",
        ];
        assert_eq!(words, expected);
        assert!(minors[&0].is_syncing() && minors[&5].is_alone() && !minors[&7].is_syncing());
    }

    #[test]
    fn what_is_no_device_is_none() {
        for text in
            ["", "version: 8.4.11", "x: cs:Connected", "1: cs:Connected ro:Primary ds:UpToDate/UpToDate"]
        {
            assert!(parse(text).is_empty(), "{text}");
        }
    }
}
