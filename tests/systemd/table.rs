//! The table before kube-proxy's ports, through boots: the unit that tighten writes loads it.

use std::thread::sleep;
use std::time::Duration;

use super::machine::{CONFIG, Machine, config};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[(
    "the table is there after a boot, also behind one who empties the ruleset",
    boots,
)];

const NFT: &str = "/usr/sbin/nft";
const UNIT: &str = "tighten-nftables.service";

fn table(machine: &Machine) -> String {
    machine.run(&[NFT, "list", "table", "inet", "tighten"]).out
}

fn boots() {
    let mut machine = Machine::new();
    if !machine.path(NFT).exists() {
        println!("skipped: there is no nft in the tree");
        return;
    }
    let open = config(true).replace("127.0.0.1:10256", "0.0.0.0:10256");
    machine.write(CONFIG, open);
    // As most systems have it, and started at boot.
    machine.write("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n");
    let wants = machine.path("/etc/systemd/system/sysinit.target.wants");
    std::fs::create_dir_all(&wants).unwrap();
    let theirs = "/lib/systemd/system/nftables.service";
    std::os::unix::fs::symlink(theirs, wants.join("nftables.service")).unwrap();
    machine.boot();
    machine.wait_for_kube_proxy();
    let baseline = [
        "--baseline",
        "kube-proxy-network",
        "--only",
        "firewall-missing",
    ];
    let apply = ["apply", "--yes", "--allow-from", "10.0.0.0/8"];
    let ran = machine.tighten(&[&apply[..], &baseline].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let loaded = table(&machine);
    assert!(loaded.contains("tcp dport 10256 drop"), "{loaded}");

    machine.cut_power();
    machine.boot();
    machine.wait_for_kube_proxy();
    assert_eq!(table(&machine), loaded);
    assert_eq!(machine.show(UNIT, "ActiveState"), "active");
    let moment =
        |unit: &str, property: &str| -> u64 { machine.show(unit, property).parse().unwrap() };
    assert!(
        moment(UNIT, "InactiveExitTimestampMonotonic")
            >= moment("nftables.service", "ActiveEnterTimestampMonotonic")
    );
    let ran = machine.tighten(&[&["scan"][..], &baseline].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    // Whoever reads the ruleset anew empties it first, and the table is loaded behind that.
    let ran = machine.run(&["systemctl", "reload", "nftables.service"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for _ in 0..50 {
        if !table(&machine).is_empty() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(table(&machine), loaded);

    let ran = machine.tighten(&["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(table(&machine), "");
    machine.cut_power();
    machine.boot();
    assert_eq!(table(&machine), "");
    assert_eq!(machine.show(UNIT, "LoadState"), "not-found");
}
