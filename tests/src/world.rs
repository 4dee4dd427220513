//! A user and mount namespace to be root in, with one ordinary user beside: for what a machine may lack or forbid.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use builder::debian::fetch::link_or_copy;

use crate::trial::Trial;
use crate::xbuild::program;

/// The other user, `tester`.
pub const ORDINARY: u32 = 1000;
/// How a script becomes that user.
pub const BECOME_ORDINARY: &str = "exec setpriv --reuid=1000 --regid=1000 --clear-groups";
const DEADLINE: Duration = Duration::from_secs(20);
const MAPPED_BY_ROOT: &str = "0 0 1\n1000 1000 1\n";

/// Prepares a trial for [`run`]: everybody may look into it, `bin/xbuild` is the program, and `etc` will be `/etc`.
pub fn prepare(trial: &Trial) {
    trial.write("etc/passwd", "root:x:0:0::/root:/bin/sh\ntester:x:1000:1000::/:/bin/sh\n");
    trial.write("bin/readme", "programs of this trial\n");
    link_or_copy(&program(), &trial.path("bin/xbuild")).expect("room for the program");
    fs::set_permissions(trial.path(""), fs::Permissions::from_mode(0o755)).expect("a folder of our own");
}

/// Runs a shell script as root of a new user namespace, in the trial's folder and with its `etc` for `/etc`.
#[must_use]
pub fn run(trial: &Trial, script: &str) -> Output {
    // Capabilities come with the first program that is started after the ids are mapped.
    let outer = "read go && exec sh -c \"$1\"";
    let inner = format!("mount --bind '{}' /etc || exit 9\n{script}", trial.path("etc").display());
    let mut command = Command::new("unshare");
    command.args(["--user", "--mount", "sh", "-c", outer, "sh", &inner]);
    trial.surround(&mut command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare(1)");
    wait_for_namespace(&child);
    map_ids(child.id());
    child.stdin.take().expect("a pipe").write_all(b"go\n").expect("the script waits for this");
    child.wait_with_output().expect("the script ends")
}

fn wait_for_namespace(child: &Child) {
    let start = Instant::now();
    let ours = fs::read_link("/proc/self/ns/user").expect("/proc");
    while fs::read_link(format!("/proc/{}/ns/user", child.id())).is_ok_and(|theirs| theirs == ours) {
        assert!(start.elapsed() < DEADLINE, "no user namespace for the test");
        thread::sleep(Duration::from_millis(2));
    }
}

/// 0 is the caller, 1000 is somebody else. Root may say so; others need newuidmap(1).
fn map_ids(pid: u32) {
    if rustix::process::geteuid().is_root() {
        for map in ["uid_map", "gid_map"] {
            fs::write(format!("/proc/{pid}/{map}"), MAPPED_BY_ROOT).expect("root may map ids");
        }
        return;
    }
    let ids = [rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()];
    for ((tool, file), own) in
        [("newuidmap", "/etc/subuid"), ("newgidmap", "/etc/subgid")].into_iter().zip(ids)
    {
        let first = first_subordinate(Path::new(file))
            .unwrap_or_else(|| panic!("these tests need ids in {file}, or root"));
        let ordinary = ORDINARY.to_string();
        let words = [&pid.to_string(), "0", &own.to_string(), "1", &ordinary, &first, "1"].map(str::to_owned);
        let status = Command::new(tool).args(words).status();
        assert!(status.is_ok_and(|status| status.success()), "{tool} failed: these tests need it, or root");
    }
}

fn first_subordinate(file: &Path) -> Option<String> {
    let own = Command::new("id").arg("-un").output().ok()?;
    let own = String::from_utf8(own.stdout).ok()?;
    let text = fs::read_to_string(file).ok()?;
    let range = text.lines().find(|line| line.split(':').next() == Some(own.trim()))?;
    range.split(':').nth(1).map(str::to_owned)
}
