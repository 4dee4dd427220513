//! Identities: everything that carries an id gets it from the node's name and its own place in the layout,
//! so that the same install run twice gives the same node, and two nodes never share an id.

use uuid::{Uuid, uuid};

/// Version 5 ids below this one are xbuild's; it was drawn once.
const NAMESPACE: Uuid = uuid!("3f4c0a6e-53d8-4d0c-9a3e-6f1b7d2c8e95");

const LVM_ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Where the ids of one node, or of one generic image, come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(Uuid);

impl Seed {
    /// For an image that any node may be made of.
    #[must_use]
    pub fn generic(profile: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("generic/{profile}").as_bytes()))
    }

    /// For one node of a cluster.
    #[must_use]
    pub fn node(cluster: &str, node: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("node/{cluster}/{node}").as_bytes()))
    }

    /// The UUID of the thing at `path`, such as `disk/0/gpt` or `array/root/member/0`.
    #[must_use]
    pub fn uuid(&self, path: &str) -> Uuid {
        Uuid::new_v5(&self.0, path.as_bytes())
    }

    /// The GPT disk GUID of the disk at that place in the plan.
    #[must_use]
    pub fn disk(&self, at: usize) -> Uuid {
        self.uuid(&format!("disk/{at}/gpt"))
    }

    /// The LVM id of the thing at `path`, such as `vg/vg0/lv/var`: 32 characters of `[0-9A-Za-z]`, without dashes.
    ///
    /// The UUIDs of `path/lvm/0` and `path/lvm/1` as big-endian numbers, the 16 lowest digits of each to base 62,
    /// the lowest digit first.
    #[must_use]
    pub fn lvm_id(&self, path: &str) -> String {
        let halves = [0, 1].map(|half| self.uuid(&format!("{path}/lvm/{half}")).as_u128());
        halves.into_iter().flat_map(base62_digits).collect()
    }
}

fn base62_digits(number: u128) -> impl Iterator<Item = char> {
    let rest = std::iter::successors(Some(number), |rest| Some(rest / 62));
    rest.take(16).filter_map(|rest| LVM_ALPHABET.get((rest % 62) as usize).copied().map(char::from))
}

#[cfg(test)]
mod tests {
    use super::Seed;

    /// Nodes that were installed long ago must keep their ids: these values never change.
    #[test]
    fn ids_are_stable() {
        let seed = Seed::node("xencluster", "xenamo4");
        assert_eq!(seed.uuid("disk/0/gpt").to_string(), "46b2f49f-626b-5371-aa63-1d529d961c8f");
        assert_eq!(seed.disk(0), seed.uuid("disk/0/gpt"));
        assert_eq!(seed.lvm_id("vg/vg0"), "Gp0mQ93m8SEcXiqzHT1vBDJAmlXR0yQD");
    }

    #[test]
    fn nodes_places_and_generic_images_differ() {
        let ids = [
            Seed::node("a", "b").uuid("array/root"),
            Seed::node("a", "c").uuid("array/root"),
            Seed::node("generic", "b").uuid("array/root"),
            Seed::generic("b").uuid("array/root"),
            Seed::generic("b").uuid("array/pv"),
        ];
        assert!(ids.iter().enumerate().all(|(at, id)| !ids[at + 1..].contains(id)));
    }

    #[test]
    fn lvm_ids_are_32_letters_and_digits() {
        let id = Seed::generic("storage").lvm_id("vg/vg0/pv");
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
