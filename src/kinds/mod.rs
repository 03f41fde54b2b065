//! The kinds of checks: what each expects, how it judges the facts, and what would mend a failure.
//!
//! A file per kind. A kind judges and mends from the same fields, so that the two cannot disagree.
//! Everything here is pure: facts in, instances out.

mod audit_fields;
mod audit_hidden;
mod audit_log;
mod audit_log_access;
mod audit_log_limits;
mod audit_policy;
mod audit_requests;
mod certificate_key;
mod certificate_subject;
mod certificate_trust;
mod certificate_validity;
mod config_accepted;
mod config_address;
mod config_fields;
mod config_flag;
mod config_value;
mod directory_trust;
mod each;
mod elsewhere;
mod file_mode;
mod file_owner;
mod firewall;
mod flag_value;
mod flags_honoured;
mod hold;
mod instance;
mod kubeconfig;
mod kubeconfig_accepted;
mod kubeconfig_ca;
mod kubeconfig_credential;
mod kubeconfig_server;
mod kubeconfig_verification;
mod listener_address;
mod listening_port;
mod mend;
mod network;
mod node_ports;
mod pod_command;
mod pod_host_paths;
mod pod_image;
mod pod_image_digest;
mod pod_image_registry;
mod pod_image_tag;
mod pod_mounts;
mod pod_network_policy;
mod pod_priority;
mod pod_privilege;
mod pod_resources;
mod pod_root_filesystem;
mod pod_seccomp;
mod pod_split;
mod pod_switch;
mod presence;
mod rbac;
mod rbac_bounds;
mod rbac_needed;
mod rbac_rights;
mod rbac_shared;
mod route_localnet;
mod server;
mod workload;

pub(crate) use pod_command::takes_flag;

pub(crate) use audit_hidden::{Hidden, told};
pub use config_value::origin as value_origin;
pub(crate) use flag_value::spelled as flag_text;
pub use instance::{Instance, Verdict};
pub use mend::{Contents, Edit, Mend};
pub use workload::boolean;

use each::{by_hand, each_file, fix_or_by_hand};
use hold::{unless_held, unless_rewritten};
use kubeconfig::{
    each_certificate, each_client_certificate, each_kubeconfig, each_reading, given_at,
};

use serde::Deserialize;

use crate::baseline::{Check, Fix};
use crate::facts::Facts;

/// What a check expects, by kind. The name in a baseline is the variant's, with dashes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// A file's permission bits are among the given ones.
    FileMode(file_mode::FileMode),
    /// A file's owner and group.
    FileOwner(file_owner::FileOwner),
    /// Nobody else can write a directory above the files.
    DirectoryTrust(directory_trust::DirectoryTrust),
    /// An address of the proxy configuration.
    ConfigAddress(config_address::ConfigAddress),
    /// A switch of the proxy configuration.
    ConfigFlag(config_flag::ConfigFlag),
    /// nodePortAddresses is set and does not mean all.
    NodePorts(node_ports::NodePorts),
    /// kube-proxy would start with the configuration.
    ConfigAccepted(config_accepted::ConfigAccepted),
    /// The configuration has no unknown or doubled key.
    ConfigFields(config_fields::ConfigFields),
    /// No flag is ignored.
    FlagsHonoured(flags_honoured::FlagsHonoured),
    /// The kubeconfig's server is https.
    KubeconfigServer(kubeconfig_server::KubeconfigServer),
    /// The kubeconfig gives a CA that can be read.
    KubeconfigCa(kubeconfig_ca::KubeconfigCa),
    /// The kubeconfig does not switch verification off.
    KubeconfigVerification(kubeconfig_verification::KubeconfigVerification),
    /// The kubeconfig's credential is a certificate or a token file.
    KubeconfigCredential(kubeconfig_credential::KubeconfigCredential),
    /// client-go would load the kubeconfig.
    KubeconfigAccepted(kubeconfig_accepted::KubeconfigAccepted),
    /// The CA and the client certificate are valid.
    CertificateValidity(certificate_validity::CertificateValidity),
    /// The client certificate's subject is kube-proxy's own.
    CertificateSubject(certificate_subject::CertificateSubject),
    /// The API server would take the client certificate.
    CertificateTrust(certificate_trust::CertificateTrust),
    /// The private key belongs to the client certificate.
    CertificateKey(certificate_key::CertificateKey),
    /// The API server's audit policy exists.
    AuditPolicy(audit_policy::AuditPolicy),
    /// The audit policy has no unknown or doubled key.
    AuditFields(audit_fields::AuditFields),
    /// The audit policy logs what kube-proxy asks.
    AuditRequests(audit_requests::AuditRequests),
    /// The API server writes an audit log.
    AuditLog(audit_log::AuditLog),
    /// The audit log is kept, and rotated.
    AuditLogLimits(audit_log_limits::AuditLogLimits),
    /// Only root reads the audit log and the policy.
    AuditLogAccess(audit_log_access::AuditLogAccess),
    /// A port that kube-proxy's process opens.
    ListeningPort(listening_port::ListeningPort),
    /// kube-proxy's process listens where its configuration says.
    ListenerAddress(listener_address::ListenerAddress),
    /// The table that guards its ports.
    Firewall(firewall::Firewall),
    /// Packets from elsewhere are not routed to loopback.
    RouteLocalnet(route_localnet::RouteLocalnet),
    /// A switch of kube-proxy's pod.
    PodSwitch(pod_switch::PodSwitch),
    /// No binding gives kube-proxy what it does not need.
    RbacRights(rbac_rights::RbacRights),
    /// The bindings give kube-proxy what it needs.
    RbacNeeded(rbac_needed::RbacNeeded),
    /// Which paths of the node kube-proxy's container can write.
    PodHostPaths(pod_host_paths::PodHostPaths),
    /// kube-proxy's image is named by its digest.
    PodImageDigest(pod_image_digest::PodImageDigest),
    /// kube-proxy's image comes from a known registry.
    PodImageRegistry(pod_image_registry::PodImageRegistry),
    /// kube-proxy's image has a tag that tells its version.
    PodImageTag(pod_image_tag::PodImageTag),
    /// No NetworkPolicy seems to guard kube-proxy.
    PodNetworkPolicy(pod_network_policy::PodNetworkPolicy),
    /// The priority class of kube-proxy's pod.
    PodPriority(pod_priority::PodPriority),
    /// What kube-proxy's container may do on its node.
    PodPrivilege(pod_privilege::PodPrivilege),
    /// What is kept free for kube-proxy's container.
    PodResources(pod_resources::PodResources),
    /// kube-proxy's container cannot change the files of its image.
    PodRootFilesystem(pod_root_filesystem::PodRootFilesystem),
    /// The system calls of kube-proxy's container are filtered.
    PodSeccomp(pod_seccomp::PodSeccomp),
}

/// What a check speaks of, and so where it can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Files of a node, or what runs on it: manifests tell nothing of that.
    Node,
    /// kube-proxy's flags, configuration or kubeconfig, be they a node's or a pod's.
    Configuration,
    /// The cluster's objects.
    Objects,
}

/// Calls the same method on whichever kind it is.
macro_rules! each_kind {
    ($expect:expr, $kind:ident => $call:expr) => {
        match $expect {
            Expect::FileMode($kind) => $call,
            Expect::FileOwner($kind) => $call,
            Expect::DirectoryTrust($kind) => $call,
            Expect::ConfigAddress($kind) => $call,
            Expect::ConfigFlag($kind) => $call,
            Expect::NodePorts($kind) => $call,
            Expect::ConfigAccepted($kind) => $call,
            Expect::ConfigFields($kind) => $call,
            Expect::FlagsHonoured($kind) => $call,
            Expect::KubeconfigServer($kind) => $call,
            Expect::KubeconfigCa($kind) => $call,
            Expect::KubeconfigVerification($kind) => $call,
            Expect::KubeconfigCredential($kind) => $call,
            Expect::KubeconfigAccepted($kind) => $call,
            Expect::CertificateValidity($kind) => $call,
            Expect::CertificateSubject($kind) => $call,
            Expect::CertificateTrust($kind) => $call,
            Expect::CertificateKey($kind) => $call,
            Expect::AuditPolicy($kind) => $call,
            Expect::AuditFields($kind) => $call,
            Expect::AuditRequests($kind) => $call,
            Expect::AuditLog($kind) => $call,
            Expect::AuditLogLimits($kind) => $call,
            Expect::AuditLogAccess($kind) => $call,
            Expect::ListeningPort($kind) => $call,
            Expect::ListenerAddress($kind) => $call,
            Expect::Firewall($kind) => $call,
            Expect::RouteLocalnet($kind) => $call,
            Expect::PodSwitch($kind) => $call,
            Expect::RbacRights($kind) => $call,
            Expect::RbacNeeded($kind) => $call,
            Expect::PodHostPaths($kind) => $call,
            Expect::PodImageDigest($kind) => $call,
            Expect::PodImageRegistry($kind) => $call,
            Expect::PodImageTag($kind) => $call,
            Expect::PodNetworkPolicy($kind) => $call,
            Expect::PodPriority($kind) => $call,
            Expect::PodPrivilege($kind) => $call,
            Expect::PodResources($kind) => $call,
            Expect::PodRootFilesystem($kind) => $call,
            Expect::PodSeccomp($kind) => $call,
        }
    };
}

/// What every kind can do.
trait Kind {
    /// What is expected, in words that go behind "expected".
    fn expected(&self) -> String;

    /// Judges the facts. At least one instance.
    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance>;

    /// Whether the expectation itself can be meant: what the types of its fields cannot say.
    ///
    /// # Errors
    /// Why not.
    fn sound(&self) -> Result<(), String> {
        Ok(())
    }

    /// Whether a fix suits the kind and its result would satisfy the expectation. Most kinds have none.
    ///
    /// # Errors
    /// Why not.
    fn accepts(&self, _fix: &Fix) -> Result<(), String> {
        Err("this kind has no fix".into())
    }
}

impl Expect {
    /// What is expected, in words that go behind "expected".
    pub fn expected(&self) -> String {
        each_kind!(self, kind => kind.expected())
    }

    /// Judges the facts.
    pub fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_kind!(self, kind => kind.judge(check, facts))
    }

    /// Whether the expectation itself can be meant.
    ///
    /// # Errors
    /// Why not.
    pub fn sound(&self) -> Result<(), String> {
        each_kind!(self, kind => kind.sound())
    }

    /// Whether a fix would satisfy the expectation.
    ///
    /// # Errors
    /// Why not.
    pub fn accepts(&self, fix: &Fix) -> Result<(), String> {
        each_kind!(self, kind => kind.accepts(fix))
    }

    /// What it speaks of.
    pub fn subject(&self) -> Subject {
        match self {
            Expect::ConfigAddress(_)
            | Expect::ConfigFlag(_)
            | Expect::NodePorts(_)
            | Expect::ConfigAccepted(_)
            | Expect::ConfigFields(_)
            | Expect::FlagsHonoured(_)
            | Expect::KubeconfigServer(_)
            | Expect::KubeconfigCa(_)
            | Expect::KubeconfigVerification(_)
            | Expect::KubeconfigCredential(_)
            | Expect::KubeconfigAccepted(_)
            | Expect::CertificateValidity(_)
            | Expect::CertificateSubject(_)
            | Expect::CertificateTrust(_)
            | Expect::CertificateKey(_) => Subject::Configuration,
            _ if self.name().starts_with("pod-") || self.name().starts_with("rbac-") => {
                Subject::Objects
            }
            _ => Subject::Node,
        }
    }

    /// True for what speaks of the API server alone, and needs no kube-proxy.
    pub fn is_of_api_server(&self) -> bool {
        self.name().starts_with("audit-")
    }

    /// True for what is judged by the network of the node, which is looked at only then.
    pub fn is_of_network(&self) -> bool {
        matches!(
            self,
            Expect::ListeningPort(_)
                | Expect::ListenerAddress(_)
                | Expect::Firewall(_)
                | Expect::RouteLocalnet(_)
        )
    }

    /// The kind's name in a baseline.
    pub fn name(&self) -> &'static str {
        match self {
            Expect::FileMode(_) => "file-mode",
            Expect::FileOwner(_) => "file-owner",
            Expect::DirectoryTrust(_) => "directory-trust",
            Expect::ConfigAddress(_) => "config-address",
            Expect::ConfigFlag(_) => "config-flag",
            Expect::NodePorts(_) => "node-ports",
            Expect::ConfigAccepted(_) => "config-accepted",
            Expect::ConfigFields(_) => "config-fields",
            Expect::FlagsHonoured(_) => "flags-honoured",
            Expect::KubeconfigServer(_) => "kubeconfig-server",
            Expect::KubeconfigCa(_) => "kubeconfig-ca",
            Expect::KubeconfigVerification(_) => "kubeconfig-verification",
            Expect::KubeconfigCredential(_) => "kubeconfig-credential",
            Expect::KubeconfigAccepted(_) => "kubeconfig-accepted",
            Expect::CertificateValidity(_) => "certificate-validity",
            Expect::CertificateSubject(_) => "certificate-subject",
            Expect::CertificateTrust(_) => "certificate-trust",
            Expect::CertificateKey(_) => "certificate-key",
            Expect::AuditPolicy(_) => "audit-policy",
            Expect::AuditFields(_) => "audit-fields",
            Expect::AuditRequests(_) => "audit-requests",
            Expect::AuditLog(_) => "audit-log",
            Expect::AuditLogLimits(_) => "audit-log-limits",
            Expect::AuditLogAccess(_) => "audit-log-access",
            Expect::ListeningPort(_) => "listening-port",
            Expect::ListenerAddress(_) => "listener-address",
            Expect::Firewall(_) => "firewall",
            Expect::RouteLocalnet(_) => "route-localnet",
            Expect::PodSwitch(_) => "pod-switch",
            Expect::RbacRights(_) => "rbac-rights",
            Expect::RbacNeeded(_) => "rbac-needed",
            Expect::PodHostPaths(_) => "pod-host-paths",
            Expect::PodImageDigest(_) => "pod-image-digest",
            Expect::PodImageRegistry(_) => "pod-image-registry",
            Expect::PodImageTag(_) => "pod-image-tag",
            Expect::PodNetworkPolicy(_) => "pod-network-policy",
            Expect::PodPriority(_) => "pod-priority",
            Expect::PodPrivilege(_) => "pod-privilege",
            Expect::PodResources(_) => "pod-resources",
            Expect::PodRootFilesystem(_) => "pod-root-filesystem",
            Expect::PodSeccomp(_) => "pod-seccomp",
        }
    }
}

#[cfg(test)]
mod tests;
