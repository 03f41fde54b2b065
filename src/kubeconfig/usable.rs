//! client-go's `ConfirmUsable`: tools/clientcmd/validation.go.

use super::{Cluster, Context, Kubeconfig, Problem, User};
use crate::golang::text::{message, quoted};

const EMPTY: &str =
    "no configuration has been provided, try setting KUBERNETES_MASTER environment variable";

impl Kubeconfig {
    /// Whether client-go takes the current context. `opens` tells whether a file that is named can be
    /// opened; client-go has resolved relative paths against the kubeconfig's folder by then, so the
    /// caller does the same.
    ///
    /// What only shows later, a token file that is missing or certificates that are none, is not looked at.
    ///
    /// # Errors
    /// With client-go's message, without any secret.
    pub fn usable(&self, opens: &dyn Fn(&str) -> bool) -> Result<(), Problem> {
        if self.empty {
            return Err(invalid(&[EMPTY.to_owned()], None));
        }
        let Some(current) = &self.current_context else {
            return Err(Problem {
                message: "no context chosen".to_owned(),
                line: None,
                unjudged: false,
            });
        };
        let Some(context) = &self.context else {
            let fault = format!(
                "context was not found for specified context: {}",
                current.value
            );
            return Err(invalid(&[fault], Some(current.line)));
        };
        let mut faults = Vec::new();
        context_faults(context, self, &mut faults);
        if let Some(user) = &self.user {
            user_faults(user, opens, &mut faults);
        }
        cluster_faults(context, self.cluster.as_ref(), opens, &mut faults);
        if faults.is_empty() {
            return Ok(());
        }
        Err(invalid(&faults, Some(context.line)))
    }
}

fn invalid(faults: &[String], line: Option<usize>) -> Problem {
    let mut told: Vec<&str> = Vec::new();
    for fault in faults {
        if !told.contains(&fault.as_str()) {
            told.push(fault);
        }
    }
    let told = match told.as_slice() {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    };
    Problem {
        message: message(&format!("invalid configuration: {told}")),
        line,
        unjudged: false,
    }
}

fn context_faults(context: &Context, config: &Kubeconfig, faults: &mut Vec<String>) {
    let name = quoted(&context.name);
    if context.user.is_empty() {
        faults.push(format!("user was not specified for context {name}"));
    } else if config.user.is_none() {
        let user = quoted(&context.user);
        faults.push(format!("user {user} was not found for context {name}"));
    }
    if context.cluster.is_empty() {
        faults.push(format!("cluster was not specified for context {name}"));
    } else if config.cluster.is_none() {
        let cluster = quoted(&context.cluster);
        faults.push(format!(
            "cluster {cluster} was not found for context {name}"
        ));
    }
    if !context.namespace.is_empty() && !is_label(&context.namespace) {
        let namespace = quoted(&context.namespace);
        faults.push(format!(
            "namespace {namespace} for context {name} does not conform to the kubernetes DNS_LABEL rules"
        ));
    }
}

/// A DNS label of RFC 1123.
fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn user_faults(user: &User, opens: &dyn Fn(&str) -> bool, faults: &mut Vec<String>) {
    let name = &user.name;
    let (certificate, certificate_data) = (&user.client_certificate, &user.client_certificate_data);
    if certificate.is_some() || certificate_data.is_some() {
        if certificate.is_some() && certificate_data.is_some() {
            faults.push(format!("client-cert-data and client-cert are both specified for {name}. client-cert-data will override."));
        }
        if user.client_key.is_some() && user.client_key_data.is_some() {
            faults.push(format!("client-key-data and client-key are both specified for {name}; client-key-data will override"));
        }
        if user.client_key.is_none() && user.client_key_data.is_none() {
            faults.push(format!("client-key-data or client-key must be specified for {name} to use the clientCert authentication method."));
        }
        for (what, path) in [
            ("client-cert", certificate),
            ("client-key", &user.client_key),
        ] {
            if let Some(path) = path {
                readable(what, &path.value, name, opens, faults);
            }
        }
    }
    if let Some(exec) = &user.exec {
        let needed =
            |what| format!("{what} must be specified for {name} to use exec authentication plugin");
        if user.auth_provider.is_some() {
            faults.push(format!(
                "authProvider cannot be provided in combination with an exec plugin for {name}"
            ));
        }
        if exec.command.is_empty() {
            faults.push(needed("command"));
        }
        if exec.api_version.is_empty() {
            faults.push(needed("apiVersion"));
        }
        if exec.nameless_env > 0 {
            faults.push(needed("env variable name"));
        }
        match exec.interactive_mode.as_str() {
            "" => faults.push(needed("interactiveMode")),
            "Never" | "IfAvailable" | "Always" => {}
            mode => faults.push(format!(
                "invalid interactiveMode for {name}: {}",
                quoted(mode)
            )),
        }
    }
    if user.token.is_some() && (user.username.is_some() || user.password.is_some()) {
        faults.push(format!("more than one authentication method found for {name}; found [token basicAuth], only one is allowed"));
    }
    let more = [
        &user.impersonate_uid,
        &user.impersonate_groups,
        &user.impersonate_extra,
    ];
    if user.impersonate.is_none() && more.iter().any(|field| field.is_some()) {
        faults.push(format!(
            "requesting uid, groups or user-extra for {name} without impersonating a user"
        ));
    }
}

fn cluster_faults(
    context: &Context,
    cluster: Option<&Cluster>,
    opens: &dyn Fn(&str) -> bool,
    faults: &mut Vec<String>,
) {
    let name = &context.cluster;
    if cluster.is_none_or(|cluster| cluster.server.is_none()) {
        faults.push(match name.as_str() {
            "" => "default cluster has no server defined".to_owned(),
            name => format!("no server found for cluster {}", quoted(name)),
        });
    }
    let Some(cluster) = cluster else { return };
    if let (Some(url), Some(why)) = (&cluster.proxy_url, &cluster.proxy_fault) {
        let (url, name) = (quoted(&url.value), quoted(name));
        faults.push(format!(
            "invalid 'proxy-url' {url} for cluster {name}: {why}"
        ));
    }
    let Some(path) = &cluster.certificate_authority else {
        return;
    };
    if cluster.certificate_authority_data.is_some() {
        faults.push(format!("certificate-authority-data and certificate-authority are both specified for {name}. certificate-authority-data will override."));
    }
    readable("certificate-authority", &path.value, name, opens, faults);
}

fn readable(
    what: &str,
    path: &str,
    name: &str,
    opens: &dyn Fn(&str) -> bool,
    faults: &mut Vec<String>,
) {
    if !opens(path) {
        faults.push(format!(
            "unable to read {what} {path} for {name} due to open {path}: no such file or directory"
        ));
    }
}
