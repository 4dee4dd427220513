//! Volume groups that several nodes use. Pacemaker has dlm and lvmlockd running and waits with the rest (`target-role=Stopped`)
//! until the first of the nodes has made the group and what is in it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::action::Action;
use super::look::signatures;
use super::next::{Next, foreign};
use crate::host::{Command, Run};
use crate::model::membership::{SharedGroup, SharedVolume};

/// What there is of a group that this node has to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmade {
    /// Physical volumes that are not there yet.
    pub missing: Vec<String>,
    /// lvmlockd answers.
    pub locking: bool,
    /// What physical volumes carry, by device.
    pub carried: BTreeMap<String, Vec<String>>,
    /// The group, once there is one.
    pub group: Option<Made>,
}

/// A group that LVM knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// This node has joined its lockspace.
    pub locked: bool,
    /// What is in it, by name.
    pub volumes: BTreeMap<String, Content>,
}

/// What is on a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It is not active, so nobody knows.
    Inactive,
    /// Nothing.
    Blank,
    /// Kind and label.
    Carries(String, String),
}

/// The node that makes it.
pub(super) fn maker(group: &SharedGroup) -> &str {
    group.nodes.first().map_or("", String::as_str)
}

/// What node `me` sees of a group that it has to make; none of one that is made, or that another node makes.
pub(super) fn look(host: &mut dyn Run, group: &SharedGroup, me: &str, dev: &Path) -> Result<Option<Unmade>> {
    if maker(group) != me || !waits(host, group)? {
        return Ok(None);
    }
    let devices: Vec<String> = group.devices.iter().map(|device| device.on(me).to_owned()).collect();
    let is_there = |device: &str| dev.join(device.trim_start_matches("/dev/")).exists();
    let mut unmade = Unmade {
        missing: devices.iter().filter(|device| !is_there(device)).cloned().collect(),
        locking: host.output(&Command::new(["lvmlockctl", "--info"]))?.succeeded(),
        ..Unmade::default()
    };
    if !unmade.missing.is_empty() || !unmade.locking {
        return Ok(Some(unmade));
    }
    let known = Command::new(["vgs", "--noheadings", "--options", "vg_name", &group.name]);
    if host.output(&known)?.succeeded() {
        unmade.group = Some(made(host, group, dev)?);
        return Ok(Some(unmade));
    }
    for device in devices {
        let kinds = signatures(host, &device)?.into_iter().map(|(kind, _)| kind).collect();
        unmade.carried.insert(device, kinds);
    }
    Ok(Some(unmade))
}

/// Whether pacemaker still waits for it.
fn waits(host: &mut dyn Run, group: &SharedGroup) -> Result<bool> {
    let resource = Action::activations(&group.name);
    let asked = ["crm_resource", "--resource", &resource, "--meta", "--get-parameter", "target-role"];
    let role = host.output(&Command::new(asked))?;
    Ok(role.succeeded() && role.stdout.trim() == "Stopped")
}

fn made(host: &mut dyn Run, group: &SharedGroup, dev: &Path) -> Result<Made> {
    let lockspaces = host.output(&Command::new(["dlm_tool", "ls"]))?.stdout;
    let own = format!("lvm_{}", group.name);
    let locked = lockspaces.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("name") && words.next() == Some(&own)
    });
    let names = host.run(&Command::new(["lvs", "--noheadings", "--options", "lv_name", &group.name]))?;
    let mut volumes = BTreeMap::new();
    for name in names.split_whitespace() {
        let content = if dev.join(&group.name).join(name).exists() {
            let found = signatures(host, &format!("/dev/{}/{name}", group.name))?;
            found.into_iter().next().map_or(Content::Blank, |(kind, label)| Content::Carries(kind, label))
        } else {
            Content::Inactive
        };
        volumes.insert(name.to_owned(), content);
    }
    Ok(Made { locked, volumes })
}

/// What comes next for such a group.
pub(super) fn next(cluster: &str, group: &SharedGroup, me: &str, unmade: &Unmade) -> Next {
    let name = &group.name;
    if let Some(device) = unmade.missing.first() {
        return Next::Wait(format!("{name}: waits for {device}"));
    }
    if !unmade.locking {
        return Next::Wait(format!("{name}: waits for lvmlockd"));
    }
    let Some(made) = &unmade.group else {
        let carried = unmade.carried.iter().find(|(_, kinds)| !kinds.is_empty());
        return carried.map_or_else(
            || {
                let devices = group.devices.iter().map(|device| device.on(me).to_owned()).collect();
                Next::Act(Action::MakeGroup { group: name.clone(), devices })
            },
            |(device, kinds)| foreign(name, device, kinds),
        );
    };
    if !made.locked {
        return Next::Act(Action::JoinGroup { group: name.clone() });
    }
    if let Some(next) = group.volumes.iter().find_map(|wanted| volume(cluster, group, me, wanted, made)) {
        return next;
    }
    Next::Act(Action::Release { group: name.clone() })
}

/// Made, and made a file system on; no other node uses it yet.
fn volume(cluster: &str, group: &SharedGroup, me: &str, wanted: &SharedVolume, made: &Made) -> Option<Next> {
    let (group_name, name) = (group.name.clone(), wanted.name.clone());
    let Some(content) = made.volumes.get(&name) else {
        let export = wanted.export.as_ref();
        let lies_on = export.and_then(|export| group.devices.iter().find(|device| device.export == *export));
        return Some(Next::Act(Action::MakeVolume {
            group: group_name,
            name,
            size: wanted.size,
            device: lies_on.map(|device| device.on(me).to_owned()),
        }));
    };
    let gfs2 = wanted.gfs2.as_ref()?;
    let table = format!("{cluster}:{}", gfs2.label);
    let device = format!("/dev/{group_name}/{name}");
    match content {
        Content::Inactive => Some(Next::Act(Action::OpenVolume { device })),
        Content::Blank => Some(Next::Act(Action::MakeGfs2 { device, table, journals: gfs2.journals })),
        Content::Carries(kind, label) if kind == "gfs2" && *label == table => None,
        Content::Carries(kind, _) => Some(foreign(&group.name, &device, std::slice::from_ref(kind))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Content, Made, Unmade, next};
    use crate::firstboot::{Action, Next};
    use crate::model::membership::{Gfs2, SharedDevice, SharedGroup, SharedVolume};
    use crate::units::Bytes;

    fn group() -> SharedGroup {
        let device = |node: &str, shelf: u32| SharedDevice {
            export: node.to_owned(),
            imported: format!("/dev/etherd/e{shelf}.0"),
            local: Some((node.to_owned(), "/dev/md/export".to_owned())),
        };
        let gfs2 = Gfs2 { label: "guests".to_owned(), mount: "/guests".to_owned(), journals: 2 };
        let volume = |name: &str, export: Option<&str>, gfs2: Option<Gfs2>| SharedVolume {
            name: name.to_owned(),
            size: Bytes::mib(256),
            export: export.map(str::to_owned),
            gfs2,
        };
        SharedGroup {
            name: "vgmesh".to_owned(),
            devices: vec![device("mesh1", 17), device("mesh2", 18)],
            nodes: vec!["mesh1".to_owned(), "mesh2".to_owned()],
            volumes: vec![volume("guests", Some("mesh2"), Some(gfs2)), volume("raw", None, None)],
        }
    }

    /// As LVM would have it.
    #[derive(Clone, Debug, Default)]
    struct World {
        group: Option<Made>,
        released: bool,
    }

    impl World {
        fn unmade(&self) -> Unmade {
            Unmade { locking: true, group: self.group.clone(), ..Unmade::default() }
        }

        fn made(&mut self) -> &mut Made {
            self.group.as_mut().expect("a group")
        }

        fn perform(&mut self, action: Action) {
            match action {
                Action::MakeGroup { devices, .. } => {
                    assert!(self.group.is_none(), "a group is made over another one");
                    assert_eq!(devices, ["/dev/md/export", "/dev/etherd/e18.0"]);
                    self.group = Some(Made { locked: true, volumes: BTreeMap::new() });
                }
                Action::JoinGroup { .. } => self.made().locked = true,
                Action::MakeVolume { name, device, .. } => {
                    assert!(self.made().locked);
                    let expected = (name == "guests").then(|| "/dev/etherd/e18.0".to_owned());
                    assert_eq!(device, expected);
                    assert_eq!(self.made().volumes.insert(name, Content::Blank), None);
                }
                Action::OpenVolume { .. } => {
                    let content = Content::Carries("gfs2".to_owned(), "mesh:guests".to_owned());
                    assert_eq!(
                        self.made().volumes.insert("guests".to_owned(), content),
                        Some(Content::Inactive)
                    );
                }
                Action::MakeGfs2 { table, .. } => {
                    let content = Content::Carries("gfs2".to_owned(), table);
                    assert_eq!(
                        self.made().volumes.insert("guests".to_owned(), content),
                        Some(Content::Blank)
                    );
                }
                Action::Release { .. } => self.released = true,
                other => panic!("{other}"),
            }
        }

        /// Nothing is active any more.
        fn reboot(&mut self) {
            if let Some(made) = &mut self.group {
                made.locked = false;
                let with_file_system =
                    made.volumes.get("guests").is_some_and(|content| *content != Content::Blank);
                if with_file_system {
                    made.volumes.insert("guests".to_owned(), Content::Inactive);
                }
            }
        }
    }

    /// A power cut after any number of steps, and the next run finishes.
    #[test]
    fn it_is_made_once_wherever_it_is_cut_off() {
        for cut in 0..6 {
            let mut world = World::default();
            for step in 0..20 {
                if step == cut {
                    world.reboot();
                }
                if world.released {
                    break;
                }
                match next("mesh", &group(), "mesh1", &world.unmade()) {
                    Next::Act(action) => world.perform(action),
                    other => panic!("{other:?}"),
                }
            }
            assert!(world.released, "{cut}: {world:?}");
            assert_eq!(world.made().volumes.len(), 2);
        }
    }

    #[test]
    fn it_waits_and_takes_nothing_that_is_somebodys() {
        let next = |unmade: &Unmade| next("mesh", &group(), "mesh1", unmade);
        let missing = Unmade { missing: vec!["/dev/etherd/e18.0".to_owned()], ..Unmade::default() };
        assert_eq!(next(&missing), Next::Wait("vgmesh: waits for /dev/etherd/e18.0".to_owned()));
        assert_eq!(next(&Unmade::default()), Next::Wait("vgmesh: waits for lvmlockd".to_owned()));
        let carried = BTreeMap::from([("/dev/md/export".to_owned(), vec!["LVM2_member".to_owned()])]);
        let stop = Next::Stop {
            message: "vgmesh: /dev/md/export carries LVM2_member, and nobody has said that it may go"
                .to_owned(),
            hint:
                "if nobody needs it: `wipefs --all /dev/md/export`, then `systemctl start xbuild-firstboot`"
                    .to_owned(),
        };
        assert_eq!(next(&Unmade { locking: true, carried, ..Unmade::default() }), stop);
        let ext4 = Content::Carries("ext4".to_owned(), "guests".to_owned());
        let volumes = BTreeMap::from([("guests".to_owned(), ext4)]);
        let group = Some(Made { locked: true, volumes });
        let foreign = next(&Unmade { locking: true, group, ..Unmade::default() });
        let Next::Stop { message, .. } = foreign else { panic!("{foreign:?}") };
        assert_eq!(message, "vgmesh: /dev/vgmesh/guests carries ext4, and nobody has said that it may go");
    }
}
