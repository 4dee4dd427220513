//! What is wrong in any file: syntax, keys, values.

use std::fs;

use installer::check::check;
use tempfile::TempDir;

use crate::{LAYOUT, messages, report_of_cluster, report_of_layout, report_of_profile};

#[test]
fn nothing_wrong_is_an_empty_report() {
    assert_eq!(report_of_profile(&format!("summary = \"Node\"\n{LAYOUT}")), "");
}

#[test]
fn unknown_key() {
    let expected = "\
error: unknown key `packges`
  --> profiles/a.toml:2:1
   |
 2 | packges = [\"drbd-utils\"]
   | ^^^^^^^
   = hint: did you mean `packages`?";
    assert_eq!(report_of_profile("summary = \"A\"\npackges = [\"drbd-utils\"]\n"), expected);
}

#[test]
fn wrong_type() {
    let expected = "\
error: `count` must be a whole number, not a string
  --> profiles/a.toml:5:50
   |
 5 | disks = [{ name = \"system\", boot = true, count = \"1\", min-size = \"4G\" }]
   |                                                  ^^^
   = hint: write it like this: `count = 2`";
    assert_eq!(report_of_layout("count = 1", "count = \"1\""), expected);
}

#[test]
fn wrong_type_in_a_list() {
    let expected = "\
error: an entry of `packages` must be a string, not a whole number
  --> profiles/a.toml:2:20
   |
 2 | packages = [\"one\", 2]
   |                    ^
   = hint: write it like this: `packages = [\"lvm2\"]`";
    assert_eq!(report_of_profile("summary = \"A\"\npackages = [\"one\", 2]\n"), expected);
}

#[test]
fn missing_key() {
    let expected = "\
error: missing key `summary`
  --> profiles/a.toml:1:1
   |
 1 | packages = []
   | ^
   = hint: add a line such as `summary = \"text\"`";
    assert_eq!(report_of_profile("packages = []\n"), expected);
    let expected = "\
error: missing key `size`
  --> cluster.toml:6:1
   |
 6 | [[node.disk]]
   | ^^^^^^^^^^^^^
   = hint: add a line such as `size = \"8G\"`";
    let cluster = "[cluster]\nname = \"c\"\n[[node]]\nname = \"n\"\nprofile = \"node\"\n[[node.disk]]\n";
    assert_eq!(report_of_cluster(cluster), expected);
}

#[test]
fn a_table_where_none_belongs_and_the_other_way_round() {
    let report = report_of_profile("summary = \"A\"\nboot = 1\n[layout]\nname = \"x\"\ndisks = 3\n");
    let expected = [
        "`boot` must be a table, not a whole number",
        "write it like this: `[boot]`",
        "`disks` must be a list of tables, not a whole number",
        "write it like this: `[[layout.disks]]`",
    ];
    assert_eq!(messages(&report), expected);
}

#[test]
fn json_has_the_same() {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("profiles")).unwrap();
    fs::write(root.path().join("profiles/a.toml"), "summary = 1\n").unwrap();
    let file = root.path().join("profiles/a.toml");
    let expected = serde_json::json!([{
        "file": file.to_str().unwrap(), "line": 1, "column": 11,
        "message": "`summary` must be a string, not a whole number",
        "hint": "write it like this: `summary = \"text\"`",
    }]);
    assert_eq!(serde_json::to_value(check(root.path(), None)).unwrap(), expected);
}

#[test]
fn bad_size() {
    let expected = "\
error: `4 GB` is not a size
  --> profiles/a.toml:5:64
   |
 5 | disks = [{ name = \"system\", boot = true, count = 1, min-size = \"4 GB\" }]
   |                                                                ^^^^^^
   = hint: write a whole number with K, M, G or T behind it, such as `8G`";
    assert_eq!(report_of_layout("\"4G\"", "\"4 GB\""), expected);
}

#[test]
fn syntax_error() {
    let expected = "\
error: unclosed table
  --> profiles/a.toml:2:6
   |
 2 | [boot
   |      ^
   = hint: expected `]`

error: missing comma between array elements
  --> profiles/a.toml:3:22
   |
 3 | xen-arguments = [\"a\" \"b\"]
   |                      ^
   = hint: expected `,`";
    let text = "summary = \"A\"\n[boot\nxen-arguments = [\"a\" \"b\"]\n";
    assert_eq!(report_of_profile(text), expected);
    let expected = "\
error: duplicate key
  --> profiles/a.toml:2:1
   |
 2 | summary = \"B\"
   | ^^^^^^^
   = hint: say it once";
    assert_eq!(report_of_profile("summary = \"A\"\nsummary = \"B\"\n"), expected);
}
