//! Sharing out: every piece gets its minimum, then its part of what is left over, up to its maximum.

use crate::model::storage::Size;
use crate::units::Bytes;

/// What one piece asks for, in whole units (MiB of a disk, extents of a volume group).
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    least: u64,
    most: u64,
    share: u32,
}

impl Claim {
    /// A piece that has to exist: at least one unit. The minimum is rounded up, the maximum down.
    pub(super) fn piece(size: &Size, unit: Bytes) -> Self {
        Self::of(size, unit, 1)
    }

    /// Room that may also be nothing.
    pub(super) fn room(size: &Size, unit: Bytes) -> Self {
        Self::of(size, unit, 0)
    }

    fn of(size: &Size, unit: Bytes, floor: u64) -> Self {
        let least = size.min.0.div_ceil(unit.0).max(floor);
        let most = size.max.map_or(u64::MAX, |max| max.0 / unit.0).max(least);
        Self { least, most, share: size.share }
    }
}

/// The sum of the minima.
pub(super) fn needed(claims: &[Claim]) -> u64 {
    claims.iter().fold(0, |sum, claim| sum.saturating_add(claim.least))
}

/// How many units each claim gets; none if not even the minima fit.
///
/// Where a piece reaches its maximum, the others share what it leaves. The last piece that can grow takes
/// what rounding leaves.
pub(super) fn share_out(available: u64, claims: &[Claim]) -> Option<Vec<u64>> {
    let mut left = available.checked_sub(needed(claims))?;
    let mut pieces: Vec<Piece> = claims.iter().map(Piece::new).collect();
    loop {
        let weights =
            pieces.iter().filter(|piece| piece.room() > 0).map(|piece| u128::from(piece.claim.share)).sum();
        if weights == 0 || left == 0 {
            break;
        }
        let filled = fill_small_pieces(&mut pieces, left, weights);
        if filled == 0 {
            grow_all(&mut pieces, left, weights);
            break;
        }
        left -= filled;
    }
    Some(pieces.into_iter().map(|piece| piece.got).collect())
}

struct Piece<'a> {
    claim: &'a Claim,
    got: u64,
}

impl<'a> Piece<'a> {
    fn new(claim: &'a Claim) -> Self {
        Self { claim, got: claim.least }
    }

    /// How much it can still grow.
    fn room(&self) -> u64 {
        if self.claim.share == 0 { 0 } else { self.claim.most - self.got }
    }

    /// Its part of what is left; never more than `left`, so it fits.
    fn part(&self, left: u64, weights: u128) -> u64 {
        if self.room() == 0 {
            return 0;
        }
        let part = u128::from(left) * u128::from(self.claim.share) / weights;
        u64::try_from(part).unwrap_or(left)
    }
}

/// Fills the pieces whose part is more than they may take, and returns how much that took.
fn fill_small_pieces(pieces: &mut [Piece], left: u64, weights: u128) -> u64 {
    let mut taken = 0;
    for piece in pieces {
        let room = piece.room();
        if piece.part(left, weights) > room {
            piece.got += room;
            taken += room;
        }
    }
    taken
}

/// Gives every piece its part, and the rounding rest to the last that can take it.
fn grow_all(pieces: &mut [Piece], left: u64, weights: u128) {
    let mut rest = left;
    for piece in pieces.iter_mut() {
        let part = piece.part(left, weights);
        piece.got += part;
        rest -= part;
    }
    for piece in pieces.iter_mut().rev() {
        let more = rest.min(piece.room());
        piece.got += more;
        rest -= more;
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, share_out};

    const fn claim(least: u64, most: u64, share: u32) -> Claim {
        Claim { least, most, share }
    }

    type Row<'a> = (u64, &'a [Claim], Option<&'a [u64]>);

    #[test]
    fn shares() {
        const MAX: u64 = u64::MAX;
        let table: [Row<'_>; 9] = [
            (10, &[], Some(&[])),
            (9, &[claim(5, MAX, 1), claim(5, MAX, 1)], None),
            (10, &[claim(5, MAX, 1), claim(5, MAX, 1)], Some(&[5, 5])),
            (20, &[claim(5, MAX, 0), claim(5, MAX, 1)], Some(&[5, 15])),
            (20, &[claim(5, MAX, 0), claim(5, MAX, 0)], Some(&[5, 5])),
            // The rounding rest goes to the last that may grow.
            (21, &[claim(0, MAX, 1), claim(0, MAX, 1), claim(1, 1, 0)], Some(&[10, 10, 1])),
            (12, &[claim(0, MAX, 1), claim(0, MAX, 1), claim(1, 1, 0)], Some(&[5, 6, 1])),
            // What the first may not take goes to the others by their weights.
            (40, &[claim(0, 10, 2), claim(0, MAX, 1), claim(0, MAX, 2)], Some(&[10, 10, 20])),
            (MAX, &[claim(1, MAX, u32::MAX), claim(1, 5, 1)], Some(&[MAX - 5, 5])),
        ];
        for (available, claims, expected) in table {
            assert_eq!(share_out(available, claims).as_deref(), expected, "{available} {claims:?}");
        }
    }
}
