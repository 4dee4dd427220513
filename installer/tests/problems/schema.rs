//! What editors are told of files, judged by a foreign validator. `UPDATE_GOLDEN=1 cargo test` writes it anew.

use std::path::{Path, PathBuf};
use std::{env, fs};

use boon::{Compiler, SchemaIndex, Schemas};
use installer::model::cluster::Cluster;
use installer::model::profile::Profile;
use installer::model::schema::Schema;

use crate::drbd::{PAIR, SOUND, report_of};
use crate::{LAYOUT, report_of_profile};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A validator with a schema, which it has checked as well.
struct Judge(Schemas, SchemaIndex);

impl Judge {
    fn new(schema: Schema) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("http://localhost/schema.json", schema).unwrap();
        let index = compiler.compile("http://localhost/schema.json", &mut schemas).unwrap();
        Self(schemas, index)
    }

    /// What is wrong with a file; empty if nothing is.
    fn report(&self, text: &str) -> String {
        let file: serde_json::Value = toml::from_str(text).unwrap();
        self.0.validate(&file, self.1).map_or_else(|error| error.to_string(), |()| String::new())
    }
}

#[test]
fn schemas_are_as_recorded() {
    for (name, schema) in [("cluster", Cluster::schema()), ("profile", Profile::schema())] {
        let path = root().join(format!("schema/{name}.json"));
        let said = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &said).unwrap();
        }
        let recorded = fs::read_to_string(&path).unwrap_or_default();
        assert!(recorded == said, "{name} differs; is now:\n{said}");
    }
}

#[test]
fn sound_files_are_taken() {
    for (folder, schema, sound) in [
        ("tests/clusters", Cluster::schema(), vec![SOUND.to_owned()]),
        ("profiles", Profile::schema(), vec![PAIR.to_owned(), format!("summary = \"One\"\n{LAYOUT}")]),
    ] {
        let paths = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let files = files.map(|path| fs::read_to_string(path).unwrap());
        let judge = Judge::new(schema);
        for text in files.chain(sound) {
            assert_eq!(judge.report(&text), "", "{text}");
        }
    }
}

/// Files with one slip each are refused by the validator and by the reader.
fn refused(schema: Schema, sound: &str, read: fn(&str) -> String, slips: &[(&str, &str)]) {
    let judge = Judge::new(schema);
    assert_eq!((judge.report(sound), read(sound)), (String::new(), String::new()));
    for (right, slip) in slips {
        assert!(sound.contains(right), "{right}");
        let text = sound.replacen(right, slip, 1);
        assert_ne!(judge.report(&text), "", "{slip}");
        assert_ne!(read(&text), "", "{slip}");
    }
}

#[test]
fn broken_cluster_files_are_refused() {
    let slips = [
        // Unknown, missing, of another kind.
        ("[[drbd]]", "[[drdb]]"),
        ("subnet =", "subnets ="),
        ("[cluster]\nname = \"c\"", ""),
        ("subnet = \"10.0.0.0/24\"", ""),
        ("nodes = [\"n1\", \"n2\"]", ""),
        ("minor = 1", "minor = \"1\""),
        ("name = \"c\"", "name = 1"),
        ("[[drbd]]", "[drbd]"),
        ("name = \"c\"", "name = \"c\"\ndns = \"10.0.0.1\""),
        // Words and numbers.
        ("timeout = 60", "protocol = \"D\""),
        ("timeout = 60", "timeout = 601"),
        ("\"100M\"", "\"100\""),
        ("minor = 1", "minor = 1048576"),
        ("port = 7788", "port = 80"),
        ("[\"n1\", \"n2\"]", "[\"n1\", \"n2\", \"n3\"]"),
        ("partition:drbd", "drbd"),
        ("[cluster]", "[install]\nwipe = \"all\"\n[cluster]"),
        ("[cluster]", "[install]\nkeep = [\"lvm\"]\n[cluster]"),
        // Names and addresses.
        ("name = \"n1\"", "name = \"N1\""),
        ("10.0.1.1", "10.0.1.1/24"),
        ("10.0.0.0/24", "10.0.0.0"),
        ("52:54:00:00:00:01", "52:54:00:00:01"),
        ("name = \"c\"", "name = \"c\"\nroot-password-hash = \"secret\""),
        // What an interface consists of.
        ("mac = \"52:54:00:00:00:01\", ", ""),
        ("mac = \"52:54:00:00:00:01\", ", "on = \"trunk\", "),
        ("mac = \"52:54:00:00:00:01\", ", "macs = [\"52:54:00:00:00:01\"], bond = \"lacp\", "),
        ("mac = \"52:54:00:00:00:01\"", "mac = \"52:54:00:00:00:01\", on = \"trunk\", vlan = 1"),
        ("network = \"lan\" }", "network = \"lan\", name = \"lan\" }"),
    ];
    refused(Cluster::schema(), SOUND, report_of, &slips);
}

#[test]
fn broken_profiles_are_refused() {
    let slips = [
        ("summary =", "sumary ="),
        ("summary = \"Pair\"", ""),
        ("boot = true", "boot = \"yes\""),
        ("min = \"2G\"", "min = 2"),
        ("min = \"2G\"", "min = \"2GB\""),
        ("count = 1", "count = 0"),
        ("number = 1", "number = 14"),
        ("\"ext4\"", "\"ext3\""),
        ("mount = \"/\"", "mount = \"root\""),
        ("[layout]", "[boot]\nkernel-arguments = [\"a b\"]\n[layout]"),
    ];
    refused(Profile::schema(), PAIR, report_of_profile, &slips);
}
