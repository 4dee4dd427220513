//! What the daemons themselves say of the files that a cluster file becomes, on a node that has booted with them.

use tests::guest::{Entry, Guest};
use tests::xbuild::image;

const CARDS: [&str; 2] = ["52:54:00:00:05:01", "52:54:00:00:05:02"];

const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed systemctl --failed --no-legend --plain
record drbd /lib/drbd/drbdadm-84 dump xen
record backing readlink -e /dev/xbuild/drbd
record corosync corosync -t
record o2cb o2cb list-cluster --oneline ocfs2
dead=/sys/kernel/config/cluster/ocfs2/heartbeat/dead_threshold
record threshold cat $dead
record idle cat /sys/kernel/config/cluster/ocfs2/idle_timeout_ms
record peer getent hosts master2
record panic sysctl -n kernel.panic kernel.panic_on_oops
export CIB_file=/run/cib.xml
cibadmin --empty >$CIB_file
record load crm -F configure load replace /etc/xbuild/cluster.crm
sed -i 's/<cib /<cib have-quorum="1" /' $CIB_file
record verify crm_verify --verbose --xml-file $CIB_file
record query cibadmin --query
record waiting systemctl is-active corosync.service pacemaker.service
"#;

/// The pair of the old howto, made today: its properties with today's names.
const PROPERTIES: [(&str, &str); 7] = [
    ("stonith-enabled", "true"),
    ("stonith-action", "reboot"),
    ("symmetric-cluster", "true"),
    ("no-quorum-policy", "stop"),
    ("stop-orphan-resources", "true"),
    ("stop-orphan-actions", "true"),
    ("resource-stickiness", "1000000"),
];

#[test]
fn daemons_take_the_files_of_a_pair() {
    let images = image("master1", &["--cluster", "tests/clusters/seed-b.toml", "--node", "master1"]);
    let answers = Guest { cards: &CARDS, entry: Entry::PlainLinux, ..Guest::new(&images, CHECK) }.examine();
    assert_eq!(answers.good("failed"), "", "units failed");
    let drbd = answers.good("drbd");
    for line in ["allow-two-primaries", "fencing", "after-sb-0pri", "after-sb-1pri"] {
        assert!(drbd.contains(line), "{line}: {drbd}");
    }
    assert!(answers.good("backing").starts_with("/dev/vd"), "{}", answers.get("backing"));
    answers.good("corosync");
    assert!(answers.good("o2cb").contains("master2"), "{}", answers.get("o2cb"));
    assert_eq!(answers.good("threshold").trim(), "31");
    assert_eq!(answers.good("idle").trim(), "60000");
    assert!(answers.good("peer").starts_with("10.0.1.2"), "{}", answers.get("peer"));
    assert_eq!(answers.good("panic"), "30\n1\n");
    answers.good("load");
    answers.good("verify");
    let cib = answers.good("query");
    for (name, value) in PROPERTIES {
        assert!(cib.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name}: {cib}");
    }
    // Without a key there is nothing to join.
    assert_eq!(answers.get("waiting"), "inactive\ninactive\n");
    images.remove();
}
