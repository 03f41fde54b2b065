//! Defaults and types.

use serde_json::json;

use super::*;

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
