//! Where the bytes of a device lie: a plan's partition, array or logical volume as places on its disks.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use installer::model::storage::RaidLevel;
use installer::plan::{Device, Member, PartitionRef, Plan};
use installer::units::Bytes;

use super::sparse;

/// An offset on a disk of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index into [`Plan::disks`].
    pub disk: usize,
    /// Offset on it.
    pub offset: Bytes,
}

/// A stretch of a volume that lies in one piece, and every place where its copies are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Offset in the volume.
    pub at: Bytes,
    /// Length.
    pub length: Bytes,
    /// One place per copy.
    pub places: Vec<Place>,
}

/// A device of a plan, resolved down to its disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Where the data of each member starts; a partition is its own and only member.
    members: Vec<Place>,
    /// RAID10 near-2 by chunks of this size; none is a mirror over all members.
    chunk: Option<Bytes>,
    /// Where the volume starts in the data that the members carry.
    start: Bytes,
    size: Bytes,
}

impl Volume {
    /// Finds a device in a plan.
    ///
    /// # Errors
    /// The plan has no such device.
    pub fn of(plan: &Plan, device: &Device) -> Result<Self> {
        let found = match device {
            Device::Partition(at) => Self::of_partition(plan, *at),
            Device::Array(name) => Self::of_array(plan, name),
            Device::Volume { group, name } => Self::of_logical_volume(plan, group, name),
        };
        found.with_context(|| format!("BUG: no {} in the plan", plan.device_path(device)))
    }

    fn of_partition(plan: &Plan, at: PartitionRef) -> Option<Self> {
        let partition = plan.partition(at)?;
        let members = vec![Place { disk: at.disk, offset: partition.start }];
        Some(Self { members, chunk: None, start: Bytes::ZERO, size: partition.size })
    }

    fn of_array(plan: &Plan, name: &str) -> Option<Self> {
        let array = plan.array(name)?;
        let place = |member: &Member| {
            let start = plan.partition(member.partition)?.start;
            Some(Place { disk: member.partition.disk, offset: start + array.data_offset })
        };
        let members = array.members.iter().map(place).collect::<Option<_>>()?;
        let chunk = (array.level == RaidLevel::Raid10).then_some(array.chunk);
        Some(Self { members, chunk, start: Bytes::ZERO, size: array.size })
    }

    fn of_logical_volume(plan: &Plan, group: &str, name: &str) -> Option<Self> {
        let group = plan.volume_group(group)?;
        let volume = group.volume(name)?;
        let carrier = match &group.on {
            Device::Partition(at) => Self::of_partition(plan, *at),
            Device::Array(name) => Self::of_array(plan, name),
            Device::Volume { .. } => None, // never: a volume group does not lie on a volume
        };
        let start = group.pe_start + group.extents_size(volume.start);
        Some(Self { start, size: group.extents_size(volume.extents), ..carrier? })
    }

    /// What it offers.
    #[must_use]
    pub fn size(&self) -> Bytes {
        self.size
    }

    /// How many copies of each byte there are.
    #[must_use]
    pub fn copies(&self) -> usize {
        if self.chunk.is_some() { 2 } else { self.members.len() }
    }

    /// Where its first copy lies, if that lies in one piece.
    #[must_use]
    pub fn in_one_piece(&self) -> Option<Place> {
        let first = self.members.first().filter(|_| self.chunk.is_none())?;
        Some(Place { offset: first.offset + self.start, ..*first })
    }

    /// Copies its first copy to the others, which read as zeros so far. Only for a volume that lies in one piece.
    ///
    /// # Errors
    /// An I/O error.
    pub fn mirror(&self, disks: &[&File]) -> Result<()> {
        let Some((first, others)) = self.members.split_first() else { return Ok(()) };
        let place = |member: &Place| (disks[member.disk], member.offset + self.start);
        let targets: Vec<_> = others.iter().map(place).collect();
        sparse::copy(disks[first.disk], first.offset + self.start, self.size, &targets)
    }

    /// The places of a range of the volume, in order.
    pub fn runs(&self, at: Bytes, length: Bytes) -> impl Iterator<Item = Run> {
        let end = at + length;
        let mut next = at;
        std::iter::from_fn(move || {
            let run = (next < end).then(|| self.run(next, end - next))?;
            next = run.at + run.length;
            Some(run)
        })
    }

    fn run(&self, at: Bytes, most: Bytes) -> Run {
        let data = self.start + at;
        match self.chunk {
            None => {
                let place = |member: &Place| Place { offset: member.offset + data, ..*member };
                Run { at, length: most, places: self.members.iter().map(place).collect() }
            }
            Some(chunk) => {
                let (number, within) = (data.0 / chunk.0, Bytes(data.0 % chunk.0));
                let places = (0..2).map(|copy| self.near_copy(2 * number + copy, chunk, within)).collect();
                Run { at, length: most.min(chunk - within), places }
            }
        }
    }

    /// RAID10 near-2 deals the copies of all chunks out to the members in turn.
    fn near_copy(&self, position: u64, chunk: Bytes, within: Bytes) -> Place {
        let count = self.members.len() as u64;
        let member = self.members[(position % count) as usize];
        Place { offset: member.offset + chunk * (position / count) + within, ..member }
    }

    /// Writes bytes to every copy. `disks` are the plan's, in its order.
    ///
    /// # Errors
    /// Bytes beyond the end, or an I/O error.
    pub fn write(&self, disks: &[&File], at: Bytes, bytes: &[u8]) -> Result<()> {
        let length = Bytes(bytes.len() as u64);
        ensure!(at + length <= self.size, "BUG: {length} at {at} do not fit into {}", self.size);
        for run in self.runs(at, length) {
            let from = (run.at - at).0 as usize;
            let part = &bytes[from..from + run.length.0 as usize];
            for place in &run.places {
                disks[place.disk].write_all_at(part, place.offset.0)?;
            }
        }
        Ok(())
    }

    /// Copies `source` to every copy of a volume that reads as zeros so far; its holes and zero blocks stay holes.
    ///
    /// # Errors
    /// A source larger than the volume, or an I/O error.
    pub fn copy_sparse_from(&self, source: &File, disks: &[&File]) -> Result<()> {
        let length = Bytes(source.metadata()?.len());
        ensure!(
            length <= self.size,
            "a file system of {length} does not fit into its device of {}",
            self.size
        );
        for range in sparse::data_ranges(source, Bytes::ZERO, length) {
            let (at, length) = range?;
            for run in self.runs(at, length) {
                let targets: Vec<_> =
                    run.places.iter().map(|place| (disks[place.disk], place.offset)).collect();
                sparse::copy(source, run.at, run.length, &targets)?;
            }
        }
        Ok(())
    }

    /// Copies one of the volume's copies to `out`, sparsely: how a tool that wants a file gets to see a partition or
    /// what an array carries.
    ///
    /// # Errors
    /// No such copy, or an I/O error.
    pub fn extract(&self, disks: &[&File], copy: usize, out: &File) -> Result<()> {
        ensure!(copy < self.copies(), "BUG: copy {copy} of {}", self.copies());
        out.set_len(self.size.0)?;
        for run in self.runs(Bytes::ZERO, self.size) {
            let place = run.places[copy];
            sparse::copy(disks[place.disk], place.offset, run.length, &[(out, run.at)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "volume_tests.rs"]
mod tests;
