//! What an event says, from the parsed line; and the same of the event that is tested.

use tighten::auditlog::event::Event;
use tighten::auditlog::json::{Damage, Field, Text};
use tighten::auditlog::tally::By;

use crate::json::Json;

/// What an event says. What is not there is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub stage: Vec<u8>,
    pub audit_id: Vec<u8>,
    pub verb: Vec<u8>,
    pub uri: Vec<u8>,
    pub user: Vec<u8>,
    pub groups: Vec<Vec<u8>>,
    pub credential: Option<Vec<u8>>,
    pub impersonated: Option<Vec<u8>>,
    pub source: Vec<u8>,
    pub user_agent: Vec<u8>,
    pub resource: Vec<u8>,
    pub group: Vec<u8>,
    pub subresource: Vec<u8>,
    pub namespace: Vec<u8>,
    pub name: Vec<u8>,
    pub code: u16,
    pub received: Option<u64>,
    pub reached: Option<u64>,
}

const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";
/// The groups that are asked for, since a reader tells only whether one is there.
const ASKED: &[&str] = &["system:nodes", "system:masters", "", "gr\u{fc}n"];
/// The stages that are told apart.
const STAGES: &[&str] = &[
    "RequestReceived",
    "ResponseStarted",
    "ResponseComplete",
    "Panic",
];

/// Another type than the API server writes.
struct Misfit;

impl Said {
    /// Of a parsed line.
    pub fn of(json: &Json) -> Result<Said, Damage> {
        let Json::Object(pairs) = json else {
            return Err(Damage::NotEvent);
        };
        let mut said = Said::default();
        let (mut kind, mut stage) = (None, None);
        let mut fits = true;
        for (key, value) in pairs {
            let done = match &**key {
                b"kind" => text(value).map(|text| kind = text),
                b"stage" => text(value).map(|text| stage = text),
                key => said.field(key, value),
            };
            fits &= done.is_ok();
        }
        if kind.is_some_and(|kind| kind != b"Event") {
            return Err(Damage::NotEvent);
        }
        let stage = stage.ok_or(Damage::NotEvent)?;
        let known = STAGES.iter().any(|known| known.as_bytes() == stage);
        said.stage = if known { stage } else { b"other".to_vec() };
        if fits { Ok(said) } else { Err(Damage::Misfit) }
    }

    fn field(&mut self, key: &[u8], value: &Json) -> Result<(), Misfit> {
        match key {
            b"auditID" => self.audit_id = text(value)?.unwrap_or_default(),
            b"verb" => self.verb = text(value)?.unwrap_or_default(),
            b"requestURI" => self.uri = text(value)?.unwrap_or_default(),
            b"userAgent" => self.user_agent = text(value)?.unwrap_or_default(),
            b"requestReceivedTimestamp" => self.received = time(value)?,
            b"stageTimestamp" => self.reached = time(value)?,
            b"sourceIPs" => {
                self.source.clear();
                for item in items(value)? {
                    self.source = text(item)?.unwrap_or_default();
                }
            }
            b"user" => {
                self.user.clear();
                (self.groups, self.credential) = (Vec::new(), None);
                for (key, value) in pairs(value)? {
                    match &**key {
                        b"username" => self.user = text(value)?.unwrap_or_default(),
                        b"groups" => self.groups = groups(value),
                        b"extra" => self.credential = credential(value),
                        _ => {}
                    }
                }
            }
            b"impersonatedUser" => {
                self.impersonated = (*value != Json::Null).then(Vec::new);
                for (key, value) in pairs(value)? {
                    if key == b"username" {
                        self.impersonated = Some(text(value)?.unwrap_or_default());
                    }
                }
            }
            b"objectRef" => {
                let empty = || (Vec::new(), Vec::new());
                (self.resource, self.group) = empty();
                (self.subresource, self.namespace) = empty();
                self.name.clear();
                for (key, value) in pairs(value)? {
                    let field = match &**key {
                        b"resource" => &mut self.resource,
                        b"apiGroup" => &mut self.group,
                        b"subresource" => &mut self.subresource,
                        b"namespace" => &mut self.namespace,
                        b"name" => &mut self.name,
                        _ => continue,
                    };
                    *field = text(value)?.unwrap_or_default();
                }
            }
            b"responseStatus" => {
                self.code = 0;
                for (key, value) in pairs(value)? {
                    if key == b"code" {
                        self.code = match value {
                            Json::Null => 0,
                            Json::Number(number) => number.parse().map_err(|_| Misfit)?,
                            _ => return Err(Misfit),
                        };
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What was read by what is tested.
    pub fn read(event: &Event) -> Said {
        let bytes = |text: Text| text.bytes().into_owned();
        let has = |group: &&str| event.has_group(group.as_bytes());
        Said {
            stage: event.stage.name().into(),
            audit_id: bytes(event.audit_id),
            verb: bytes(event.verb),
            uri: bytes(event.uri),
            user: bytes(event.user),
            groups: ASKED.iter().copied().filter(has).map(Into::into).collect(),
            credential: event
                .extra(Field::new(
                    br#""authentication.kubernetes.io/credential-id":"#,
                ))
                .map(bytes),
            impersonated: event.impersonated.map(bytes),
            source: bytes(event.source),
            user_agent: bytes(event.user_agent),
            resource: bytes(event.resource),
            group: bytes(event.group),
            subresource: bytes(event.subresource),
            namespace: bytes(event.namespace),
            name: bytes(event.name),
            code: event.code,
            received: event.received.map(|time| time.0),
            reached: event.reached.map(|time| time.0),
        }
    }

    /// With those groups that can be asked for.
    pub fn askable(mut self) -> Said {
        let has = |group: &&str| self.groups.iter().any(|one| one == group.as_bytes());
        self.groups = ASKED.iter().copied().filter(has).map(Into::into).collect();
        self
    }

    /// What it is counted under, of each kind.
    pub fn names(&self) -> [Vec<u8>; By::ALL.len()] {
        By::ALL.map(|by| match by {
            By::User => self.user.clone(),
            By::Verb => self.verb.clone(),
            By::Namespace => self.namespace.clone(),
            By::Source => self.source.clone(),
            By::UserAgent => self.user_agent.clone(),
            By::Code => self.code.to_string().into(),
            By::Resource if self.resource.is_empty() => {
                let query = self.uri.iter().position(|byte| *byte == b'?');
                self.uri[..query.unwrap_or(self.uri.len())].to_vec()
            }
            By::Resource => {
                let mut name = self.resource.clone();
                for (before, part) in [(b".", &self.group), (b"/", &self.subresource)] {
                    if !part.is_empty() {
                        name.extend(before);
                        name.extend(part);
                    }
                }
                name
            }
        })
    }
}

fn text(value: &Json) -> Result<Option<Vec<u8>>, Misfit> {
    match value {
        Json::Text(bytes) => Ok(Some(bytes.clone())),
        Json::Null => Ok(None),
        _ => Err(Misfit),
    }
}

fn items(value: &Json) -> Result<&[Json], Misfit> {
    match value {
        Json::List(items) => Ok(items),
        Json::Null => Ok(&[]),
        _ => Err(Misfit),
    }
}

fn pairs(value: &Json) -> Result<&[(Vec<u8>, Json)], Misfit> {
    match value {
        Json::Object(pairs) => Ok(pairs),
        Json::Null => Ok(&[]),
        _ => Err(Misfit),
    }
}

/// The names before anything that is none.
fn groups(value: &Json) -> Vec<Vec<u8>> {
    let named = items(value).unwrap_or_default().iter().map(text);
    named.map_while(Result::ok).flatten().collect()
}

/// The first of the values.
fn credential(value: &Json) -> Option<Vec<u8>> {
    let mut found = None;
    for (key, value) in pairs(value).unwrap_or_default() {
        if key == CREDENTIAL.as_bytes() {
            let Json::List(items) = value else {
                return None;
            };
            found = None;
            for item in items {
                match text(item) {
                    Ok(item) => found = found.or(item),
                    Err(_) => return found,
                }
            }
        }
    }
    found
}

/// Microseconds since 1970, by counting years and months.
fn time(value: &Json) -> Result<Option<u64>, Misfit> {
    let Some(bytes) = text(value)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|_| Misfit)?;
    micros(&text).map(Some).ok_or(Misfit)
}

fn micros(text: &str) -> Option<u64> {
    let text = text.strip_suffix(['Z', 'z'])?;
    let (date, time) = text.split_once(['T', 't'])?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let numbers = |text: &str, between: char, lengths: &[usize]| -> Option<Vec<u64>> {
        let parts: Vec<&str> = text.split(between).collect();
        let fit = parts
            .iter()
            .map(|part| part.len())
            .eq(lengths.iter().copied());
        let digits = parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        (fit && digits).then(|| parts.iter().map(|part| part.parse().unwrap()).collect())
    };
    let date = numbers(date, '-', &[4, 2, 2])?;
    let time = numbers(time, ':', &[2, 2, 2])?;
    let micros = match fraction {
        None => 0,
        Some(digits) if (1..=9).contains(&digits.len()) => {
            numbers(digits, '.', &[digits.len()])?;
            format!("{digits:0<6}")[..6].parse().unwrap()
        }
        Some(_) => return None,
    };
    let divides = |number: u64, year: u64| year.is_multiple_of(number);
    let leap = |year| divides(4, year) && !divides(100, year) || divides(400, year);
    let months = |year: u64| {
        let february = if leap(year) { 29 } else { 28 };
        [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    };
    let (year, month, day) = (date[0], date[1] as usize, date[2]);
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || day > months(year)[month - 1] {
        return None;
    }
    if time[0] > 23 || time[1] > 59 || time[2] > 59 {
        return None;
    }
    let years: u64 = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum();
    let days = years + months(year)[..month - 1].iter().sum::<u64>() + day - 1;
    let seconds = ((days * 24 + time[0]) * 60 + time[1]) * 60 + time[2];
    Some(seconds * 1_000_000 + micros)
}
