//! `xbuild rehearse`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{profiles, source, with_network};
use crate::cli::{Common, RehearseArgs};
use crate::rehearse::blueprint::Blueprint;
use crate::rehearse::drill::{self, Drill};
use crate::rehearse::outcome::{self, Outcome};
use crate::rehearse::{Rack, scale};
use crate::stage::Reporter;
use crate::vm::Accelerator;

/// The exit code is 0 only if everything held.
pub(super) fn command(common: &Common, arguments: &RehearseArgs) -> Result<i32> {
    let profiles = profiles(&source(common)?)?;
    let folder = arguments.output.clone().unwrap_or_else(|| default_folder(&arguments.cluster));
    let blueprint = Blueprint::draw(&arguments.cluster, &profiles, &folder, Accelerator::of_host())?;
    let drills = drill::drills(&arguments.drill, &blueprint)?;
    tell_scaled(common, &blueprint);
    let mirrors = blueprint.nodes.first().map(|node| node.spec.mirrors.clone()).unwrap_or_default();
    let outcomes = with_network(common, |network| {
        let session = network.session(network.cache, &mirrors)?;
        let rack = Rack::build(&session, &profiles, &blueprint)?;
        let outcomes = perform(common, network.reporter, &rack, &drills)?;
        if arguments.keep {
            keep(&rack)?;
        }
        Ok(outcomes)
    })?;
    Ok(i32::from(!outcomes.iter().all(|outcome| outcome.held)))
}

fn default_folder(cluster: &Path) -> PathBuf {
    let name = cluster.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Path::new("out").join(format!("{name}.rehearsal"))
}

fn tell_scaled(common: &Common, blueprint: &Blueprint) {
    if !common.json {
        println!("{}", scale::draw(&blueprint.scaled));
        return;
    }
    for item in &blueprint.scaled {
        let scale::Scaled { name, shipped, rehearsed, reason } = item;
        let (event, because) = ("scaled", reason);
        println!(
            "{}",
            serde_json::json!({ "event": event, "name": name, "shipped": shipped, "rehearsed": rehearsed, "because": because })
        );
    }
}

/// Nothing is tried on a cluster that is not well.
fn perform(common: &Common, reporter: &Reporter, rack: &Rack, drills: &[Drill]) -> Result<Vec<Outcome>> {
    let stage = reporter.stage("first boot")?;
    let mut outcomes = vec![note(common, outcome::first_boot(rack))];
    stage.done();
    if outcomes.iter().all(|outcome| outcome.held) {
        let stage = reporter.stage("fencing")?;
        outcomes.extend(outcome::fencing(rack).map(|outcome| note(common, outcome)));
        stage.done();
    }
    for drill in drills {
        if !outcomes.iter().all(|outcome| outcome.held) {
            outcomes.push(note(common, drill.left_out(rack)?));
            continue;
        }
        let stage = reporter.stage(&drill.to_string())?;
        outcomes.push(note(common, drill.run(rack)?));
        stage.done();
    }
    if !common.json {
        println!("{}", outcome::draw(&outcomes));
    }
    Ok(outcomes)
}

/// Tells at once what has become of a drill: the next one may take long.
fn note(common: &Common, outcome: Outcome) -> Outcome {
    let Outcome { drill, expected, happened, took, held } = &outcome;
    if common.json {
        let seconds = took.as_secs();
        println!(
            "{}",
            serde_json::json!({ "event": "drill", "drill": drill, "expected": expected, "happened": happened, "seconds": seconds, "held": held })
        );
    } else if !held {
        // All of it: the table has room for one line.
        eprintln!("{drill}: {happened}");
    }
    outcome
}

fn keep(rack: &Rack) -> Result<()> {
    for node in rack.nodes() {
        let socket = node.machine.console();
        eprintln!(
            "console of {} (Ctrl-] leaves it): socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:{}",
            node.name,
            socket.display()
        );
    }
    eprintln!("press Enter to end it all");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
