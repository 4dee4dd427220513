//! The same bytes again: in another folder, from another cache, by another user.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use builder::manifest;
use tests::archive::{Archive, replay};
use tests::table::Table;
use tests::trial::{Trial, good};
use tests::xbuild::{cache_root, checkout, compute, program, workshop};

#[test]
#[ignore = "four builds with little from the cache"]
fn a_build_compares_itself_with_a_second_one() {
    let trial = Trial::below(&workshop());
    let table = Table::new(["profile", "format", "`--verify-reproducible`", "seconds"]);
    for format in ["raw", "qcow2"] {
        let start = Instant::now();
        let mut build = Command::new(program());
        build.args(["image", "--profile", "compute", "--verify-reproducible", "--format", format, "-o"]);
        build.arg(trial.path(format)).current_dir(checkout()).stdin(Stdio::null()).stderr(Stdio::inherit());
        good(&build.output().unwrap());
        table.row([&"compute", &format, &"the second build is the same", &start.elapsed().as_secs()]);
    }
}

/// Whoever builds.
struct Builder {
    name: String,
    uid: u32,
    gid: u32,
    umask: &'static str,
    zone: &'static str,
}

/// They share the archive and the signing key. Each has a folder with a cache, which has the kernel at first.
#[test]
#[ignore = "two builds with nothing but the kernel from the cache"]
fn root_and_an_ordinary_user_make_the_same() {
    assert!(rustix::process::geteuid().is_root(), "only root can build as two users");
    // The shared cache has all packages then.
    assert!(!compute().disks.is_empty());
    let archive = replay::of_cache(&cache_root());
    let trial = Trial::below(&workshop());
    for folder in [&trial.path(""), archive.keyring().parent().unwrap()] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    trial.link_kernels("kernels");
    let root = Builder { name: "root".to_owned(), uid: 0, gid: 0, umask: "022", zone: "UTC" };
    let table = Table::new(["user", "umask", "time zone", "manifest.json with all hashes", "seconds"]);
    let manifests = [("here", root), ("some/where/else", ordinary())].map(|(folder, builder)| {
        let start = Instant::now();
        let manifest = build(&trial, &archive, folder, &builder);
        let hash = tests::archive::sha256(manifest.as_bytes());
        table.row([&builder.name, &builder.umask, &builder.zone, &hash, &start.elapsed().as_secs()]);
        manifest
    });
    assert_eq!(manifests[0], manifests[1]);
}

fn build(trial: &Trial, archive: &Archive, folder: &str, builder: &Builder) -> String {
    let folder = trial.path(folder);
    fs::create_dir_all(&folder).unwrap();
    let key = trial.path("signing-key.asc");
    for path in [&folder, &key].into_iter().filter(|path| path.exists()) {
        chown(path, Some(builder.uid), Some(builder.gid)).unwrap();
    }
    let script =
        format!("umask {} && mkdir cache && cp -r \"$KERNELS\" cache/kernel && exec \"$@\"", builder.umask);
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(program());
    command
        .args(["image", "--profile", "compute", "-o", "out", "--cache", "cache", "--source"])
        .arg(checkout());
    command.arg("--signing-key").arg(key).args(archive.options());
    trial.surround(&mut command);
    command
        .current_dir(&folder)
        .env("KERNELS", trial.path("kernels"))
        .env("HOME", &folder)
        .env("TZ", builder.zone);
    command.uid(builder.uid).gid(builder.gid).stderr(Stdio::inherit());
    good(&command.output().unwrap());
    fs::read_to_string(folder.join("out").join(manifest::FILE)).unwrap()
}

/// The first one with enough subordinate ids.
fn ordinary() -> Builder {
    let text = fs::read_to_string("/etc/subuid").unwrap_or_default();
    let name = text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        fields.get(2)?.parse().is_ok_and(|count: u32| count >= 65_536).then(|| fields[0].to_owned())
    });
    let name = name.expect("this test needs a user with 65536 ids in /etc/subuid and /etc/subgid");
    let [uid, gid] = ["-u", "-g"].map(|which| {
        let said = good(&Command::new("id").args([which, &name]).output().unwrap());
        said.trim().parse().unwrap()
    });
    Builder { name, uid, gid, umask: "077", zone: "Asia/Tokyo" }
}
