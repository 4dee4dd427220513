//! Everything that is wrong with what somebody wrote: in each file, between them, and with the room on the disks.

use std::path::Path;

use crate::facts;
use crate::model::cluster::Cluster;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::resolve::{Profiles, read_profiles};
use crate::plan::{Refusal, Seed, plan_node};

/// Everything that is wrong below `root`, and in the cluster file if one is given. Whether there is room is to be seen only
/// when the rest is sound, and for nodes whose disks the file names.
#[must_use]
pub fn check(root: &Path, cluster: Option<&Path>) -> Problems {
    let (profiles, mut problems) = read_profiles(root);
    match cluster.map(|file| Cluster::load(file, &profiles)) {
        Some(Ok(cluster)) if problems.is_empty() => check_room(&cluster, &profiles, &mut problems),
        Some(Err(found)) => problems.extend(found),
        _ => {}
    }
    problems
}

fn check_room(cluster: &Cluster, profiles: &Profiles, problems: &mut Problems) {
    for (name, place) in cluster.places() {
        match refusals(cluster, name, profiles) {
            Ok(refusals) => refusals.iter().for_each(|refusal| problems.push(problem(name, place, refusal))),
            Err(problem) => problems.push(problem),
        }
    }
}

fn refusals(cluster: &Cluster, name: &str, profiles: &Profiles) -> Result<Vec<Refusal>, Problem> {
    let spec = cluster.node(name, profiles)?;
    let sizes = spec.identity.as_ref().map(|identity| identity.disks.as_slice()).unwrap_or_default();
    if sizes.is_empty() {
        return Ok(Vec::new());
    }
    let planned = plan_node(&spec, &facts::of_sizes(sizes), &Seed::node(cluster.name(), name));
    Ok(planned.err().unwrap_or_default())
}

fn problem(name: &str, place: &Place, refusal: &Refusal) -> Problem {
    Problem::at(place.clone(), format!("the disks of `{name}` do not do: {}", refusal.message), &refusal.hint)
}
