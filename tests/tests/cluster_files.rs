//! What the daemons themselves say of the files that a cluster file becomes, on a node that has booted with them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use tests::check::PAIR_PROPERTIES;
use tests::guest::{Entry, Guest};
use tests::xbuild::{checkout, image, program};

const CLUSTER: &str = "tests/clusters/seed-b.toml";

const CARDS: [&str; 2] = ["52:54:00:00:05:01", "52:54:00:00:05:02"];

const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed failed
record drbd /lib/drbd/drbdadm-84 dump xen
record backing readlink -e /dev/xbuild/drbd
record corosync corosync -t
record roots stat --format '%a %U %n' /etc/corosync/authkey /etc/drbd.d/cluster.res /etc/xbuild/secrets/bmc-master2
record quorum corosync-quorumtool -s
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
record active systemctl is-active corosync.service pacemaker.service o2cb.service
"#;

/// Secrets of the cluster in `folder`: made, and written where nobody can make them.
fn secrets(folder: &Path) {
    let cluster = ["secrets", "init", "--cluster", CLUSTER, "--secrets"];
    let status = Command::new(program()).args(cluster).arg(folder).current_dir(checkout()).status();
    assert!(status.is_ok_and(|status| status.success()), "xbuild secrets init failed");
    for node in ["master1", "master2"] {
        let path = folder.join(format!("bmc-{node}.password"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(b"calvin\n")).expect("room for a password");
    }
}

#[test]
fn daemons_take_the_files_of_a_pair() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("secrets");
    secrets(&folder);
    let secrets = ["--with-secrets", "--secrets", folder.to_str().expect("a path of letters")];
    let images = image("master1", &[&["--cluster", CLUSTER, "--node", "master1"][..], &secrets].concat());
    let answers = Guest { cards: &CARDS, entry: Entry::PlainLinux, ..Guest::new(&images, CHECK) }.examine();
    assert_eq!(answers.good("failed"), "", "units failed");
    let drbd = answers.good("drbd");
    for line in
        ["allow-two-primaries", "fencing", "after-sb-0pri", "after-sb-1pri", "shared-secret", "cram-hmac-alg"]
    {
        assert!(drbd.contains(line), "{line}: {drbd}");
    }
    assert!(answers.good("backing").starts_with("/dev/vd"), "{}", answers.get("backing"));
    answers.good("corosync");
    let roots = "400 root /etc/corosync/authkey\n600 root /etc/drbd.d/cluster.res\n600 root /etc/xbuild/secrets/bmc-master2";
    assert_eq!(answers.good("roots"), roots);
    assert_eq!(answers.get("active"), "active\nactive\nactive");
    // Neither starts alone.
    let quorum = answers.get("quorum");
    assert!(quorum.contains("WaitForAll") && quorum.contains("Activity blocked"), "{quorum}");
    assert!(answers.good("o2cb").contains("master2"), "{}", answers.get("o2cb"));
    assert_eq!(answers.good("threshold").trim(), "31");
    assert_eq!(answers.good("idle").trim(), "60000");
    assert!(answers.good("peer").starts_with("10.0.1.2"), "{}", answers.get("peer"));
    assert_eq!(answers.good("panic"), "30\n1");
    answers.good("load");
    answers.good("verify");
    let cib = answers.good("query");
    for (name, value) in PAIR_PROPERTIES {
        assert!(cib.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name}: {cib}");
    }
    assert!(!cib.contains("calvin"), "{cib}");
    images.remove();
}
