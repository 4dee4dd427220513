//! File systems that ought to be mounted.

use super::drbd::{Minor, Minors};
use super::finding::{Area, Finding};
use super::node::Node;
use crate::model::membership::{Membership, Promoted, SharedGroup, Volume};
use crate::plan::Plan;

const MOUNTS: &str = "/proc/self/mountinfo";

/// A line of mountinfo (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    point: String,
    kind: String,
    source: String,
    read_only: bool,
}

/// What is wanted at a mount point.
struct Wanted<'a> {
    point: &'a str,
    kind: &'a str,
    source: Option<String>,
    read_only: bool,
    hint: String,
}

/// Those of the node's own disks.
pub(super) fn of_plan(node: &Node<'_>, plan: &Plan) -> Vec<Finding> {
    let wanted = plan.filesystems.iter().filter_map(|filesystem| {
        let point = filesystem.mount.as_deref()?;
        Some(Wanted {
            point,
            kind: "ext4",
            source: None,
            read_only: filesystem.options.iter().any(|option| option == "ro"),
            hint: format!("why: systemctl status {point}"),
        })
    });
    judge_all(node, wanted)
}

/// Those of the cluster, which pacemaker mounts: where they are imported, or where DRBD is primary.
pub(super) fn of_cluster(node: &Node<'_>, cluster: &Membership, minors: &Minors) -> Vec<Finding> {
    let volumes = cluster.ocfs2.iter().flat_map(|ocfs2| &ocfs2.volumes);
    let wanted = volumes.filter_map(|volume| {
        let is_wanted = match &volume.import {
            Some(name) => cluster.export(name)?.importers.contains(&node.name),
            None => {
                let device = cluster.promoted.iter().find(|device| device.name == volume.resource)?;
                is_wanted(node, device, minors.get(&device.minor))
            }
        };
        is_wanted.then(|| shared(volume, cluster.device(volume)))
    });
    let groups = cluster.groups.iter().filter(|group| group.nodes.contains(&node.name));
    judge_all(node, wanted.chain(groups.flat_map(of_group)))
}

fn of_group(group: &SharedGroup) -> impl Iterator<Item = Wanted<'_>> {
    group.volumes.iter().filter_map(|volume| {
        let resource = format!("{}-{}-mount", group.name, volume.name);
        Some(Wanted {
            point: &volume.gfs2.as_ref()?.mount,
            kind: "gfs2",
            source: Some(mapped(&group.name, &volume.name)),
            read_only: false,
            hint: format!(
                "pacemaker mounts it once {} is active; if that is well: crm resource cleanup {resource}",
                group.name
            ),
        })
    })
}

/// What device-mapper calls a volume: the hyphen between the names stands alone (lvm(8), "NAME ENCODING").
fn mapped(group: &str, volume: &str) -> String {
    format!("/dev/mapper/{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
}

/// Where all that have a copy write, this one does. Else it depends on what DRBD is at the moment.
fn is_wanted(node: &Node<'_>, device: &Promoted, minor: Option<&Minor>) -> bool {
    let everywhere = device.primaries as usize >= device.nodes.len();
    let primary = minor.is_some_and(|minor| minor.replica.role == "Primary");
    device.nodes.contains(&node.name) && (everywhere || primary)
}

fn shared(volume: &Volume, device: Option<String>) -> Wanted<'_> {
    let (on, after) = match &volume.import {
        Some(export) => (export, "it is imported"),
        None => (&volume.resource, "DRBD is primary"),
    };
    Wanted {
        point: &volume.mount,
        kind: "ocfs2",
        source: device,
        read_only: false,
        hint: format!("pacemaker mounts it once {after}; if that is well: crm resource cleanup {on}-mount"),
    }
}

fn judge_all<'a>(node: &Node<'_>, wanted: impl Iterator<Item = Wanted<'a>>) -> Vec<Finding> {
    let mounts = node.text(MOUNTS).map(|text| parse(&text)).unwrap_or_default();
    wanted.map(|wanted| judge(&mounts, &wanted)).collect()
}

fn parse(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(Mount::parse).collect()
}

impl Mount {
    /// `ID PARENT DEVICE ROOT POINT OPTIONS TAG… - KIND SOURCE OPTIONS`
    fn parse(line: &str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(4);
        let mut filesystem = filesystem.split(' ');
        let (point, options) = (mount.next()?, mount.next()?);
        let (kind, source, ours) = (filesystem.next()?, filesystem.next()?, filesystem.next()?);
        let read_only = |options: &str| options.split(',').any(|option| option == "ro");
        Some(Self {
            point: unescaped(point),
            kind: kind.to_owned(),
            source: unescaped(source),
            read_only: read_only(options) || read_only(ours),
        })
    }
}

/// Blanks and the like are three octal digits.
fn unescaped(text: &str) -> String {
    let spelled = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    spelled.iter().fold(text.to_owned(), |text, (code, letter)| text.replace(code, letter))
}

/// Of several mounts at one point the last one counts.
fn judge(mounts: &[Mount], wanted: &Wanted<'_>) -> Finding {
    let ill = |state: String, hint: &str| Finding::ill(Area::Mount, wanted.point, state, hint);
    let Some(mount) = mounts.iter().rfind(|mount| mount.point == wanted.point) else {
        return ill("not mounted".to_owned(), &wanted.hint);
    };
    let state = format!("{} from {}", mount.kind, mount.source);
    let is_other = wanted.source.as_ref().is_some_and(|source| *source != mount.source);
    if mount.kind != wanted.kind || is_other {
        let source = wanted.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
        return ill(state, &format!("it should be {}{source}: {}", wanted.kind, wanted.hint));
    }
    if mount.read_only && !wanted.read_only {
        return ill(
            format!("{state}, read-only"),
            "the kernel's log says why: journalctl -k; a file system with errors needs a check and a restart",
        );
    }
    Finding::well(Area::Mount, wanted.point, state)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Wanted, judge, mapped, of_group, parse};
    use crate::model::membership::SharedGroup;

    const MOUNTINFO: &str = "\
        22 27 0:20 / /sys rw,nosuid - sysfs sysfs rw\n\
        27 1 9:127 / / rw,relatime shared:1 - ext4 /dev/md127 rw,errors=remount-ro\n\
        31 27 9:1 / /var rw,relatime shared:5 - ext4 /dev/md126 ro,errors=remount-ro\n\
        80 27 147:1 / /XEN rw,noatime shared:9 - ocfs2 /dev/drbd1 rw,_netdev,heartbeat=local\n\
        81 27 147:2 / /a\\040b rw,noatime - ext4 /dev/drbd2 rw\n\
        82 27 254:3 / /guests rw,noatime - gfs2 /dev/mapper/vgmesh-guests rw\n";

    fn state(point: &str, kind: &str, source: Option<&str>) -> (bool, String) {
        let hint = "do this".to_owned();
        let wanted = Wanted { point, kind, source: source.map(str::to_owned), read_only: false, hint };
        let finding = judge(&parse(MOUNTINFO), &wanted);
        (finding.healthy, finding.state)
    }

    #[test]
    fn what_is_mounted_is_well_if_it_is_the_right_thing() {
        assert_eq!(state("/", "ext4", None), (true, "ext4 from /dev/md127".to_owned()));
        assert_eq!(state("/XEN", "ocfs2", Some("/dev/drbd1")), (true, "ocfs2 from /dev/drbd1".to_owned()));
        assert_eq!(state("/XEN", "ocfs2", Some("/dev/drbd2")), (false, "ocfs2 from /dev/drbd1".to_owned()));
        assert_eq!(state("/a b", "ocfs2", None), (false, "ext4 from /dev/drbd2".to_owned()));
        assert_eq!(state("/usr", "ext4", None), (false, "not mounted".to_owned()));
    }

    #[test]
    fn file_systems_of_shared_groups_are_known_by_their_volume() {
        let volume = |name| {
            serde_json::json!({
                "name": name, "size": 1 << 29, "gfs2": {"label": name, "mount": format!("/{name}"), "journals": 2},
            })
        };
        let group = serde_json::json!({
            "name": "vgmesh", "devices": [], "nodes": [], "volumes": [volume("guests"), volume("iso")],
        });
        let group: SharedGroup = serde_json::from_value(group).unwrap();
        let found: Vec<_> = of_group(&group).map(|wanted| judge(&parse(MOUNTINFO), &wanted)).collect();
        assert_eq!(
            (found[0].healthy, found[0].state.as_str()),
            (true, "gfs2 from /dev/mapper/vgmesh-guests")
        );
        assert_eq!(found[1].state, "not mounted");
        let hint = "pacemaker mounts it once vgmesh is active; if that is well: crm resource cleanup vgmesh-iso-mount";
        assert_eq!(found[1].hint.as_deref(), Some(hint));
        assert_eq!(mapped("vg-a", "guest1-b"), "/dev/mapper/vg--a-guest1--b");
    }

    #[test]
    fn what_the_kernel_has_made_read_only_is_not_well() {
        assert_eq!(state("/var", "ext4", None), (false, "ext4 from /dev/md126, read-only".to_owned()));
    }
}
