//! Refusals, leniency, hostile input, and flags in the place of a file.

use serde_json::json;

use super::*;

#[test]
fn bad_values_are_refused_after_defaulting() {
    let path = "failed validate: KubeProxyConfiguration";
    for (lines, message) in [
        (
            "healthzBindAddress: localhost",
            "HealthzBindAddress: Invalid value: \"localhost\": must be IP:port",
        ),
        (
            "metricsBindAddress: '[::1]:x'",
            "MetricsBindAddress: Invalid value: \"x\": must be a valid port",
        ),
        (
            "portRange: 9-1",
            "PortRange: Invalid value: \"9-1\": must be a valid port range (e.g. 300-2000)",
        ),
        (
            "oomScoreAdj: -1001",
            "KubeProxyLinuxConfiguration.OOMScoreAdj: Invalid value: -1001: must be within the range [-1000, 1000]",
        ),
        (
            "conntrack: {min: -1}",
            "KubeProxyLinuxConfiguration.KubeProxyConntrackConfiguration.Min: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "detectLocalMode: BridgeInterface",
            "DetectLocalConfiguration.InterfaceName: Invalid value: \"\": must not be empty",
        ),
        (
            "mode: ipvs\nipvs: {excludeCIDRs: [x]}",
            "KubeProxyIPVSConfiguration.ExcludeCidrs[0]: Invalid value: \"x\": must be a valid CIDR",
        ),
        (
            "iptables: {minSyncPeriod: -1s}",
            "MinSyncPeriod: Invalid value: \"-1s\": must be greater than or equal to 0",
        ),
        (
            "iptables: {syncPeriod: 1ns}",
            "SyncPeriod: Invalid value: \"1s\": must be greater than or equal to KubeProxyConfiguration.MinSyncPeriod",
        ),
        (
            "clusterCIDR: 10.0.0.0/8,10.1.0.0/16",
            "DetectLocalConfiguration.ClusterCIDRs: Invalid value: [\"10.0.0.0/8\",\"10.1.0.0/16\"]: must be a either a single CIDR or dual-stack pair of CIDRs (e.g. [10.100.0.0/16, fde4:8dba:82e1::/48]",
        ),
    ] {
        assert_eq!(
            refusal_of(&format!("{lines}\n")),
            format!("{path}.{message}")
        );
    }
    for lines in [
        "nftables: {masqueradeBit: 40}",
        "ipvs: {excludeCIDRs: [x]}",
        "clusterCIDR: x\ndetectLocalMode: NodeCIDR",
        "ipvs: {tcpTimeout: -1s}",
        "showHiddenMetricsForVersion: '1.35'",
        "featureGates: {NobodyKnowsIt: true}",
    ] {
        assert!(with(&format!("{lines}\n")).accepted, "{lines}");
    }
    for lines in [
        "mode: nftables\nnftables: {masqueradeBit: 40}",
        "showHiddenMetricsForVersion: '1.36'",
        "detectLocalMode: x",
        "logging: {format: x}",
        "logging: {verbosity: 2147483648}",
        "logging: {options: {json: {infoBufferSize: 1Ki}}}",
        "logging: {vmodule: [~]}",
        "logging: {format: json, vmodule: [{filePattern: a}]}",
        "clusterCIDR: 1.0.0.0/8,fd00::/8,2.0.0.0/8",
    ] {
        assert!(!with(&format!("{lines}\n")).accepted, "{lines}");
    }
    assert!(
        with("logging: {options: {json: {infoBufferSize: 1Ki}}}\nfeatureGates: {AllAlpha: yes}\n")
            .accepted
    );
}

#[test]
fn unknown_and_doubled_keys_are_only_told() {
    let reading = with(
        "iptables:\n  foo: 1\n  masqueradeBit: 1\n  masqueradeBit: 2\nBindAddress: x\nconntrack: {x: {z: 1, z: 2}}\n",
    );
    assert!(reading.accepted && reading.lenient);
    let told: Vec<_> = reading
        .unknown
        .iter()
        .map(|one| (one.path.as_str(), one.line, one.doubled))
        .collect();
    assert_eq!(
        told,
        [
            ("iptables.foo", 4, false),
            ("iptables.masqueradeBit", 6, true),
            ("BindAddress", 7, false),
            ("conntrack.x.z", 8, true),
            ("conntrack.x", 8, false),
        ]
    );
    let values = reading.values.unwrap();
    assert_eq!(values.number("iptables.masqueradeBit"), Some(2));
    assert_eq!(
        values.field("iptables.masqueradeBit").unwrap().line,
        Some(6)
    );
    assert!(
        !with("resourceContainer: 1\n")
            .values
            .unwrap()
            .fields
            .is_empty()
    );
}

#[test]
fn the_header_decides_first_and_minds_no_case() {
    let api = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n";
    for (text, expected) in [
        (format!("{api}Kind: KubeProxyConfiguration\n"), (true, true)),
        (
            format!("{api}KIND: x\nkind: KubeProxyConfiguration\n"),
            (true, true),
        ),
        (
            format!("{api}kind: kubeproxyconfiguration\n"),
            (false, false),
        ),
        (
            format!("{api}kind: KubeProxyConfiguration\nkind: x\n"),
            (false, false),
        ),
        (
            format!("{api}kind: x\nkind: KubeProxyConfiguration\n"),
            (true, true),
        ),
        (api.to_owned(), (false, false)),
        ("kind: KubeProxyConfiguration\n".to_owned(), (false, false)),
        ("- a\n".to_owned(), (false, false)),
        ("text\n".to_owned(), (false, false)),
        (String::new(), (false, false)),
        (format!("{api}kind: 1\n"), (false, false)),
        (format!("{HEADER_LINES}---\nkind: other\n"), (true, false)),
        (
            format!("---\nkind: other\n---\n{HEADER_LINES}"),
            (false, false),
        ),
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(
            (reading.accepted, reading.lenient),
            expected,
            "{text:?} {:?}",
            reading.error
        );
    }
}

#[test]
fn what_starts_with_a_brace_is_json_and_nothing_else() {
    let head = r#""apiVersion":"kubeproxy.config.k8s.io/v1alpha1","kind":"KubeProxyConfiguration""#;
    let reading = read(format!(" \n{{{head},\n\"enableProfiling\":true}}").as_bytes());
    let values = reading.values.unwrap();
    assert_eq!(values.flag("enableProfiling"), Some(true));
    assert_eq!(values.field("enableProfiling").unwrap().line, Some(3));
    let doubled = read(
        format!(
            r#"{{{head},"iptables":{{"masqueradeBit":1}},"iptables":{{"masqueradeAll":true}}}}"#
        )
        .as_bytes(),
    );
    assert!(doubled.accepted && doubled.lenient);
    let values = doubled.values.unwrap();
    assert_eq!(values.number("iptables.masqueradeBit"), Some(1));
    assert_eq!(values.flag("iptables.masqueradeAll"), Some(true));
    for bad in [
        "{apiVersion: kubeproxy.config.k8s.io/v1alpha1, kind: KubeProxyConfiguration}".to_owned(),
        format!("{{{head},}}"),
        format!("{{{head}}} # comment"),
        format!("{{{head},\"enableProfiling\":yes}}"),
        format!("{{{head},\"oomScoreAdj\":1e2}}"),
        format!("{{{head}}}\n---\n"),
        format!("{{'{head}"),
    ] {
        assert!(!read(bad.as_bytes()).accepted, "{bad}");
    }
    // With a byte order mark in front it is YAML.
    assert!(
        read(
            "\u{feff}{apiVersion: kubeproxy.config.k8s.io/v1alpha1, kind: KubeProxyConfiguration}"
                .as_bytes()
        )
        .accepted
    );
}

#[test]
fn hostile_files_are_refused_or_not_judged_and_quickly() {
    let deep = "a: ".to_owned() + &"[".repeat(10_000);
    assert!(!read(deep.as_bytes()).accepted);
    assert!(read(&vec![b'#'; (4 << 20) + 1]).unjudged);
    assert!(!read(b"\0").accepted);
    assert!(!read(b"{\"a\":\xff}").accepted);
    let long = format!("bindAddress: \"{}\\u0001\"\n", "x".repeat(100_000));
    let message = refusal_of(&long);
    assert!(message.len() < 1_000 && !message.contains(char::is_control));
    let many = "- x\n".repeat(150_000);
    assert!(!with(&format!("nodePortAddresses:\n{many}")).accepted);
}

fn flags(flags: &[(&str, &str)]) -> Reading {
    let owned: Vec<_> = flags
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
        .collect();
    from_flags(&owned)
}

#[test]
fn without_a_file_the_flags_count() {
    let values = flags(&[
        ("bind-address", "::"),
        ("--metrics-bind-address", "0.0.0.0"),
        ("healthz_bind_address", "1.2.3.4:1"),
        ("profiling", "T"),
        ("nodeport-addresses", "10.0.0.0/8,fd00::/8"),
        ("nodeport-addresses", "1.0.0.0/8"),
        ("proxy-mode", "ipvs"),
        ("ipvs-sync-period", "9s"),
        ("iptables-sync-period", "7s"),
        ("hostname-override", " Node "),
        ("iptables-masquerade-bit", "0x10"),
        ("v", "4"),
        ("unheard-of", "x"),
    ])
    .values
    .unwrap();
    for (name, expected) in [
        ("bindAddress", json!("::")),
        ("metricsBindAddress", json!("0.0.0.0:10249")),
        ("healthzBindAddress", json!("1.2.3.4:1")),
        ("enableProfiling", json!(true)),
        (
            "nodePortAddresses",
            json!(["10.0.0.0/8", "fd00::/8", "1.0.0.0/8"]),
        ),
        ("ipvs.syncPeriod", json!("9s")),
        ("iptables.syncPeriod", json!("30s")),
        ("hostnameOverride", json!("node")),
        ("iptables.masqueradeBit", json!(16)),
        ("logging.verbosity", json!(4)),
    ] {
        assert_eq!(values.field(name).unwrap().value, expected, "{name}");
    }
    assert_eq!(
        values.field("metricsBindAddress").unwrap().flag.as_deref(),
        Some("metrics-bind-address")
    );
    // Unlike in a file, the family of the bind address decides nothing else.
    let values = flags(&[("bind-address", "::")]).values.unwrap();
    assert_eq!(values.text("healthzBindAddress"), Some("0.0.0.0:10256"));
    assert!(values.field("healthzBindAddress").unwrap().defaulted);
    let values = flags(&[("healthz-port", "0"), ("metrics-port", "99")])
        .values
        .unwrap();
    assert_eq!(values.text("healthzBindAddress"), Some(""));
    assert_eq!(values.text("metricsBindAddress"), Some("127.0.0.1:10249"));
    let bare = from_flags(&[("profiling".to_owned(), None)]);
    assert_eq!(bare.values.unwrap().flag("enableProfiling"), Some(true));
    for bad in [
        ("bind-address", "localhost"),
        ("profiling", "yes"),
        ("metrics-port", "0"),
        ("config-sync-period", "0"),
        ("proxy-mode", "userspace"),
        ("iptables-masquerade-bit", "99"),
        ("hostname-override", " "),
        ("v", "x"),
    ] {
        assert!(!flags(&[bad]).accepted, "{bad:?}");
    }
}

#[test]
fn a_hostname_from_the_command_line_beats_the_file() {
    let reading = with("hostnameOverride: a\n").with_hostname_override("B");
    let field = reading
        .values
        .unwrap()
        .field("hostnameOverride")
        .unwrap()
        .clone();
    assert_eq!(
        (field.value, field.flag.as_deref()),
        (json!("b"), Some("hostname-override"))
    );
    assert_eq!(
        with("hostnameOverride: a\n")
            .with_hostname_override("")
            .values
            .unwrap()
            .text("hostnameOverride"),
        Some("a")
    );
    assert!(!with("").with_hostname_override(" ").accepted);
}
