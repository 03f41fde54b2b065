//! Restarts and health, with processes that really listen and restart. Only as root: everything
//! happens in a process and a mount namespace of its own.
//!
//! This program itself plays kube-proxy and systemctl, kubelet and kube-apiserver, under their names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod api_server;
mod asked_before;
mod exposure;
mod firewall;
mod guarded;
mod kube_proxy;
mod peers;
mod pods;
mod proxy_pod;
mod stage;
mod stand_in;
#[path = "../support/mod.rs"]
mod support;
mod table_killed;

use stage::Stage;

const INSIDE: &str = "TIGHTEN_TEST_INSIDE";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let name = words[0].rsplit('/').next().unwrap_or_default();
    stand_in::play(name, &words[1..]);
    peers::play();
    if std::env::var_os(INSIDE).is_none() {
        return support::namespaces::enter(INSIDE);
    }
    let only = words.get(1).filter(|word| !word.starts_with('-'));
    let tests = [
        kube_proxy::TESTS,
        asked_before::TESTS,
        api_server::TESTS,
        proxy_pod::TESTS,
    ];
    let of_network = [firewall::TESTS, table_killed::TESTS, exposure::TESTS];
    let of_network = match guarded::missing() {
        Some(missing) => {
            println!("skipped: {missing} is not installed");
            &[][..]
        }
        None => &of_network,
    };
    for (name, test) in tests.iter().chain(of_network).copied().flatten() {
        if only.is_none_or(|only| name.contains(only.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
    stand_in::stop();
}
