//! The network of a node, as the cluster file says it: names, bond, VLANs, bridges, addresses.

use serde_json::Value;
use tests::guest::{Answers, Entry, Guest};
use tests::xbuild::image;

const CARDS: [&str; 3] = ["52:54:00:00:04:01", "52:54:00:00:04:02", "52:54:00:00:04:03"];

const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed failed
record link ip -details -json link
record address ip -json address
record route ip -json route show default
record networkctl networkctl list --json=short
record status networkctl status --no-pager --lines=0 lan trunk storage guests
record said journalctl --boot --no-pager --output=cat -u systemd-networkd -u systemd-udevd
record resolve resolvectl dns lan
record gateway ping -c 1 -w 20 10.0.2.2
"#;

fn parsed(answers: &Answers, name: &str) -> Vec<Value> {
    serde_json::from_str(answers.good(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// One device of a list.
fn device<'a>(links: &'a [Value], name: &str) -> &'a Value {
    let is_it = |link: &&Value| link["ifname"] == name;
    links.iter().find(is_it).unwrap_or_else(|| panic!("no {name} in {links:#?}"))
}

#[test]
#[ignore = "minutes of emulation"]
fn a_node_has_the_network_of_its_cluster_file() {
    let images = image("compute1", &["--cluster", "tests/clusters/network.toml", "--node", "compute1"]);
    let answers = Guest { cards: &CARDS, entry: Entry::PlainLinux, ..Guest::new(&images, CHECK) }.examine();
    println!("{}\n{}", answers.get("status"), answers.get("said"));
    assert_eq!(answers.good("failed"), "", "units failed");

    let links = parsed(&answers, "link");
    let mut names: Vec<&str> = links.iter().filter_map(|link| link["ifname"].as_str()).collect();
    names.sort_unstable();
    let expected = ["guests", "guests-vlan", "lan", "lan0", "lo", "storage", "trunk", "trunk0", "trunk1"];
    assert_eq!(names, expected, "a device too many or too few");
    for (name, key, value) in [
        ("lan0", "master", "lan"),
        ("trunk0", "master", "trunk"),
        ("trunk1", "master", "trunk"),
        ("guests-vlan", "master", "guests"),
        ("storage", "link", "trunk"),
        ("guests-vlan", "link", "trunk"),
        ("lan", "address", CARDS[0]),
        ("trunk", "address", CARDS[1]),
        ("guests", "address", CARDS[1]),
    ] {
        assert_eq!(device(&links, name)[key], value, "{key} of {name}");
    }
    for (name, card) in ["lan0", "trunk0", "trunk1"].into_iter().zip(CARDS) {
        let link = device(&links, name);
        let permanent = if link["permaddr"].is_null() { &link["address"] } else { &link["permaddr"] };
        assert_eq!(permanent, card, "{name} is another card");
    }
    for (name, kind) in [("lan", "bridge"), ("guests", "bridge"), ("trunk", "bond"), ("storage", "vlan")] {
        assert_eq!(device(&links, name)["linkinfo"]["info_kind"], kind, "{name}");
    }
    let trunk = &device(&links, "trunk")["linkinfo"]["info_data"];
    assert_eq!((&trunk["mode"], &trunk["miimon"]), (&"802.3ad".into(), &100.into()));
    assert_eq!(trunk["xmit_hash_policy"], "layer3+4");
    for (name, id) in [("storage", 20), ("guests-vlan", 30)] {
        assert_eq!(device(&links, name)["linkinfo"]["info_data"]["id"], id, "{name}");
    }
    for (name, mtu) in
        [("trunk", 9000), ("trunk1", 9000), ("storage", 9000), ("guests", 1500), ("lan0", 1500)]
    {
        assert_eq!(device(&links, name)["mtu"], mtu, "MTU of {name}");
    }

    let addresses = parsed(&answers, "address");
    let of = |name: &str| {
        let all = device(&addresses, name)["addr_info"].as_array().cloned().unwrap_or_default();
        let inet = all.into_iter().filter(|address| address["scope"] == "global");
        let shown =
            inet.map(|one| format!("{}/{}", one["local"].as_str().unwrap_or_default(), one["prefixlen"]));
        shown.filter(|address| !address.contains(':')).collect::<Vec<_>>().join(" ")
    };
    for (name, address) in
        [("lan", "10.0.2.15/24"), ("storage", "10.0.0.11/24"), ("lan0", ""), ("trunk", ""), ("guests", "")]
    {
        assert_eq!(of(name), address, "{name}");
    }
    assert_eq!(parsed(&answers, "route")[0]["gateway"], "10.0.2.2");
    assert!(answers.good("resolve").contains("10.0.2.3"), "{}", answers.get("resolve"));
    answers.good("gateway");
    assert_managed(&answers);
    images.remove();
}

/// networkd's own verdict, and that neither it nor udev has met a line that it does not know.
fn assert_managed(answers: &Answers) {
    let listed: Value = serde_json::from_str(answers.good("networkctl")).expect("networkctl lists");
    let interfaces = listed["Interfaces"].as_array().expect("interfaces");
    for interface in interfaces.iter().filter(|one| one["Name"] != "lo") {
        assert_eq!(interface["AdministrativeState"], "configured", "{interface:#}");
    }
    let about_files = answers.good("said").lines().filter(|line| line.contains("/etc/systemd/network/"));
    let complaints: Vec<&str> = about_files.filter(|line| !line.contains(": Configuring with ")).collect();
    assert_eq!(complaints, [] as [&str; 0]);
}
