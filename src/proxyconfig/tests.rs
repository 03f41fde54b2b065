use serde_json::json;

use super::*;

const HEADER_LINES: &str =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

fn with(lines: &str) -> Reading {
    read(format!("{HEADER_LINES}{lines}").as_bytes())
}

fn value(lines: &str, name: &str) -> serde_json::Value {
    let reading = with(lines);
    let values = reading
        .values
        .unwrap_or_else(|| panic!("{lines}: {:?}", reading.error));
    values.field(name).unwrap().value.clone()
}

fn refusal_of(lines: &str) -> String {
    with(lines)
        .error
        .unwrap_or_else(|| panic!("{lines} is accepted"))
        .message
}

#[test]
fn every_field_has_its_default() {
    let values = with("").values.unwrap();
    assert_eq!(
        values.to_json(),
        json!({
            "featureGates": {},
            "clientConnection": {
                "kubeconfig": "", "acceptContentTypes": "", "contentType": "application/vnd.kubernetes.protobuf",
                "qps": 5.0, "burst": 10,
            },
            "logging": {
                "format": "text", "flushFrequency": "5s", "verbosity": 0, "vmodule": [],
                "options": {
                    "text": {"splitStream": false, "infoBufferSize": "0"},
                    "json": {"splitStream": false, "infoBufferSize": "0"},
                },
            },
            "hostnameOverride": "",
            "bindAddress": "0.0.0.0",
            "healthzBindAddress": "0.0.0.0:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "bindAddressHardFail": false,
            "enableProfiling": false,
            "showHiddenMetricsForVersion": "",
            "mode": "iptables",
            "iptables": {
                "masqueradeBit": 14, "masqueradeAll": false, "localhostNodePorts": true,
                "syncPeriod": "30s", "minSyncPeriod": "1s",
            },
            "ipvs": {
                "syncPeriod": "30s", "minSyncPeriod": "0s", "scheduler": "", "excludeCIDRs": null, "strictARP": false,
                "tcpTimeout": "0s", "tcpFinTimeout": "0s", "udpTimeout": "0s",
            },
            "nftables": {"masqueradeBit": 14, "masqueradeAll": false, "syncPeriod": "30s", "minSyncPeriod": "1s"},
            "winkernel": {
                "networkName": "", "sourceVip": "", "enableDSR": false, "rootHnsEndpointName": "",
                "forwardHealthCheckVip": false,
            },
            "detectLocalMode": "ClusterCIDR",
            "detectLocal": {"bridgeInterface": "", "interfaceNamePrefix": ""},
            "clusterCIDR": "",
            "nodePortAddresses": null,
            "oomScoreAdj": -999,
            "conntrack": {
                "maxPerCore": 32768, "min": 131_072, "tcpEstablishedTimeout": "24h0m0s",
                "tcpCloseWaitTimeout": "1h0m0s", "tcpBeLiberal": false, "udpTimeout": "0s", "udpStreamTimeout": "0s",
            },
            "configSyncPeriod": "15m0s",
            "portRange": "",
            "windowsRunAsService": false,
        })
    );
    assert!(
        values
            .fields
            .iter()
            .all(|field| field.defaulted && !field.written && field.line.is_none())
    );
}

#[test]
fn an_ipv6_bind_address_moves_the_defaults_to_ipv6() {
    for address in ["\"::\"", "fd00::1", "\"::1\""] {
        let lines = format!("bindAddress: {address}\n");
        assert_eq!(value(&lines, "healthzBindAddress"), "[::]:10256");
        assert_eq!(value(&lines, "metricsBindAddress"), "[::1]:10249");
    }
    assert_eq!(
        value("bindAddress: ::ffff:1.2.3.4\n", "metricsBindAddress"),
        "127.0.0.1:10249"
    );
    assert_eq!(
        value(
            "bindAddress: '::'\nmetricsBindAddress: 0.0.0.0\n",
            "metricsBindAddress"
        ),
        "0.0.0.0:10249"
    );
}

#[test]
fn what_is_written_but_empty_is_defaulted_and_keeps_its_line() {
    let values =
        with("metricsBindAddress: \"\"\nconfigSyncPeriod: 0s\niptables:\n  masqueradeBit: ~\n")
            .values
            .unwrap();
    for (name, line) in [
        ("metricsBindAddress", 3),
        ("configSyncPeriod", 4),
        ("iptables.masqueradeBit", 6),
    ] {
        let field = values.field(name).unwrap();
        assert!(
            field.written && field.defaulted && field.line == Some(line),
            "{field:?}"
        );
    }
    let values = with("enableProfiling: no\niptables: {masqueradeBit: 0}\n")
        .values
        .unwrap();
    for name in ["enableProfiling", "iptables.masqueradeBit"] {
        assert!(!values.field(name).unwrap().defaulted, "{name}");
    }
    assert_eq!(values.number("iptables.masqueradeBit"), Some(0));
    assert_eq!(values.flag("enableProfiling"), Some(false));
}

#[test]
fn wrong_types_are_refused_in_every_field() {
    let json = "json: cannot unmarshal";
    for (lines, message) in [
        (
            "bindAddress: 1",
            format!(
                "{json} number into Go struct field KubeProxyConfiguration.bindAddress of type string"
            ),
        ),
        (
            "mode: [a]",
            format!(
                "{json} array into Go struct field KubeProxyConfiguration.mode of type v1alpha1.ProxyMode"
            ),
        ),
        (
            "detectLocalMode: {}",
            format!(
                "{json} object into Go struct field KubeProxyConfiguration.detectLocalMode of type v1alpha1.LocalMode"
            ),
        ),
        (
            "iptables: []",
            format!(
                "{json} array into Go struct field KubeProxyConfiguration.iptables of type v1alpha1.KubeProxyIPTablesConfiguration"
            ),
        ),
        (
            "iptables: {masqueradeBit: x}",
            format!(
                "{json} string into Go struct field KubeProxyIPTablesConfiguration.iptables.masqueradeBit of type int32"
            ),
        ),
        (
            "oomScoreAdj: 2147483648",
            format!(
                "{json} number 2147483648 into Go struct field KubeProxyConfiguration.oomScoreAdj of type int32"
            ),
        ),
        (
            "oomScoreAdj: 1.5",
            format!(
                "{json} number 1.5 into Go struct field KubeProxyConfiguration.oomScoreAdj of type int32"
            ),
        ),
        (
            "clientConnection: {qps: 1e39}",
            format!(
                "{json} number 1e+39 into Go struct field ClientConnectionConfiguration.clientConnection.qps of type float32"
            ),
        ),
        (
            "featureGates: {A: x}",
            format!(
                "{json} string into Go struct field KubeProxyConfiguration.featureGates of type bool"
            ),
        ),
        (
            "featureGates: [A]",
            format!(
                "{json} array into Go struct field KubeProxyConfiguration.featureGates of type map[string]bool"
            ),
        ),
        (
            "nodePortAddresses: [1]",
            format!(
                "{json} number into Go struct field KubeProxyConfiguration.nodePortAddresses of type string"
            ),
        ),
        (
            "configSyncPeriod: 15",
            format!("{json} number into Go value of type string"),
        ),
        (
            "configSyncPeriod: ~",
            "time: invalid duration \"\"".to_owned(),
        ),
        (
            "configSyncPeriod: 15",
            format!("{json} number into Go value of type string"),
        ),
        (
            "ipvs: {tcpTimeout: 5}",
            format!("{json} number into Go value of type string"),
        ),
        (
            "configSyncPeriod: 1d",
            "time: unknown unit \"d\" in duration \"1d\"".to_owned(),
        ),
        (
            "conntrack: {min: yes}",
            format!(
                "{json} bool into Go struct field KubeProxyConntrackConfiguration.conntrack.min of type int32"
            ),
        ),
        (
            "logging: {verbosity: -1}",
            format!(
                "{json} number -1 into Go struct field LoggingConfiguration.logging.verbosity of type v1.VerbosityLevel"
            ),
        ),
        (
            "logging: {vmodule: [{filePattern: 1}]}",
            format!(
                "{json} number into Go struct field VModuleItem.logging.vmodule.filePattern of type string"
            ),
        ),
    ] {
        let refused = refusal_of(&format!("{lines}\n"));
        assert_eq!(
            refused,
            format!("failed complete: failed to decode: {message}"),
            "{lines}"
        );
    }
    // The first in the order of the keys, unless a duration ends the decoding.
    assert!(refusal_of("mode: 1\nbindAddress: 1\n").contains(".bindAddress "));
    assert!(refusal_of("bindAddress: 1\nconfigSyncPeriod: x\n").contains("time: invalid duration"));
}

#[test]
fn numbers_and_words_are_taken_where_go_takes_them() {
    for (lines, name, expected) in [
        ("oomScoreAdj: 1e2\n", "oomScoreAdj", json!(100)),
        ("oomScoreAdj: 5.0\n", "oomScoreAdj", json!(5)),
        ("oomScoreAdj: 010\n", "oomScoreAdj", json!(8)),
        (
            "clientConnection: {qps: 0.1}\n",
            "clientConnection.qps",
            json!(0.1),
        ),
        ("hostnameOverride: '5'\n", "hostnameOverride", json!("5")),
        (
            "hostnameOverride: !!str 5\n",
            "hostnameOverride",
            json!("5"),
        ),
        (
            "hostnameOverride: |\n  a\n",
            "hostnameOverride",
            json!("a\n"),
        ),
        (
            "enableProfiling: !!bool 'yes'\n",
            "enableProfiling",
            json!(true),
        ),
        (
            "conntrack: {udpTimeout: 1h1m}\n",
            "conntrack.udpTimeout",
            json!("1h1m0s"),
        ),
        (
            "conntrack: {tcpEstablishedTimeout: 0s}\n",
            "conntrack.tcpEstablishedTimeout",
            json!("0s"),
        ),
        (
            "logging: {flushFrequency: 1000000000}\n",
            "logging.flushFrequency",
            json!("1s"),
        ),
        (
            "logging: {flushFrequency: ~}\n",
            "logging.flushFrequency",
            json!("5s"),
        ),
        (
            "featureGates: {A: yes, B: ~}\n",
            "featureGates",
            json!({"A": true, "B": false}),
        ),
        ("nodePortAddresses: []\n", "nodePortAddresses", json!([])),
        (
            "mode: nftables\nnodePortAddresses: []\n",
            "nodePortAddresses",
            json!(["primary"]),
        ),
        (
            "mode: ipvs\niptables: {syncPeriod: 1s, minSyncPeriod: 60s}\n",
            "mode",
            json!("ipvs"),
        ),
        (
            "x: &a {kubeconfig: /k}\nclientConnection: *a\n",
            "clientConnection.kubeconfig",
            json!("/k"),
        ),
        (
            "x: &a {kubeconfig: /k}\nclientConnection: {<<: *a, burst: 3}\n",
            "clientConnection.burst",
            json!(3),
        ),
    ] {
        assert_eq!(value(lines, name), expected, "{lines}");
    }
}

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
