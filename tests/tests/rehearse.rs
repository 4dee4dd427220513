//! Whole clusters in the rack before the rack.
//!
//! `cargo test --release -p tests --test rehearse -- --ignored --nocapture`

use std::path::Path;
use std::time::{Duration, Instant};

use builder::failure::Shown;
use builder::rehearse::blueprint::Blueprint;
use builder::rehearse::drill::{self, Wish};
use builder::rehearse::machine::Medium;
use builder::rehearse::node::Node;
use builder::rehearse::{Rack, scale};
use builder::vm::Accelerator;
use tests::rack::{load, make_images};

const CLUSTER: &str = "tests/clusters/seed-b.toml";
/// For two emulated nodes to start.
const START: Duration = Duration::from_secs(20 * 60);
/// For a question.
const ANSWER: Duration = Duration::from_secs(120);

const FENCE: &str = "fence_ipmilan --ip=10.0.2.102 --lanplus --username=fencing \
    --password-script=\"cat /etc/xbuild/secrets/bmc-master2\" --action=";

fn blueprint(folder: &Path) -> Blueprint {
    let profiles = load();
    let cluster = tests::xbuild::checkout().join(CLUSTER);
    let blueprint =
        Blueprint::draw(&cluster, &profiles, folder, Accelerator::of_host()).expect("a blueprint");
    println!("{}", scale::draw(&blueprint.scaled));
    blueprint
}

fn say(start: Instant, text: &str) {
    println!("{:>5} s  {text}", start.elapsed().as_secs());
}

fn greeted(rack: &Rack, node: &Node, before: Option<&str>) -> String {
    let what = format!("{} listens", node.name);
    rack.until(&what, START, || node.boot().filter(|boot| before != Some(boot))).expect("a node that starts")
}

const SCALED: &str = "\
scaled for the rehearsal    shipped        rehearsed                                           because
memory                      the machine's  1.50G                                               the nodes share one host
processors                  the machine's  1                                                   the nodes share one host
al-extents of xen           1237 x 4M      31 x 4M                                             a copy as small as that would be resynced whole
corosync token              3000 ms        10000 ms                                            emulated processors are slow
fencing timeout             30 s           90 s                                                emulated processors are slow
ocfs2 heartbeat-threshold   31 x 2 s       69 x 2 s                                            it must outlast corosync and fencing
ocfs2 idle-timeout          60000 ms       135400 ms                                           it must outlast corosync and fencing
arguments of Xen            as they are    and spec-ctrl=no,eager-fpu=yes xpti=no watchdog=no  emulated processors are slow, and lazy FPU switching fails on them
arguments of the kernel     as they are    and mitigations=off                                 emulated processors are slow
master1 memory of dom0      1G             768M                                                the nodes share one host
master1 processors of dom0  2              1                                                   the nodes share one host
master1 disks               the machine's  6G 2G                                               the nodes share one host
master2 memory of dom0      1G             768M                                                the nodes share one host
master2 processors of dom0  2              1                                                   the nodes share one host
master2 disks               the machine's  6G 2G                                               the nodes share one host
";

fn draw(text: &str, accelerator: Accelerator) -> Result<Blueprint, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = folder.path().join("c.toml");
    std::fs::write(&cluster, text).expect("room for a file");
    let blueprint = Blueprint::draw(&cluster, &load(), &folder.path().join("rack"), accelerator);
    blueprint.map_err(|error| Shown(&error).to_string())
}

fn seed_b() -> String {
    std::fs::read_to_string(tests::xbuild::checkout().join(CLUSTER)).expect("a cluster file")
}

#[test]
fn what_is_scaled_is_said_and_still_fits_together() {
    let emulated = draw(&seed_b(), Accelerator::Tcg).expect("a blueprint");
    assert_eq!(scale::draw(&emulated.scaled), SCALED);
    let real = draw(&seed_b(), Accelerator::Kvm).expect("a blueprint");
    let names: Vec<_> = real.scaled.iter().map(|item| item.name.as_str()).collect();
    assert!(
        names.iter().all(|name| SCALED.contains(name)) && !names.contains(&"corosync token"),
        "{names:?}"
    );
    assert_eq!(real.nodes[0].spec.membership.token, 3000);
    let large = seed_b().replace("minor = 1", "minor = 1\nmin-size = \"400G\"");
    let large = draw(&large, Accelerator::Kvm).expect("disks that are scaled with it");
    let told: Vec<_> = large.scaled.iter().filter(|item| item.name == "min-size of xen").collect();
    assert!(
        matches!(told.as_slice(), [item] if item.shipped == "400G" && item.rehearsed == "any"),
        "{told:?}"
    );
}

#[test]
fn what_cannot_be_rehearsed_is_refused_with_a_way_out() {
    for (from, to, expected) in [
        (
            "agent = \"ipmi\"",
            "agent = \"redfish\"",
            "error: master1 is fenced by fence_redfish, which cannot be rehearsed\n  hint: rehearse with a copy of the \
             cluster file that says `agent = \"ipmi\"`, or without `[fencing]`",
        ),
        (
            "10.0.2.102",
            "10.0.9.102",
            "error: the BMC of master2, 10.0.9.102, is in none of the cluster's networks\n  hint: give a node an address \
             in the BMC's network: nobody routes in a rehearsal",
        ),
    ] {
        let refused = draw(&seed_b().replacen(from, to, 1), Accelerator::Tcg).expect_err("a refusal");
        assert_eq!(refused, expected);
    }
}

#[test]
fn drills_are_of_what_there_is() {
    let blueprint = draw(&seed_b(), Accelerator::Tcg).expect("a blueprint");
    let named = |text: &str| drill::drills(&[text.parse::<Wish>().expect("a drill")], &blueprint);
    let all: Vec<_> = named("all").expect("drills").iter().map(ToString::to_string).collect();
    let of = |node: &str| {
        ["power-cut=N", "disk=N:0", "disk=N:1", "link=N:lan", "link=N:replication"]
            .map(|name| name.replace('N', node))
    };
    assert_eq!(all, [of("master1"), of("master2")].concat());
    for (text, expected) in [
        ("power-cut=x", "error: power-cut=x: unknown node `x`\n  hint: known nodes: `master1`, `master2`"),
        ("disk=master1:2", "error: disk=master1:2: master1 has no disk 2\n  hint: its disks are 0 to 1"),
        (
            "link=master2:wan",
            "error: link=master2:wan: master2 has no card in `wan`\n  hint: known links: `lan`, `replication`",
        ),
    ] {
        let refused = named(text).map_err(|error| Shown(&error).to_string());
        assert_eq!(refused, Err(expected.to_owned()));
    }
}

#[test]
#[ignore = "two emulated nodes take a quarter of an hour"]
fn a_rack_has_networks_consoles_and_bmcs_that_switch() {
    let start = Instant::now();
    let blueprint = blueprint(&tests::xbuild::workshop().join("rack"));
    let tools = make_images(&blueprint);
    say(start, "images");
    let rack = Rack::assemble(&tools, &blueprint).expect("a rack");
    let [one, two] = ["master1", "master2"].map(|name| rack.node(name).expect("a node of the file"));
    rack.power_on_all().expect("power");
    let boots = [one, two].map(|node| greeted(&rack, node, None));
    say(start, "both listen");
    for (node, addresses) in [(one, ["10.0.2.12", "10.0.1.2"]), (two, ["10.0.2.11", "10.0.1.1"])] {
        for address in addresses {
            rack.until(&format!("{} reaches {address}", node.name), START, || {
                node.good(&format!("ping -c 1 -W 2 {address}"), ANSWER).ok()
            })
            .expect("a network");
        }
    }
    say(start, "both reach each other on both networks");
    assert_eq!(one.good("cat /proc/sys/kernel/random/boot_id", ANSWER).expect("an answer").trim(), boots[0]);
    assert_eq!(one.run("echo no; false", ANSWER).expect("an answer").status, 1);
    quorum(&rack, one, 2);
    say(start, "corosync has two members");
    fence(&rack, one, two, &boots[1], start);
    pull(&rack, one, two, start);
    fail(&rack, two, start);
}

fn quorum(rack: &Rack, node: &Node, members: u32) {
    let words = format!("Total votes:      {members}");
    rack.until(&format!("{} sees {members} members", node.name), START, || {
        node.run("corosync-quorumtool -s", ANSWER).ok().filter(|output| output.text.contains(&words))
    })
    .expect("a cluster");
}

fn fence(rack: &Rack, one: &Node, two: &Node, boot: &str, start: Instant) {
    let fence = |action: &str| one.run(&format!("{FENCE}{action}"), ANSWER).expect("an agent that ends");
    let status = fence("status");
    assert!(status.status == 0 && status.text.contains("Status: ON"), "{status:?}");
    say(start, "the BMC says that master2 is on");
    let off = fence("off");
    assert_eq!(off.status, 0, "{off:?}");
    assert!(!two.machine.is_on().expect("QEMU answers"));
    assert!(
        two.boot().is_none()
            && one.run("ping -c 1 -W 2 10.0.2.12", ANSWER).is_ok_and(|ping| ping.status != 0)
    );
    let status = fence("status");
    assert!(status.status == 2 && status.text.contains("Status: OFF"), "{status:?}");
    say(start, "it was switched off");
    assert_eq!(fence("on").status, 0);
    assert!(two.machine.is_on().expect("QEMU answers"));
    let again = greeted(rack, two, Some(boot));
    assert_ne!(again, boot);
    say(start, "and on again");
}

/// A node without its cable sees no carrier, and nobody reaches it there.
fn pull(rack: &Rack, one: &Node, two: &Node, start: Instant) {
    let ping = || one.run("ping -c 1 -W 2 10.0.2.12", ANSWER).expect("an answer").status == 0;
    let carrier = |expected: &str| {
        // As long as the interface is down, the file cannot be read.
        let read =
            || two.good("cat /sys/class/net/lan/carrier", ANSWER).ok().filter(|text| text.trim() == expected);
        rack.until(&format!("master2 sees a carrier of {expected}"), START, read).expect("a carrier");
    };
    rack.until("master1 reaches it", START, || ping().then_some(())).expect("a network");
    carrier("1");
    two.machine.plug("lan", false).expect("a cable");
    carrier("0");
    assert!(!ping());
    two.machine.plug("lan", true).expect("a cable");
    carrier("1");
    rack.until("master1 reaches it again", START, || ping().then_some(())).expect("a network");
    say(start, "a cable was pulled and plugged in");
}

fn fail(rack: &Rack, node: &Node, start: Instant) {
    let read = || {
        let read = "dd if=/dev/disk/by-id/virtio-disk1 of=/dev/null bs=4k count=1 iflag=direct";
        node.run(read, ANSWER).expect("an answer")
    };
    assert_eq!(read().status, 0);
    node.machine.change_disk(1, Medium::Broken).expect("a disk");
    let asked = Instant::now();
    let failed = read();
    assert!(failed.status == 1 && failed.text.contains("Input/output error"), "{failed:?}");
    assert!(asked.elapsed() < Duration::from_secs(60), "it does not fail at once");
    for medium in [Medium::Blank, Medium::Own] {
        node.machine.change_disk(1, medium).expect("a disk");
        assert_eq!(read().status, 0, "{medium:?}");
    }
    say(start, "a disk failed and was replaced");
    rack.nodes().iter().for_each(|node| node.check().expect("everything runs"));
}
