//! Overlays: what is laid down, and what templates must not do.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use installer::model::problem::Problems;
use installer::overlay::{Content, OverlayFile, render};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Folders with files in them, by path and text.
fn folders(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn render_below(root: &Path, names: &[&str], context: &Value) -> Result<Vec<OverlayFile>, Problems> {
    let folders: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
    render(&folders, context)
}

fn summary(files: &[OverlayFile]) -> Vec<String> {
    let line = |file: &OverlayFile| match &file.content {
        Content::File(bytes) => {
            format!("{:o} {} {}", file.mode, file.path.display(), String::from_utf8_lossy(bytes))
        }
        Content::Symlink(target) => {
            format!("{:o} {} -> {}", file.mode, file.path.display(), target.display())
        }
        Content::Directory => format!("{:o} {}/", file.mode, file.path.display()),
    };
    files.iter().map(line).collect()
}

/// The problems of one template, with values that every case shares.
fn problems_of(template: &str) -> String {
    let root = folders(&[("a/t.hbs", template)]);
    let context =
        json!({ "name": "n1", "empty": [], "identity": { "hostname": "storage1" }, "nothing": null });
    let problems = render_below(root.path(), &["a"], &context).expect_err(template);
    problems.to_string().replace(root.path().to_str().unwrap(), "").replace("/a/t", "a/t")
}

#[test]
fn later_folders_win_and_the_order_is_that_of_paths() {
    let root = folders(&[
        ("common/etc/motd", "common"),
        ("common/usr/run", "#!/bin/sh"),
        ("common/etc/.gitkeep", ""),
        ("role/etc/motd.hbs", "I am {{name}} & <this>\n{{#if yes}}\nyes\n{{/if}}\n"),
        ("role/etc/a.bin", "{{not a template"),
    ]);
    fs::set_permissions(root.path().join("common/usr/run"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(root.path().join("common/etc/motd"), Permissions::from_mode(0o600)).unwrap();
    symlink("../run", root.path().join("role/etc/link")).unwrap();
    let files =
        render_below(root.path(), &["common", "role"], &json!({ "name": "n&1", "yes": true })).unwrap();
    let expected = [
        "755 etc/",
        "644 etc/a.bin {{not a template",
        "777 etc/link -> ../run",
        "644 etc/motd I am n&1 & <this>\nyes\n",
        "755 usr/",
        "755 usr/run #!/bin/sh",
    ];
    assert_eq!(summary(&files), expected);
}

#[test]
fn what_does_not_exist_is_an_error_everywhere() {
    for (template, message) in [
        ("{{missing}}", "there is no value `missing`"),
        ("{{#if missing}}x{{/if}}", "there is no value `missing`"),
        ("{{#unless missing}}x{{/unless}}", "there is no value `missing`"),
        ("{{#if nothing}}{{else if missing}}x{{/if}}", "there is no value `missing`"),
        ("{{#if identity.missing}}x{{/if}}", "there is no value `identity.missing`"),
        ("{{#each missing}}x{{/each}}", "there is no value `missing`"),
        ("{{#with missing}}x{{/with}}", "there is no value `missing`"),
        ("{{#if (eq missing 1)}}x{{/if}}", "argument 1 of `eq` does not exist"),
        ("{{#if (or nothing missing)}}x{{/if}}", "there is no value `missing`"),
        ("{{#if (and name missing)}}x{{/if}}", "there is no value `missing`"),
        ("{{#if (not missing)}}x{{/if}}", "argument 1 of `not` does not exist"),
        ("{{#if (len missing)}}x{{/if}}", "the argument of `len` does not exist"),
        ("{{#missing}}x{{/missing}}", "there is no helper `missing`"),
        ("{{#and name name}}x{{/and}}", "`and` is no block"),
        ("{{> missing}}", "Partial not found missing"),
        ("{{call missing}}", "there is no helper `call`"),
        ("{{#each empty}}x{{else}}y{{/each}}", "`{{#each}}` with `{{else}}` hides values that do not exist"),
        (
            "{{#if name}}{{#with name}}x{{else}}y{{/with}}{{/if}}",
            "`{{#with}}` with `{{else}}` hides values that do not exist",
        ),
    ] {
        let shown = problems_of(template);
        assert_eq!(shown.lines().next().unwrap(), format!("error: {message}"), "{template}");
    }
}

#[test]
fn null_is_a_value_and_is_false() {
    let root = folders(&[(
        "a/t.hbs",
        "{{#if nothing}}x{{else}}no{{/if}}{{#each list}}{{this}},{{/each}}{{or 0 list}}{{and 1 0}}",
    )]);
    let files = render_below(root.path(), &["a"], &json!({ "nothing": null, "list": ["p", "q"] })).unwrap();
    assert_eq!(summary(&files), ["644 t nop,q,truefalse"]);
}

#[test]
fn errors_say_template_line_and_column() {
    let expected = "\
error: there is no value `identity.hostnam`
  --> a/t.hbs:2:5
   |
 2 | say {{identity.hostnam}} now
   |     ^^^^^^^^^^^^^^^^^^^^
   = hint: did you mean `identity.hostname`?";
    assert_eq!(problems_of("one\nsay {{identity.hostnam}} now\n"), expected);
    let expected = "\
error: `if` is opened, but `each` is closed
  --> a/t.hbs:3:1
   |
 3 | {{/each}}
   | ^^^^^^^^^
   = hint: see https://handlebarsjs.com for what can be written";
    assert_eq!(problems_of("one\n{{#if name}}\n{{/each}}\n"), expected);
}

#[test]
fn every_template_is_tried() {
    let root = folders(&[("a/1.hbs", "{{x}}"), ("a/2", "fine"), ("b/3.hbs", "{{y}}")]);
    let problems = render_below(root.path(), &["a", "b"], &json!({})).unwrap_err();
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["there is no value `x`", "there is no value `y`"]);
}

#[test]
fn a_template_may_be_several_files() {
    let root = folders(&[("a/etc/{nets.name}.network.hbs", "{{name}}={{id}}"), ("a/{b.c}", "no template")]);
    let nets = json!({ "nets": [{ "name": "lan", "id": 1 }, { "name": "wan", "id": 2 }] });
    let files = render_below(root.path(), &["a"], &nets).unwrap();
    let expected =
        ["755 etc/", "644 etc/lan.network lan=1", "644 etc/wan.network wan=2", "644 {b.c} no template"];
    assert_eq!(summary(&files), expected);
    let none = render_below(root.path(), &["a"], &json!({ "nets": [] })).unwrap();
    assert_eq!(summary(&none), ["755 etc/", "644 {b.c} no template"]);

    for (values, expected) in [
        (json!({ "net": [], "nets": "x" }), "there is no list `nets`\n   = hint: did you mean `net`?"),
        (
            json!({ "nets": [{ "nam": "lan" }] }),
            "`nets` has no `name` to name files by\n   = hint: did you mean `nam`?",
        ),
    ] {
        let problems = render_below(root.path(), &["a"], &values).unwrap_err().to_string();
        let shown = problems.replace(&format!("{}/", root.path().display()), "");
        assert_eq!(shown, format!("error: a/etc/{{nets.name}}.network.hbs: {expected}"));
    }
}

/// What lies below it stays.
#[test]
fn a_template_of_which_nothing_is_left_is_no_file() {
    let root = folders(&[("a/motd", "a"), ("b/motd.hbs", "{{#if yes}}\nb\n{{/if}}\n")]);
    let shown = |yes: bool| summary(&render_below(root.path(), &["a", "b"], &json!({ "yes": yes })).unwrap());
    assert_eq!((shown(false), shown(true)), (vec!["644 motd a".to_owned()], vec!["644 motd b\n".to_owned()]));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let root = folders(&[("a/etc/x/y", ""), ("b/etc/x", ""), ("c/z", ""), ("c/z.hbs", "z")]);
    let shown = |names: &[&str]| {
        let problems = render_below(root.path(), names, &json!({})).unwrap_err();
        problems.to_string().replace(&format!("{}/", root.path().display()), "")
    };
    assert_eq!(
        shown(&["a", "b"]),
        "error: a/etc/x and b/etc/x: one is a folder, the other is not\n   = hint: rename one of them"
    );
    assert_eq!(shown(&["c"]), "error: c/z and c/z.hbs would both become z\n   = hint: remove one of them");
    assert_eq!(
        shown(&["d"]),
        "error: cannot read d: No such file or directory (os error 2)\n   = hint: does it exist, and may you read it?"
    );
}
