//! Random lines: events in every form that JSON allows, and what is none.

use tighten::auditlog::long::LONG;

use crate::writer::{Style, Writer};

/// Numbers without a pattern (splitmix64; Steele, Lea and Flood 2014).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ number >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % bound.max(1)
    }

    pub fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    pub fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

pub const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "200",
    "401",
    "403",
    "65535",
    "65536",
    "-1",
    "1.5",
    "-1.25e-3",
    "2e+400",
    "1E9",
    "18446744073709551616",
    "200.0",
    "2e2",
];
const NO_NUMBERS: &[&str] = &[
    "01", "-", "1.", ".5", "1e", "+1", "0x10", "NaN", "1e+", "tru", "nul", "True",
];
pub const ODD: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\r",
    b"\t",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\x0c",
    b"\xc3",
    b"\\u0000",
    b"\\ud800",
    b"kube-proxy",
    b"null",
    b"\x1f",
    b"\n",
    b"\\u006",
];

/// A line without its end, the same for the same seed.
pub fn line(seed: u64) -> Vec<u8> {
    let numbers = &mut Numbers::new(seed);
    let mut line = match numbers.below(40) {
        0 => return blank(numbers),
        1 => scalar(numbers),
        2 => deep(numbers),
        3 => (0..numbers.below(80))
            .flat_map(|_| numbers.of(ODD).to_vec())
            .collect(),
        4 => b"\0".repeat(numbers.below(300)),
        _ => event(numbers, 0),
    };
    if numbers.one_in(5) {
        for _ in 0..=numbers.below(3) {
            damage(&mut line, numbers);
        }
    }
    if numbers.one_in(10) {
        line.push(b'\r');
    }
    line
}

/// A line as long as a piece of the log or longer, or about as long as is held.
pub fn long_line(seed: u64) -> Vec<u8> {
    let numbers = &mut Numbers::new(seed);
    let size = match numbers.below(4) {
        0 => 200_000 + numbers.below(200_000),
        1 => LONG + 1 + numbers.below(90_000),
        _ => LONG - 3 + numbers.below(6),
    };
    let mut line = if numbers.one_in(12) {
        let start = numbers.below(3);
        [&b" \x0c"[..start.min(2)], &b" ".repeat(size)].concat()
    } else {
        event(numbers, size)
    };
    if numbers.one_in(4) {
        damage(&mut line, numbers);
    }
    line
}

fn blank(numbers: &mut Numbers) -> Vec<u8> {
    (0..numbers.below(4))
        .map(|_| *numbers.of(&[&b' ', &b'\r', &b'\t', &b'\x0c']))
        .collect()
}

fn scalar(numbers: &mut Numbers) -> Vec<u8> {
    match numbers.below(4) {
        0 => numbers.of(NUMBERS).into(),
        1 => numbers.of(NO_NUMBERS).into(),
        2 => b"\"kube-proxy\"".to_vec(),
        _ => b"[{\"kind\":\"Event\",\"stage\":\"Panic\"}]".to_vec(),
    }
}

/// About as deep as is followed.
fn deep(numbers: &mut Numbers) -> Vec<u8> {
    let levels = if numbers.one_in(3) {
        numbers.below(300)
    } else {
        1018 + numbers.below(10)
    };
    let (open, close) = match numbers.below(3) {
        0 => ("[", "]"),
        1 => ("{\"a\":", "}"),
        _ => ("[[0],", "]"),
    };
    let inner = numbers.of(&["1", "[]", "{}", "\"kube-proxy\"", ""]);
    let value = [&open.repeat(levels), inner, &close.repeat(levels)].concat();
    let around = numbers.of(&[
        "V",
        "{\"stage\":\"Panic\",\"x\":V}",
        "{\"user\":{\"extra\":V},\"stage\":\"Panic\"}",
        "{\"user\":{\"x\":V,\"username\":\"system:kube-proxy\"},\"stage\":\"Panic\"}",
        "{\"stage\":\"Panic\",\"verb\":V}",
    ]);
    around.replace('V', &value).into()
}

fn damage(line: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(line.len() + 1);
    let to = (at + numbers.below(12)).min(line.len());
    match numbers.below(5) {
        0 => line.truncate(at),
        1 => drop(line.drain(at..to)),
        2 => {
            let again = line[at..to].to_vec();
            line.splice(at..at, again);
        }
        3 if at < line.len() => line[at] ^= 1 << numbers.below(8),
        _ => drop(line.splice(at..at, numbers.of(ODD).iter().copied())),
    }
}

fn event(numbers: &mut Numbers, size: usize) -> Vec<u8> {
    let style = Style {
        blank: numbers.one_in(4).then(|| 1 + numbers.below(6)),
        escape: numbers.one_in(4).then(|| 1 + numbers.below(20)),
    };
    let mut fields = vec![
        "kind",
        "apiVersion",
        "level",
        "auditID",
        "stage",
        "requestURI",
        "verb",
        "user",
        "sourceIPs",
        "userAgent",
        "objectRef",
        "responseStatus",
        "requestReceivedTimestamp",
        "stageTimestamp",
        "annotations",
    ];
    for field in [
        "impersonatedUser",
        "requestObject",
        "Stage",
        "userName",
        "",
        "user\0",
        "größe",
    ] {
        if numbers.one_in(6) {
            fields.insert(numbers.below(fields.len()), field);
        }
    }
    if numbers.one_in(8) {
        let again = fields[numbers.below(fields.len())];
        fields.insert(numbers.below(fields.len()), again);
    }
    if numbers.one_in(3) {
        for at in 0..fields.len() {
            let other = numbers.below(fields.len());
            fields.swap(at, other);
        }
    }
    fields.retain(|_| !numbers.one_in(25));
    let mut writer = Writer {
        out: Vec::new(),
        style,
        numbers,
    };
    writer.object(&fields, &mut |writer, field| writer.field(field));
    let mut out = writer.out;
    if size > out.len() + 20 {
        fill(&mut out, size, numbers);
    }
    out
}

/// Puts a value into the event's object so that it becomes so long: text, a list, or a field that is needed.
fn fill(out: &mut Vec<u8>, size: usize, numbers: &mut Numbers) {
    let open = out.iter().position(|byte| *byte == b'{').unwrap() + 1;
    let key = numbers.of(&[
        "\"requestObject\":",
        "\"requestObject\":",
        "\"verb\":",
        "\"extra\":",
        "\"user\":",
    ]);
    let (first, unit, last) = match numbers.below(4) {
        0 => ("\"", "a", "\""),
        1 => ("\"", "\\u0026", "\""),
        2 => ("[", "1,", "1]"),
        _ => ("{", "\"a\":{ \"b\": [\"kube-proxy\"]},", "\"z\":0}"),
    };
    let rest = out.split_off(open);
    out.extend([key, first].concat().bytes());
    let room = (size - open - rest.len()).saturating_sub(key.len() + first.len() + last.len() + 1);
    out.extend(unit.repeat(room / unit.len()).bytes());
    out.extend([last, ","].concat().bytes());
    // White space makes up for what the unit leaves over.
    out.extend(vec![b' '; size.saturating_sub(out.len() + rest.len())]);
    out.extend(rest);
}
