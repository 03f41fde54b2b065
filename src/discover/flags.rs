//! Command-line flags as Kubernetes' components read them (Go's pflag).

use crate::facts::Origin;

/// Flags of kube-proxy, kubelet and kube-apiserver that take no separate value: `--profiling x` leaves `x`
/// alone. Source: the components' own flag sets, 1.36.
const BOOLEAN: &[&str] = &[
    "add-dir-header",
    "aggregator-reject-forwarding-redirect",
    "allow-privileged",
    "alsologtostderr",
    "anonymous-auth",
    "audit-log-batch-throttle-enable",
    "audit-log-compress",
    "audit-log-truncate-enabled",
    "audit-webhook-batch-throttle-enable",
    "audit-webhook-truncate-enabled",
    "bind-address-hard-fail",
    "cleanup",
    "conntrack-tcp-be-liberal",
    "contention-profiling",
    "disable-http2-serving",
    "emulation-forward-compatible",
    "enable-aggregator-routing",
    "enable-bootstrap-token-auth",
    "enable-dsr",
    "enable-garbage-collector",
    "enable-logs-handler",
    "enable-priority-and-fairness",
    "encryption-provider-config-automatic-reload",
    "forward-healthcheck-vip",
    "help",
    "init-only",
    "ipvs-strict-arp",
    "iptables-localhost-nodeports",
    "log-json-split-stream",
    "log-text-split-stream",
    "logtostderr",
    "masquerade-all",
    "one-output",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "runonce",
    "runtime-config-emulation-forward-compatible",
    "service-account-extend-token-expiration",
    "service-account-lookup",
    "shutdown-send-retry-after",
    "skip-headers",
    "skip-log-headers",
    "watch-cache",
    "windows-service",
];

/// What no flag's name begins with.
const NO_NAME: [char; 3] = ['-', '=', '_'];

/// One flag as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    /// The name without dashes; `_` is read as `-`, as pflag's normalisation does.
    pub name: String,
    /// The value; `None` for a flag without one.
    pub value: Option<String>,
    /// Where it was read.
    pub origin: Origin,
}

/// A flag and the words that give it.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The name, as in [`Flag`].
    pub name: String,
    /// The value as it stands there: it may be a secret.
    pub value: Option<String>,
    /// The words that give it, by position: one, or two where the value is a word of its own.
    pub words: std::ops::Range<usize>,
}

impl Given {
    /// The flag without its secrets.
    pub fn shown(&self, origin: &Origin) -> Flag {
        let value = self.value.clone();
        Flag {
            value: value.map(|value| without_secrets(&self.name, value)),
            name: self.name.clone(),
            origin: origin.clone(),
        }
    }

    /// True when it is not shown as it stands there.
    pub fn is_secret(&self) -> bool {
        self.shown(&Origin::DEFAULT).value != self.value
    }
}

/// Reads the flags of an argument list (without the program's name). Other words are skipped; `--`
/// ends the flags.
pub fn parse(words: &[String], origin: &Origin) -> Vec<Flag> {
    let given = given(words);
    given.iter().map(|given| given.shown(origin)).collect()
}

/// The same with the words that give each flag, and with what may be secret.
pub fn given(words: &[String]) -> Vec<Given> {
    let mut flags = Vec::new();
    let mut rest = words.iter().enumerate().peekable();
    while let Some((at, word)) = rest.next() {
        if word == "--" {
            break;
        }
        let (name, value) = if let Some(long) = word.strip_prefix("--") {
            // pflag's "bad flag syntax", or a name that no flag has: what was given it did not start.
            if long.starts_with(NO_NAME) {
                continue;
            }
            match long.split_once('=') {
                Some((name, value)) => (name.to_string(), Some(value.to_string())),
                None => (long.to_string(), None),
            }
        } else if let Some(short) = word
            .strip_prefix('-')
            .filter(|short| !short.is_empty() && !short.starts_with(NO_NAME))
        {
            // The only short flag that matters is klog's -v: -v=2, -v 2, -v2.
            let mut letters = short.chars();
            let name = letters.next().map(String::from).unwrap_or_default();
            match letters.as_str() {
                "" => (name, None),
                value => (
                    name,
                    Some(value.strip_prefix('=').unwrap_or(value).to_string()),
                ),
            }
        } else {
            continue;
        };
        let name = name.replace('_', "-");
        let (value, end) = match value {
            Some(value) => (Some(value), at + 1),
            None if BOOLEAN.contains(&name.as_str()) || name == "version" => (None, at + 1),
            None => match rest.next_if(|(_, next)| *next != "--") {
                Some((at, value)) => (Some(value.clone()), at + 1),
                None => (None, at + 1),
            },
        };
        flags.push(Given {
            name,
            value,
            words: at..end,
        });
    }
    flags
}

/// No kube-proxy reads a secret from its flags, but people have put them there, and every flag is shown.
fn without_secrets(name: &str, value: String) -> String {
    let secret = name == "token" || name.ends_with("-token");
    if secret || name.contains("password") || name.contains("secret") {
        return "***".into();
    }
    // user:password@ in a URL.
    if let Some((scheme, rest)) = value.split_once("://")
        && let Some((_, host)) = rest.rsplit_once('@')
    {
        return format!("{scheme}://{host}");
    }
    value
}

/// The value that counts: of repeated flags the last.
pub fn last<'a>(flags: &'a [Flag], name: &str) -> Option<&'a Flag> {
    flags.iter().rev().find(|flag| flag.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Vec<(String, Option<String>)> {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        parse(&words, &Origin::flag(None))
            .into_iter()
            .map(|flag| (flag.name, flag.value))
            .collect()
    }

    fn flag(name: &str, value: Option<&str>) -> (String, Option<String>) {
        (name.into(), value.map(String::from))
    }

    #[test]
    fn both_spellings_mean_the_same() {
        assert_eq!(
            read(&[
                "--config=/a",
                "--kubeconfig",
                "/b",
                "-v=2",
                "-v",
                "4",
                "-v6"
            ]),
            [
                flag("config", Some("/a")),
                flag("kubeconfig", Some("/b")),
                flag("v", Some("2")),
                flag("v", Some("4")),
                flag("v", Some("6")),
            ]
        );
    }

    #[test]
    fn a_boolean_flag_does_not_eat_the_next_word() {
        assert_eq!(
            read(&["--profiling", "--config", "/a", "--masquerade_all", "x"]),
            [
                flag("profiling", None),
                flag("config", Some("/a")),
                flag("masquerade-all", None),
            ]
        );
    }

    #[test]
    fn a_boolean_flag_of_the_api_server_does_not_eat_the_next_word() {
        for name in [
            "--allow-privileged",
            "--anonymous-auth",
            "--enable-bootstrap-token-auth",
        ] {
            let read = read(&[name, "--audit-log-path=/x"]);
            assert_eq!(
                read.last(),
                Some(&flag("audit-log-path", Some("/x"))),
                "{name}"
            );
        }
    }

    #[test]
    fn only_one_equals_sign_stands_between_a_short_flag_and_its_value() {
        assert_eq!(read(&["-v==2"]), [flag("v", Some("=2"))]);
    }

    #[test]
    fn what_pflag_refuses_is_no_flag() {
        assert_eq!(
            read(&["--=x", "---config=/a", "--_config=/a", "-=x", "-_", "-"]),
            []
        );
    }

    #[test]
    fn an_at_sign_before_the_scheme_takes_nothing_away() {
        assert_eq!(read(&["--x=a@b://c"]), [flag("x", Some("a@b://c"))]);
        assert_eq!(read(&["--x=a@b://u:p@c"]), [flag("x", Some("a@b://c"))]);
    }

    #[test]
    fn nothing_is_read_behind_two_dashes() {
        assert_eq!(read(&["--", "--config=/a"]), []);
        assert_eq!(read(&["--config"]), [flag("config", None)]);
    }
}
