//! Swap space: `union swap_header` in the kernel's `include/linux/swap.h`. Its mark is at the end of the first page.

use installer::units::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::damage::Damage;
use super::fields::Fields;

/// What Linux has been built for.
const PAGES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// A machine was put to sleep into it.
const ASLEEP: [&[u8]; 4] = [b"S1SUSPEND\0", b"S2SUSPEND\0", b"ULSUSPEND\0", b"LINHIB0001"];
const MARK: &[u8] = b"SWAPSPACE2";
const HEADER: usize = 1024;

/// Swap space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// Its label.
    pub label: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its size.
    pub size: Bytes,
    /// Bytes of a page.
    pub page_size: Bytes,
    /// It holds a machine that was put to sleep.
    pub asleep: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

impl Swap {
    /// Reads the first 64 KiB of a device; nothing if there is no mark.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        let marked = |page: &usize| fields.has(page - MARK.len(), MARK);
        let sleeps = |page: &usize| ASLEEP.iter().any(|mark| fields.has(page - mark.len(), mark));
        let page = PAGES.into_iter().find(|page| marked(page) || sleeps(page))?;
        let (version, last) = (fields.u32(HEADER)?, fields.u32(HEADER + 4)?);
        let mut damage = Damage::none();
        damage.unless(version == 1, format!("the swap header has version {version}"));
        Some(Self {
            label: fields.text(HEADER + 28, 16)?,
            uuid: fields.uuid(HEADER + 12)?,
            size: Bytes((u64::from(last) + 1).saturating_mul(page as u64)),
            page_size: Bytes(page as u64),
            asleep: sleeps(&page),
            damage,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Swap;
    use crate::inspect::recorded::hex;
    use installer::units::Bytes;
    use uuid::uuid;

    /// `mkswap -L swap -U 11111111-… FILE` on 1 MiB: bytes 1024 to 1068.
    const HEADER: &str = "01000000ff000000000000001111111122223333444455555555555573776170";

    fn page() -> Vec<u8> {
        let mut page = vec![0; 4096];
        page[1024..2048].copy_from_slice(&hex(HEADER, 1024));
        page[4086..].copy_from_slice(b"SWAPSPACE2");
        page
    }

    #[test]
    fn what_mkswap_wrote_is_read() {
        let swap = Swap::read(&page()).unwrap();
        assert_eq!((swap.label.as_str(), swap.size), ("swap", Bytes::MIB));
        assert_eq!(swap.uuid, uuid!("11111111-2222-3333-4444-555555555555"));
        assert!(!swap.asleep && swap.damage.is_none());
    }

    #[test]
    fn a_machine_may_sleep_in_it() {
        let mut page = page();
        page[4086..].copy_from_slice(b"LINHIB0001");
        assert!(Swap::read(&page).is_some_and(|swap| swap.asleep));
    }

    #[test]
    fn what_has_no_mark_or_another_version_is_said() {
        assert_eq!(Swap::read(&[0; 65536]), None);
        assert_eq!(Swap::read(&page()[..4095]), None);
        let mut page = page();
        page[1024] = 2;
        assert_eq!(Swap::read(&page).unwrap().damage.lines(), ["the swap header has version 2"]);
    }
}
