//! Programs on nodes that write what must not be lost: a log on a common file system, line by line with `fsync`; what is
//! on disk is then said on the console, which outlives the node.

use std::time::Duration;

use builder::rehearse::Rack;
use builder::rehearse::node::Node;

/// For a question.
const ANSWER: Duration = Duration::from_secs(180);
/// For writes that wait until a peer is fenced.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Lines that show that writing goes on.
const SOME: u64 = 20;

const WRITER: &str = r#"
import hashlib, os, sys, time
path, name = sys.argv[1:]
log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
console = os.open("/dev/console", os.O_WRONLY)
number = 0
while True:
    number += 1
    text = "%s %d %s" % (name, number, "x" * 2000)
    line = "%s %s\n" % (text, hashlib.sha256(text.encode()).hexdigest())
    os.write(log, line.encode())
    os.fsync(log)
    os.write(console, ("ACK %s %d.\n" % (name, number)).encode())
    time.sleep(0.1)
"#;

/// Says how many lines there are, from the first one to the last one that is whole: behind what was acknowledged anything
/// may stand.
const READER: &str = r#"
import hashlib, sys
path, name = sys.argv[1:]
number = 0
for line in open(path, errors="replace"):
    text, _, sum = line.rstrip("\n").rpartition(" ")
    if not text.startswith("%s %d " % (name, number + 1)) or hashlib.sha256(text.encode()).hexdigest() != sum:
        break
    number += 1
print(number)
"#;

/// A writer on each node.
#[derive(Debug)]
pub struct Writers<'a> {
    rack: &'a Rack,
    folder: &'a str,
    names: Vec<String>,
    round: String,
}

impl<'a> Writers<'a> {
    /// Starts them, and waits until each has written to the common file system, which is mounted at `folder`.
    ///
    /// # Panics
    /// When one does not write.
    #[must_use]
    pub fn start(rack: &'a Rack, nodes: &[&Node], folder: &'a str, round: &str) -> Self {
        for node in nodes {
            let name = format!("{}-{round}", node.name);
            let start = format!(
                "cat > /run/writer.py <<'END'\n{WRITER}\nEND\n\
                 systemd-run --quiet --unit=writer-{round} python3 /run/writer.py {folder}/log-{name} {name}"
            );
            node.good(&start, ANSWER).expect("a writer");
        }
        let writers = Self {
            rack,
            folder,
            names: nodes.iter().map(|node| node.name.clone()).collect(),
            round: round.to_owned(),
        };
        nodes.iter().for_each(|node| writers.go_on(node));
        writers
    }

    /// Waits until the node has written some more.
    ///
    /// # Panics
    /// When it does not.
    pub fn go_on(&self, node: &Node) {
        let before = self.acknowledged(node);
        let more = || (self.acknowledged(node) >= before + SOME).then_some(());
        self.rack
            .until(&format!("{} writes on", node.name), PATIENCE, more)
            .unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// The last line that the node has called written.
    fn acknowledged(&self, node: &Node) -> u64 {
        let words = format!("ACK {}-{} ", node.name, self.round);
        let console = node.machine.console_log();
        let numbers = console.split(&words).skip(1).filter_map(|rest| rest.split_once('.')?.0.parse().ok());
        numbers.max().unwrap_or(0)
    }

    /// Ends the writers that still run; whatever any of them has called written is there.
    ///
    /// # Panics
    /// When a line is lost or damaged.
    pub fn lost_nothing(&self, reader: &Node) {
        for name in &self.names {
            let node = self.rack.node(name).expect("a node of the rack");
            // One whose node was started anew is gone.
            node.run(&format!("systemctl stop writer-{}", self.round), ANSWER).expect("an answer");
            let acknowledged = self.acknowledged(node);
            let log = format!("{name}-{}", self.round);
            // What the reader has written itself would come from its memory.
            let forget = "sync && echo 3 > /proc/sys/vm/drop_caches";
            let read =
                format!("{forget} && python3 - {}/log-{log} {log} <<'END'\n{READER}\nEND", self.folder);
            let lines: u64 = reader.good(&read, ANSWER).expect("a log").trim().parse().expect("a number");
            println!("         {name}: {acknowledged} acknowledged, {lines} there");
            assert!(lines >= acknowledged, "{name}: {acknowledged} acknowledged, {lines} there");
        }
    }
}
