//! One event as the API server writes it.

use std::sync::Arc;

use super::calls::{Body, Call};
use super::clients::Client;
use super::numbers::{Numbers, decimal, letters, mixed, time, uuid};

/// When in a request's life.
#[derive(Clone, Copy)]
pub enum Stage {
    Started,
    Complete,
}

/// What one request adds to its call.
pub struct Request {
    pub id: u128,
    pub received: u64,
    /// How long a watch is open.
    pub seconds: u64,
    /// The resource version that the cluster has reached.
    pub version: u64,
    /// Namespace and name.
    pub subject: (String, String),
    /// Request and answer.
    pub body: Option<Arc<str>>,
    /// Somebody else was faster.
    pub conflict: bool,
}

/// Writes an event with the end of its line.
pub fn write(
    line: &mut Vec<u8>,
    client: &Client,
    age: u64,
    call: &Call,
    request: &Request,
    stage: Stage,
    reached: u64,
) {
    let text = |line: &mut Vec<u8>, text: &str| line.extend_from_slice(text.as_bytes());
    text(
        line,
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":""#,
    );
    text(
        line,
        if request.body.is_some() {
            "RequestResponse"
        } else {
            "Metadata"
        },
    );
    text(line, r#"","auditID":""#);
    uuid(line, request.id);
    text(
        line,
        match stage {
            Stage::Started => r#"","stage":"ResponseStarted","requestURI":""#,
            Stage::Complete => r#"","stage":"ResponseComplete","requestURI":""#,
        },
    );
    uri(line, call, request);
    text(line, r#"","verb":""#);
    text(line, call.verb);
    text(line, r#"","#);
    text(line, &client.before);
    if let Some(after) = &client.after {
        let high = u128::from(mixed(client.seed ^ age.wrapping_mul(977)));
        uuid(line, high << 64 | u128::from(mixed(client.seed + age)));
        text(line, after);
    }
    object(line, call, request);
    let code = if request.conflict { 409 } else { call.code };
    status(line, client, call, request, code);
    if let Some(body) = &request.body {
        text(line, body);
    }
    text(line, r#","requestReceivedTimestamp":""#);
    time(line, request.received);
    text(line, r#"","stageTimestamp":""#);
    time(line, reached);
    line.push(b'"');
    if code != 401 {
        annotations(line, client, call, code, reached - request.received);
    }
    text(line, "}\n");
}

/// What the authorizer said; of who could not be authenticated nothing.
fn annotations(line: &mut Vec<u8>, client: &Client, call: &Call, code: u16, took: u64) {
    let mut text = |text: &str| line.extend_from_slice(text.as_bytes());
    text(r#","annotations":{"#);
    if took > 500_000 && call.verb != "watch" {
        text(
            r#""apiserver.latency.k8s.io/authentication":"119.339µs","apiserver.latency.k8s.io/authorization":"3.843µs","apiserver.latency.k8s.io/total":""#,
        );
        text(&format!("{}.{:06}s\",", took / 1_000_000, took % 1_000_000));
    }
    let (decision, reason) = if code == 403 {
        ("forbid", "")
    } else {
        ("allow", client.reason.as_str())
    };
    text(r#""authorization.k8s.io/decision":""#);
    text(decision);
    text(r#"","authorization.k8s.io/reason":""#);
    text(reason);
    text(r#"""#);
    if call.object[0] == "endpoints" {
        text(r#","k8s.io/deprecated":"true""#);
    }
    text("}");
}

/// The path and query. A watch says from where on and how long.
fn uri(line: &mut Vec<u8>, call: &Call, request: &Request) {
    let (space, name) = &request.subject;
    let mut rest = call.uri;
    while let Some((plain, behind)) = rest.split_once('{') {
        line.extend_from_slice(plain.as_bytes());
        let meant = if behind.starts_with('s') { space } else { name };
        line.extend_from_slice(meant.as_bytes());
        rest = &behind[2..];
    }
    line.extend_from_slice(rest.as_bytes());
    if call.verb != "watch" {
        return;
    }
    line.extend_from_slice(br"\u0026resourceVersion=");
    decimal(line, request.version, 1);
    line.extend_from_slice(br"\u0026timeout=");
    decimal(line, request.seconds / 60, 1);
    line.push(b'm');
    decimal(line, request.seconds % 60, 1);
    line.extend_from_slice(br"s\u0026timeoutSeconds=");
    decimal(line, request.seconds, 1);
    line.extend_from_slice(br"\u0026watch=true");
}

fn object(line: &mut Vec<u8>, call: &Call, request: &Request) {
    let [resource, group, version, subresource] = call.object;
    if resource.is_empty() {
        return;
    }
    let (space, name) = &request.subject;
    line.extend_from_slice(br#","objectRef":{"#);
    for (key, value) in [
        ("\"resource\":\"", resource),
        (",\"namespace\":\"", space),
        (",\"name\":\"", name),
        (",\"apiGroup\":\"", group),
        (",\"apiVersion\":\"", version),
        (",\"subresource\":\"", subresource),
    ] {
        if !value.is_empty() {
            line.extend_from_slice(key.as_bytes());
            line.extend_from_slice(value.as_bytes());
            line.push(b'"');
        }
    }
    line.push(b'}');
}

fn status(line: &mut Vec<u8>, client: &Client, call: &Call, request: &Request, code: u16) {
    let [resource, group, ..] = call.object;
    let (space, name) = &request.subject;
    line.extend_from_slice(br#","responseStatus":{"metadata":{}"#);
    let failure = match code {
        401 => Some(("Unauthorized".to_string(), "Unauthorized")),
        403 => {
            let user = &client.user;
            let verb = call.verb;
            Some((
                format!(
                    r#"{resource} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" in the namespace \"{space}\""#
                ),
                "Forbidden",
            ))
        }
        404 => Some((format!(r#"{resource} \"{name}\" not found"#), "NotFound")),
        409 => Some((
            format!(
                r#"Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please apply your changes to the latest version and try again"#
            ),
            "Conflict",
        )),
        _ => None,
    };
    if let Some((message, reason)) = failure {
        let text = format!(
            r#","status":"Failure","message":"{message}","reason":"{reason}","details":{{"name":"{name}","kind":"{resource}"}}"#
        );
        line.extend_from_slice(text.as_bytes());
    }
    line.extend_from_slice(br#","code":"#);
    decimal(line, code.into(), 1);
    line.push(b'}');
}

/// Requests and answers as they are logged, from `,"requestObject"` on: some of each kind, of many sizes.
pub struct Bodies {
    events: Vec<Arc<str>>,
    pods: Vec<Arc<str>>,
}

impl Bodies {
    pub fn new() -> Bodies {
        Bodies {
            events: (0..16)
                .map(|number| object_of(number, 1 + number as usize % 3))
                .collect(),
            pods: (0..32)
                .map(|number| object_of(1000 + number, 2 + number as usize / 2))
                .collect(),
        }
    }

    pub fn choose(&self, body: Body, numbers: &mut Numbers) -> Option<Arc<str>> {
        let all = match body {
            Body::Nothing => return None,
            Body::Event => &self.events,
            Body::Pod => &self.pods,
        };
        Some(all[numbers.below(all.len() as u64) as usize].clone())
    }
}

/// An object with so many parts, as it is sent and as it is answered.
fn object_of(number: u64, parts: usize) -> Arc<str> {
    let part = |at: usize| {
        let seed = number * 100 + at as u64;
        let (name, value) = (letters(seed, 8), letters(seed + 50, 12));
        format!(
            r#"{{"name":"{name}","image":"registry.example.com/team/{name}:v{at}","args":["--listen=:8080","--upstream=http://{name}.svc/?a=1\u0026b=2"],"env":[{{"name":"TOKEN","valueFrom":{{"secretKeyRef":{{"name":"{name}","key":"token"}}}}}},{{"name":"GREETING","value":"\"{value}\"\n\tläuft"}}]}}"#
        )
    };
    let parts: Vec<String> = (0..parts).map(part).collect();
    let (name, parts) = (letters(number, 9), parts.join(","));
    let object = |more: &str| {
        format!(
            r#"{{"kind":"Object","apiVersion":"v1","metadata":{{"name":"{name}","labels":{{"app":"{name}"}}{more}}},"spec":{{"parts":[{parts}],"replicas":3,"paused":false,"deadline":null,"weight":0.25}}}}"#
        )
    };
    let uid = super::numbers::uuid_of(number);
    let answer = format!(
        r#","uid":"{uid}","resourceVersion":"48120{number}","managedFields":[{{"manager":"kubectl","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:labels":{{".":{{}},"f:app":{{}}}}}},"f:spec":{{"f:parts":{{}},"f:replicas":{{}}}}}}}}]"#
    );
    format!(
        r#","requestObject":{},"responseObject":{}"#,
        object(""),
        object(&answer)
    )
    .into()
}
