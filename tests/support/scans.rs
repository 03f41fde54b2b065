//! The scans of many nodes, made from one, and their merge.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Node, Ran, tighten};

/// A directory of scans.
pub struct Scans {
    pub directory: tempfile::TempDir,
    pub scan: Value,
}

impl Scans {
    /// None yet; the scan of the demo node is what the others are made from.
    pub fn new() -> Scans {
        let (_, scan) = Node::demo().json(&["scan"]);
        Scans {
            directory: tempfile::tempdir().unwrap(),
            scan,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, document: &Value) {
        fs::write(self.path(name), document.to_string()).unwrap();
    }

    /// The demo node's scan under another hostname, with these verdicts.
    pub fn node(&self, name: &str, verdicts: &[(&str, &str)]) -> Value {
        let mut scan = self.scan.clone();
        scan["node"]["hostname"] = json!(name);
        for one in scan["verdicts"].as_array_mut().unwrap() {
            let wanted = verdicts.iter().find(|(check, _)| one["check"] == *check);
            if let Some((_, verdict)) = wanted {
                one["verdict"] = json!(verdict);
                for seen in one["instances"].as_array_mut().unwrap() {
                    seen["verdict"] = json!(verdict);
                }
            }
        }
        scan
    }

    /// Merges the named files.
    pub fn merge(&self, arguments: &[&str], files: &[&str]) -> Ran {
        let mut command = tighten();
        command.current_dir(self.directory.path());
        command
            .args(["report", "merge"])
            .args(arguments)
            .args(files);
        command.output().unwrap().into()
    }

    pub fn json(&self, files: &[&str]) -> Value {
        let ran = self.merge(&["--format", "json"], files);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        serde_json::from_str(&ran.out).unwrap()
    }
}

/// What the checks of the demo node that fail would have to say for it to be clean.
pub fn clean(scan: &Value) -> Vec<(&str, &str)> {
    let verdicts = scan["verdicts"].as_array().unwrap().iter();
    let failed = verdicts.filter(|one| one["verdict"] == "fail");
    failed
        .map(|one| (one["check"].as_str().unwrap(), "pass"))
        .collect()
}

pub fn names(document: &Value) -> Vec<&str> {
    let nodes = document["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["name"].as_str().unwrap()).collect()
}

pub fn not_scanned() -> Value {
    let (_, document) = Node::empty().json(&["scan"]);
    document
}
