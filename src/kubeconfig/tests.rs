use super::*;

const TEXT: &str = "\
apiVersion: v1
kind: Config
current-context: c
contexts:
- {name: other, context: {cluster: x, user: x}}
- name: c
  context: {cluster: two, user: u, namespace: default}
clusters:
- name: one
  cluster: {server: http://1.2.3.4}
- name: two
  cluster:
    server: https://me:hunter2@1.2.3.4:6443
    certificate-authority-data: aGVsbG8=
    insecure-skip-tls-verify: yes
    proxy-url: http://me:hunter2@proxy:3128
users:
- name: stray
  user: {token: hunter2}
- name: u
  user:
    client-certificate: c.crt
    client-key: /k/c.key
    tokenFile: /t
    token: hunter2
    password: hunter2
    client-key-data: aHVudGVyMg==
";

#[test]
fn only_the_current_context_counts() {
    let config = read(TEXT.as_bytes()).unwrap();
    let cluster = config.cluster.as_ref().unwrap();
    assert_eq!(
        (cluster.name.as_str(), cluster.index, cluster.line),
        ("two", 1, 11)
    );
    assert_eq!(
        cluster.server.as_ref().unwrap().value,
        "https://1.2.3.4:6443"
    );
    assert_eq!(cluster.server.as_ref().unwrap().line, 13);
    assert_eq!(
        cluster.insecure_skip_tls_verify,
        Some(Written {
            value: true,
            line: 15
        })
    );
    assert_eq!(
        cluster
            .certificate_authority_data
            .as_ref()
            .unwrap()
            .value
            .pem(),
        b"hello"
    );
    let user = config.user.as_ref().unwrap();
    assert_eq!(
        (user.index, user.token.clone()),
        (
            1,
            Some(Written {
                value: (),
                line: 25
            })
        )
    );
    let files: Vec<_> = config
        .files()
        .iter()
        .map(|file| (file.path, file.line, file.purpose))
        .collect();
    assert_eq!(
        files,
        [
            ("c.crt", 22, Purpose::Certificate),
            ("/k/c.key", 23, Purpose::Credential),
            ("/t", 24, Purpose::Credential),
        ]
    );
    let stray: Vec<_> = config
        .stray_secrets
        .iter()
        .map(|one| (one.value.as_str(), one.line))
        .collect();
    assert_eq!(stray, [("stray", 19)]);
}

#[test]
fn no_secret_is_shown() {
    let config = read(TEXT.as_bytes()).unwrap();
    let shown = format!("{config:?} {:?}", config.usable(&|_| false));
    assert!(
        !shown.contains("hunter2") && !shown.contains("aHVud"),
        "{shown}"
    );
    for broken in [
        "users: [{name: u, user: {token: 4242}}]",
        "users: [{name: u, user: {client-key-data: '4242*'}}]",
        "users: [{name: u, user: {client-key-data: [4242]}}]",
        "users: [{name: u, user: {password: 4242}}, \n",
        "users: [{name: u, user: {token: !!int 4242x}}]",
        "users: [{name: u, user: {token: 4242}}, {name: u}]",
    ] {
        let problem = read(broken.as_bytes()).unwrap_err();
        assert!(!problem.message.contains("4242"), "{}", problem.message);
    }
}

fn judged(user: &str, cluster: &str) -> Result<(), String> {
    let text = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    );
    let config = read(text.as_bytes()).map_err(|problem| problem.message)?;
    config
        .usable(&|path| path == "/there")
        .map_err(|problem| problem.message)
}

#[test]
fn client_go_decides_what_is_usable() {
    let good = "server: s";
    for (user, cluster) in [
        ("", good),
        ("token: a, tokenFile: /gone", good),
        ("client-certificate: /there, client-key: /there", good),
        (
            "exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1}",
            good,
        ),
        (
            "exec: {command: x, apiVersion: v, interactiveMode: Always}, token: a",
            good,
        ),
        ("as: a, as-uid: b", good),
        ("as-groups: []", good),
        ("client-key: /gone", good),
        ("", "server: s, proxy-url: socks5://p:1"),
        ("", "server: s, proxy-url: ''"),
        ("unknown: {a: 1}", good),
        ("", "server: s, certificate-authority: /there"),
        ("client-key-data: \"aGk=\\n\"", good),
    ] {
        assert_eq!(judged(user, cluster), Ok(()), "{user} {cluster}");
    }
    for (user, cluster, message) in [
        ("", "", "no server found"),
        (
            "token: a, username: b",
            good,
            "more than one authentication method",
        ),
        ("token: a, password: b", good, "more than one"),
        ("as-uid: b", good, "without impersonating"),
        ("as-user-extra: {a: [b]}", good, "without impersonating"),
        (
            "client-certificate: /there, client-key: /gone",
            good,
            "unable to read client-key /gone",
        ),
        (
            "client-certificate-data: aA==, client-key: /there, client-key-data: aA==",
            good,
            "both specified",
        ),
        ("client-certificate-data: aA=", good, "illegal base64 data"),
        (
            "exec: {command: x, apiVersion: client.authentication.k8s.io/v1}",
            good,
            "interactiveMode must be",
        ),
        (
            "exec: {command: x, apiVersion: v, interactiveMode: never}",
            good,
            "invalid interactiveMode",
        ),
        ("exec: {}", good, "command must be"),
        ("exec: {env: [{value: a}]}", good, "env variable name"),
        (
            "exec: {command: x, apiVersion: v, interactiveMode: Never}, auth-provider: {}",
            good,
            "authProvider cannot",
        ),
        ("", "server: s, proxy-url: p:1", "unsupported scheme"),
        ("", "server: s, proxy-url: ftp://p", "unsupported scheme"),
        ("", "server: s, proxy-url: http://p:x", "could not parse"),
        ("", "server: s, proxy-url: ':x'", "could not parse"),
        (
            "",
            "server: s, certificate-authority: /there, certificate-authority-data: aA==",
            "both specified",
        ),
        (
            "",
            "server: s, certificate-authority: /gone",
            "unable to read certificate-authority",
        ),
        (
            "",
            "server: 1",
            "cannot unmarshal number into Go struct field Cluster.clusters.cluster.server of type string",
        ),
        ("as-groups: a", good, "of type []string"),
        ("exec: {args: [1]}", good, "of type string"),
        ("auth-provider: {config: {a: 1}}", good, "of type string"),
    ] {
        let told = judged(user, cluster).unwrap_err();
        assert!(told.contains(message), "{user} {cluster}: {told}");
    }
}

#[test]
fn decoding_has_client_gos_leniency_and_limits() {
    let usable = |text: &str| {
        read(text.as_bytes())
            .and_then(|config| config.usable(&|_| false))
            .map_err(|problem| problem.message)
    };
    let none = "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable";
    for text in [
        "",
        "# nothing\n",
        "kind: Config",
        "apiVersion: v1\nclusters: []\n",
        "contexts: ~\n",
    ] {
        assert_eq!(usable(text), Err(none.to_owned()), "{text}");
    }
    assert_eq!(usable("clusters: [~]"), Err("no context chosen".to_owned()));
    assert!(
        usable("clusters: [{name: a}, {name: a}]")
            .unwrap_err()
            .contains("duplicate name \"a\"")
    );
    assert!(
        usable("apiVersion: g/v1")
            .unwrap_err()
            .contains("no kind \"Config\" is registered for version \"g/v1\"")
    );
    assert!(usable("[]").is_err());
    assert!(read(b"a: [").is_err());
    let namespace = |name: &str| {
        usable(&format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u, namespace: {name}}}}}]\nclusters: [{{name: k, cluster: {{server: s}}}}]\nusers: [{{name: u}}]\n"
        ))
    };
    assert_eq!(namespace("a-b"), Ok(()));
    assert!(namespace("A_b").unwrap_err().contains("DNS_LABEL"));
    assert!(read(&vec![b'#'; (4 << 20) + 1]).unwrap_err().unjudged);
}
