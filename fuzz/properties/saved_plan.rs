//! A saved plan is refused, or says the same after it was written and read again.

use serde_json::{Value, json};
use tighten::plan::{Plan, SCHEMA, compare, parse};

/// Whether the bytes are a plan.
pub fn holds(bytes: &[u8]) -> bool {
    let Ok(plan) = parse(bytes) else {
        return false;
    };
    assert!(bytes.len() <= 4 << 20);
    let document = written(&plan);
    let again = parse(&serde_json::to_vec(&document).unwrap()).expect("what was read is a plan");
    assert_eq!(again, plan);
    // A plan that names a file twice need not fit itself; it must only be judged.
    let _ = compare(&plan, &again);
    unknown_fields_are_refused(&document);
    let mut long = bytes.to_vec();
    long.resize((4 << 20) + 1, b' ');
    assert!(parse(&long).is_err_and(|why| why == "is larger than 4 MiB"));
    true
}

fn written(plan: &Plan) -> Value {
    let mut document = serde_json::to_value(plan).unwrap();
    document["schema"] = json!(SCHEMA);
    document
}

/// At every place where the plan holds an object of ours, one field more is one too many.
fn unknown_fields_are_refused(document: &Value) {
    let lists = ["changes", "effects", "manual", "waived", "obstacles", "saw"];
    let mut places = vec![String::new(), "/summary".into(), "/inputs".into()];
    places.extend(lists.iter().map(|list| format!("/{list}/0")));
    for inner in ["before", "after", "edit"] {
        places.push(format!("/changes/0/{inner}"));
    }
    for place in places {
        let mut more = document.clone();
        if let Some(Value::Object(fields)) = more.pointer_mut(&place) {
            fields.insert("run".into(), json!("sh"));
            let bytes = serde_json::to_vec(&more).unwrap();
            assert!(parse(&bytes).is_err(), "a field more in {place:?}");
        }
    }
}
