//! Which secrets a cluster has: what they are called, how they are made, and which nodes get them. None of it is secret.
//!
//! What they are themselves lies in files, and is [`Secrets`](crate::secrets::Secrets) once it is read.

use super::problem::{Problem, Problems};
use super::suggest;

/// Random bytes of DRBD's shared secret, written as twice as many digits.
const DRBD: usize = 24;
/// Characters of DRBD's shared secret. drbd.conf(5) says 64; the kernel counts the zero behind them
/// (`SHARED_SECRET_MAX` in linux/drbd.h, `NLA_NUL_STRING` in linux/genl_magic_func.h).
const LONGEST_DRBD: usize = 63;
/// As corosync-keygen(8) makes it.
const COROSYNC: usize = 256;
/// What Corosync takes (`TOTEM_PRIVATE_KEY_LEN_MIN` and `_MAX` in totem.h).
const COROSYNC_LIMITS: std::ops::RangeInclusive<usize> = 128..=4096;
/// As fence_virt.conf(5) makes it; `fence_xvm` reads no more (`MAX_KEY_LEN`).
const FENCE_VIRT: usize = 4096;
const PASSWORD: &str = ".password";
/// Of a password. A BMC takes 20 bytes at most (IPMI 2.0, Set User Password), other devices more.
const LONGEST_PASSWORD: usize = 255;

/// A secret of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    kind: Kind,
    nodes: Vec<String>,
}

/// What a secret is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `shared-secret` of the DRBD resource of this name.
    Drbd(String),
    /// `/etc/corosync/authkey`.
    Corosync,
    /// `/etc/cluster/fence_xvm.key`.
    FenceVirt,
    /// A password of this name, such as a BMC's. Whoever builds writes its file.
    Password(String),
}

impl Kind {
    /// Its name, which is that of its file. What stands behind the dot keeps kinds apart whatever things are called.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Drbd(resource) => format!("{resource}.drbd"),
            Self::Corosync => "corosync.authkey".to_owned(),
            Self::FenceVirt => "fence_xvm.key".to_owned(),
            Self::Password(name) => format!("{name}{PASSWORD}"),
        }
    }

    /// The name of a password, of the name of its file; none if that is of another kind.
    pub(crate) fn password(file: &str) -> Option<&str> {
        file.strip_suffix(PASSWORD)
    }

    /// A new one, of what `random` fills; none if it is not ours to make.
    #[must_use]
    pub fn make(&self, random: impl FnOnce(&mut [u8])) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.random_bytes()?];
        random(&mut bytes);
        Some(match self {
            Self::Drbd(_) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                (digits + "\n").into_bytes()
            }
            Self::Corosync | Self::FenceVirt | Self::Password(_) => bytes,
        })
    }

    fn random_bytes(&self) -> Option<usize> {
        match self {
            Self::Drbd(_) => Some(DRBD),
            Self::Corosync => Some(COROSYNC),
            Self::FenceVirt => Some(FENCE_VIRT),
            Self::Password(_) => None,
        }
    }

    /// Whether `xbuild secrets` makes it.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.random_bytes().is_some()
    }

    /// Why the content of its file is of no use, and what to do about it.
    ///
    /// # Errors
    /// Message and hint; what the file holds stands in neither.
    pub fn check(&self, content: &[u8]) -> Result<(), (String, String)> {
        let line = |longest: usize| match text(content) {
            Some(text) if (1..=longest).contains(&text.len()) => Ok(()),
            _ => Err((
                format!("is not one line of 1 to {longest} printable characters, without `\"` and `\\`"),
                "write it anew".to_owned(),
            )),
        };
        let size = |fits: bool, limits: &str| {
            let hint = "restore it, or remove it and run `xbuild secrets init`".to_owned();
            if fits { Ok(()) } else { Err((format!("has {} bytes, not {limits}", content.len()), hint)) }
        };
        match self {
            Self::Drbd(_) => line(LONGEST_DRBD),
            Self::Password(_) => line(LONGEST_PASSWORD),
            Self::Corosync => size(COROSYNC_LIMITS.contains(&content.len()), "128 to 4096"),
            Self::FenceVirt => size((1..=FENCE_VIRT).contains(&content.len()), "1 to 4096"),
        }
    }

    /// What its nodes need when it has been made anew.
    fn renewal(&self) -> String {
        match self {
            Self::Drbd(name) => format!(
                "put it into `shared-secret` of {name} in /etc/drbd.d/cluster.res on both, then `drbdadm adjust {name}` on both"
            ),
            Self::Corosync => {
                "stop the cluster on all of them, replace /etc/corosync/authkey, start it again".to_owned()
            }
            Self::FenceVirt => {
                "replace /etc/cluster/fence_xvm.key on all of them and on the host of fence_virtd".to_owned()
            }
            Self::Password(_) => "set it in the device as well".to_owned(),
        }
    }
}

/// The one line of a file that is written by hand or by us.
pub(crate) fn text(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let fits = |letter: char| (letter == ' ' || letter.is_ascii_graphic()) && !"\"\\".contains(letter);
    text.chars().all(fits).then_some(text)
}

impl Secret {
    /// The secret of that kind, for these nodes and no others.
    #[must_use]
    pub fn new(kind: Kind, nodes: Vec<String>) -> Self {
        Self { kind, nodes }
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Its name, which is that of its file.
    #[must_use]
    pub fn name(&self) -> String {
        self.kind.name()
    }

    /// Whether a node gets it.
    #[must_use]
    pub fn is_for(&self, node: &str) -> bool {
        self.nodes.iter().any(|name| name == node)
    }

    /// Who has to get it when it has been made anew, and how.
    #[must_use]
    pub fn renewal(&self) -> String {
        format!("{}: needed by {}; {}", self.name(), self.nodes.join(", "), self.kind.renewal())
    }
}

/// Those of `secrets` that are called so and that `xbuild` makes; all of these if no name is given.
///
/// # Errors
/// Every name that is none of them.
pub fn made<'a>(secrets: &'a [Secret], names: &[String]) -> Result<Vec<&'a Secret>, Problems> {
    let mut problems = Problems::default();
    problems.extend(names.iter().filter_map(|name| not_made(secrets, name)));
    let wanted = |secret: &&Secret| names.is_empty() || names.contains(&secret.name());
    problems.unless_any(secrets.iter().filter(|secret| secret.kind.is_made()).filter(wanted).collect())
}

fn not_made(secrets: &[Secret], name: &str) -> Option<Problem> {
    let made = || secrets.iter().filter(|secret| secret.kind.is_made());
    match secrets.iter().find(|secret| secret.name() == name) {
        Some(secret) if secret.kind.is_made() => None,
        Some(_) => {
            let message = format!("`{name}` is not made by xbuild");
            Some(Problem::anywhere(message, "write the new one into its file yourself"))
        }
        None => {
            let names: Vec<String> = made().map(Secret::name).collect();
            let hint = suggest::hint(name, "secret", names.iter().map(String::as_str));
            Some(Problem::anywhere(format!("unknown secret `{name}`"), hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Secret, made};

    fn fill(bytes: &mut [u8]) {
        (0_u8..).zip(bytes).for_each(|(number, byte)| *byte = number);
    }

    fn all() -> [Kind; 4] {
        [Kind::Drbd("xen".into()), Kind::Corosync, Kind::FenceVirt, Kind::Password("bmc".into())]
    }

    #[test]
    fn what_is_made_fits_its_purpose() {
        let [drbd, corosync, fence, password] = all().map(|kind| {
            let made = kind.make(|bytes| bytes.fill(0xa5));
            made.iter().for_each(|made| assert_eq!(kind.check(made), Ok(()), "{}", kind.name()));
            made
        });
        assert_eq!(drbd.unwrap(), ("a5".repeat(24) + "\n").into_bytes());
        assert_eq!((corosync.unwrap().len(), fence.unwrap().len(), password), (256, 4096, None));
    }

    #[test]
    fn what_is_random_gets_there() {
        let made = Kind::Drbd("xen".into()).make(fill).unwrap();
        assert_eq!(made, b"000102030405060708090a0b0c0d0e0f1011121314151617\n");
    }

    #[test]
    fn names_keep_kinds_apart() {
        assert_eq!(
            all().map(|kind| kind.name()),
            ["xen.drbd", "corosync.authkey", "fence_xvm.key", "bmc.password"]
        );
    }

    #[test]
    fn what_is_of_no_use_is_said_and_not_shown() {
        let [drbd, corosync, fence, password] = all();
        let line = |longest| {
            format!("is not one line of 1 to {longest} printable characters, without `\"` and `\\`")
        };
        for (kind, content, message) in [
            (&drbd, "x".repeat(64).as_str(), line(63)),
            (&drbd, "", line(63)),
            (&drbd, "x\ny\n", line(63)),
            (&password, "\n", line(255)),
            (&password, "a\"b", line(255)),
            (&password, "ä", line(255)),
            (&corosync, "short", "has 5 bytes, not 128 to 4096".to_owned()),
            (&fence, "", "has 0 bytes, not 1 to 4096".to_owned()),
        ] {
            assert_eq!(kind.check(content.as_bytes()).unwrap_err().0, message, "{content:?}");
        }
        assert_eq!(password.check(b"a word with blanks\n"), Ok(()));
    }

    #[test]
    fn names_choose_and_slips_are_told_at_once() {
        let secrets = all().map(|kind| Secret::new(kind, vec!["n1".into(), "n2".into()]));
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            made(&secrets, &wanted).map(|found| found.into_iter().map(Secret::name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["xen.drbd", "corosync.authkey", "fence_xvm.key"]);
        assert_eq!(names(&["xen.drbd"]).unwrap(), ["xen.drbd"]);
        let problems = names(&["xem.drbd", "bmc.password", "mail"]).unwrap_err().to_string();
        assert_eq!(
            problems,
            "error: unknown secret `xem.drbd`\n   = hint: did you mean `xen.drbd`?\n\n\
             error: `bmc.password` is not made by xbuild\n   = hint: write the new one into its file yourself\n\n\
             error: unknown secret `mail`\n   = hint: known secrets: `xen.drbd`, `corosync.authkey`, `fence_xvm.key`"
        );
    }

    #[test]
    fn who_needs_a_new_one_is_said() {
        let secret = Secret::new(Kind::Drbd("xen".into()), vec!["n1".into(), "n2".into()]);
        assert!(secret.is_for("n1") && !secret.is_for("n3"));
        assert_eq!(
            secret.renewal(),
            "xen.drbd: needed by n1, n2; put it into `shared-secret` of xen in /etc/drbd.d/cluster.res on both, \
             then `drbdadm adjust xen` on both"
        );
    }
}
