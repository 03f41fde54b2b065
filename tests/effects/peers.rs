//! Machines beside the node: each has a network of its own, and a cable to the node's.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

/// The name under which this program plays such a machine.
pub const NAME: &str = "peer";
/// How long a connection may take before it is taken to be dropped: the way is one cable long.
const PATIENCE: Duration = Duration::from_millis(800);

/// A machine beside the node.
pub struct Peer {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    number: u8,
}

fn run(words: &[&str]) {
    let status = Command::new(words[0]).args(&words[1..]).status();
    assert!(status.unwrap().success(), "{words:?}");
}

/// Gives a cable's end an address, at once: nobody else has it.
fn add(address: &str, device: &str) {
    let words = ["ip", "address", "add", address, "dev", device, "nodad"];
    let number = if address.contains(':') { 7 } else { 6 };
    run(&words[..number]);
}

/// A network of its own for this program and all that it starts from now on.
pub fn own_network() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    run(&["ip", "link", "set", "lo", "up"]);
}

impl Peer {
    /// Lays a cable from this network to a new machine: 10.9.N.1 and fd00:9:N::1 here, .2 and ::2 there.
    pub fn beside(number: u8) -> Peer {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(NAME, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asks = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Peer {
            child,
            asks,
            answers,
            number,
        };
        assert_eq!(peer.answer(), "ready");
        let (here, there) = (format!("node{number}"), format!("peer{number}"));
        let pid = peer.child.id().to_string();
        run(&[
            "ip", "link", "add", &here, "type", "veth", "peer", "name", &there, "netns", &pid,
        ]);
        for address in peer.addresses(1) {
            add(&address, &here);
        }
        run(&["ip", "link", "set", &here, "up"]);
        peer.ask(&format!("up {there} {}", peer.addresses(2).join(" ")));
        peer
    }

    fn addresses(&self, host: u8) -> [String; 2] {
        let number = self.number;
        [
            format!("10.9.{number}.{host}/24"),
            format!("fd00:9:{number}::{host}/64"),
        ]
    }

    /// The node's address on this cable.
    pub fn node(&self, ipv4: bool) -> IpAddr {
        let number = self.number;
        match ipv4 {
            true => IpAddr::from([10, 9, number, 1]),
            false => IpAddr::from([0xfd00, 9, u16::from(number), 0, 0, 0, 0, 1]),
        }
    }

    /// Whether a real connection to the node comes about.
    pub fn reaches(&mut self, ipv4: bool, port: u16) -> bool {
        let address = SocketAddr::new(self.node(ipv4), port);
        self.connects(address)
    }

    /// The same to any address.
    pub fn connects(&mut self, address: SocketAddr) -> bool {
        match self.ask(&format!("connect {address}")).as_str() {
            "open" => true,
            "shut" => false,
            other => panic!("{other}"),
        }
    }

    /// Opens a connection and keeps it; the next `speaks` uses it.
    pub fn keeps(&mut self, ipv4: bool, port: u16) {
        let address = SocketAddr::new(self.node(ipv4), port);
        assert_eq!(self.ask(&format!("keep {address}")), "open");
    }

    /// Whether the kept connection still brings an answer.
    pub fn speaks(&mut self) -> bool {
        self.ask("speak") == "open"
    }

    /// Sends what goes to 127.0.0.0/8 to the node, as a neighbour does who means no good.
    pub fn sends_loopback_to_the_node(&mut self) {
        self.ask(&format!("route peer{} 10.9.{}.1", self.number, self.number));
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.asks, "{line}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_string()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays such a machine until nobody asks any more.
pub fn play() {
    if std::env::var_os(NAME).is_none() {
        return;
    }
    own_network();
    println!("ready");
    let mut kept = None;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let open = |address: &str| TcpStream::connect_timeout(&address.parse().unwrap(), PATIENCE);
        let well = match words.as_slice() {
            ["up", name, addresses @ ..] => {
                for address in addresses {
                    add(address, name);
                }
                run(&["ip", "link", "set", name, "up"]);
                true
            }
            ["route", name, gateway] => {
                // Its own loopback stands aside, and what is for loopback may leave by the cable.
                for part in ["all", name] {
                    let path = format!("/proc/sys/net/ipv4/conf/{part}/route_localnet");
                    std::fs::write(path, "1\n").unwrap();
                }
                run(&["ip", "address", "flush", "dev", "lo"]);
                run(&[
                    "ip",
                    "route",
                    "add",
                    "127.0.0.0/8",
                    "via",
                    gateway,
                    "dev",
                    name,
                ]);
                true
            }
            ["connect", address] => open(address).is_ok(),
            ["keep", address] => {
                kept = open(address).ok();
                kept.is_some()
            }
            ["speak"] => kept.as_mut().is_some_and(speaks),
            other => panic!("{other:?}"),
        };
        println!("{}", if well { "open" } else { "shut" });
    }
    std::process::exit(0);
}

/// Whether a question over an open connection is answered.
fn speaks(stream: &mut TcpStream) -> bool {
    use std::io::Read;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").unwrap();
    stream.read(&mut [0; 16]).is_ok_and(|read| read > 0)
}
