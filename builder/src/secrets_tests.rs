use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use installer::model::secret::{Kind, Secret};
use tempfile::TempDir;

use super::{Folder, State};

/// One of each kind.
fn secrets() -> Vec<Secret> {
    let kinds = [Kind::Drbd("xen".into()), Kind::Corosync, Kind::FenceVirt, Kind::Password("bmc".into())];
    kinds.map(|kind| Secret::new(kind, vec!["n1".to_owned(), "n2".to_owned()])).to_vec()
}

fn folder() -> (TempDir, Folder) {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::new(None, &root.path().join("lab.toml"));
    (root, folder)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What the folder holds by name.
fn contents(root: &TempDir) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(root.path().join("lab.secrets")).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// The refusal, with the folder's place left out.
fn refusal<T: std::fmt::Debug>(root: &TempDir, result: Result<T, impl std::fmt::Display>) -> String {
    let said = result.map(|value| format!("{value:?}")).map_err(|error| error.to_string()).unwrap_err();
    said.replace(&format!("{}/", root.path().display()), "")
}

#[test]
fn what_is_missing_is_made_and_nothing_is_overwritten() {
    let (root, folder) = folder();
    let made = folder.init(&secrets()).unwrap();
    assert_eq!(made, [State::Made, State::Made, State::Made, State::Missing]);
    let first = contents(&root);
    assert_eq!(first.keys().collect::<Vec<_>>(), ["corosync.authkey", "fence_xvm.key", "xen.drbd"]);
    assert_eq!(mode(&root.path().join("lab.secrets")), 0o700);
    for name in first.keys() {
        assert_eq!(mode(&root.path().join("lab.secrets").join(name)), 0o600, "{name}");
    }

    let again = folder.init(&secrets()).unwrap();
    assert_eq!(again, [State::There, State::There, State::There, State::Missing]);
    assert_eq!(contents(&root), first);
}

#[test]
fn two_clusters_have_nothing_in_common() {
    let ((one, first), (other, second)) = (folder(), folder());
    first.init(&secrets()).unwrap();
    second.init(&secrets()).unwrap();
    let (one, other) = (contents(&one), contents(&other));
    assert!(one.iter().all(|(name, content)| other[name] != *content));
}

#[test]
fn only_what_was_named_is_made_anew() {
    let (root, folder) = folder();
    folder.init(&secrets()).unwrap();
    let before = contents(&root);
    folder.rotate(&[&secrets()[1]]).unwrap();
    let after = contents(&root);
    let changed = after.keys().filter(|name| before[*name] != after[*name]).map(String::as_str);
    let changed: Vec<&str> = changed.collect();
    assert_eq!((changed, after.len()), (vec!["corosync.authkey"], 3));
    assert_eq!(mode(&root.path().join("lab.secrets/corosync.authkey")), 0o600);
}

#[test]
fn nothing_is_made_anew_unless_all_is_there() {
    let (root, folder) = folder();
    folder.init(&secrets()[..1]).unwrap();
    let before = contents(&root);
    let all = secrets();
    let said = refusal(&root, folder.rotate(&all.iter().take(3).collect::<Vec<_>>()));
    assert_eq!(
        said,
        "error: there is no lab.secrets/corosync.authkey\n   = hint: make it with `xbuild secrets init`\n\n\
         error: there is no lab.secrets/fence_xvm.key\n   = hint: make it with `xbuild secrets init`"
    );
    assert_eq!(contents(&root), before);
}

#[test]
fn secrets_are_read_where_all_are_there() {
    let (root, folder) = folder();
    folder.init(&secrets()).unwrap();
    let password = root.path().join("lab.secrets/bmc.password");
    fs::write(&password, "hidden\n").unwrap();
    set_mode(&password, 0o600);
    let read = folder.read(&secrets()).unwrap();
    assert_eq!(
        format!("{read:?}"),
        "{\"bmc.password\", \"corosync.authkey\", \"fence_xvm.key\", \"xen.drbd\"}"
    );
}

#[test]
fn what_others_may_read_is_refused() {
    let (root, folder) = folder();
    folder.init(&secrets()).unwrap();
    let path = |name: &str| root.path().join("lab.secrets").join(name);
    set_mode(&path("xen.drbd"), 0o644);
    set_mode(&path("corosync.authkey"), 0o620);
    fs::write(path("fence_xvm.key"), "").unwrap();
    assert_eq!(
        refusal(&root, folder.read(&secrets())),
        "\
error: lab.secrets/xen.drbd has secrets, and is open to others (mode 644)
   = hint: `chmod 600 lab.secrets/xen.drbd`; if others may have read it, `xbuild secrets rotate`

error: lab.secrets/corosync.authkey has secrets, and is open to others (mode 620)
   = hint: `chmod 600 lab.secrets/corosync.authkey`; if others may have read it, `xbuild secrets rotate`

error: lab.secrets/fence_xvm.key has 0 bytes, not 1 to 4096
   = hint: restore it, or remove it and run `xbuild secrets init`

error: cannot read the secret lab.secrets/bmc.password: No such file or directory (os error 2)
   = hint: write it with `(umask 077; cat > lab.secrets/bmc.password)`: type it, Enter, Ctrl-D"
    );
    set_mode(&root.path().join("lab.secrets"), 0o755);
    let open = "error: lab.secrets has secrets, and is open to others (mode 755)\n   \
                = hint: `chmod 700 lab.secrets`; if others may have read it, `xbuild secrets rotate`";
    assert_eq!(refusal(&root, folder.read(&secrets())), open);
    assert_eq!(refusal(&root, folder.rotate(&[&secrets()[0]])), open);
}

/// Only root can give files away, so only root sees this one.
#[test]
fn what_belongs_to_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (root, folder) = folder();
    folder.init(&secrets()[..1]).unwrap();
    std::os::unix::fs::chown(root.path().join("lab.secrets/xen.drbd"), Some(1), None).unwrap();
    assert_eq!(
        refusal(&root, folder.read(&secrets()[..1])),
        "error: lab.secrets/xen.drbd belongs to another user, who could change it\n   \
         = hint: run xbuild as its owner, or take it over with `chown`"
    );
}

#[test]
fn a_cluster_without_secrets_needs_no_folder() {
    let (root, folder) = folder();
    assert!(folder.read(&[]).unwrap().is_empty());
    assert_eq!(
        refusal(&root, folder.read(&secrets())),
        "error: cannot read the secrets in lab.secrets: No such file or directory (os error 2)\n   \
         = hint: make them with `xbuild secrets init`, or name their folder with --secrets DIR"
    );
}
