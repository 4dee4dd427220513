//! How fast an image is made, beside mmdebstrap making only a tar of the same packages; how fast a node is installed,
//! beside the shortest pipe onto the same arrays. Each in one run on one machine.
//! `cargo test --release -p tests --test benchmark -- --ignored --nocapture`

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use builder::debian::fetch::link_or_copy;
use builder::publish;
use builder::rootfs::Deb;
use builder::signing::SigningKey;
use builder::vm::Firmware;
use installer::model::resolve::load_profiles;
use installer::payload::{Manifest, manifest};
use tests::archive::{Archive, replay};
use tests::bare::{Bare, Medium};
use tests::trial::{Trial, good, names};
use tests::xbuild::{Images, cache_root, checkout, command, program, storage, workshop};

/// Held back, `update-initramfs` costs mmdebstrap nothing; stock, its packages run it twice.
const HOLD_BACK: &str = "--essential-hook=chroot \"$1\" dpkg-divert --local --rename --add /usr/sbin/update-initramfs && \
     ln -s ../bin/true \"$1/usr/sbin/update-initramfs\"";

/// What an install does at the least: it fetches the root, unpacks it onto the node's arrays, and syncs. The arrays have not
/// resynced yet, and wait with that as they do in an install.
const PIPE: &str = r#"
set -e
cd /tmp
sysctl -q -w dev.raid.speed_limit_max=1000
for file in zstd liblz4.so.1 liblzma.so.5 libxxhash.so.0 libz.so.1; do wget -q "$1/$file"; done
chmod +x zstd
mdadm --assemble --scan || cat /proc/mdstat
vgchange --activate y --noudevsync --config 'activation { udev_sync=0 udev_rules=0 monitoring=0 }' vg0
mke2fs -q -F -t ext4 -L root "$(findfs LABEL=root)"
mke2fs -q -F -t ext4 -L var /dev/vg0/var
mkdir target
mount "$(findfs LABEL=root)" target
mkdir target/var
mount /dev/vg0/var target/var
now() { cut -d ' ' -f 1 /proc/uptime; }
start=$(now)
wget -q -O - "$1/root.tar.zst" | LD_LIBRARY_PATH=/tmp ./zstd -d | tar -x --numeric-owner --xattrs --acls -C target
sync
end=$(now)
test -x target/usr/bin/dpkg
echo "the pipe took $(echo "$end - $start" | bc) s."
"#;

/// Bytes of code at the start of a disk.
const BOOT_CODE: usize = 440;

#[test]
#[ignore = "a benchmark"]
fn install_beside_a_pipe() {
    let machine = Bare::new("bare-pipe", &[8, 8, 4], "S-STORAGE1", "52:54:00:00:03:01", Firmware::Bios);
    let Medium::Pxe(folder) = Medium::pxe("install") else { unreachable!("a folder") };
    let console = machine.install(&Medium::Pxe(folder.clone()));
    let installed = number(&console, "installed storage1 in ");
    // The same payload does not install it twice: this time its installer ends with a shell.
    let tools = machine.images.tools.root();
    for (name, file) in [
        ("zstd", "usr/bin/zstd"),
        ("liblz4.so.1", "usr/lib/x86_64-linux-gnu/liblz4.so.1"),
        ("liblzma.so.5", "usr/lib/x86_64-linux-gnu/liblzma.so.5"),
        ("libz.so.1", "usr/lib/x86_64-linux-gnu/libz.so.1"),
        ("libxxhash.so.0", "usr/lib/x86_64-linux-gnu/libxxhash.so.0"),
    ] {
        fs::copy(tools.join(file), folder.join(name)).expect("a tool");
    }
    fs::write(folder.join("pipe.sh"), PIPE).expect("a writable folder");
    fs::write(folder.join("root.tar.zst"), packed_root(&folder)).expect("room for a tar");
    let script = fs::read_to_string(folder.join("boot.ipxe")).expect("a script");
    let (_, at_once) = script.split_once(":install\n").expect("the script installs");
    fs::write(folder.join("boot.ipxe"), format!("#!ipxe\n{at_once}")).expect("a writable folder");
    // The disks come before the network: as data disks do, they give the next device its turn.
    let hand_on = machine.read(2, 0, BOOT_CODE);
    (0..2).for_each(|disk| machine.write(disk, 0, &hand_on));
    let command = "url=$(sed 's/.*xbuild.source=\\([^ ]*\\)\\/boot.ipxe.*/\\1/' /proc/cmdline); \
         wget -q -O /tmp/pipe.sh $url/pipe.sh && sh /tmp/pipe.sh $url";
    let console = machine.types(&Medium::Pxe(folder.clone()), command, " s.\r\n");
    let pipe = number(&console, "the pipe took ");
    println!("install from the first look at the machine to the end  {installed:6.1} s");
    println!(
        "wget | zstd -d | tar -x; sync                          {pipe:6.1} s   install / pipe {:.2}",
        installed / pipe
    );
    fs::remove_dir_all(&folder).expect("a folder of our own");
    machine.images.remove();
}

/// The chunks of the root one after the other: the frames of one zstd file.
fn packed_root(folder: &Path) -> Vec<u8> {
    let payload = folder.join("payload");
    let manifest = fs::read(payload.join(manifest::FILE)).expect("a manifest");
    let manifest = Manifest::parse(&manifest).expect("a sound manifest");
    let root = manifest.streams.get("rootfs/storage").expect("the payload has the root");
    root.chunks.iter().flat_map(|chunk| fs::read(payload.join(chunk.file())).expect("a chunk")).collect()
}

/// What follows `words`.
fn number(text: &str, words: &str) -> f64 {
    let (_, rest) = text.rsplit_once(words).expect(text);
    rest.split(' ').next().and_then(|number| number.parse().ok()).expect(rest)
}

#[test]
#[ignore = "a benchmark"]
fn image_beside_mmdebstrap() {
    let images = storage();
    let trial = Trial::below(&workshop());
    let archive = replay::of_cache(&cache_root());
    for kind in ["blobs", "releases", "kernel", "package", "tools", "resolved"] {
        share(&cache_root().join(kind), &trial.path("cache").join(kind));
    }
    let full = seconds(|| image(&trial, &["--profile", "storage", "-o", "out"]));
    let warm = median([(); 3].map(|()| seconds(|| image(&trial, &["--profile", "storage", "-o", "out"]))));
    let ours = publish_ours(images, &trial);
    let stock = seconds(|| mmdebstrap(&images.tools, &archive, &trial, &ours, &[]));
    let held = seconds(|| mmdebstrap(&images.tools, &archive, &trial, &ours, &[HOLD_BACK]));
    println!("xbuild image, rootfs not cached          {full:6.1} s");
    println!("xbuild image, everything cached          {warm:6.1} s");
    println!("mmdebstrap, tar only                     {stock:6.1} s   image / tar {:.2}", full / stock);
    println!("mmdebstrap, update-initramfs held back   {held:6.1} s   image / tar {:.2}", full / held);
}

fn median(mut times: [f64; 3]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[1]
}

/// What was written before is not waited for in the time of what comes next.
fn seconds(work: impl FnOnce()) -> f64 {
    rustix::fs::sync();
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// `xbuild image` with the trial's cache and the machine's own mirrors.
fn image(trial: &Trial, arguments: &[&str]) {
    let mut run = Command::new(program());
    run.arg("image").args(arguments).current_dir(trial.path("")).arg("--source").arg(checkout());
    good(&run.arg("--cache").arg(trial.path("cache")).output().expect("xbuild starts"));
}

/// A repository of the image's packages that are in no archive, below the trial's folder: the kernel for one.
fn publish_ours(images: &Images, trial: &Trial) -> Vec<String> {
    let manifest = fs::read(images.folder.join("manifest.json")).expect("the images have a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("the manifest is JSON");
    let listed = manifest["packages"].as_array().expect("the manifest lists packages");
    let folder = cache_root().join("package");
    let made = names(&folder).into_iter().map(|name| folder.join(name).join("package.deb"));
    let made = made.filter(|file| file.exists()).map(|file| Deb::of_ours(file).expect("a sound package"));
    let ours: Vec<Deb> =
        made.filter(|deb| listed.iter().any(|one| one["sha256"] == *deb.package.sha256)).collect();
    assert!(ours.iter().any(|deb| deb.package.name.starts_with("linux-image-")), "{ours:?}");
    let key = SigningKey::open(&trial.path("ours.key")).expect("a key");
    fs::write(trial.path("ours.asc"), key.public().expect("a key")).expect("a writable folder");
    let epoch = manifest["source_date_epoch"].as_i64().expect("the manifest has a time");
    for (path, bytes) in publish::publish(&ours, &key, epoch).expect("a repository") {
        let path = trial.path("ours").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        fs::write(path, bytes).expect("a writable folder");
    }
    ours.into_iter().map(|deb| deb.package.name).collect()
}

/// The same packages.
fn mmdebstrap(
    tools: &builder::tools::Tools,
    archive: &Archive,
    trial: &Trial,
    ours: &[String],
    hooks: &[&str],
) {
    let node = load_profiles(&checkout()).expect("sound profiles").resolve("storage").expect("a profile");
    let packages = node.layers.iter().flat_map(|layer| layer.packages.clone());
    let packages: Vec<_> = packages.chain(ours.iter().cloned()).collect();
    fs::copy(archive.keyring(), trial.path("key.asc")).expect("a writable folder");
    let mut argv = vec!["mmdebstrap".to_owned(), "--mode=root".to_owned(), "--variant=essential".to_owned()];
    argv.push("--aptopt=APT::Install-Recommends \"false\"".to_owned());
    argv.push("--components=main,non-free-firmware".to_owned());
    argv.push("--keyring=/work/key.asc".to_owned());
    argv.push(format!("--include={}", packages.join(",")));
    argv.extend(hooks.iter().map(|hook| (*hook).to_owned()));
    argv.extend(["trixie".to_owned(), "/work/root.tar".to_owned()]);
    let url = archive.server().url();
    let source = |(folder, suite): (&str, &str)| {
        format!("deb [signed-by=/work/key.asc] {url}/{folder} {suite} main non-free-firmware")
    };
    let suites = [("debian", "trixie"), ("debian", "trixie-updates"), ("debian-security", "trixie-security")];
    argv.extend(suites.map(source));
    argv.push("deb [signed-by=/work/ours.asc] copy:/work/ours trixie main".to_owned());
    let run = tools.run(argv).bind(&trial.path(""), "/work").network().no_sync();
    good(&command(&run).output().expect("xbuild starts"));
}

/// Links every entry of a kind of the cache.
fn share(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable folder");
    for name in names(from).iter().filter(|name| !name.ends_with(".lock")) {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_dir() {
            let status = Command::new("cp").args(["-al"]).arg(&from).arg(&to).status();
            assert!(status.is_ok_and(|status| status.success()));
        } else {
            link_or_copy(&from, &to).expect("a link");
        }
    }
}
