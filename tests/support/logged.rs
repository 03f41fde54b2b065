//! Audit logs, and what `tighten audit` makes of them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use super::{Ran, tighten};

/// What kube-proxy is called.
pub const IDENTITIES: [&str; 2] = [
    "system:kube-proxy",
    "system:serviceaccount:kube-system:kube-proxy",
];
/// What is not judged of a log that does not tell the nodes' addresses.
pub const ADDRESSES: &str = "foreign-address was not judged: the log holds the kube-proxies of all nodes, and the nodes' addresses are not known; name them with --node-address ADDRESS or --node-address RANGE, such as 10.0.0.0/16\n";

/// A log of a real API server with a real kube-proxy.
pub fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/audit/events-1.36.jsonl")
}

/// A list of services by kube-proxy, in the second of the day.
pub fn event(second: u32) -> Value {
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let time = format!(
        "2026-11-23T{hour:02}:{minute:02}:{:02}.000000Z",
        second % 60
    );
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("id-{second}"), "stage": "ResponseComplete",
        "requestURI": "/api/v1/services?limit=500&resourceVersion=0", "verb": "list",
        "user": {"username": IDENTITIES[0], "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.10"], "userAgent": "kube-proxy/v1.36.2",
        "objectRef": {"resource": "services", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": time, "stageTimestamp": time,
    })
}

/// So many of them, each a second after the last one.
pub fn lines(seconds: std::ops::Range<u32>) -> String {
    seconds
        .map(|second| format!("{}\n", event(second)))
        .collect()
}

/// Compressed by gzip.
pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Compressed by zstd.
pub fn zstd(text: &str) -> Vec<u8> {
    compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
}

/// `tighten audit` with these arguments.
pub fn audit(arguments: &[&str]) -> Command {
    let mut command = tighten();
    command.arg("audit").args(arguments);
    command
}

/// Runs it.
pub fn run(arguments: &[&str]) -> Ran {
    audit(arguments).output().unwrap().into()
}

/// Runs it with these bytes on stdin. It may stop reading before their end.
pub fn feed(arguments: &[&str], bytes: &[u8]) -> Ran {
    let mut command = audit(arguments);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&bytes);
    });
    let ran = child.wait_with_output().unwrap().into();
    writer.join().unwrap();
    ran
}

/// What it says as JSON.
pub fn document(ran: &Ran) -> Value {
    let document: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(document["schema"], "tighten.audit/v1");
    document
}

/// The ids of the rules that were broken.
pub fn broken(document: &Value) -> Vec<&str> {
    let unusual = document["unusual"].as_array().unwrap();
    let ids = unusual.iter().map(|one| one["rule"].as_str().unwrap());
    ids.collect()
}

/// A directory with one file.
pub fn file(name: &str, bytes: impl AsRef<[u8]>) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_string();
    (directory, path)
}

/// Reads one file, and tells the events, the lines, the exit code and what stood on stderr.
pub fn read(path: &str) -> (u64, u64, i32, String) {
    let ran = run(&[path, "--format=json"]);
    let found = document(&ran);
    let number = |key: &str| found[key].as_u64().unwrap();
    (number("events"), number("lines"), ran.code, ran.err)
}

/// What that tells of a log of which each line is an event that counts.
pub fn whole(events: u64) -> (u64, u64, i32, String) {
    (events, events, 0, String::new())
}
