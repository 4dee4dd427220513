//! Chunks dealt out to members in turn: RAID0, RAID10 with near copies, striped segments of LVM.

use installer::units::Bytes;

use super::{Shared, Source, first_whole, within};

/// Members that share chunks. Copies of a chunk lie on neighbouring members, as in `__raid10_find_phys` of the kernel's
/// `drivers/md/raid10.c`.
#[derive(Clone, Debug)]
pub struct Dealt {
    members: Vec<Option<Shared>>,
    chunk: u64,
    copies: u64,
    size: Bytes,
}

impl Dealt {
    /// `copies` of each chunk on the members, of which some may be missing; nothing if the numbers make no sense.
    #[must_use]
    pub fn new(members: Vec<Option<Shared>>, chunk: Bytes, copies: u64, size: Bytes) -> Option<Self> {
        // Chunks are whole sectors: this also bounds how many steps a read takes.
        let makes_sense = chunk.0 >= 512 && (1..=members.len() as u64).contains(&copies);
        makes_sense.then_some(Self { members, chunk: chunk.0, copies, size })
    }

    /// What lies in one chunk.
    fn piece(&self, at: u64, length: usize) -> Vec<u8> {
        let (chunk, within) = (at / self.chunk, at % self.chunk);
        let place = |copy: u64| {
            let position = chunk.saturating_mul(self.copies).saturating_add(copy);
            let count = self.members.len() as u64;
            let member = self.members.get(usize::try_from(position % count).ok()?)?.as_ref()?;
            let stripe = (position / count).saturating_mul(self.chunk);
            Some((member, Bytes(stripe.saturating_add(within))))
        };
        first_whole((0..self.copies).filter_map(place), length)
    }
}

impl Source for Dealt {
    fn size(&self) -> Bytes {
        self.size
    }

    fn read(&self, at: Bytes, length: usize) -> Vec<u8> {
        let length = within(self.size, at, length);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let next = at.0.saturating_add(bytes.len() as u64);
            let rest = usize::try_from(self.chunk - next % self.chunk).unwrap_or(usize::MAX);
            let wanted = rest.min(length - bytes.len());
            let piece = self.piece(next, wanted);
            let is_short = piece.len() < wanted;
            bytes.extend(piece);
            if is_short {
                break;
            }
        }
        bytes
    }
}
