//! The kinds of names that people write: each says what it is when it is wrong.

use std::fmt;

use super::schema::{self, Schema};
use super::ssh_key;
use super::value::{Found, Value, Wrong};

/// Defines text values: what it is called, an example, whether a text is one, how to write one, and for editors what each
/// of them fits, as far as a regular expression can say it.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $example:literal, $valid:path, $hint:expr $(, $pattern:literal)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Value for $name {
            const WHAT: &'static str = "a string";
            const EXAMPLE: &'static str = $example;

            fn schema() -> Schema {
                schema::text(&format!("{}: {}", $what, $hint), concat!($($pattern)?))
            }

            fn read(found: &Found<'_>) -> Result<Self, Wrong> {
                let text = found.text()?;
                let wrong = || Wrong::value(format!("`{}` is not {}", text.escape_debug(), $what), $hint);
                if $valid(text) { Ok(Self(text.to_owned())) } else { Err(wrong()) }
            }
        }
    )*};
}

/// How to write a [`Name`].
pub(super) const NAME_HINT: &str = "use at most 32 of a-z, 0-9 and `-`, a letter or digit first";

words! {
    /// A name of ours: a profile, a piece of a layout, a cluster, an overlay.
    Name: "a name", "\"system\"", is_name,
        NAME_HINT,
        "^[a-z0-9][a-z0-9-]{0,31}$";
    /// A Debian package.
    Package: "the name of a Debian package", "\"lvm2\"", is_package,
        "package names have two or more of a-z, 0-9, `+`, `-` and `.`; a version or suite cannot be given here",
        "^[a-z0-9][a-z0-9+.-]+$";
    /// What stands on a disk: a serial number, a model, a path.
    DiskText: "what stands on a disk", "\"S3Z9NB0K\"", is_disk_text,
        "copy it as `lsblk -o NAME,SERIAL,WWN,MODEL` or `ls /dev/disk/by-path` shows it, without blanks at its ends",
        "^[^ ](.*[^ ])?$";
    /// One argument on a command line that GRUB hands over.
    Argument: "one argument", "\"console=hvc0\"", is_argument,
        "give each argument its own string, without blanks, quotes, `$`, `\\` and backquotes: GRUB would read them",
        r"^[!#%&(-\[\]-_a-~]+$";
    /// A label of a file system.
    Label: "a label", "\"root\"", is_label,
        "use 1 to 16 of a-z, A-Z, 0-9, `-`, `_` and `.`",
        "^[A-Za-z0-9._-]{1,16}$";
    /// Where a file system is mounted.
    MountPoint: "a mount point", "\"/var\"", is_mount_point,
        "write an absolute path without blanks, `.`, `..` or a slash at its end",
        r"^(/|(/[!-.0-\[\]-~]+)+)$";
    /// A host name without domain.
    Hostname: "a host name", "\"storage1\"", is_hostname,
        "use 1 to 63 of a-z, 0-9 and `-`, a letter or digit first and last (RFC 1123); the domain stands in [cluster]",
        "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    /// A DNS domain.
    Domain: "a domain", "\"example.net\"", is_domain,
        "write host names with dots between, such as `example.net`",
        r"^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$";
    /// A network, and the interface that leads to it.
    NetworkName: "a network name", "\"storage\"", is_network_name,
        "interfaces get this name: use 1 to 15 of a-z, 0-9 and `-`, a letter first, and nothing the kernel uses (lo, eth0, ...)",
        "^[a-z][a-z0-9-]{0,14}$";
    /// The base address of a Debian archive.
    Mirror: "the address of a Debian archive", "\"http://mirror.example.net/debian\"", is_web_address,
        "write it as in sources.list, such as `http://mirror.example.net/debian`",
        "^https?://[!-.0-~][!-~]*$";
    /// Where the report of an install goes.
    ReportUrl: "an address for reports", "\"http://192.0.2.1:8000/report\"", is_web_address,
        "write it as for a browser, such as `http://192.0.2.1:8000/report`",
        "^https?://[!-.0-~][!-~]*$";
    /// Who logs in at a BMC.
    UserName: "the name of a user", "\"fencing\"", is_user_name,
        "use 1 to 32 of a-z, A-Z, 0-9, `-`, `_` and `.`",
        "^[A-Za-z0-9._-]{1,32}$";
    /// A device file.
    DeviceFile: "a device file", "\"/dev/watchdog0\"", is_device_file,
        "write its path, such as `/dev/watchdog0`",
        r"^/dev(/[!-.0-\[\]-~]+)+$";
    /// The serial number of a machine.
    MachineSerial: "the serial number of a machine", "\"CZ2D1X0GW1\"", is_machine_serial,
        "copy it as `dmidecode -s system-serial-number` shows it; if the maker has left it open, use a MAC address",
        "^[^ ](.*[^ ])?$";
    /// A line for `authorized_keys`.
    SshKey: "a public ssh key", "\"ssh-ed25519 AAAA... admin\"", ssh_key::is_public_key,
        "copy the one line of a `.pub` file: type, key, comment",
        "^(ssh|ecdsa|sk)-[^ ]* [A-Za-z0-9+/]+=*( .*)?$";
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Whether a text is a [`Name`].
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 32
        && text.bytes().next().is_some_and(is_lower)
        && text.bytes().all(|byte| is_lower(byte) || byte == b'-')
}

fn is_package(text: &str) -> bool {
    text.len() >= 2
        && text.bytes().next().is_some_and(is_lower)
        && text.bytes().all(|byte| is_lower(byte) || b"+-.".contains(&byte))
}

fn is_disk_text(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && text.chars().all(|c| !c.is_control())
}

/// What makers leave in their firmware on many machines.
const NO_SERIALS: [&str; 8] = [
    "0",
    "0123456789",
    "default string",
    "none",
    "not specified",
    "system serial number",
    "to be filled by o.e.m.",
    "unknown",
];

fn is_machine_serial(text: &str) -> bool {
    is_disk_text(text) && !NO_SERIALS.contains(&text.to_ascii_lowercase().as_str())
}

fn is_argument(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`$\\".contains(&byte))
}

fn is_label(text: &str) -> bool {
    let fits = (1..=16).contains(&text.len());
    fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_user_name(text: &str) -> bool {
    let fits = (1..=32).contains(&text.len());
    fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_device_file(text: &str) -> bool {
    text.starts_with("/dev/") && is_mount_point(text)
}

fn is_mount_point(text: &str) -> bool {
    let part_fits = |part: &str| {
        !["", ".", ".."].contains(&part) && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    text == "/" || text.strip_prefix('/').is_some_and(|parts| parts.split('/').all(part_fits))
}

fn is_hostname(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(is_lower);
    text.len() <= 63
        && (ends(text.bytes().next()) && ends(text.bytes().last()))
        && text.bytes().all(|byte| is_lower(byte) || byte == b'-')
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_hostname)
}

fn is_network_name(text: &str) -> bool {
    let ours =
        text.len() <= 15 && is_name(text) && text.starts_with(|first: char| first.is_ascii_lowercase());
    let kernels = text.strip_prefix("eth").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    ours && !kernels && !["lo", "all", "default"].contains(&text)
}

fn is_web_address(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let written = |host: &str| {
        !host.is_empty() && !host.starts_with('/') && host.bytes().all(|byte| byte.is_ascii_graphic())
    };
    host.is_some_and(written)
}

#[cfg(test)]
mod tests {
    use super::{
        is_argument, is_domain, is_hostname, is_label, is_machine_serial, is_mount_point, is_name,
        is_network_name, is_package, is_web_address,
    };

    fn judge(valid: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        assert_eq!(good.iter().filter(|text| !valid(text)).collect::<Vec<_>>(), [] as [&&str; 0]);
        assert_eq!(bad.iter().filter(|text| valid(text)).collect::<Vec<_>>(), [] as [&&str; 0]);
    }

    #[test]
    fn names_are_told_from_accidents() {
        let long = "x".repeat(33);
        judge(is_name, &["raid1-drbd", "0"], &["", "-a", "A", "a_b", "../x", &long]);
        judge(is_package, &["g++", "libc6", "xen-utils-4.20"], &["", "a", "Vim", "lvm2=2.03", "-x", "lvm2 "]);
        judge(is_argument, &["console=hvc0,115200n8"], &["", "a b", "a=\"b\"", "$x", "a\\b", "`x`", "\n"]);
        judge(is_label, &["root", "ROOT_1"], &["", "a b", "seventeen-letters", "a/b"]);
        judge(
            is_mount_point,
            &["/", "/var", "/var/lib/xen"],
            &["", "var", "/var/", "//", "/a//b", "/a/../b", "/a b"],
        );
        judge(
            is_web_address,
            &["http://10.0.0.1:3142/debian"],
            &["", "ftp://x/debian", "http://", "http:///debian", "http://x y"],
        );
    }

    #[test]
    fn what_many_machines_say_tells_none_of_them() {
        judge(
            is_machine_serial,
            &["CZ2D1X0GW1", "a b"],
            &["", " a", "None", "Default string", "To Be Filled By O.E.M."],
        );
    }

    #[test]
    fn host_names_follow_rfc_1123() {
        let long = "x".repeat(64);
        judge(is_hostname, &["storage1", "1a", "a-b"], &["", "-a", "a-", "A", "a.b", "a_b", &long]);
        judge(is_domain, &["lan", "example.net"], &["", ".", "a..b", "example.net."]);
    }

    #[test]
    fn networks_are_named_as_interfaces_can_be() {
        judge(
            is_network_name,
            &["storage", "eth-lab", "lan2"],
            &["", "lo", "eth0", "2lan", "sixteen-letters-", "a.b"],
        );
    }
}
