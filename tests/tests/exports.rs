//! Storage and compute nodes of `tests/clusters/seed-a-c.toml` from blank disks on: an export follows its primary.
//! `cargo test --release -p tests --test exports -- --ignored --nocapture --test-threads=1`

use std::fs;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use builder::rehearse::ipmi::Order;
use builder::rehearse::node::Node;
use tempfile::TempDir;
use tests::rehearsal::{ANSWER, Rehearsal};
use tests::writer::Writers;
use tests::xbuild::checkout;

const CLUSTER: &str = "tests/clusters/seed-a-c.toml";
const MOUNT: &str = "/mnt/cluster";
/// In which the device is replicated and exported.
const NETWORK: &str = "storage";
const COMPUTE: &str = "xenamo1";
const STORAGE: [&str; 2] = ["xenamo4", "xenamo5"];
/// Nodes that are left out: two more of what one shows, and a machine has only so many processors.
const SPARE: [&str; 2] = ["xenamo2", "xenamo3"];

/// How the device is exported.
struct Protocol {
    /// Lines of `[[export]]`.
    lines: &'static str,
    /// The process that exports it.
    server: &'static str,
    /// Where it is imported.
    device: &'static str,
}

/// As it is in the file.
const AOE: Protocol = Protocol {
    lines: "protocol = \"aoe\"\nshelf = 1\nslot = 0\n",
    server: "vblade",
    device: "/dev/etherd/e1.0",
};
const NBD: Protocol = Protocol {
    lines: "protocol = \"nbd\"\naddress = \"10.0.0.6\"\n",
    server: "nbd-server",
    device: "/dev/nbd0",
};

/// Two storage nodes and one compute node, up.
struct Cluster {
    rehearsal: Rehearsal,
    protocol: Protocol,
}

impl Cluster {
    fn up(name: &str, protocol: Protocol) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let rehearsal = Rehearsal::up(name, &cluster_file(&folder, &protocol));
        let cluster = Self { rehearsal, protocol };
        cluster.serves();
        cluster
    }

    fn compute(&self) -> &Node {
        self.rehearsal.node(COMPUTE)
    }

    fn storage(&self) -> [&Node; 2] {
        STORAGE.map(|name| self.rehearsal.node(name))
    }

    /// The compute node has mounted what it imports; both copies are up to date.
    fn serves(&self) {
        self.rehearsal.until("the compute node mounts what it imports", || {
            let mounted = format!("findmnt --noheadings --output SOURCE,FSTYPE {MOUNT}");
            let mounted = self.compute().good(&mounted, ANSWER).ok()?;
            mounted.split_whitespace().eq([self.protocol.device, "ocfs2"]).then_some(())
        });
        self.rehearsal.until("both copies are up to date", || {
            let whole = |node: &&Node| node.good("grep -q ds:UpToDate/UpToDate /proc/drbd", ANSWER).is_ok();
            self.storage().iter().all(whole).then_some(())
        });
        self.rehearsal.say("the compute node has what it imports, both copies are up to date");
    }

    /// Which of the storage nodes has the export, and which has not.
    fn exporter(&self) -> [&Node; 2] {
        self.rehearsal.until("one storage node exports", || {
            let exports =
                |node: &Node| node.good(&format!("pgrep -x {}", self.protocol.server), ANSWER).is_ok();
            let [one, other] = self.storage();
            match (exports(one), exports(other)) {
                (true, false) => Some([one, other]),
                (false, true) => Some([other, one]),
                _ => None,
            }
        })
    }
}

/// The cluster without the spare nodes.
fn cluster_file(folder: &TempDir, protocol: &Protocol) -> std::path::PathBuf {
    let text = fs::read_to_string(checkout().join(CLUSTER)).expect("a cluster file");
    assert!(text.contains(AOE.lines), "{text}");
    let text = text.replace(AOE.lines, protocol.lines);
    let spare = |table: &&str| SPARE.iter().any(|name| table.contains(&format!("name = \"{name}\"")));
    let tables: Vec<&str> = text.split("\n[[node]]\n").filter(|table| !spare(table)).collect();
    let file = folder.path().join("seed-a-c.toml");
    fs::write(&file, tables.join("\n[[node]]\n")).expect("room for a file");
    file
}

#[test]
#[ignore = "three nodes under emulation"]
fn an_export_follows_its_primary() {
    let cluster = Cluster::up("exports", AOE);
    it_grows(&cluster);
    follows_its_primary(&cluster);
}

#[test]
#[ignore = "three nodes under emulation"]
fn an_export_over_nbd_follows_its_primary() {
    follows_its_primary(&Cluster::up("exports-nbd", NBD));
}

/// With the commands of `profiles/storage.md`, while the file system is mounted.
fn it_grows(cluster: &Cluster) {
    let (compute, [exporter, _]) = (cluster.compute(), cluster.exporter());
    let room = || {
        let said = compute.good(&format!("df --output=size {MOUNT}"), ANSWER).expect("a size");
        said.split_whitespace().last().and_then(|size| size.parse::<u64>().ok()).expect("a number of blocks")
    };
    let before = room();
    for node in cluster.storage() {
        node.good("lvextend --size +128M vg1/cluster", ANSWER).expect("a larger volume");
    }
    exporter.good("drbdadm resize cluster", ANSWER).expect("a larger device");
    cluster.serves();
    exporter.good("systemctl restart vblade@ocfscluster", ANSWER).expect("an export");
    cluster.rehearsal.until("the compute node sees the new size", || {
        let size = "aoe-revalidate e1.0 && blockdev --getsize64 /dev/etherd/e1.0";
        let [here, there] = [
            compute.good(size, ANSWER).ok()?,
            exporter.good("blockdev --getsize64 /dev/drbd0", ANSWER).ok()?,
        ];
        (here.trim() == there.trim()).then_some(())
    });
    compute.good("tunefs.ocfs2 --yes --volume-size /dev/etherd/e1.0", ANSWER).expect("a larger file system");
    assert!(room() >= before + 100 * 1024, "{} KiB of {before}", room());
    cluster.rehearsal.say(&format!("{MOUNT} had {before} KiB, has {} KiB", room()));
}

/// There, and back, and there by the cable; writing goes on when the node that was lost returns.
fn follows_its_primary(cluster: &Cluster) {
    for (round, what) in [What::Power, What::Power, What::Cable].into_iter().enumerate() {
        let loss = Loss::of_the_exporter(cluster, round, what);
        loss.exporter_returns();
        loss.writers.go_on(cluster.compute());
        loss.writers.lost_nothing(cluster.compute());
        loss.say("well, nothing lost");
    }
}

/// What is acknowledged is on the disks of the survivor, whenever that was.
#[test]
#[ignore = "three nodes under emulation, and twenty power cuts"]
fn nothing_is_lost_whenever_the_exporter_dies() {
    let cluster = Cluster::up("exports-cuts", AOE);
    for round in 0..20 {
        let loss = Loss::of_the_exporter(&cluster, round, What::Power);
        loss.writers.lost_nothing(cluster.compute());
        loss.exporter_returns();
        loss.say("well, nothing lost");
    }
}

/// What the exporting node loses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Power,
    /// To the network that it exports in.
    Cable,
}

/// A loss after which the compute node writes on.
struct Loss<'a> {
    cluster: &'a Cluster,
    round: usize,
    what: What,
    /// Who exported, and who does now.
    exporter: [&'a Node; 2],
    writers: Writers<'a>,
    /// The boots of the one that exported and of the compute node.
    boots: [Option<String>; 2],
    since: Instant,
}

impl<'a> Loss<'a> {
    fn of_the_exporter(cluster: &'a Cluster, round: usize, what: What) -> Self {
        let (exporter, compute) = (cluster.exporter(), cluster.compute());
        let writers = Writers::start(&cluster.rehearsal.rack, &[compute], MOUNT, &format!("loss{round}"));
        let boots = [exporter[0].boot(), compute.boot()];
        thread::sleep(some_moment());
        match what {
            What::Power => drop(exporter[0].machine.order(Order::Off).expect("a machine")),
            What::Cable => exporter[0].machine.plug(NETWORK, false).expect("a cable"),
        }
        let loss = Self { cluster, round, what, exporter, writers, boots, since: Instant::now() };
        loss.writers.go_on(compute);
        loss.say(&format!("{} has lost it, {COMPUTE} writes on", exporter[0].name));
        loss
    }

    /// Nothing goes back to it, and the compute node has lived all the time.
    fn exporter_returns(&self) {
        let [was, is] = self.exporter;
        self.cluster.rehearsal.until(&format!("{} is started by its BMC", was.name), || {
            was.boot().filter(|boot| self.boots[0].as_ref() != Some(boot))
        });
        if self.what == What::Cable {
            was.machine.plug(NETWORK, true).expect("a cable");
        }
        self.cluster.serves();
        assert_eq!(self.cluster.exporter()[0].name, is.name, "the export has gone back");
        assert_eq!(self.cluster.compute().boot(), self.boots[1], "the compute node was started anew");
    }

    fn say(&self, what: &str) {
        let seconds = self.since.elapsed().as_secs();
        self.cluster.rehearsal.say(&format!("{:?} {}: {what}, after {seconds} s", self.what, self.round));
    }
}

/// When it comes nobody knows.
fn some_moment() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    Duration::from_millis(u64::from(now.subsec_micros() % 3000))
}
