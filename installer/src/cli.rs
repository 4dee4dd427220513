//! What can be asked of `xinstall`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::arguments::Arguments;
use crate::console::Console;
use crate::host::Host;
use crate::install::{self, Ended, Prepared};
use crate::medium::Medium;
use crate::model::membership::Membership;
use crate::report::{self, Known};
use crate::{facts, firstboot, import, init, own_cluster, replace, status};

/// Where a log goes that nobody has asked for.
const LOG: &str = "/run/xinstall.log";
/// Nobody said yes.
const DECLINED: u8 = 2;
/// Going on by itself would be guessing.
const NEEDS_A_PERSON: u8 = 2;

/// Makes this machine a node of a Xen cluster, and gives a node a new disk.
#[derive(Debug, Parser)]
#[command(name = "xinstall", version)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what this machine is, as JSON; changes nothing
    Facts,
    /// Show what an install would do; changes nothing
    Plan {
        /// Where the payload is: `stick`, an address or a folder
        #[arg(long, value_name = "MEDIUM", default_value = "stick")]
        from: String,
    },
    /// Install this machine; the exit status is 2 if nobody said yes
    Install {
        /// Where the payload is: `stick`, an address or a folder
        #[arg(long, value_name = "MEDIUM", default_value = "stick")]
        from: String,
        /// Also over a node that this very payload has finished
        #[arg(long)]
        again: bool,
        /// Where everything that is said is written
        #[arg(long, value_name = "FILE", default_value = LOG)]
        log: PathBuf,
    },
    /// Bring up the cluster that this node belongs to, as its first boot does; the exit status is 2 if only a person can go on
    Firstboot,
    /// Import a device that other nodes export; pacemaker does this
    Import {
        /// The name of the `[[export]]`
        export: String,
        /// Let go of it
        #[arg(long)]
        end: bool,
    },
    /// Give this node a blank disk in the place of one that it has lost; the exit status is 2 if nobody said yes
    ReplaceDisk {
        /// The new disk, such as /dev/sdb; needed only if more than one can be meant
        #[arg(long, value_name = "DISK")]
        with: Option<PathBuf>,
        /// Where everything that is said is written
        #[arg(long, value_name = "FILE", default_value = LOG)]
        log: PathBuf,
    },
    /// Show how this node and its cluster are, and the way out of what is wrong; the exit status is 0 only if all is well
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// `xinstall`, whatever it was started as: the first process of a machine installs it.
#[must_use]
pub fn main() -> ExitCode {
    let ended = if std::process::id() == 1 {
        init::run().map(|()| ExitCode::SUCCESS)
    } else {
        run(Cli::parse().command)
    };
    ended.unwrap_or_else(|error| {
        eprintln!("{}", report::explain(&error));
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    let mut host = Host;
    match command {
        Command::Facts => {
            let machine = facts::probe::probe(&facts::probe::Roots::default(), &mut host)?;
            println!("{}", serde_json::to_string_pretty(&machine)?);
        }
        Command::Plan { from } => {
            let mut console = console(Path::new("/dev/null"))?;
            let medium = Medium::parse(&from).open(&mut host)?;
            // Whether it is installed already stands in the way of an install, not of a plan.
            let arguments =
                Arguments { again: true, ..Arguments::parse(&fs::read_to_string("/proc/cmdline")?) };
            let known = &mut Known::default();
            let prepared = Prepared::new(&mut host, &medium, &arguments, known).or_else(|error| {
                install::identify(&mut console, error, known)?;
                Prepared::new(&mut host, &medium, &arguments, known)
            });
            print!("{}", prepared?.describe());
        }
        Command::Install { from, again, log } => {
            let mut console = console(&log)?;
            let medium = Medium::parse(&from).open(&mut host)?;
            let arguments = Arguments::parse(&fs::read_to_string("/proc/cmdline")?);
            let arguments = Arguments { again: again || arguments.again, ..arguments };
            if install::run(&mut host, &mut console, &medium, &arguments)? == Ended::Declined {
                return Ok(ExitCode::from(DECLINED));
            }
        }
        Command::Firstboot => {
            let cluster = own_cluster("nothing is left to do")?;
            let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
            match firstboot::run(&mut host, &cluster, &name) {
                Err(error) if error.is::<firstboot::Stopped>() => {
                    eprintln!("{}", report::explain(&error));
                    return Ok(ExitCode::from(NEEDS_A_PERSON));
                }
                ended => ended?,
            }
        }
        Command::Import { export, end } => {
            let cluster = own_cluster("nothing can be imported")?;
            let import = if end { import::end } else { import::run };
            import(&cluster, &export, &import::Roots::default())?;
        }
        Command::ReplaceDisk { with, log } => {
            let mut console = console(&log)?;
            // One of the links below /dev/disk will do.
            let node = |with: PathBuf| fs::canonicalize(&with).unwrap_or(with).display().to_string();
            if replace::run(&mut host, &mut console, with.map(node).as_deref())? == Ended::Declined {
                return Ok(ExitCode::from(DECLINED));
            }
        }
        Command::Status { json } => return show_status(&mut host, json),
    }
    Ok(ExitCode::SUCCESS)
}

fn own_cluster(otherwise: &str) -> Result<Membership> {
    let cluster = own_cluster::read(Path::new(own_cluster::PATH))?;
    cluster.with_context(|| format!("this node belongs to no cluster: {otherwise}"))
}

fn show_status(host: &mut Host, json: bool) -> Result<ExitCode> {
    let report = status::look(&mut status::Node::here(host));
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn console(log: &Path) -> Result<Console> {
    Console::own(log).with_context(|| format!("cannot write {}", log.display()))
}
