//! Against a folder that looks like sysfs, and programs that say what they were told to.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::{Roots, check};
use crate::apply::Removal;
use crate::facts::DiskFacts;
use crate::host::{Command, CommandFailed, Output, Run};
use crate::model::resolve::load_profiles;
use crate::plan::{Plan, Seed, plan};
use crate::units::{Bytes, SectorSize};

/// Runs nothing: LVM lists `volumes`, and whatever contains `fails` fails.
struct Fake {
    volumes: String,
    fails: &'static str,
    calls: Vec<String>,
}

impl Run for Fake {
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        let text = command.to_string();
        let fails = !self.fails.is_empty() && text.contains(self.fails);
        self.calls.push(text);
        let stdout = if command.argv[0] == "lvm" { self.volumes.clone() } else { String::new() };
        let stderr = if fails { "it does not work\n".to_owned() } else { String::new() };
        Ok(Output { status: Some(i32::from(fails)), stdout, stderr })
    }
}

/// A node of `storage-raid10` that is there already, and what is to stay of it.
struct Scene {
    root: TempDir,
    plan: Plan,
    removal: Removal,
    host: Fake,
}

impl Scene {
    fn new() -> Self {
        let profiles = load_profiles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let layout = profiles.resolve("storage-raid10").unwrap().layout;
        let disk = |(index, gib): (usize, u64)| {
            let name = format!("/dev/sd{}", ["a", "b", "c", "d", "e", "f"][index]);
            DiskFacts::new(name, Bytes::GIB * gib, SectorSize::B512)
        };
        let disks: Vec<DiskFacts> = [8, 8, 4, 4, 4, 4].into_iter().enumerate().map(disk).collect();
        let plan = plan(&layout, &disks, &Seed::node("c", "n")).unwrap();
        let keep = ["/dev/sdc", "/dev/sdd", "/dev/sde", "/dev/sdf"].map(|disk| (disk.to_owned(), 1));
        let removal = Removal {
            keep: keep.to_vec(),
            keep_arrays: vec!["pv".to_owned()],
            keep_volumes: vec![("vg1".to_owned(), "cluster".to_owned())],
            ..Removal::default()
        };
        let host = Fake { volumes: volumes(&plan), fails: "", calls: Vec::new() };
        let scene = Self { root: TempDir::new().unwrap(), plan, removal, host };
        scene.start_array();
        scene
    }

    /// As the kernel shows it.
    fn start_array(&self) {
        let array = self.plan.array("pv").unwrap().clone();
        fs::create_dir_all(self.root.path().join("dev/md")).unwrap();
        symlink("../md127", self.root.path().join("dev/md/pv")).unwrap();
        self.put("level", "raid10");
        self.put("layout", "258");
        self.put("chunk_size", &array.chunk.0.to_string());
        self.put("component_size", &(array.member_size.0 / 1024).to_string());
        self.put("degraded", "0");
        for (slot, name) in ["sdc1", "sdd1", "sde1", "sdf1"].into_iter().enumerate() {
            self.put(&format!("dev-{name}/slot"), &slot.to_string());
            self.put(&format!("dev-{name}/offset"), &(array.data_offset.0 / 512).to_string());
        }
    }

    fn put(&self, attribute: &str, value: &str) {
        let path = self.root.path().join("sys/block/md127/md").join(attribute);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{value}\n")).unwrap();
    }

    fn refused(&mut self) -> Vec<String> {
        let roots = Roots { sys: self.root.path().join("sys"), dev: self.root.path().join("dev") };
        let refusals = check(&roots, &mut self.host, &self.plan, &self.removal).err().unwrap_or_default();
        refusals.into_iter().map(|refusal| refusal.message).collect()
    }
}

/// What LVM 2.03 says.
fn volumes(plan: &Plan) -> String {
    let group = &plan.volume_groups[0];
    let volume = &group.volumes[0];
    let run = |name: &str, kind: &str, start: u64, size: u64| {
        format!(
            r#"{{"vg_name":"vg1","lv_name":"{name}","segtype":"{kind}","seg_start_pe":"0","pvseg_start":"{start}","pvseg_size":"{size}","pe_start":"{}","vg_extent_size":"{}"}}"#,
            group.pe_start.0, group.extent_size.0
        )
    };
    let used = run(&volume.name, "linear", volume.start, volume.extents);
    let free = run("", "free", volume.extents, group.extents - volume.extents);
    format!("{{\"report\":[{{\"pvseg\":[{used},{free}]}}],\"log\":[]}}")
}

#[test]
fn what_is_as_planned_may_stay_and_is_stopped_again() {
    let mut scene = Scene::new();
    assert_eq!(scene.refused(), Vec::<String>::new());
    let uuid = crate::context::mdadm_uuid(scene.plan.array("pv").unwrap().uuid);
    let assemble = format!(
        "MDADM_NO_UDEV=1 mdadm --assemble /dev/md/pv --uuid={uuid} --readonly /dev/sdc1 /dev/sdd1 /dev/sde1 /dev/sdf1"
    );
    let [first, list, last] = scene.host.calls.as_slice() else { panic!("{:?}", scene.host.calls) };
    assert_eq!((first, last.as_str()), (&assemble, "MDADM_NO_UDEV=1 mdadm --stop /dev/md/pv"));
    assert!(
        list.starts_with("lvm pvs --segments --reportformat json") && list.ends_with(" /dev/md/pv"),
        "{list}"
    );
}

#[test]
fn nothing_is_looked_at_where_nothing_stays() {
    let mut scene = Scene::new();
    scene.removal = Removal::default();
    assert_eq!((scene.refused(), scene.host.calls.len()), (vec![], 0));
}

#[test]
fn an_array_of_another_shape_is_refused() {
    for (attribute, value, wrong) in [
        ("level", "raid1", "its level is raid1, and the plan has raid10"),
        ("layout", "513", "its layout is 513, and the plan has 258"),
        ("chunk_size", "65536", "its chunk is 64K, and the plan has 512K"),
        ("component_size", "1048576", "its size on each member is 1G, and the plan has 4091M"),
        ("degraded", "1", "it is degraded: let it be rebuilt first"),
        (
            "dev-sdd1/offset",
            "2048",
            "its member 1 is /dev/sdd1 with data at 1M, and the plan has /dev/sdd1 with data at 3M",
        ),
        ("dev-sdf1/slot", "none", "its member 3 is missing, and the plan has /dev/sdf1 with data at 3M"),
    ] {
        let mut scene = Scene::new();
        scene.put(attribute, value);
        assert_eq!(scene.refused(), [format!("array `pv` cannot be kept: {wrong}")]);
        assert!(scene.host.calls.last().unwrap().ends_with("mdadm --stop /dev/md/pv"));
    }
}

#[test]
fn an_array_that_does_not_start_is_refused() {
    let mut scene = Scene::new();
    scene.host.fails = "--assemble";
    let refused = scene.refused();
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0].starts_with("array `pv` cannot be kept: `MDADM_NO_UDEV=1 mdadm --assemble"),
        "{refused:?}"
    );
    assert!(refused[0].ends_with("failed with status 1: it does not work"), "{refused:?}");
}

#[test]
fn extents_are_those_of_the_plan_or_it_is_refused() {
    let scene = Scene::new();
    let (extents, planned) = (scene.plan.volume_groups[0].volumes[0].extents, volumes(&scene.plan));
    let size = format!("\"pvseg_size\":\"{extents}\"");
    for (from, to, wrong) in [
        (
            size.as_str(),
            "\"pvseg_size\":\"7\"",
            format!("volume `cluster` has the extents 7 from 0 on, and the plan has {extents} from 0 on"),
        ),
        (
            "\"pvseg_start\":\"0\"",
            "\"pvseg_start\":\"9\"",
            format!("volume `cluster` has the extents {extents} from 9 on, and the plan has {extents} from 0 on"),
        ),
        (
            "\"lv_name\":\"cluster\"",
            "\"lv_name\":\"other\"",
            format!("volume `cluster` has the extents none, and the plan has {extents} from 0 on"),
        ),
        (
            "\"linear\"",
            "\"thin-pool\"",
            format!(
                "volume `cluster` has the extents {extents} from 0 on (thin-pool), and the plan has {extents} from 0 on"
            ),
        ),
        (
            "\"vg_name\":\"vg1\"",
            "\"vg_name\":\"vg2\"",
            "on its device is group `vg2` with extents of 4194304 bytes from 1048576 on, and the plan has group `vg1` \
             with extents of 4194304 bytes from 1048576 on"
                .to_owned(),
        ),
    ] {
        let mut scene = Scene::new();
        scene.host.volumes = planned.replacen(from, to, 1);
        assert_eq!(scene.refused(), [format!("volume group `vg1` cannot be kept: {wrong}")]);
        assert!(scene.host.calls.last().unwrap().ends_with("mdadm --stop /dev/md/pv"));
    }
}

#[test]
fn what_lvm_says_must_be_understood() {
    let mut scene = Scene::new();
    scene.host.volumes = "no json".to_owned();
    let expected = "volume group `vg1` cannot be kept: LVM said what nobody understands: expected ident at line 1 column 2";
    assert_eq!(scene.refused(), [expected]);
}
