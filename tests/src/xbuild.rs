//! The program under test, and the images it makes for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use builder::cache::Cache;
use builder::manifest::Made;
use builder::sandbox::Sandbox;
use builder::tools::Tools;
use builder::vm::Drive;
use installer::format::ToolCall;

/// `xbuild` as cargo built it beside this test.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("cargo puts tests into deps/");
    folder.join("xbuild")
}

/// The checkout.
#[must_use]
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the checkout").to_owned()
}

/// Where tests put what they make: beside the program, so that `cargo clean` removes it.
#[must_use]
pub fn workshop() -> PathBuf {
    program().with_file_name("test-images")
}

/// A set of images and the tools tree that made it.
#[derive(Clone, Debug)]
pub struct Images {
    /// Where they are.
    pub folder: PathBuf,
    /// In the order of the plan.
    pub disks: Vec<Drive>,
    /// The tools tree.
    pub tools: Tools,
}

impl Images {
    /// The same once more, in a folder beside, for a node that may write.
    #[must_use]
    pub fn copy(&self, name: &str) -> Self {
        let folder = self.folder.with_file_name(name);
        fs::create_dir_all(&folder).expect("a folder for images");
        let (from, mut copy) = (self.folder.join("."), Command::new("cp"));
        let status = copy.args(["--sparse=always", "-r"]).arg(from).arg(&folder).status();
        assert!(status.is_ok_and(|status| status.success()), "cp failed");
        open(&folder)
    }

    /// Removes them: images of all layouts fill a disk.
    pub fn remove(&self) {
        fs::remove_dir_all(&self.folder).expect("a folder of our own");
    }
}

/// The images of a generic storage node, made once per test program.
#[must_use]
pub fn storage() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| image("storage", &["--profile", "storage"]))
}

/// The images of a generic compute node.
#[must_use]
pub fn compute() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| image("compute", &["--profile", "compute"]))
}

/// The images of `storage1` of the example cluster.
#[must_use]
pub fn storage1() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        image("storage1", &["--cluster", "tests/clusters/storage.toml", "--node", "storage1"])
    })
}

/// The images of a node, made anew by `xbuild image` with these arguments.
///
/// # Panics
/// When they cannot be made.
#[must_use]
pub fn image(name: &str, node: &[&str]) -> Images {
    let folder = workshop().join(name);
    let mut command = Command::new(program());
    command.arg("image").args(node).arg("-o").arg(&folder).current_dir(checkout());
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("xbuild starts");
    assert!(status.success(), "xbuild image {}: {status}", node.join(" "));
    open(&folder)
}

/// The images that `xbuild image` has put into `folder`.
#[must_use]
pub fn open(folder: &Path) -> Images {
    let made = Made::read(folder).expect("xbuild image writes a manifest");
    let cache = Cache::open(&cache_root()).expect("the cache opens");
    let tools = Tools::find(&cache, &made.tools).expect("the tools tree is in the cache");
    Images { folder: folder.to_owned(), disks: made.drives(folder), tools }
}

/// What `xbuild inspect` says of images.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn inspect(images: &Images) -> serde_json::Value {
    let mut command = Command::new(program());
    command.args(["inspect", "--json"]).args(images.disks.iter().map(|disk| &disk.path));
    let output = command.output().expect("xbuild starts");
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// The tools tree of the newest packages, made if it is not there.
#[must_use]
pub fn open_tools() -> Tools {
    storage().tools.clone()
}

/// The cache that tests share with the user.
#[must_use]
pub fn cache_root() -> PathBuf {
    Cache::default_root().expect("a cache")
}

/// Runs a program of the tools tree, with `folder` visible under its own name.
#[must_use]
pub fn run_tool(tools: &Tools, folder: &Path, call: &ToolCall) -> Output {
    let run = tools.run(call.argv.iter().cloned()).bind(folder, &folder.display().to_string());
    let run = call.env.iter().fold(run, |run, (name, value)| run.env(name, value));
    command(&run).output().expect("xbuild starts")
}

/// How a sandbox is run from a test: by the program, since it runs itself inside.
#[must_use]
pub fn command(sandbox: &Sandbox) -> Command {
    let mut command = Command::new(program());
    command.args(sandbox.argv());
    command
}
