//! What is wrong between profiles.

use crate::{report, report_of_profile};

#[test]
fn file_names_are_profile_names() {
    let expected = "\
error: profiles/My Node.toml cannot be a profile: `My Node` is not a name
   = hint: rename the file: use at most 32 of a-z, 0-9 and `-`, a letter or digit first";
    assert_eq!(report(&[("profiles/My Node.toml", "summary = \"A\"\n")]), expected);
}

#[test]
fn two_problems_in_one_file_and_one_in_another() {
    let expected = "\
error: `8X` is not a size
  --> profiles/a.toml:3:15
   |
 3 | dom0-memory = \"8X\"
   |               ^^^^
   = hint: write a whole number with K, M, G or T behind it, such as `8G`

error: `dom0-vcpus` must be a whole number, not true or false
  --> profiles/a.toml:4:14
   |
 4 | dom0-vcpus = true
   |              ^^^^
   = hint: write it like this: `dom0-vcpus = 2`

error: unknown profile `aa`
  --> profiles/b.toml:2:11
   |
 2 | extends = \"aa\"
   |           ^^^^
   = hint: did you mean `a`?";
    let files = [
        ("profiles/b.toml", "summary = \"B\"\nextends = \"aa\"\n"),
        ("profiles/a.toml", "summary = \"A\"\n[boot]\ndom0-memory = \"8X\"\ndom0-vcpus = true\n"),
    ];
    assert_eq!(report(&files), expected);
}

#[test]
fn circles_are_told_once() {
    let expected = "\
error: profiles extend each other in a circle: a -> b -> a
  --> profiles/a.toml:2:11
   |
 2 | extends = \"b\"
   |           ^^^
   = hint: remove one `extends` of the circle";
    let files = [
        ("profiles/a.toml", "summary = \"A\"\nextends = \"b\"\n"),
        ("profiles/b.toml", "summary = \"B\"\nextends = \"a\"\n"),
        ("profiles/c.toml", "summary = \"C\"\nextends = \"a\"\n"),
    ];
    assert_eq!(report(&files), expected);
    let own = report_of_profile("summary = \"A\"\nextends = \"a\"\n");
    assert_eq!(own.lines().next().unwrap(), "error: profiles extend each other in a circle: a -> a");
}

#[test]
fn overlays_must_be_there() {
    let expected = "\
error: there is no folder overlays/comon
  --> profiles/a.toml:2:23
   |
 2 | overlays = [\"common\", \"comon\"]
   |                       ^^^^^^^
   = hint: create it, or remove the name";
    assert_eq!(report_of_profile("summary = \"A\"\noverlays = [\"common\", \"comon\"]\n"), expected);
}
