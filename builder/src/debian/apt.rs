//! Asking apt which packages a list of names means, on a system that has nothing yet.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Package;
use super::archive::Archives;
use super::index::Index;
use crate::cache::Scratch;
use crate::stage::Stage;
use crate::tools::Tools;

/// Where the pieces are inside the sandbox.
const STATE: &str = "/apt";
const MIRROR: &str = "/mirror";
const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Settings under which both resolving and installing run; `Dir` is the folder that apt takes for the system.
#[must_use]
pub fn configuration(dir: &str) -> String {
    format!(
        "Dir \"{dir}/\";\nDir::State::status \"{dir}/var/lib/dpkg/status\";\nAPT::Architecture \"{}\";\n\
         APT::Install-Recommends \"false\";\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n\
         Acquire::PDiffs \"false\";\nAPT::Get::Assume-Yes \"true\";\nDPkg::Use-Pty \"false\";\n",
        super::ARCHITECTURE
    )
}

/// An apt with nothing installed, that reads verified indexes.
#[derive(Debug)]
pub struct Resolver<'a> {
    tools: &'a Tools,
    folder: Scratch,
    keyring: Option<&'a Path>,
}

impl<'a> Resolver<'a> {
    /// Lets apt read `archives`; it verifies them once more with its own tools.
    ///
    /// # Errors
    /// When apt refuses them.
    pub fn open(
        tools: &'a Tools,
        stage: &Stage,
        folder: Scratch,
        archives: &Archives,
        keyring: Option<&'a Path>,
    ) -> Result<Self> {
        let state = folder.path().join("apt");
        for needed in [
            "etc/apt/preferences.d",
            "etc/apt/apt.conf.d",
            "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg",
        ] {
            fs::create_dir_all(state.join(needed))?;
        }
        fs::write(state.join("var/lib/dpkg/status"), "")?;
        fs::write(state.join("apt.conf"), configuration(STATE))?;
        let keys = if keyring.is_some() { "/keyring" } else { DEBIAN_KEYS };
        let sources = Archives::sources(
            |archive| format!("file:{MIRROR}/{}", archive.name()),
            &format!("[signed-by={keys}]"),
        );
        fs::write(state.join("etc/apt/sources.list"), sources)?;
        archives.lay_out(&folder.path().join("mirror"))?;
        let resolver = Self { tools, folder, keyring };
        stage.run(&resolver.apt(["update"]))?;
        Ok(resolver)
    }

    fn apt<'s>(&self, arguments: impl IntoIterator<Item = &'s str>) -> crate::sandbox::Sandbox {
        let folder = self.folder.path();
        let run = self.tools.run(std::iter::once("apt-get").chain(arguments));
        let run = run.bind(&folder.join("apt"), STATE).bind_read_only(&folder.join("mirror"), MIRROR);
        let run = self.keyring.into_iter().fold(run, |run, keyring| run.bind_read_only(keyring, "/keyring"));
        run.env("APT_CONFIG", &format!("{STATE}/apt.conf")).no_sync()
    }

    /// All is resolved.
    ///
    /// # Errors
    /// When its folder cannot be removed.
    pub fn close(self) -> Result<()> {
        self.folder.remove()
    }

    /// What apt would install for `names`, sorted by name.
    ///
    /// # Errors
    /// When apt finds no solution; its words are in the error.
    pub fn resolve(&self, stage: &Stage, index: &Index, names: &[String]) -> Result<Vec<Package>> {
        let arguments = ["install", "--simulate", "-qq"].into_iter().chain(names.iter().map(String::as_str));
        let said =
            stage.capture(&self.apt(arguments)).context("apt finds no way to install these packages")?;
        let mut chosen = installed_by(&said)
            .map(|(name, version)| {
                let offer = index
                    .exact(name, version)
                    .with_context(|| format!("apt chose {name} {version}, which no index lists"))?;
                Ok(offer.package.clone())
            })
            .collect::<Result<Vec<_>>>()?;
        chosen.sort();
        Ok(chosen)
    }
}

/// `Inst adduser (3.152 Debian:13.7/stable [all])` → name and version.
fn installed_by(said: &str) -> impl Iterator<Item = (&str, &str)> {
    said.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        Some((name, rest.trim_start_matches('(').split_whitespace().next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::installed_by;

    #[test]
    fn a_simulation_names_what_it_would_install() {
        let said = "Inst base-files (13.8+deb13u7 Debian:13.7/stable [amd64])\nConf base-files (13.8)\nInst adduser (3.152 Debian:13.7/stable [all]) []\n";
        let found: Vec<_> = installed_by(said).collect();
        assert_eq!(found, [("base-files", "13.8+deb13u7"), ("adduser", "3.152")]);
    }
}
