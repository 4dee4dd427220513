//! What the machine lacks: room, namespaces, ids, mirrors.

use std::process::Output;

use serde_json::json;
use tests::archive::{Archive, Fault, locked};
use tests::trial::Trial;
use tests::world::{self, BECOME_ORDINARY};

use crate::files::{PROFILE, with_profile};

const IMAGE: &str = "bin/xbuild image --profile node -o out";
const RANGES: &str = "tester:100000:65536\n";

/// A trial with a profile, on a machine where everybody has ranges of ids.
fn prepared() -> Trial {
    let trial = with_profile(PROFILE);
    world::prepare(&trial);
    trial.write("etc/subuid", RANGES);
    trial.write("etc/subgid", RANGES);
    trial
}

fn refused(trial: &Trial, output: &Output, archive: Option<&Archive>) -> String {
    let said = trial.refused(output, archive);
    trial.assert_clean(&[]);
    said
}

#[test]
fn no_user_namespaces() {
    let trial = prepared();
    trial.write("bin/newuidmap", "never started\n");
    let script = format!(
        "echo 0 >/proc/sys/user/max_user_namespaces || exit 9\nPATH=bin:$PATH\n{BECOME_ORDINARY} {IMAGE}"
    );
    assert_eq!(refused(&trial, &world::run(&trial, &script), None), "\
error: cannot make a user namespace
  because: the limit in sysctl user.max_user_namespaces is reached
  hint: the kernel forbids user namespaces to ordinary users: set sysctl user.max_user_namespaces above 0 (and kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0 where they exist), or run as root");
}

#[test]
fn no_newuidmap() {
    let trial = prepared();
    let script = format!("{BECOME_ORDINARY} env PATH=/nowhere {IMAGE}");
    assert_eq!(
        refused(&trial, &world::run(&trial, &script.replace("bin/xbuild", "$PWD/bin/xbuild")), None),
        "\
error: `newuidmap` is not on this machine, so an ordinary user cannot get a range of user ids
  hint: install it (Debian, Ubuntu: apt install uidmap; Fedora, Arch: shadow-utils), or run as root"
    );
}

#[test]
fn no_subordinate_ids() {
    for file in ["etc/subuid", "etc/subgid"] {
        let trial = prepared();
        // One range is too small, the other one somebody else's.
        trial.write(file, "tester:100000:1000\nother:200000:65536\n");
        let expected = format!(
            "error: /{file} gives `tester` no range of 65536 ids\n  \
             hint: as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 tester"
        );
        assert_eq!(
            refused(&trial, &world::run(&trial, &format!("{BECOME_ORDINARY} {IMAGE}")), None),
            expected
        );
    }
}

#[test]
fn no_mirror_is_known() {
    let expected = "\
error: no mirror of Debian's main archive is known: the host's apt sources name none
  hint: name a mirror of Debian's main archive with --mirror ADDRESS, or in the cluster file";
    let trial = prepared();
    assert_eq!(refused(&trial, &world::run(&trial, IMAGE), None), expected);
    let lock = json!({ "suites": [], "sets": { "tools": [locked("mdadm")] } });
    trial.write("xbuild.lock", &lock.to_string());
    assert_eq!(refused(&trial, &world::run(&trial, &format!("{IMAGE} --locked")), None), expected);
}

#[test]
fn the_disk_is_full_during_downloads() {
    let (trial, archive) = (prepared(), Archive::with(&[Fault::Large("mdadm")]));
    let script = format!(
        "mkdir cache && mount -t tmpfs -o size=8m tmpfs cache || exit 9\n{IMAGE} {}\nstatus=$?\n\
         bin/xbuild cache >/dev/null || exit 9\nfind cache -size +1M\nfind cache/tmp -mindepth 1\n\
         cd cache/blobs && for blob in *; do echo \"$blob  $blob\"; done | sha256sum --quiet --check\nexit $status",
        archive.options().join(" ")
    );
    let output = world::run(&trial, &script);
    assert_eq!(refused(&trial, &output, Some(&archive)), "\
error: cannot write to the cache
  because: No space left on device (os error 28)
  hint: free some space, or give a folder on a larger disk: --cache DIR for the cache (it takes about 10 GB), -o DIR for the images");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "left in the cache");
}

#[test]
fn the_cache_cannot_be_written() {
    let trial = with_profile(PROFILE);
    trial.write("cache", "a file");
    let said = trial.refusal(&mut trial.xbuild(&["image", "--profile", "node", "-o", "out"]), None);
    assert_eq!(
        said,
        "\
error: cannot use the cache TMP/cache
  because: Not a directory (os error 20)
  hint: give another folder with --cache DIR"
    );
}
