//! From where events come and with which credential, which all events of one client share.

use std::net::IpAddr;

use super::event::Event;
use super::json::{Field, Text};
use super::open::Ids;

/// What the API server says of a token that is bound to a pod: the node on which that runs. From Kubernetes
/// 1.30 on.
pub const NODE_NAME: Field = Field::new(b"\"authentication.kubernetes.io/node-name\":");
/// Names the credential itself: `JTI=..` of a token from Kubernetes 1.30 on, `X509SHA256=..` of a certificate in
/// newer releases.
const CREDENTIAL: Field = Field::new(b"\"authentication.kubernetes.io/credential-id\":");
/// The pod that a token is bound to.
const POD: Field = Field::new(b"\"authentication.kubernetes.io/pod-uid\":");

/// From where events come and with which credential.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The address, where it is one.
    pub address: Option<IpAddr>,
    /// The credential, or what comes nearest.
    pub credential: Credential,
    /// The node that its token is bound to, whose tokens are one credential, too.
    pub node: Option<Credential>,
}

/// A credential, by a number that another one has once in 2^64 times.
#[derive(Clone, Copy, Debug)]
pub struct Credential {
    /// The number of its kind and name.
    pub number: u64,
    /// What it is.
    pub kind: CredentialKind,
    /// Whether several nodes may have it.
    pub shared: bool,
}

/// What is known of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// Its own id.
    Id,
    /// The pod that a token is bound to.
    Pod,
    /// The node that a token is bound to.
    Node,
    /// Nothing but the user.
    User,
}

impl CredentialKind {
    /// What an event says of it.
    pub fn name<'a>(self, event: &Event<'a>) -> Option<Text<'a>> {
        match self {
            CredentialKind::Id => event.extra(CREDENTIAL),
            CredentialKind::Pod => event.extra(POD),
            CredentialKind::Node => event.extra(NODE_NAME),
            CredentialKind::User => Some(event.user),
        }
    }
}

impl Caller {
    /// Of an event.
    pub fn of(event: &Event, names: &Ids) -> Caller {
        // In the order in which they are written.
        let [id, node, pod] = event.extras(&[CREDENTIAL, NODE_NAME, POD]);
        let credential = |kind, name: Text, shared| Credential {
            number: names.number(&name.bytes()) ^ kind as u64,
            kind,
            shared,
        };
        Caller {
            address: event.address(),
            credential: match (id, pod) {
                (Some(id), _) => {
                    let shared = !id.bytes().starts_with(b"JTI=");
                    credential(CredentialKind::Id, id, shared)
                }
                (None, Some(pod)) => credential(CredentialKind::Pod, pod, false),
                (None, None) => credential(CredentialKind::User, event.user, true),
            },
            node: node.map(|name| credential(CredentialKind::Node, name, false)),
        }
    }
}
