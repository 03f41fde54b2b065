//! Who asks, and as whom.

use super::calls::{self, Call};
use super::central;
use super::numbers::{letters, mixed, uuid_of};
use super::{START, TOKEN};

/// A program or a person that talks to the API server.
pub struct Client {
    /// From `"user"` to the user agent, around the id of a token that changes.
    pub before: String,
    /// Nothing for who has no such token.
    pub after: Option<String>,
    pub seed: u64,
    /// Why it may do what it does, as the authorizer says.
    pub reason: String,
    /// As whom an error speaks of it.
    pub user: String,
    pub node: String,
    /// The kube-proxy on its node.
    pub neighbour: String,
    pub calls: &'static [Call],
    pub is_kube_proxy: bool,
    /// When its first token was made.
    pub started: u64,
}

/// Where a client runs.
struct Place {
    node: String,
    address: String,
    neighbour: String,
    number: u64,
}

const AGENT: &str = "v1.36.2 (linux/amd64) kubernetes/9a1f3c7";

fn place(number: usize) -> Place {
    Place {
        node: format!("worker-{number:04}.example.internal"),
        address: format!(
            "10.{}.{}.{}",
            20 + number / 50_000,
            number / 200 % 250,
            10 + number % 200
        ),
        neighbour: format!("kube-proxy-{}", letters(number as u64 + 17, 5)),
        number: number as u64,
    }
}

impl Place {
    /// The address of a pod on this node.
    fn pod(&self, pod: u64) -> String {
        format!(
            "10.{}.{}.{}",
            128 + self.number / 250,
            self.number % 250,
            2 + pod % 250
        )
    }

    fn client(&self, user: &str, calls: &'static [Call]) -> Client {
        let seed = mixed(
            self.number
                ^ user
                    .bytes()
                    .fold(7, |sum, byte| mixed(sum ^ u64::from(byte))),
        );
        Client {
            before: String::new(),
            after: None,
            seed,
            reason: String::new(),
            user: user.into(),
            node: self.node.clone(),
            neighbour: self.neighbour.clone(),
            calls,
            is_kube_proxy: false,
            started: START - seed % TOKEN,
        }
    }

    /// By a client certificate.
    fn certificate(
        &self,
        user: &str,
        groups: &str,
        address: &str,
        agent: &str,
        calls: &'static [Call],
    ) -> Client {
        let mut client = self.client(user, calls);
        let digest = |at: u64| format!("{:016x}", mixed(client.seed + at));
        let digest: String = (0..4).map(digest).collect();
        client.before = format!(
            r#""user":{{"username":"{user}","groups":[{groups},"system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["X509SHA256={digest}"]}}}},"sourceIPs":["{address}"],"userAgent":"{agent}""#
        );
        client
    }

    /// By the token of a pod's service account.
    fn account(
        &self,
        account: (&str, &str),
        address: &str,
        agent: &str,
        calls: &'static [Call],
    ) -> Client {
        let (space, name) = account;
        let user = format!("system:serviceaccount:{space}:{name}");
        let mut client = self.client(&user, calls);
        let uid = uuid_of(
            user.bytes()
                .fold(11, |sum, byte| mixed(sum ^ u64::from(byte))),
        );
        let (node, node_uid) = (&self.node, uuid_of(self.number));
        let pod = if name == "kube-proxy" {
            self.neighbour.clone()
        } else {
            format!("{name}-{}", letters(client.seed, 5))
        };
        let pod_uid = uuid_of(client.seed + 1);
        client.before = format!(
            r#""user":{{"username":"{user}","uid":"{uid}","groups":["system:serviceaccounts","system:serviceaccounts:{space}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI="#
        );
        client.after = Some(format!(
            r#""],"authentication.kubernetes.io/node-name":["{node}"],"authentication.kubernetes.io/node-uid":["{node_uid}"],"authentication.kubernetes.io/pod-name":["{pod}"],"authentication.kubernetes.io/pod-uid":["{pod_uid}"]}}}},"sourceIPs":["{address}"],"userAgent":"{agent}""#
        ));
        let role = if name == "kube-proxy" {
            "kubeadm:node-proxier"
        } else {
            name
        };
        let cluster_role = if name == "kube-proxy" {
            "system:node-proxier"
        } else {
            name
        };
        client.reason = format!(
            r#"RBAC: allowed by ClusterRoleBinding \"{role}\" of ClusterRole \"{cluster_role}\" to ServiceAccount \"{name}/{space}\""#
        );
        client
    }
}

/// All clients of a cluster of so many nodes, whose first one has the control plane.
pub fn cluster(nodes: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..nodes {
        of_node(&place(number), &mut clients);
    }
    central(&place(0), &mut clients);
    for number in 0..15 {
        let (place, name) = (place(number % nodes.max(1)), format!("operator-{number}"));
        let agent =
            format!("manager/v0.{number}.0 (linux/amd64) kubernetes/$Format/leader-election");
        let address = place.pod(40 + number as u64);
        clients.push(place.account(("operators", &name), &address, &agent, central::OPERATOR));
    }
    people(&place(0), &mut clients);
    clients
}

fn of_node(place: &Place, clients: &mut Vec<Client>) {
    let address = &place.address;
    let agent = |name: &str| format!("{name}/{AGENT}");
    let user = format!("system:node:{}", place.node);
    clients.push(place.certificate(
        &user,
        r#""system:nodes""#,
        address,
        &agent("kubelet"),
        calls::KUBELET,
    ));
    // An older pool has certificates.
    let mut kube_proxy = if place.number % 10 == 9 {
        let group = r#""system:node-proxier""#;
        let user = "system:kube-proxy";
        let mut client = place.certificate(
            user,
            group,
            address,
            &agent("kube-proxy"),
            calls::KUBE_PROXY,
        );
        client.reason = r#"RBAC: allowed by ClusterRoleBinding \"system:node-proxier\" of ClusterRole \"system:node-proxier\" to User \"system:kube-proxy\""#.into();
        client
    } else {
        let account = ("kube-system", "kube-proxy");
        place.account(account, address, &agent("kube-proxy"), calls::KUBE_PROXY)
    };
    kube_proxy.is_kube_proxy = true;
    clients.push(kube_proxy);
    let network = ("kube-system", "network-agent");
    clients.push(place.account(network, address, "network-agent/v3.29.1", calls::NETWORK));
}

fn central(place: &Place, clients: &mut Vec<Client>) {
    let address = &place.address;
    let group = r#""system:masters""#;
    let agent = |name: &str| format!("{name}/{AGENT}");
    for (name, calls) in [
        ("kube-scheduler", central::SCHEDULER),
        ("kube-controller-manager", central::MANAGER),
    ] {
        let user = format!("system:{name}");
        let mut client =
            place.certificate(&user, &format!("\"{user}\""), address, &agent(name), calls);
        client.reason = format!(
            r#"RBAC: allowed by ClusterRoleBinding \"{user}\" of ClusterRole \"{user}\" to User \"{user}\""#
        );
        clients.push(client);
    }
    clients.push(place.certificate(
        "system:apiserver",
        group,
        "::1",
        &agent("kube-apiserver"),
        central::API_SERVER,
    ));
    for (name, calls) in [
        ("replicaset-controller", central::REPLICAS),
        ("endpointslice-controller", central::ENDPOINTS),
        ("daemon-set-controller", central::DAEMONS),
    ] {
        let agent =
            format!("kube-controller-manager/{AGENT}/system:serviceaccount:kube-system:{name}");
        clients.push(place.account(("kube-system", name), address, &agent, calls));
    }
    for pod in 0..2 {
        let agent = "coredns/v0.0.0 (linux/amd64) kubernetes/$Format";
        clients.push(place.account(
            ("kube-system", "coredns"),
            &place.pod(pod),
            agent,
            central::NAMES,
        ));
    }
    let metrics = ("monitoring", "prometheus");
    clients.push(place.account(metrics, &place.pod(9), "Prometheus/3.1.0", central::METRICS));
}

fn people(place: &Place, clients: &mut Vec<Client>) {
    let agent = "kubectl/v1.36.2 (linux/amd64) kubernetes/9a1f3c7";
    for number in 0..8 {
        let (user, address) = (
            format!("developer-{number}@example.com"),
            format!("192.0.2.{}", 10 + number),
        );
        let group = r#""oidc:developers""#;
        clients.push(place.certificate(&user, group, &address, agent, central::PERSON));
    }
    for number in 0..2 {
        let (name, address) = (format!("pipeline-{number}"), place.pod(60 + number));
        clients.push(place.account(
            ("delivery", &name),
            &address,
            "pipeline/2.8",
            central::PIPELINE,
        ));
    }
    let mut duty = place.certificate(
        "duty@example.com",
        r#""oidc:duty""#,
        "192.0.2.40",
        agent,
        central::PERSON,
    );
    let posed = r#","impersonatedUser":{"username":"developer-3@example.com","groups":["oidc:developers","system:authenticated"]},"sourceIPs""#;
    duty.before = duty.before.replace(r#","sourceIPs""#, posed);
    clients.push(duty);
    let mut probe = place.client("system:anonymous", central::PROBE);
    probe.before = r#""user":{"username":"system:anonymous","groups":["system:unauthenticated"]},"sourceIPs":["10.20.250.4"],"userAgent":"kube-probe/1.36""#.into();
    probe.reason = r#"RBAC: allowed by ClusterRoleBinding \"system:public-info-viewer\" of ClusterRole \"system:public-info-viewer\" to Group \"system:unauthenticated\""#.into();
    clients.push(probe);
    let mut stranger = place.client("", central::STRANGER);
    stranger.before = r#""user":{},"sourceIPs":["198.51.100.7"],"userAgent":"curl/8.5.0""#.into();
    clients.push(stranger);
}
