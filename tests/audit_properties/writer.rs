//! How an event is written, in every form that JSON allows.

use crate::lines::{NUMBERS, Numbers, ODD};

/// Users that a log knows, and names that only look like one.
const USERS: &[&str] = &[
    "system:kube-proxy",
    "system:kube-proxy",
    "system:serviceaccount:kube-system:kube-proxy",
    "system:serviceaccount:kube-system:kube-proxy",
    "system:serviceaccount:kube-system:kube-proxy-2",
    "system:kube-proxy ",
    "System:Kube-Proxy",
    "kube-proxy",
    "system:node:node-1",
    "alice",
    "müller & söhne/admin",
    "",
];
const AGENTS: &[&str] = &[
    "kube-proxy/v1.36.2 (linux/amd64) kubernetes/$Format",
    "kubelet/v1.36.2",
    "curl/8 kube-proxy/",
    "\u{1f600}\t\"quoted\"\\",
    "",
];
const GROUPS: &[&str] = &[
    "system:nodes",
    "system:masters",
    "system:authenticated",
    "",
    "grün",
];
const TIMES: &[&str] = &[
    "2026-11-23T16:14:35.011937Z",
    "2026-11-23T16:14:36.000000Z",
    "2026-11-23T16:15:59Z",
    "2026-11-23T16:16:00.999999999Z",
    "2024-02-29t23:59:59.9z",
    "2026-11-24T00:00:00.000001Z",
    "9999-12-31T23:59:59Z",
    "1970-01-01T00:01:00Z",
    "2026-02-29T00:00:00Z",
    "2026-11-23T16:14:60Z",
    "2026-11-23 16:14:35Z",
    "2026-11-23T16:14:35+01:00",
    "",
];

/// How one writer writes.
pub struct Style {
    /// One in so many places has white space; none has.
    pub blank: Option<usize>,
    /// One in so many letters is an escape, where there need be none.
    pub escape: Option<usize>,
}

/// Writes an event's object.
pub struct Writer<'n> {
    pub out: Vec<u8>,
    pub style: Style,
    pub numbers: &'n mut Numbers,
}

impl Writer<'_> {
    fn blank(&mut self) {
        if self
            .style
            .blank
            .is_some_and(|often| self.numbers.one_in(often))
        {
            self.out.push(*self.numbers.of(&[&b' ', &b'\t', &b'\r']));
        }
    }

    fn byte(&mut self, byte: u8) {
        self.blank();
        self.out.push(byte);
        self.blank();
    }

    fn raw(&mut self, text: &str) {
        self.out.extend(text.bytes());
    }

    pub fn object(&mut self, keys: &[&str], value: &mut dyn FnMut(&mut Self, &str)) {
        self.byte(b'{');
        for (at, key) in keys.iter().enumerate() {
            if at > 0 {
                self.byte(b',');
            }
            self.text(key);
            self.byte(b':');
            value(self, key);
        }
        self.byte(b'}');
    }

    fn list(&mut self, length: usize, item: &mut dyn FnMut(&mut Self)) {
        self.byte(b'[');
        for at in 0..length {
            if at > 0 {
                self.byte(b',');
            }
            item(self);
        }
        self.byte(b']');
    }

    /// A text, written as Go does or with escapes where there need be none.
    fn text(&mut self, text: &str) {
        self.out.push(b'"');
        for letter in text.chars() {
            let escape = self
                .style
                .escape
                .is_some_and(|often| self.numbers.one_in(often));
            match letter {
                '"' | '\\' => {
                    self.out.push(b'\\');
                    self.out.push(letter as u8);
                }
                '\t' if !escape => self.raw("\\t"),
                '/' if escape => self.raw("\\/"),
                '&' | '<' | '>' | '\0'..' ' => self.escape(letter),
                _ if escape => self.escape(letter),
                _ => self.raw(&letter.to_string()),
            }
        }
        if self.numbers.one_in(150) {
            let odd = self.numbers.of(ODD);
            self.out.extend(odd);
        }
        self.out.push(b'"');
    }

    fn escape(&mut self, letter: char) {
        let mut room = [0; 2];
        for unit in letter.encode_utf16(&mut room) {
            let text = if self.numbers.one_in(2) {
                format!("\\u{unit:04x}")
            } else {
                format!("\\u{unit:04X}")
            };
            self.raw(&text);
        }
    }

    /// Any value at all.
    fn anything(&mut self, depth: usize) {
        match self.numbers.below(if depth > 3 { 5 } else { 8 }) {
            0 => self.raw("null"),
            1 => self.raw("true"),
            2 if self.numbers.one_in(20) => {
                let digits = "7".repeat(4090 + self.numbers.below(10));
                self.raw(&digits);
            }
            2 => {
                let number = self.numbers.of(NUMBERS);
                self.raw(number);
            }
            3 => {
                let text = self.numbers.of(USERS);
                self.text(text);
            }
            4 => self.raw("{}"),
            5 => {
                let length = self.numbers.below(4);
                self.list(length, &mut |writer| writer.anything(depth + 1));
            }
            _ => {
                let keys = ["username", "stage", "code", "a", "groups"];
                let length = self.numbers.below(keys.len());
                self.object(&keys[..length], &mut |writer, _| writer.anything(depth + 1));
            }
        }
    }

    fn one_of(&mut self, all: &[&str]) {
        let text = self.numbers.of(all);
        self.text(text);
    }

    pub fn field(&mut self, field: &str) {
        if self.numbers.one_in(60) {
            return self.anything(0);
        }
        match field {
            "kind" if self.numbers.one_in(30) => self.one_of(&["Status", ""]),
            "kind" => self.one_of(&["Event"]),
            "stage" => self.one_of(&[
                "ResponseStarted",
                "ResponseComplete",
                "ResponseComplete",
                "RequestReceived",
                "Panic",
                "Later",
            ]),
            "auditID" => {
                let id = format!("id-{}", self.numbers.below(12));
                self.text(&id);
            }
            "verb" => self.one_of(&["watch", "list", "get", "create", "wat\u{1f600}ch"]),
            "requestURI" => self.one_of(&[
                "/api/v1/services?limit=500&watch=true",
                "/livez",
                "/a?user=system:kube-proxy",
                "",
            ]),
            "userAgent" => self.one_of(AGENTS),
            "requestReceivedTimestamp" | "stageTimestamp" => {
                let right = !self.numbers.one_in(30);
                self.one_of(if right { &TIMES[..8] } else { TIMES });
            }
            "sourceIPs" => {
                let length = self.numbers.below(4);
                self.list(length, &mut |writer| {
                    writer.one_of(&["10.0.0.1", "10.0.0.2", "::1", ""])
                });
            }
            "user" | "impersonatedUser" => self.user(),
            "objectRef" => {
                let keys = [
                    "resource",
                    "namespace",
                    "name",
                    "apiGroup",
                    "uid",
                    "subresource",
                ];
                let length = self.numbers.below(keys.len() + 1);
                self.object(&keys[..length], &mut |writer, key| match key {
                    "resource" => writer.one_of(&["services", "nodes", "kube-proxy", ""]),
                    "apiGroup" => writer.one_of(&["discovery.k8s.io", ""]),
                    _ => writer.one_of(&["kube-system", "kube-proxy", "default", ""]),
                });
            }
            "responseStatus" => {
                let keys = self.numbers.of(&[
                    &["metadata", "code"][..],
                    &["code"],
                    &["code", "code"],
                    &["status"],
                ]);
                self.object(keys, &mut |writer, key| match key {
                    "code" => {
                        let codes: &[&str] = if writer.numbers.one_in(20) {
                            NUMBERS
                        } else {
                            &["200", "401", "403"]
                        };
                        let code = writer.numbers.of(codes);
                        writer.raw(code);
                    }
                    _ => writer.anything(0),
                });
            }
            _ => self.anything(0),
        }
    }

    fn user(&mut self) {
        let keys: &[&[&str]] = &[
            &["username", "groups"],
            &["username", "uid", "groups", "extra"],
            &["extra", "groups", "username"],
            &["username", "username"],
            &["username"],
            &[],
        ];
        let keys = self.numbers.of(keys);
        self.object(keys, &mut |writer, key| match key {
            "username" => writer.one_of(USERS),
            "groups" if !writer.numbers.one_in(20) => {
                let length = writer.numbers.below(4);
                writer.list(length, &mut |writer| writer.one_of(GROUPS));
            }
            "extra" if !writer.numbers.one_in(20) => {
                let keys = ["a", "authentication.kubernetes.io/credential-id"];
                writer.object(&keys, &mut |writer, _| {
                    let length = writer.numbers.below(3);
                    writer.list(length, &mut |writer| {
                        writer.one_of(&["JTI=1", "X509SHA256=2"])
                    });
                });
            }
            _ => writer.anything(0),
        });
    }
}
