//! Several kube-proxies, services with namespaces, links of the kernel, processes of others.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::{CONFIG, NOBODY, PLAYING, Playing, Stage, contained, support};

pub fn same(stage: &Stage) {
    let config = stage.text("files/config");
    let arguments = ["--config", &config, "--hostname-override=x"];
    let _one = stage.play(&[], "kube-proxy", &arguments);
    let _two = stage.play(&[], "kube-proxy", &arguments);
    let ran = stage.run(&["--format", "json", "facts", "--config", &config]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["node"]["kube_proxy"]["found"], false);
    assert_eq!(document["config"]["accepted"], true);
    assert!(!ran.out.contains("hostname-override"), "{ran:?}");
}

pub fn kubeconfig(stage: &Stage) {
    stage.files("more", CONFIG);
    let (first, second) = (stage.text("files/config"), stage.text("more/kubeconfig"));
    let _one = stage.play(&[], "kube-proxy", &["--config", &first]);
    let two = stage.play(&[], "kube-proxy", &["--kubeconfig", &second]);
    let ran = stage.run(&["--format", "json", "facts", "--kubeconfig", &second]);
    assert!(
        ran.out.contains(&format!("\"pid\": {}", two.pid())),
        "{ran:?}"
    );
}

fn mount(arguments: &[&str]) {
    assert!(
        Command::new("mount")
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
}

fn umount(place: &str) {
    assert!(
        Command::new("umount")
            .arg(place)
            .status()
            .unwrap()
            .success()
    );
}

pub fn service(stage: &Stage) {
    // A unit and a cgroup as systemd makes them, seen in these namespaces alone.
    mount(&["-t", "tmpfs", "none", "/run"]);
    let unit = "/run/systemd/system/kube-proxy.service";
    fs::create_dir_all("/run/systemd/system").unwrap();
    let config = stage.text("files/config");
    fs::write(
        unit,
        format!("[Service]\nPrivateTmp=yes\nExecStart=/usr/bin/kube-proxy --config={config}\n"),
    )
    .unwrap();
    let script = "mount -t tmpfs none /var/tmp";
    let playing = contained(stage, script, &stage.path("files/config"));
    let cgroup = stage.text("cgroup");
    let place = format!("/proc/{}/cgroup", playing.pid());
    for (path, unit_is_kept) in [
        ("0::/system.slice/kube-proxy.service", true),
        ("0::/system.slice/kube-proxy.service/libpod-0a.scope", false),
    ] {
        fs::write(&cgroup, format!("{path}\n")).unwrap();
        mount(&["--bind", &cgroup, &place]);
        let found = stage.facts();
        let expected = if unit_is_kept { "systemd" } else { "container" };
        assert_eq!(found.proxy("platform"), expected, "{path}");
        assert_eq!(found.document["node"]["kube_proxy"]["pid"], playing.pid());
        assert_eq!(found.proxy("config"), config);
        if unit_is_kept {
            assert_eq!(found.proxy("managed_by"), "systemd unit kube-proxy.service");
            assert_eq!(found.fact("unitFile"), unit);
        }
        umount(&place);
    }
    umount("/run");
}

/// What runs the kubelet too is never restarted for another file's sake.
pub fn shared_service(stage: &Stage) {
    mount(&["-t", "tmpfs", "-o", "mode=755", "none", "/run"]);
    fs::create_dir_all("/run/systemd/system").unwrap();
    let policy = "/run/policy.yaml";
    let text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n";
    let server = stage.play(
        &[],
        "kube-apiserver",
        &["--audit-policy-file", policy, "--audit-log-path=-"],
    );
    let kubelet = stage.play(&[], "kubelet", &[]);
    let cgroup = stage.text("cgroup");
    fs::write(&cgroup, "0::/system.slice/all.service\n").unwrap();
    let places = [&server, &kubelet].map(|playing| format!("/proc/{}/cgroup", playing.pid()));
    mount(&["--bind", &cgroup, &places[0]]);
    let script = "/opt/start-all";
    for (command, with_kubelet, told) in [
        (
            "/usr/local/bin/k0s controller --single",
            false,
            "k0s runs it",
        ),
        (script, true, "its service runs it"),
        (script, false, "restart all.service"),
    ] {
        fs::write(policy, text).unwrap();
        let unit = format!("[Service]\nExecStart={command}\n");
        fs::write("/run/systemd/system/all.service", unit).unwrap();
        if with_kubelet {
            mount(&["--bind", &cgroup, &places[1]]);
        }
        let check = "audit-policy-misses-kube-proxy";
        let mut words = vec!["apply", "--yes", "--only", check];
        // Nobody stands in for systemctl here.
        words.extend(told.contains("all.service").then_some("--no-effects"));
        let ran = stage.run(&words);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(told), "{command}: {ran:?}");
        assert_eq!(
            ran.out.contains("restart all.service"),
            told.contains("all.service"),
            "{ran:?}"
        );
        if with_kubelet {
            umount(&places[1]);
        }
    }
    umount(&places[0]);
    umount("/run");
}

/// The same for kube-proxy's own files.
pub fn shared_with_kubelet(stage: &Stage) {
    mount(&["-t", "tmpfs", "-o", "mode=755", "none", "/run"]);
    fs::create_dir_all("/run/systemd/system").unwrap();
    let unit = "[Service]\nExecStart=/opt/start-all\n";
    fs::write("/run/systemd/system/all.service", unit).unwrap();
    let config = "/run/config";
    fs::write("/run/kubeconfig", "apiVersion: v1\nkind: Config\n").unwrap();
    let proxy = stage.play(&[], "kube-proxy", &["--config", config]);
    let kubelet = stage.play(&[], "kubelet", &[]);
    let cgroup = stage.text("cgroup");
    fs::write(&cgroup, "0::/system.slice/all.service\n").unwrap();
    let places = [&proxy, &kubelet].map(|playing| format!("/proc/{}/cgroup", playing.pid()));
    for place in &places {
        mount(&["--bind", &cgroup, place]);
    }
    for effects in [&[][..], &["--no-effects"]] {
        fs::write(config, format!("{CONFIG}enableProfiling: true\n")).unwrap();
        let words = ["apply", "--yes", "--only", "profiling-enabled"];
        let ran = stage.run(&[&words, effects].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let told = "Left to you: restart kube-proxy, because its configuration changes; its service runs it together with the kubelet: restart all.service when nothing else is changing.";
        assert!(ran.out.contains(told), "{ran:?}");
    }
    for place in &places {
        umount(place);
    }
    umount("/run");
}

/// k3s runs the kubelet inside its own process, where no process of the kubelet shows it.
pub fn inside_k3s(stage: &Stage) {
    for directory in ["/run", "/mnt"] {
        mount(&["-t", "tmpfs", "-o", "mode=755", "none", directory]);
    }
    fs::create_dir_all("/run/systemd/system").unwrap();
    let unit = "[Service]\nExecStart=/usr/local/bin/k3s agent --config /mnt/config.yaml\n";
    fs::write("/run/systemd/system/k3s-agent.service", unit).unwrap();
    let title = "/usr/local/bin/k3s agent";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg0(title).arg("").env(PLAYING, "1");
    let playing = Playing(command.stdin(Stdio::piped()).spawn().unwrap());
    playing.wait_for(title);
    let cgroup = stage.text("cgroup");
    fs::write(&cgroup, "0::/system.slice/k3s-agent.service\n").unwrap();
    let place = format!("/proc/{}/cgroup", playing.pid());
    mount(&["--bind", &cgroup, &place]);
    let arguments = "/mnt/config.yaml";
    let config = "/mnt/kube-proxy.yaml";
    for (text, changed, because) in [
        ("profiling=true", arguments, "its command line changes"),
        (
            "config=/mnt/kube-proxy.yaml",
            config,
            "its configuration changes",
        ),
    ] {
        for effects in [&[][..], &["--no-effects"]] {
            fs::write(arguments, format!("kube-proxy-arg: [{text}]\n")).unwrap();
            fs::write(config, format!("{CONFIG}enableProfiling: true\n")).unwrap();
            let before = fs::read(changed).unwrap();
            let words = ["apply", "--yes", "--only", "profiling-enabled"];
            let ran = stage.run(&[&words, effects].concat());
            assert_eq!(ran.code, 0, "{ran:?}");
            assert_ne!(fs::read(changed).unwrap(), before, "{ran:?}");
            let told = format!(
                "Left to you: restart kube-proxy, because {because}; its service runs it together with the kubelet: restart k3s-agent.service when nothing else is changing."
            );
            assert!(ran.out.contains(&told), "{ran:?}");
        }
    }
    for place in [&place, "/mnt", "/run"] {
        umount(place);
    }
}

pub fn flags(stage: &Stage) {
    let units = "/etc/systemd/system";
    mount(&["-t", "tmpfs", "-o", "mode=755", "none", units]);
    let directory = format!("{units}/kube-proxy.service.d");
    support::make_directory(std::path::Path::new(&directory));
    let program = stage.text("kube-proxy");
    let unit = |flags: &str| {
        let text = format!("[Service]\nExecStart={program} {flags}\n");
        fs::write(format!("{units}/kube-proxy.service"), text).unwrap();
    };
    unit("--profiling --metrics-bind-address=0.0.0.0");
    let playing = stage.play(
        &[],
        "kube-proxy",
        &["--profiling", "--metrics-bind-address=0.0.0.0"],
    );
    let cgroup = stage.text("cgroup");
    let place = format!("/proc/{}/cgroup", playing.pid());
    fs::write(&cgroup, "0::/system.slice/kube-proxy.service\n").unwrap();
    mount(&["--bind", &cgroup, &place]);
    let ran = stage.run(&[
        "apply",
        "--yes",
        "--no-effects",
        "--only",
        "profiling-enabled",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let made = fs::read_to_string(format!("{directory}/90-tighten.conf")).unwrap();
    let flags = "--profiling=false \\\n  --metrics-bind-address=0.0.0.0";
    assert!(
        made.ends_with(&format!("ExecStart={program} \\\n  {flags}\n")),
        "{made}"
    );
    // It still runs with the old ones: the finding stays, and there is nothing more to change.
    for (check, told) in [
        (
            "profiling-enabled",
            "kube-proxy.service gives --profiling=false already, and kube-proxy was started before",
        ),
        (
            "metrics-exposed",
            "kube-proxy runs with other flags than kube-proxy.service gives it",
        ),
    ] {
        let ran = stage.run(&["plan", "--only", check]);
        assert!(ran.out.contains(told), "{ran:?}");
        assert!(ran.out.contains("nothing to do for tighten"), "{ran:?}");
    }
    umount(&place);
    umount(units);
}

pub fn chroot(stage: &Stage) {
    // The program and its libraries, and other files at the place of the node's.
    let program = std::env::current_exe().unwrap();
    let libraries = Command::new("ldd").arg(&program).output().unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    let libraries = libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    let files = stage.text("files");
    // A static program has none.
    support::make_directory(&stage.path("root"));
    for path in libraries {
        let copy = stage.path(&format!("root{path}"));
        support::make_directory(copy.parent().unwrap());
        fs::copy(path, copy).unwrap();
    }
    fs::copy(&program, stage.path("root/kube-proxy")).unwrap();
    stage.files(
        &format!("root{files}"),
        &CONFIG.replace("0.0.0.0", "192.0.2.1"),
    );
    let mut command = Command::new("chroot");
    command
        .args([
            &stage.text("root"),
            "/kube-proxy",
            "--config",
            &format!("{files}/config"),
        ])
        .env(PLAYING, "1")
        .stdin(Stdio::piped());
    let playing = Playing(command.spawn().unwrap());
    playing.wait_for("/kube-proxy");
    let found = stage.facts();
    assert_eq!(found.proxy("platform"), "container");
    assert_eq!(found.fact("bindAddress"), "192.0.2.1");
    let ran = stage.run(&["plan", "--only", "proxy-kubeconfig-mode"]);
    assert!(!ran.out.contains("->"), "{ran:?}");
}

pub fn magic(stage: &Stage) {
    let config = format!("/proc/self/root{}", stage.text("files/config"));
    let other = stage.text("link");
    std::os::unix::fs::symlink("/proc/self/cwd/files/config", &other).unwrap();
    for path in [&config, &other] {
        let ran = stage.run(&["facts", "--config", path]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("the kernel's own"), "{ran:?}");
    }
}

pub fn stranger(stage: &Stage) {
    let playing = stage.play(&NOBODY, "kube-proxy", &["--kubeconfig=/etc/passwd"]);
    let ran = stage.run(&["scan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let told = format!("process {} of uid 65534 is not believed", playing.pid());
    assert!(ran.err.contains(&told), "{ran:?}");
    // The files that are named may be that process's own, which must stay able to read them.
    let kubeconfig = stage.text("files/kubeconfig");
    let only = ["plan", "--only", "proxy-kubeconfig-mode"];
    let ran = stage.run(&[&only[..], &["--kubeconfig", &kubeconfig]].concat());
    assert!(!ran.out.contains("->"), "{ran:?}");
    assert!(ran.out.contains("must be able to read"), "{ran:?}");
    let _own = stage.play(
        &[],
        "own/kube-proxy",
        &["--config", &stage.text("files/config")],
    );
    let ran = stage.run(&["facts"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
