//! kill -9 in each stage, then the same command again: it finishes, and gives the same bytes. What is finished then
//! serves two builds at once, and builds on full disks.
//!
//! The packages are Debian's, replayed out of the cache that tests share, so a download can be held half-way.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "interruption/scene.rs"]
mod scene;

use std::time::Duration;

use tests::running::Running;
use tests::trial::{images, names};

use scene::Scene;

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Half of the file with this in its path has arrived.
    HalfOf(&'static str),
    /// The first files lie in the cache's work folder of this name.
    FilesIn(&'static str),
    /// The program with this in its command line runs.
    Program(&'static str),
}

/// In the order of the stages: each build goes on where the one before it was killed.
const KILLS: [(&str, Moment); 9] = [
    ("mirrors", Moment::HalfOf("/trixie-security/main/binary-amd64/")),
    ("tool packages", Moment::HalfOf("/qemu-system-x86_")),
    ("tools", Moment::FilesIn("tools-")),
    ("resolve", Moment::Program("--simulate")),
    ("packages", Moment::HalfOf("/xen-hypervisor-4.20-amd64_")),
    ("rootfs base", Moment::Program("apt-get install")),
    ("rootfs tiny", Moment::Program("--create")),
    ("boot files", Moment::Program("update-initramfs")),
    ("image", Moment::Program("mke2fs")),
];

#[test]
fn kill_in_each_stage_and_finish() {
    let scene = Scene::new();
    for (stage, moment) in KILLS {
        kill(&scene, stage, moment);
    }
    scene.finish("out");
    assert_eq!(scene.made("out"), scene.reference);
    two_builds_at_once(&scene);
    full_disks(&scene);
}

#[test]
#[ignore = "builds the kernel, which takes a quarter of an hour"]
fn kill_in_the_kernel_and_finish() {
    let scene = Scene::with_kernel_source();
    std::fs::remove_dir_all(scene.trial.path("cache/kernel")).unwrap();
    kill(&scene, "kernel source", Moment::HalfOf("/linux-source-6.12_"));
    kill(&scene, "kernel", Moment::Program("bzImage"));
    scene.finish("out");
    assert_eq!(scene.made("out"), scene.reference);
}

fn kill(scene: &Scene, stage: &str, moment: Moment) {
    eprintln!("killing it in {stage}: {moment:?}");
    let server = scene.archive.server();
    if let Moment::HalfOf(part) = moment {
        server.hold(part);
    }
    let running = Running::start(&mut scene.image("out"));
    running.wait_for_stage(stage);
    match moment {
        Moment::HalfOf(part) => assert!(server.holds(Duration::from_secs(60)), "nobody asks for {part}"),
        Moment::FilesIn(folder) => running.wait_until("files", || scene.has_work_in(folder)),
        Moment::Program(part) => running.wait_for_program(stage, part),
    }
    running.kill();
    server.let_go();
    let finished = images(&scene.trial.path("out")).into_iter().filter(|name| !name.ends_with(".partial"));
    assert_eq!(finished.collect::<Vec<_>>(), Vec::<String>::new());
    if let Moment::HalfOf(_) = moment {
        scene.trial.assert_blobs_whole();
    }
}

/// Both need boot files that are not there: one makes them, the other one waits.
fn two_builds_at_once(scene: &Scene) {
    std::fs::remove_dir_all(scene.trial.path("cache/boot")).unwrap();
    let builds = ["one", "other"].map(|out| (out, scene.image(out).spawn().unwrap()));
    for (out, mut build) in builds {
        assert!(build.wait().unwrap().success(), "{out}");
        assert_eq!(scene.made(out), scene.reference);
        std::fs::remove_dir_all(scene.trial.path(out)).unwrap();
    }
}

/// In each case a memory file system of this size, in MiB, is what the stage writes to.
fn full_disks(scene: &Scene) {
    const HINT: &str = "\n  hint: free some space, or give a folder on a larger disk: --cache DIR for the cache (it takes about 10 GB), \
         -o DIR for the images";
    const UNPACKING: &str = "cannot unpack TMP/full/blobs/SHA256\n";
    for (shared, size, errors) in [
        (&["blobs"][..], 100, &[UNPACKING][..]),
        (&["blobs", "tools"][..], 60, &["`apt-get update` failed (exit status: 100)\n"]),
        // Where memory is short, the root itself lies on the full disk.
        (
            &["blobs", "tools", "resolved", "kernel", "package"][..],
            60,
            &["cannot pack the root\n", UNPACKING],
        ),
        (
            &["blobs", "tools", "resolved", "kernel", "package", "rootfs"][..],
            8,
            &["cannot keep the initramfs\n"],
        ),
        (
            &["blobs", "tools", "resolved", "kernel", "package", "rootfs", "boot", "tmp", "releases"][..],
            20,
            &["cannot write the file system root into the images\n"],
        ),
    ] {
        let said = scene.on_full_disk(shared, size);
        let expected = errors.iter().any(|error| said.starts_with(&format!("error: {error}")));
        assert!(expected && said.ends_with(HINT), "{shared:?}: {said}");
    }
    assert_eq!(names(&scene.trial.path("full")), Vec::<String>::new());
}
