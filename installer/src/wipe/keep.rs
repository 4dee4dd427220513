//! What has to stay on disks that are laid out anew: partitions and volumes below DRBD.

use uuid::Uuid;

use super::Case;
use crate::facts::{Content, Found, Piece};
use crate::model::install::Keep;
use crate::plan::{Device, Disk, Partition, PartitionKind, PartitionRef, Refusal, VolumeGroup, exact};
use crate::units::Bytes;

/// What stays.
#[derive(Default)]
pub(super) struct Kept {
    /// Partitions of the plan, and what they are now.
    pub(super) partitions: Vec<(PartitionRef, Piece)>,
    /// Arrays.
    pub(super) arrays: Vec<String>,
    /// Volumes, each with its group.
    pub(super) volumes: Vec<(String, String)>,
}

/// The way out where what is there and the plan differ.
pub(crate) const FIT_THE_LAYOUT: &str = "make the layout fit what is on the disk, or take `keep` out of [install]: then the data below DRBD is lost";

/// What stays, if all of it can. On a blank disk there is nothing to keep.
pub(super) fn kept(case: &Case<'_>) -> Result<Kept, Vec<Refusal>> {
    let mut kept = Kept::default();
    if !case.install.keep.contains(&Keep::Drbd) {
        return Ok(kept);
    }
    let mut refusals = Vec::new();
    let raw = case.plan.partitions().filter(|(_, partition)| partition.kind == PartitionKind::Drbd);
    for (at, _) in raw.filter(|(at, _)| !is_blank(case, *at)) {
        match piece(case, at) {
            Ok(piece) => kept.partitions.push((at, piece)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    for group in &case.plan.volume_groups {
        if let Err(found) = keep_volumes(case, group, &mut kept) {
            refusals.extend(found);
        }
    }
    refusals.extend(case.disks.iter().flat_map(|found| inside(found, &kept)));
    if refusals.is_empty() { Ok(kept) } else { Err(refusals) }
}

fn is_blank(case: &Case<'_>, at: PartitionRef) -> bool {
    on(case, at).is_none_or(|(_, found, _)| found.is_blank())
}

/// A partition of the plan, with its disk as planned and as found.
fn on<'a>(case: &Case<'a>, at: PartitionRef) -> Option<(&'a Disk, &'a Found, &'a Partition)> {
    let disk = at.disk(case.plan)?;
    Some((disk, case.found(disk)?, case.plan.partition(at)?))
}

/// The partition that lies exactly where the plan has one, in the table and to the kernel.
fn piece(case: &Case<'_>, at: PartitionRef) -> Result<Piece, Refusal> {
    let (disk, found, planned) =
        on(case, at).ok_or_else(|| Refusal::bug("a partition of no disk is to be kept"))?;
    if let Some(node) = case.owners.of(found).filter(|_| guid(found) != Some(disk.guid)) {
        return Err(of_another_disk(found, planned, node));
    }
    let fits = |piece: &&Piece| piece.start == planned.start && piece.size == planned.size;
    let listed = found.table.iter().flat_map(|table| &table.partitions).find(fits);
    let seen = found.partitions.iter().find(|piece| listed == Some(piece));
    seen.cloned().ok_or_else(|| misplaced(found, planned))
}

fn guid(found: &Found) -> Option<Uuid> {
    found.table.as_ref()?.guid()
}

/// Two data disks that have changed places would have their resources exchanged, and nobody would notice.
fn of_another_disk(found: &Found, planned: &Partition, node: &str) -> Refusal {
    let disk = found.describe();
    Refusal::new(
        format!(
            "partition `{}` of {disk} cannot be kept: it was made as another disk, of node `{node}`",
            planned.name
        ),
        "plug the disks in as they were, or take `keep` out of [install]: then the data below DRBD is lost",
    )
}

fn misplaced(found: &Found, planned: &Partition) -> Refusal {
    let end = planned.start + planned.size;
    let near = found.partitions.iter().filter(|piece| piece.start < end && piece.end() > planned.start);
    let near: Vec<String> = near
        .map(|piece| format!("{} at {} with {}", piece.device, exact(piece.start), exact(piece.size)))
        .collect();
    let there = if near.is_empty() { "nothing".to_owned() } else { near.join(", ") };
    Refusal::new(
        format!(
            "partition `{}` of {} cannot be kept: the plan has it at {} with {}, and there is {there}",
            planned.name,
            found.describe(),
            exact(planned.start),
            exact(planned.size)
        ),
        FIT_THE_LAYOUT,
    )
}

/// Volumes stay with the whole of what carries them.
fn keep_volumes(case: &Case<'_>, group: &VolumeGroup, kept: &mut Kept) -> Result<(), Vec<Refusal>> {
    let volumes = group.volumes.iter().filter(|volume| volume.drbd);
    let volumes: Vec<_> = volumes.map(|volume| (group.name.clone(), volume.name.clone())).collect();
    let carrier = Carrier::of(case, group).map_err(|refusal| vec![refusal])?;
    if volumes.is_empty() || carrier.partitions.iter().all(|at| is_blank(case, *at)) {
        return Ok(());
    }
    let (mut partitions, mut refusals) = (vec![], vec![]);
    for at in &carrier.partitions {
        match piece(case, *at).and_then(|piece| carrier.own(case, *at, piece)) {
            Ok(piece) => partitions.push((*at, piece)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    kept.partitions.extend(partitions);
    kept.arrays.extend(carrier.array);
    kept.volumes.extend(volumes);
    Ok(())
}

/// What a volume group lies on, and what shows that a partition belongs to it.
struct Carrier {
    partitions: Vec<PartitionRef>,
    array: Option<String>,
    /// How a message calls it.
    name: String,
    kind: &'static str,
    id: String,
}

impl Carrier {
    fn of(case: &Case<'_>, group: &VolumeGroup) -> Result<Self, Refusal> {
        match &group.on {
            Device::Partition(at) => Ok(Self {
                partitions: vec![*at],
                array: None,
                name: format!("volume group `{}`", group.name),
                kind: "LVM2_member",
                id: group.pv_id.clone(),
            }),
            Device::Array(name) => {
                let array = case.plan.array(name);
                let array = array.ok_or_else(|| Refusal::bug(format!("there is no array `{name}`")))?;
                Ok(Self {
                    partitions: array.members.iter().map(|member| member.partition).collect(),
                    array: Some(name.clone()),
                    name: format!("array `{name}`"),
                    kind: "linux_raid_member",
                    id: plain(array.uuid),
                })
            }
            Device::Volume { group, name } => {
                Err(Refusal::bug(format!("a volume group lies on the volume {group}/{name}")))
            }
        }
    }

    /// The piece, if it belongs to the carrier.
    fn own(&self, case: &Case<'_>, at: PartitionRef, piece: Piece) -> Result<Piece, Refusal> {
        let mut contents = on(case, at).into_iter().flat_map(|(_, found, _)| &found.contents);
        let is_mine = |content: &Content| {
            content.device == piece.device
                && content.kind == self.kind
                && content.uuid.replace('-', "") == self.id
        };
        if contents.any(is_mine) {
            return Ok(piece);
        }
        let message = format!("{} cannot be kept: {} does not belong to it", self.name, piece.device);
        Err(Refusal::new(message, FIT_THE_LAYOUT))
    }
}

fn plain(id: Uuid) -> String {
    id.simple().to_string()
}

/// Signatures of the disk, or of other partitions, that lie where something has to stay: wiping them would write there.
fn inside(found: &Found, kept: &Kept) -> Vec<Refusal> {
    let stays = |device: &str| kept.partitions.iter().any(|(_, piece)| piece.device == device);
    let others = found.contents.iter().filter(|content| !stays(&content.device));
    let of_this_disk = |piece: &&Piece| found.partitions.contains(piece);
    let kept: Vec<&Piece> = kept.partitions.iter().map(|(_, piece)| piece).filter(of_this_disk).collect();
    let clash = |content: &Content| {
        let below = found.partitions.iter().find(|piece| piece.device == content.device);
        let at = Bytes(below.map_or(0, |piece| piece.start.0).saturating_add(content.offset.0));
        let piece = kept.iter().find(|piece| piece.start <= at && at < piece.end())?;
        Some(Refusal::new(
            format!(
                "{} of {} lies inside of {}, which is to be kept",
                content.kind, content.device, piece.device
            ),
            format!(
                "remove it by `wipefs --offset {} {}` if it is an old one, or take `keep` out of [install]",
                content.offset.0, content.device
            ),
        ))
    };
    others.filter_map(clash).collect()
}
