//! The mesh nodes of `tests/clusters/seed-d.toml` from blank disks on: what each exports, what they share, what they survive.
//! `cargo test --release -p tests --test mesh -- --ignored --nocapture --test-threads=1`

use builder::rehearse::machine::Medium;
use builder::rehearse::node::Node;
use tests::rehearsal::{ANSWER, Rehearsal};
use tests::writer::Writers;
use tests::xbuild::checkout;

const CLUSTER: &str = "tests/clusters/seed-d.toml";
const MOUNT: &str = "/guests";
/// The nodes, what they import, and the PV of which volumes lie where.
const NODES: [(&str, &str); 2] = [("mesh1", "/dev/etherd/e18.0"), ("mesh2", "/dev/etherd/e17.0")];

/// Both nodes, up.
struct Mesh {
    rehearsal: Rehearsal,
}

impl Mesh {
    fn up(name: &str) -> Self {
        Self { rehearsal: Rehearsal::up(name, &checkout().join(CLUSTER)) }
    }

    fn nodes(&self) -> [&Node; 2] {
        NODES.map(|(name, _)| self.rehearsal.node(name))
    }

    /// GFS2 is mounted on both.
    fn serves(&self) {
        for node in self.nodes() {
            self.rehearsal.until(&format!("{} mounts {MOUNT}", node.name), || {
                let mounted = format!("findmnt --noheadings --output SOURCE,FSTYPE {MOUNT}");
                let mounted = node.good(&mounted, ANSWER).ok()?;
                mounted.split_whitespace().eq(["/dev/mapper/vgmesh-guests", "gfs2"]).then_some(())
            });
        }
        self.rehearsal.say("both serve");
    }
}

/// The words of a command's output.
fn words(node: &Node, command: &str) -> Vec<String> {
    let said = node.good(command, ANSWER).unwrap_or_else(|error| panic!("{}: {error:#}", node.name));
    said.split_whitespace().map(str::to_owned).collect()
}

#[test]
#[ignore = "two nodes with four disks each under emulation"]
fn a_mesh_shares_what_its_nodes_export() {
    let mesh = Mesh::up("mesh");
    mesh.serves();
    let nodes = mesh.nodes();
    for (node, (_, imported)) in nodes.into_iter().zip(NODES) {
        // LVM sees the node's own array and what it imports, and no more; both lie in one shared group.
        let volumes = words(node, "pvs --noheadings --options pv_name,vg_name,vg_lock_type");
        let own = words(node, "readlink -f /dev/md/export").concat();
        let own = if volumes.contains(&own) { own } else { "/dev/md/export".to_owned() };
        let mut expected: Vec<String> =
            [imported, &own].iter().flat_map(|device| [device, "vgmesh", "dlm"]).map(str::to_owned).collect();
        if volumes[0] != imported {
            expected.rotate_left(3);
        }
        assert_eq!(volumes, expected, "{}", node.name);
        let lists = words(node, "cat /sys/module/aoe/parameters/aoe_iflist");
        assert_eq!(lists, ["storage"], "{}", node.name);
    }
    where_volumes_lie(nodes);
    for (here, there) in [(nodes[0], nodes[1]), (nodes[1], nodes[0])] {
        let name = &here.name;
        here.good(&format!("echo {name} > {MOUNT}/{name} && sync {MOUNT}/{name}"), ANSWER).expect("room");
        assert_eq!(words(there, &format!("cat {MOUNT}/{name}")).concat(), *name);
    }
    mesh.rehearsal.say("each reads what the other one has written");
    volumes_grow(&mesh);
    an_export_that_dies_returns(&mesh);
    one_disk_of_each(&mesh);
}

/// By the name that each node has for them.
fn where_volumes_lie(nodes: [&Node; 2]) {
    let lies_on = |node: &Node, volume: &str, device: &str| {
        let devices = words(node, &format!("lvs --noheadings --options devices vgmesh/{volume}")).concat();
        assert!(devices.starts_with(device), "{}: {volume} lies on {devices}", node.name);
    };
    lies_on(nodes[0], "guest1-b", NODES[0].1);
    lies_on(nodes[1], "guest1-a", NODES[1].1);
    lies_on(nodes[1], "guests", NODES[1].1);
}

/// With the commands of `profiles/mesh.md`, while both nodes use the file system.
fn volumes_grow(mesh: &Mesh) {
    let [here, there] = mesh.nodes();
    let room = |node: &Node| {
        let said = words(node, &format!("df --output=size {MOUNT}"));
        said.last().and_then(|size| size.parse::<u64>().ok()).expect("a number of blocks")
    };
    let before = room(there);
    let more = "lvcreate --yes --activate sy --size 64M --name guest2-b vgmesh /dev/etherd/e18.0";
    here.good(more, ANSWER).expect("a volume");
    there
        .good("lvchange --activate sy vgmesh/guest2-b && test -b /dev/vgmesh/guest2-b", ANSWER)
        .expect("it there too");
    here.good("lvextend --size +128M vgmesh/guests", ANSWER).expect("a larger volume");
    // What `lvextend` says of other hosts does not happen: the file system would be larger than its volume.
    there.good("lvchange --refresh vgmesh/guests", ANSWER).expect("the new size");
    let sizes = mesh.nodes().map(|node| words(node, "blockdev --getsize64 /dev/vgmesh/guests"));
    assert_eq!(sizes[0], sizes[1]);
    there.good(&format!("gfs2_grow {MOUNT}"), ANSWER).expect("a larger file system");
    for node in mesh.nodes() {
        mesh.rehearsal.until(&format!("{} has more room", node.name), || {
            (room(node) >= before + 100 * 1024).then_some(())
        });
    }
    mesh.rehearsal.say(&format!("{MOUNT} had {before} KiB, has {} KiB", room(here)));
}

/// systemd starts it again, and those who write to it wait.
fn an_export_that_dies_returns(mesh: &Mesh) {
    let nodes = mesh.nodes();
    let writers = Writers::start(&mesh.rehearsal.rack, &nodes, MOUNT, "killed");
    let before = words(nodes[0], "pgrep -x vblade");
    nodes[0].good("pkill -9 -x vblade", ANSWER).expect("a process");
    let after = mesh.rehearsal.until("vblade returns", || {
        let found = nodes[0].good("pgrep -x vblade", ANSWER).ok()?;
        (found.trim() != before.concat()).then(|| found.trim().to_owned())
    });
    mesh.rehearsal.say(&format!("vblade was {}, is {after}", before.concat()));
    nodes.iter().for_each(|node| writers.go_on(node));
    writers.lost_nothing(nodes[1]);
}

/// The arrays are degraded, and nothing else happens.
fn one_disk_of_each(mesh: &Mesh) {
    let nodes = mesh.nodes();
    let writers = Writers::start(&mesh.rehearsal.rack, &nodes, MOUNT, "disk");
    for (node, disk) in nodes.into_iter().zip([3, 1]) {
        node.machine.change_disk(disk, Medium::Broken).expect("a disk");
    }
    // The common file system lies on one array; the other one has this to do.
    let there = "/dev/vgmesh/guest1-b";
    let write = format!("dd if=/run/pattern of={there} bs=64K oflag=direct conv=fsync status=none");
    nodes[0].good(&format!("head -c 2M /dev/urandom > /run/pattern && {write}"), ANSWER).expect("a volume");
    for node in nodes {
        mesh.rehearsal.until(&format!("{}'s array has left its disk", node.name), || {
            let state =
                node.good("cat /sys/block/$(basename $(readlink -f /dev/md/export))/md/degraded", ANSWER);
            (state.ok()?.trim() == "1").then_some(())
        });
    }
    nodes.iter().for_each(|node| writers.go_on(node));
    nodes[0].good(&format!("cmp --bytes=2M /run/pattern {there}"), ANSWER).expect("what was written");
    let status = nodes[0].run("xinstall status", ANSWER).expect("a status");
    println!("{}", status.text);
    assert_eq!(status.status, 1, "{}", status.text);
    writers.lost_nothing(nodes[0]);
    mesh.rehearsal.say("a disk of each is gone: nothing lost");
}
