//! Who uses a device: mounts, swap, and devices that are built on it.

/// What `/proc/mounts` and `/proc/swaps` say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Device and mount point.
    mounts: Vec<(String, String)>,
    /// Devices.
    swaps: Vec<String>,
}

impl Usage {
    /// Reads both files.
    #[must_use]
    pub fn parse(mounts: &str, swaps: &str) -> Self {
        let mount = |line: &str| {
            let mut fields = line.split(' ');
            Some((unescaped(fields.next()?), unescaped(fields.next()?)))
        };
        let swap = |line: &str| line.split_ascii_whitespace().next().map(unescaped);
        Self {
            mounts: mounts.lines().filter_map(mount).collect(),
            swaps: swaps.lines().skip(1).filter_map(swap).collect(),
        }
    }

    /// Each use of a device, given who else holds it: `/dev/sda1 is mounted at /mnt`.
    #[must_use]
    pub fn of(&self, device: &str, holders: &[String]) -> Vec<String> {
        let mounts = self.mounts.iter().filter(|(mounted, _)| mounted == device);
        let mounts = mounts.map(|(_, point)| format!("{device} is mounted at {point}"));
        let swaps = self.swaps.iter().filter(|swap| *swap == device).map(|_| format!("{device} is swap"));
        let holders = holders.iter().map(|holder| format!("{device} is held by {holder}"));
        mounts.chain(swaps).chain(holders).collect()
    }
}

/// Blanks, tabs, line ends and backslashes are written in octal (proc(5)).
fn unescaped(field: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(field.to_owned(), |text, (escape, letter)| text.replace(escape, letter))
}

/// How a holder is called: `md127`, or `dm-0 (vg0-root)` where it has a name besides.
#[must_use]
pub fn holder(device: &str, name: Option<&str>) -> String {
    name.map_or_else(|| device.to_owned(), |name| format!("{device} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::{Usage, holder};

    #[test]
    fn every_use_is_named() {
        let usage = Usage::parse(
            "proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\n/dev/sda1 /a\\040b ext4 rw 0 0\n",
            "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2   partition\t1048572\t0\t-2\n",
        );
        assert_eq!(usage.of("/dev/sda1", &[]), ["/dev/sda1 is mounted at /", "/dev/sda1 is mounted at /a b"]);
        assert_eq!(usage.of("/dev/sda2", &[]), ["/dev/sda2 is swap"]);
        let holders = [holder("md127", None), holder("dm-0", Some("vg0-root"))];
        assert_eq!(
            usage.of("/dev/sda3", &holders),
            ["/dev/sda3 is held by md127", "/dev/sda3 is held by dm-0 (vg0-root)"]
        );
        assert_eq!(usage.of("/dev/sda", &[]), [""; 0]);
    }
}
