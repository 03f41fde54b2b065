//! `denied-burst`: ten refusals within a minute.

use super::*;

fn refused(second: u32) -> Value {
    at(event(&[("/responseStatus/code", json!(403))]), second)
}

fn bursts(events: &[Value]) -> Vec<(String, u64, u64)> {
    broken(events)
}

#[test]
fn ten_refusals_within_a_minute_are_a_burst_and_nine_are_not() {
    let ten: Vec<Value> = (0..10).map(refused).collect();
    assert_eq!(bursts(&ten), [("denied-burst".into(), 10, 10)]);
    assert_eq!(bursts(&ten[..9]), []);
    // Each further one counts.
    let twelve: Vec<Value> = (0..12).map(refused).collect();
    let found = one(judged(known(), lines(&twelve)));
    assert_eq!((found.events, found.requests), (12, 12));
    assert_eq!(
        found.observed,
        format!("10 or more answers 401 or 403 within 1m, as {PROXY}, from 10.0.0.1")
    );
    assert_eq!(found.first.unwrap().place.line, 10);
}

#[test]
fn the_window_ends_after_exactly_a_minute() {
    let spread = |last: u32| -> Vec<Value> {
        let mut events: Vec<Value> = (0..9).map(refused).collect();
        events.push(refused(last));
        events
    };
    assert_eq!(bursts(&spread(60)), [("denied-burst".into(), 10, 10)]);
    assert_eq!(bursts(&spread(61)), []);
    // It slides: the first of eleven is too old, the ten behind it are not.
    let mut eleven = vec![refused(0)];
    eleven.extend((0..10).map(|number| refused(55 + number)));
    assert_eq!(bursts(&eleven), [("denied-burst".into(), 10, 10)]);
    // Slow ones never are.
    let slow: Vec<Value> = (0..100).map(|number| refused(number * 7)).collect();
    assert_eq!(bursts(&slow), []);
}

#[test]
fn answers_that_are_no_refusals_do_not_count() {
    let other = |code: u16| -> Vec<Value> {
        let answered = |second| at(event(&[("/responseStatus/code", json!(code))]), second);
        (0..20).map(answered).collect()
    };
    for code in [200, 404, 409, 410, 429, 500] {
        assert_eq!(bursts(&other(code)), [], "{code}");
    }
}

#[test]
fn a_refused_watch_counts_once_though_it_gives_two_events() {
    let watch = |second: u32| {
        let mut started = refused(second);
        started["verb"] = json!("watch");
        let complete = started.clone();
        started["stage"] = json!("ResponseStarted");
        [started, complete]
    };
    let nine: Vec<Value> = (0..9).flat_map(watch).collect();
    assert_eq!(bursts(&nine), []);
    let ten: Vec<Value> = (0..10).flat_map(watch).collect();
    assert_eq!(bursts(&ten), [("denied-burst".into(), 20, 10)]);
}

#[test]
fn a_client_that_gives_all_its_requests_one_id_hides_no_burst() {
    let same = |stage: &'static str, code: u16| {
        let one = move |second| {
            let mut event = refused(second);
            event["auditID"] = json!("mine");
            event["stage"] = json!(stage);
            event["responseStatus"]["code"] = json!(code);
            event
        };
        (0..10).map(one).collect::<Vec<Value>>()
    };
    assert_eq!(
        bursts(&same("ResponseComplete", 403)),
        [("denied-burst".into(), 10, 10)]
    );
    let found = bursts(&same("ResponseStarted", 401));
    assert_eq!((found[0].0.as_str(), found[0].1), ("denied-burst", 10));
}

#[test]
fn who_could_not_be_authenticated_and_claims_to_be_kube_proxy_counts() {
    // The API server tells of it at this stage alone, and knows no user.
    let unknown = |second: u32, agent: &str| {
        let changes = [
            ("/stage", json!("ResponseStarted")),
            ("/user", json!({})),
            ("/responseStatus/code", json!(401)),
            ("/userAgent", json!(agent)),
            ("/sourceIPs", json!(["203.0.113.9"])),
        ];
        at(event(&changes), second)
    };
    let ten: Vec<Value> = (0..10)
        .map(|second| unknown(second, "kube-proxy/v1.36.0"))
        .collect();
    let found = one(judged(known(), lines(&ten)));
    assert_eq!(
        (found.rule.as_str(), found.events, found.requests),
        ("denied-burst", 10, 10)
    );
    assert!(
        found
            .observed
            .ends_with("as nobody who is known, from 203.0.113.9"),
        "{}",
        found.observed
    );
    let other: Vec<Value> = (0..10).map(|second| unknown(second, "curl/8")).collect();
    assert_eq!(bursts(&other), []);
}

#[test]
fn refusals_of_many_addresses_are_no_burst_of_one() {
    let from = |number: u32| {
        let mut event = refused(number);
        event["sourceIPs"] = json!([format!("10.0.0.{}", number % 5 + 1)]);
        event
    };
    let each: Vec<Value> = (0..40).map(from).collect();
    assert_eq!(bursts(&each), []);
    // The table of addresses is bounded, and what comes anew has room.
    let mut many: Vec<Value> = (0..1500)
        .map(|number| {
            let mut event = refused(number / 60);
            event["auditID"] = json!(format!("many-{number}"));
            event["sourceIPs"] = json!([format!("10.0.0.1{number:04}")]);
            event
        })
        .collect();
    many.extend((100..110).map(refused));
    let found = judged(known(), lines(&many));
    let burst = found
        .unusual
        .iter()
        .find(|found| found.rule == "denied-burst");
    assert_eq!(burst.unwrap().events, 10);
}
