//! Stand-ins for grub-probe(8) and grub-mkrelpath(1): there are no disks yet to probe, but there is a plan.
//!
//! Everything lies on one of two devices, the one with `/` and the one with `/boot` (often the same). Ids are blanks,
//! since they are a node's own.

use anyhow::{Context as _, Result, bail};
use installer::menu::{BOOT, Blanks, ROOT};
use installer::plan::{Device, Filesystem, Plan};
use serde::Serialize;

/// What carries a file system, as far as GRUB's scripts ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Carrier {
    /// An md array with version 1 metadata.
    Array,
    /// The partition of that number.
    Partition(u32),
}

/// Where `/` lies, and `/boot` if it is a file system of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    root: Carrier,
    boot: Option<Carrier>,
}

impl Probe {
    /// What a plan answers.
    ///
    /// # Errors
    /// `/` or `/boot` on a logical volume, which boot code does not find.
    pub fn of(plan: &Plan) -> Result<Self> {
        let boot = plan.filesystem_at("/boot").map(carrier).transpose()?;
        Ok(Self { root: carrier(root(plan)?)?, boot })
    }

    /// The stand-in for grub-probe(8).
    pub(super) fn script(&self) -> String {
        let boot = self.boot.map_or(String::new(), |carrier| answers("boot", BOOT, carrier));
        let boot_paths =
            if self.boot.is_some() { "/dev/xbuild-boot | /boot | /boot/*) place=boot ;;" } else { "" };
        format!(
            "#!/bin/sh\nplace=root\nwhile [ $# -gt 0 ]; do\n  case \"$1\" in\n  --target=*) target=${{1#--target=}} ;;\n\
             \x20 -t | --target) target=$2; shift ;;\n  -*) ;;\n  {boot_paths}\n  *) place=root ;;\n  esac\n  shift\ndone\n\
             case \"$place $target\" in\n{}{boot}*) echo \"grub-probe: no answer for $place $target\" >&2; exit 1 ;;\nesac\n",
            answers("root", ROOT, self.root),
        )
    }

    /// The stand-in for grub-mkrelpath(1), which looks at mounts.
    pub(super) fn relative_script(&self) -> &'static str {
        if self.boot.is_some() {
            "#!/bin/sh\nfor path; do :; done\necho \"${path#/boot}\"\n"
        } else {
            "#!/bin/sh\nfor path; do :; done\necho \"$path\"\n"
        }
    }

    /// A shell command that makes the links which the scripts want to see before they name a device by its id.
    pub(super) fn links(&self) -> String {
        [ROOT, BOOT]
            .iter()
            .map(|blanks| {
                format!(
                    "ln -s /dev/null /dev/disk/by-uuid/{} && ln -s /dev/null /dev/disk/by-partuuid/{}",
                    blanks.uuid, blanks.partuuid
                )
            })
            .fold("mkdir -p /dev/disk/by-uuid /dev/disk/by-partuuid".to_owned(), |all, link| {
                format!("{all} && {link}")
            })
    }
}

fn root(plan: &Plan) -> Result<&Filesystem> {
    plan.filesystem_at("/").context("BUG: a plan without a root file system")
}

fn carrier(filesystem: &Filesystem) -> Result<Carrier> {
    match &filesystem.on {
        Device::Array(_) => Ok(Carrier::Array),
        Device::Partition(at) => Ok(Carrier::Partition(at.number)),
        Device::Volume { group, name } => bail!("BUG: {} lies on {group}/{name}", filesystem.label),
    }
}

/// What grub-probe says of a place, by target. It fails where it has no answer.
fn answers(place: &str, blanks: Blanks, carrier: Carrier) -> String {
    let (abstraction, drive, hints, partuuid) = match carrier {
        Carrier::Array => {
            let drive = format!("mduuid/{}", blanks.array);
            ("diskfilter mdraid1x", drive.clone(), format!("--hint='{drive}' "), "exit 1".to_owned())
        }
        Carrier::Partition(number) => {
            let drive = format!("hd0,gpt{number}");
            let hints = format!("--hint-bios={drive} --hint-efi={drive} --hint-baremetal=ahci0,gpt{number} ");
            ("", drive, hints, format!("echo {}", blanks.partuuid))
        }
    };
    let lines = [
        ("device", format!("echo {}", blanks.device)),
        ("fs", "echo ext2".to_owned()),
        ("fs_uuid", format!("echo {}", blanks.uuid)),
        ("fs_label", "exit 1".to_owned()),
        ("partuuid", partuuid),
        ("partmap", "echo gpt".to_owned()),
        ("abstraction", format!("echo '{abstraction}'")),
        ("drive", format!("echo '({drive})'")),
        ("compatibility_hint", format!("echo '{drive}'")),
        ("hints_string", format!("echo \"{hints}\"")),
    ];
    lines.iter().map(|(target, answer)| format!("\"{place} {target}\") {answer} ;;\n")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::Command;

    use super::{Carrier, Probe};

    fn ask(probe: &Probe, arguments: &[&str]) -> Option<String> {
        let output =
            Command::new("sh").arg("-c").arg(probe.script()).arg("sh").args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    #[test]
    fn each_place_answers_for_itself() {
        let split = Probe { root: Carrier::Partition(3), boot: Some(Carrier::Partition(2)) };
        let whole = Probe { root: Carrier::Array, boot: None };
        let table: [(&Probe, &[&str], Option<&str>); 8] = [
            (&split, &["--target=device", "/"], Some("/dev/xbuild-root")),
            (&split, &["--target=device", "/boot"], Some("/dev/xbuild-boot")),
            (&split, &["--device", "/dev/xbuild-boot", "--target=fs_uuid"], Some("xbuild-boot-uuid")),
            (&split, &["--device", "/dev/xbuild-root", "--target=partuuid"], Some("xbuild-root-partuuid")),
            (&split, &["-t", "compatibility_hint", "--device", "/dev/xbuild-boot"], Some("hd0,gpt2")),
            (&whole, &["--target=device", "/boot"], Some("/dev/xbuild-root")),
            (&whole, &["--device", "/dev/xbuild-root", "--target=partuuid"], None),
            (&whole, &["--device", "/dev/xbuild-root", "--target=abstraction"], Some("diskfilter mdraid1x")),
        ];
        for (probe, arguments, answer) in table {
            assert_eq!(ask(probe, arguments).as_deref(), answer, "{arguments:?}");
        }
    }
}
