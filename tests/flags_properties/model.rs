//! What a node gives kube-proxy, before it is written down.

use std::collections::BTreeMap;

use proptest::prelude::*;

/// What counts of each flag; the values of a list are joined.
pub type Pairs = BTreeMap<String, String>;

/// Where the flags stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Unit,
    Lines,
    K3s,
    Manifest,
}

impl Form {
    pub const ALL: [Form; 4] = [Form::Unit, Form::Lines, Form::K3s, Form::Manifest];
}

/// How one flag is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `--name=value`, and `--name` alone for what is true.
    Joined,
    /// `--name value`
    Apart,
    /// In quotes.
    Quoted,
    /// With `_` in the name.
    Underscored,
    /// In a variable, a reference, or a drop-in that adds to the list.
    Elsewhere,
}

/// What makes a file odd. Each is read right, or the edit is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    None,
    LaterDropIn,
    LastDropIn,
    EarlierDropIn,
    Prefix,
    NamesItself,
    ThroughNice,
    Specifier,
    Backslash,
    TwoCommands,
    Shell,
    EndOfFlags,
    Dangling,
    Secret,
    Crlf,
    NoLastNewline,
    Comments,
    Scalar,
    NoFile,
    Generated,
}

const ODDITIES: &[Oddity] = &[
    Oddity::None,
    Oddity::None,
    Oddity::None,
    Oddity::None,
    Oddity::None,
    Oddity::None,
    Oddity::LaterDropIn,
    Oddity::LastDropIn,
    Oddity::EarlierDropIn,
    Oddity::Prefix,
    Oddity::NamesItself,
    Oddity::ThroughNice,
    Oddity::Specifier,
    Oddity::Backslash,
    Oddity::TwoCommands,
    Oddity::Shell,
    Oddity::EndOfFlags,
    Oddity::Dangling,
    Oddity::Secret,
    Oddity::Crlf,
    Oddity::NoLastNewline,
    Oddity::Comments,
    Oddity::Scalar,
    Oddity::NoFile,
    Oddity::Generated,
];

#[derive(Clone, Debug)]
pub struct Case {
    pub form: Form,
    pub flags: Vec<(&'static str, &'static str, Spelling)>,
    pub wanted: (&'static str, &'static str),
    pub oddity: Oddity,
    /// Chooses between what means the same.
    pub style: u64,
}

/// Flags and values that kube-proxy accepts together.
const FLAGS: &[(&str, &[&str])] = &[
    (
        "metrics-bind-address",
        &["0.0.0.0", "0.0.0.0:9999", "127.0.0.1", "[::]:10249"],
    ),
    ("healthz-bind-address", &["0.0.0.0:10256", "10.0.0.1"]),
    ("bind-address", &["0.0.0.0", "10.0.0.1", "::"]),
    ("profiling", &["true", "false"]),
    ("bind-address-hard-fail", &["true", "false"]),
    ("iptables-localhost-nodeports", &["true"]),
    ("masquerade-all", &["true"]),
    (
        "nodeport-addresses",
        &["0.0.0.0/0", "10.0.0.0/8", "0.0.0.0/1"],
    ),
    ("v", &["2", "4"]),
    ("hostname-override", &["worker-1"]),
    ("kubeconfig", &["/var/lib/kube-proxy/kubeconfig"]),
    ("metrics-port", &["9999", "10249"]),
    ("oom-score-adj", &["-998"]),
];

/// What is to be set; none of these values counts before.
const WANTED: &[(&str, &str)] = &[
    ("metrics-bind-address", "127.0.0.2:10249"),
    ("metrics-bind-address", "[::1]:10249"),
    ("healthz-bind-address", "192.0.2.7:10256"),
    ("bind-address", "192.0.2.7"),
    ("profiling", "changed"),
    ("bind-address-hard-fail", "changed"),
    ("iptables-localhost-nodeports", "false"),
    ("nodeport-addresses", "192.0.2.0/24"),
];

pub const BOOLEAN: &[&str] = &[
    "profiling",
    "bind-address-hard-fail",
    "iptables-localhost-nodeports",
    "masquerade-all",
];

pub fn case() -> impl Strategy<Value = Case> {
    let spelling = prop::sample::select(vec![
        Spelling::Joined,
        Spelling::Joined,
        Spelling::Joined,
        Spelling::Apart,
        Spelling::Quoted,
        Spelling::Underscored,
        Spelling::Elsewhere,
    ]);
    let flag = (
        prop::sample::select(FLAGS),
        any::<prop::sample::Index>(),
        spelling,
    );
    let flag =
        flag.prop_map(|((name, values), index, spelling)| (name, *index.get(values), spelling));
    let form = prop::sample::select(&Form::ALL[..]);
    let wanted = prop::sample::select(WANTED);
    let oddity = prop::sample::select(ODDITIES);
    (
        form,
        prop::collection::vec(flag, 0..7),
        wanted,
        oddity,
        any::<u64>(),
    )
        .prop_map(|(form, mut flags, wanted, oddity, style)| {
            // What stands elsewhere comes last in all forms.
            flags.sort_by_key(|(.., spelling)| *spelling == Spelling::Elsewhere);
            // A list whose parts are given in two ways counts in an order that is not tried here.
            if form == Form::K3s {
                flags.retain(|(.., spelling)| *spelling != Spelling::Apart);
            }
            if oddity == Oddity::Scalar {
                flags.truncate(1);
            }
            if oddity == Oddity::NoFile && form == Form::K3s {
                flags.clear();
            }
            let wanted = match wanted {
                (name, "changed") => {
                    let last = flags.iter().rfind(|(given, ..)| *given == name);
                    let on = last.is_some_and(|(_, value, _)| *value == "true");
                    (name, if on { "false" } else { "true" })
                }
                wanted => wanted,
            };
            Case {
                form,
                flags,
                wanted,
                oddity,
                style,
            }
        })
}

/// Flags that only make a file odd.
const ODD: &[&str] = &["x", "nonesuch", "token"];

/// What counts: of a list all values, of others the last.
pub fn counting(flags: impl Iterator<Item = (String, String)>) -> Pairs {
    let mut found = Pairs::new();
    for (name, value) in flags.filter(|(name, _)| !ODD.contains(&name.as_str())) {
        match found.get_mut(&name) {
            Some(earlier) if name == "nodeport-addresses" => {
                earlier.push(',');
                earlier.push_str(&value);
            }
            _ => {
                found.insert(name, value);
            }
        }
    }
    found
}

impl Case {
    /// What counts before the edit.
    pub fn given(&self) -> Pairs {
        let flags = self.flags.iter();
        counting(flags.map(|(name, value, _)| (name.to_string(), value.to_string())))
    }

    /// What has to count behind it: a list is replaced, never added to.
    pub fn expected(&self) -> Pairs {
        let mut given = self.given();
        given.insert(self.wanted.0.into(), self.wanted.1.into());
        given
    }

    /// True for a flag that the agent gives by itself and the case does not speak of.
    pub fn is_default(&self, name: &str, value: &str) -> bool {
        let own = [
            ("conntrack-max-per-core", "0"),
            ("conntrack-tcp-timeout-close-wait", "0s"),
            ("conntrack-tcp-timeout-established", "0s"),
            ("healthz-bind-address", "127.0.0.1"),
            (
                "kubeconfig",
                "/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig",
            ),
            ("proxy-mode", "iptables"),
        ];
        self.form == Form::K3s && own.contains(&(name, value))
    }

    /// One of so many choices that mean the same; each `place` has its own.
    pub fn choice(&self, place: u32, of: u64) -> u64 {
        (self.style.rotate_right(place * 7) ^ u64::from(place)) % of
    }
}
