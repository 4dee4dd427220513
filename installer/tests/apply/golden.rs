//! Everything that is done for a plan, as text. `UPDATE_GOLDEN=1 cargo test` writes it anew.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use installer::apply::Step;

use crate::plans;

pub fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} differs; is now:\n{text}");
}

/// What and to which disks, how, and how it is undone.
pub fn drawn(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let short = step.disks.iter().map(|disk| disk.trim_start_matches("/dev/"));
        let disks = short.collect::<Vec<_>>().join(" ");
        let on = if disks.is_empty() { disks } else { format!("  [{disks}]") };
        writeln!(text, "{}{on}\n    {}", step.what, step.action).unwrap();
        if let Some(undo) = &step.undo {
            writeln!(text, "    undone by: {undo}").unwrap();
        }
    }
    text
}

#[test]
fn steps_of_every_layout() {
    for case in plans::all() {
        assert_golden(&format!("{}.steps", case.name), &drawn(&case.steps()));
    }
}

/// What is recorded is what was to be done.
#[test]
fn what_is_done_is_what_was_said() {
    let case = plans::single_drbd();
    let (steps, mut machine, mut seen) = (case.steps(), plans::machine(), Vec::new());
    installer::apply::apply(&steps, plans::root(), &mut machine, &mut |step| seen.push(step.what.clone()))
        .unwrap();
    assert_eq!(seen, steps.iter().map(|step| step.what.clone()).collect::<Vec<_>>());
    let text = |step: &Step| step.action.to_string();
    let said = steps.iter().map(text).map(|line| line.split(" < ").next().unwrap().to_owned());
    let done = machine.calls.iter().map(|line| line.split(" < ").next().unwrap().to_owned());
    for (said, done) in said.zip(done) {
        assert!(said == done || said.starts_with(&done), "said `{said}`, did `{done}`");
    }
}
