//! client-go's `ConfirmUsable`: tools/clientcmd/validation.go.

use super::{Cluster, Context, Kubeconfig, Problem, User, Written};
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
            return Err(invalid(&[(EMPTY.to_owned(), None)]));
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
            return Err(invalid(&[(fault, Some(current.line))]));
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
        Err(invalid(&faults))
    }
}

/// What client-go finds wrong, and the line of it.
type Fault = (String, Option<usize>);

/// All of it in one message; the line is the first one's.
fn invalid(faults: &[Fault]) -> Problem {
    let mut told: Vec<&str> = Vec::new();
    for (fault, _) in faults {
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
        line: faults.first().and_then(|(_, line)| *line),
        unjudged: false,
    }
}

fn context_faults(context: &Context, config: &Kubeconfig, faults: &mut Vec<Fault>) {
    let name = quoted(&context.name);
    let mut push = |fault: String| faults.push((fault, Some(context.line)));
    if context.user.is_empty() {
        push(format!("user was not specified for context {name}"));
    } else if config.user.is_none() {
        let user = quoted(&context.user);
        push(format!("user {user} was not found for context {name}"));
    }
    if context.cluster.is_empty() {
        push(format!("cluster was not specified for context {name}"));
    } else if config.cluster.is_none() {
        let cluster = quoted(&context.cluster);
        push(format!(
            "cluster {cluster} was not found for context {name}"
        ));
    }
    if !context.namespace.is_empty() && !is_label(&context.namespace) {
        let namespace = quoted(&context.namespace);
        push(format!(
            "namespace {namespace} for context {name} does not conform to the kubernetes DNS_LABEL rules"
        ));
    }
}

/// A DNS label of RFC 1123.
fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn user_faults(user: &User, opens: &dyn Fn(&str) -> bool, faults: &mut Vec<Fault>) {
    let name = &user.name;
    let (certificate, certificate_data) = (&user.client_certificate, &user.client_certificate_data);
    if certificate.is_some() || certificate_data.is_some() {
        if certificate.is_some() && certificate_data.is_some() {
            let fault = format!(
                "client-cert-data and client-cert are both specified for {name}. client-cert-data will override."
            );
            faults.push((fault, line(certificate_data)));
        }
        if user.client_key.is_some() && user.client_key_data.is_some() {
            let fault = format!(
                "client-key-data and client-key are both specified for {name}; client-key-data will override"
            );
            faults.push((fault, line(&user.client_key_data)));
        }
        if user.client_key.is_none() && user.client_key_data.is_none() {
            let fault = format!(
                "client-key-data or client-key must be specified for {name} to use the clientCert authentication method."
            );
            faults.push((fault, Some(user.line)));
        }
        for (what, path) in [
            ("client-cert", certificate),
            ("client-key", &user.client_key),
        ] {
            if let Some(path) = path {
                readable(what, path, name, opens, faults);
            }
        }
    }
    if let Some(exec) = &user.exec {
        let mut push = |fault: String| faults.push((fault, Some(exec.line)));
        let needed =
            |what| format!("{what} must be specified for {name} to use exec authentication plugin");
        if user.auth_provider.is_some() {
            push(format!(
                "authProvider cannot be provided in combination with an exec plugin for {name}"
            ));
        }
        if exec.command.is_empty() {
            push(needed("command"));
        }
        if exec.api_version.is_empty() {
            push(needed("apiVersion"));
        }
        if exec.nameless_env > 0 {
            push(needed("env variable name"));
        }
        match exec.interactive_mode.as_str() {
            "" => push(needed("interactiveMode")),
            "Never" | "IfAvailable" | "Always" => {}
            mode => push(format!(
                "invalid interactiveMode for {name}: {}",
                quoted(mode)
            )),
        }
    }
    if user.token.is_some() && (user.username.is_some() || user.password.is_some()) {
        let fault = format!(
            "more than one authentication method found for {name}; found [token basicAuth], only one is allowed"
        );
        faults.push((fault, line(&user.token)));
    }
    let more = [
        &user.impersonate_uid,
        &user.impersonate_groups,
        &user.impersonate_extra,
    ];
    if user.impersonate.is_none() && more.iter().any(|field| field.is_some()) {
        let fault =
            format!("requesting uid, groups or user-extra for {name} without impersonating a user");
        let first = more.iter().find_map(|field| field.as_ref());
        faults.push((fault, first.map(|field| field.line)));
    }
}

fn cluster_faults(
    context: &Context,
    cluster: Option<&Cluster>,
    opens: &dyn Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) {
    let name = &context.cluster;
    if cluster.is_none_or(|cluster| cluster.server.is_none()) {
        let fault = match name.as_str() {
            "" => "default cluster has no server defined".to_owned(),
            name => format!("no server found for cluster {}", quoted(name)),
        };
        let line = cluster.map_or(context.line, |cluster| cluster.line);
        faults.push((fault, Some(line)));
    }
    let Some(cluster) = cluster else { return };
    if let (Some(url), Some(why)) = (&cluster.proxy_url, &cluster.proxy_fault) {
        let (shown, name) = (quoted(&url.value), quoted(name));
        let fault = format!("invalid 'proxy-url' {shown} for cluster {name}: {why}");
        faults.push((fault, Some(url.line)));
    }
    let Some(path) = &cluster.certificate_authority else {
        return;
    };
    if let Some(data) = &cluster.certificate_authority_data {
        let fault = format!(
            "certificate-authority-data and certificate-authority are both specified for {name}. certificate-authority-data will override."
        );
        faults.push((fault, Some(data.line)));
    }
    readable("certificate-authority", path, name, opens, faults);
}

fn line<T>(written: &Option<Written<T>>) -> Option<usize> {
    written.as_ref().map(|written| written.line)
}

fn readable(
    what: &str,
    named: &Written<String>,
    name: &str,
    opens: &dyn Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) {
    let path = &named.value;
    if !opens(path) {
        let fault = format!(
            "unable to read {what} {path} for {name} due to open {path}: no such file or directory"
        );
        faults.push((fault, Some(named.line)));
    }
}
