//! What is wrong with the interfaces of a node: bonds, VLANs, bridges.

use crate::{messages, report_of_cluster};

/// A node with a bond `trunk`, and more interfaces; the list of them is line 18.
fn node(interfaces: &str) -> String {
    format!(
        r#"[cluster]
name = "c"

[[network]]
name = "lan"
subnet = "10.0.0.0/24"

[[network]]
name = "storage"
subnet = "10.0.1.0/24"
mtu = 9000

[[node]]
name = "n"
profile = "node"
interface = [
    {{ name = "trunk", macs = ["52:54:00:00:00:01", "52:54:00:00:00:02"], bond = "802.3ad" }},
    {interfaces},
]
"#
    )
}

#[test]
fn whatever_can_be_said_can_be_combined() {
    for interfaces in [
        r#"{ network = "lan", on = "trunk", vlan = 1, bridge = true }, { network = "storage", on = "trunk", vlan = 4094 }"#,
        r#"{ network = "lan", mac = "52:54:00:00:00:03", bridge = true }, { network = "storage", on = "lan", vlan = 2 }"#,
        r#"{ network = "lan", macs = ["52:54:00:00:00:03", "52:54:00:00:00:04"], bond = "balance-rr", bridge = true }"#,
        r#"{ name = "lan", mac = "52:54:00:00:00:03" }"#,
    ] {
        assert_eq!(report_of_cluster(&node(interfaces)), "", "{interfaces}");
    }
}

#[test]
fn what_an_interface_consists_of_is_said_once_and_whole() {
    for (interfaces, problems) in [
        (
            r#"{ network = "lan" }"#,
            &[
                "missing key `mac`",
                "add the MAC address of its card, `macs` and `bond` for several cards, or `on` and `vlan` for a VLAN",
            ][..],
        ),
        (
            r#"{ mac = "52:54:00:00:00:03" }"#,
            &[
                "missing key `network`",
                "add a line such as `network = \"lan\"`, or `name = \"trunk\"` for an interface without an address",
            ],
        ),
        (
            r#"{ name = "x", network = "lan", mac = "52:54:00:00:00:03" }"#,
            &[
                "an interface is called as its network",
                "remove `name`; or remove `network` if the node has no address there",
            ],
        ),
        (
            r#"{ name = "x", mac = "52:54:00:00:00:03", address = "10.0.0.4" }"#,
            &["an address of no network", "name the network instead of `name`"],
        ),
        (
            r#"{ network = "lan", mac = "52:54:00:00:00:03", on = "trunk", vlan = 20 }"#,
            &[
                "`mac` and `on` exclude each other",
                "an interface is one card (`mac`), several as a bond (`macs`), or a VLAN (`on`)",
            ],
        ),
        (
            r#"{ network = "lan", vlan = 20 }"#,
            &["`vlan` without `on`", "name the interface that carries the VLAN, such as `on = \"trunk\"`"],
        ),
        (
            r#"{ network = "lan", on = "trunk" }"#,
            &["`on` without `vlan`", "say which VLAN it is, such as `vlan = 20`"],
        ),
        (
            r#"{ network = "lan", macs = ["52:54:00:00:00:03", "52:54:00:00:00:04"] }"#,
            &["`macs` without `bond`", "say how the cards work together, such as `bond = \"active-backup\"`"],
        ),
        (
            r#"{ network = "lan", mac = "52:54:00:00:00:03", bond = "802.3ad" }"#,
            &[
                "`bond` without `macs`",
                "list the MAC addresses of its cards, such as `macs = [\"52:54:00:00:00:01\", …]`",
            ],
        ),
        (
            r#"{ network = "lan", macs = ["52:54:00:00:00:03"], bond = "802.3ad" }"#,
            &[
                "a bond of a single card",
                "list two cards or more, or write `mac` for a single one and remove `bond`",
            ],
        ),
        (
            r#"{ network = "lan", macs = ["52:54:00:00:00:03", "52:54:00:00:00:04"], bond = "lacp" }"#,
            &["unknown bond mode `lacp`", "known bond modes: `active-backup`, `802.3ad`, `balance-rr`"],
        ),
    ] {
        assert_eq!(messages(&report_of_cluster(&node(interfaces))), problems, "{interfaces}");
    }
}

#[test]
fn numbers_have_their_limits() {
    for id in [0, 4095, 70_000] {
        let vlan = format!("{{ network = \"lan\", on = \"trunk\", vlan = {id} }}");
        let expected = [&*format!("{id} is not the id of a VLAN"), "write a whole number from 1 to 4094"];
        assert_eq!(messages(&report_of_cluster(&node(&vlan))), expected);
    }
    let small = node("").replace("mtu = 9000", "mtu = 900").replace("    ,\n", "");
    let hint = "write a whole number from 1280 to 65535: Ethernet has 1500, jumbo frames mostly 9000";
    assert_eq!(messages(&report_of_cluster(&small)), ["packets of 900 bytes do not work", hint]);
}

#[test]
fn vlans_lie_on_cards_and_bonds_of_their_node() {
    let storage = r#"{ network = "storage", on = "trunk", vlan = 20 }"#;
    for (interfaces, problems) in [
        (
            r#"{ network = "lan", on = "trnk", vlan = 20 }"#.to_owned(),
            &["unknown interface `trnk`", "did you mean `trunk`?"][..],
        ),
        (
            format!(r#"{storage}, {{ network = "lan", on = "storage", vlan = 30 }}"#),
            &["`storage` is a VLAN itself", "name the card or the bond that carries both, such as `trunk`"],
        ),
        (
            r#"{ network = "lan", on = "lan", vlan = 30 }"#.to_owned(),
            &["`lan` is a VLAN itself", "name the card or the bond that carries it"],
        ),
        (
            format!(r#"{storage}, {{ network = "lan", on = "trunk", vlan = 20 }}"#),
            &[
                "on node `n`, VLAN `20 on trunk` is already used at cluster.toml:18:49",
                "one interface for each VLAN; guests share it if it is a bridge",
            ],
        ),
        (
            r#"{ network = "lan", mac = "52:54:00:00:00:03" }, { network = "storage", on = "lan", vlan = 2 }"#
                .to_owned(),
            &[
                "network `storage` has packets of 9000 bytes, and `lan` carries 1500",
                "give both networks the same `mtu`, or carry them as two VLANs on an interface with a `name`",
            ],
        ),
    ] {
        assert_eq!(messages(&report_of_cluster(&node(&interfaces))), problems, "{interfaces}");
    }
}

#[test]
fn every_device_has_a_name_of_its_own() {
    let parts =
        "what an interface lies on is called as it, with a number, `-bond` or `-vlan` behind: rename one";
    for (interfaces, problems) in [
        (
            r#"{ network = "lan", on = "trunk", vlan = 20 }, { network = "lan", on = "trunk", vlan = 30 }"#,
            &[
                "on node `n`, interface `lan` is already used at cluster.toml:18:17",
                "interfaces are named after their networks: one for each",
            ][..],
        ),
        (
            r#"{ name = "trunk1", mac = "52:54:00:00:00:03" }"#,
            &["on node `n`, interface `trunk1` is already used at cluster.toml:17:14", parts],
        ),
        (
            r#"{ name = "guests-of-all", on = "trunk", vlan = 30, bridge = true }"#,
            &[
                "`guests-of-all` lies on `guests-of-all-vlan`, and the kernel takes names of 15 letters",
                "give it a name of at most 10 letters",
            ],
        ),
    ] {
        assert_eq!(messages(&report_of_cluster(&node(interfaces))), problems, "{interfaces}");
    }
}

/// Each at its own place, also inside of a list.
#[test]
fn a_card_belongs_to_one_interface() {
    let again = r#"{ network = "lan", macs = ["52:54:00:00:00:03", "52:54:00:00:00:02"], bond = "802.3ad" }"#;
    let expected = "\
error: MAC address `52:54:00:00:00:02` is already used at cluster.toml:17:52
   --> cluster.toml:18:53
    |
 18 |     { network = \"lan\", macs = [\"52:54:00:00:00:03\", \"52:54:00:00:00:02\"], bond = \"802.3ad\" },
    |                                                     ^^^^^^^^^^^^^^^^^^^
    = hint: every network card has its own: read it off the card";
    assert_eq!(report_of_cluster(&node(again)), expected);
}
