//! Values of options, as Ansible's own modules take them, with its own words where they do not fit.

use serde_json::Value;

/// Longest value that an error repeats, in characters. What is longer, or has more than one line, was
/// meant for another place: a whole kubeconfig, say.
const SHOWN: usize = 60;

/// The name of the value's type in Python, which is what Ansible's users know.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// A value as a message shows it.
pub fn shown(value: &str) -> String {
    let plain = value.chars().count() <= SHOWN && !value.chars().any(char::is_control);
    if plain {
        value.to_string()
    } else {
        "a value that is too long to be shown".into()
    }
}

fn unable(name: &str, value: &Value, wanted: &str, why: &str) -> String {
    let of = type_name(value);
    format!("argument '{name}' is of type {of} and we were unable to convert to {wanted}: {why}")
}

/// Yes or no.
///
/// # Errors
/// In Ansible's words.
pub fn boolean(name: &str, value: &Value) -> Result<bool, String> {
    let word = match value {
        Value::Bool(value) => return Ok(*value),
        Value::String(text) => text.trim().to_lowercase(),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => "1".into(),
            Some(0.0) => "0".into(),
            _ => number.to_string(),
        },
        _ => {
            let why = format!("{} cannot be converted to a bool", python_class(value));
            return Err(unable(name, value, "bool", &why));
        }
    };
    match word.as_str() {
        "y" | "yes" | "on" | "1" | "true" | "t" => Ok(true),
        "n" | "no" | "off" | "0" | "false" | "f" => Ok(false),
        _ => {
            let why = format!(
                "The value '{}' is not a valid boolean. Valid booleans include: yes, no, true, false, on, off, 1, 0",
                shown(&word)
            );
            Err(unable(name, value, "bool", &why))
        }
    }
}

fn python_class(value: &Value) -> String {
    format!("<class '{}'>", type_name(value))
}

/// One word. A number or a switch is taken as Python would write it.
///
/// # Errors
/// When it is a list or a dictionary, empty, or holds control characters. Empty is no default: an empty
/// `root` would mean this machine, and an empty `only` every check.
pub fn word(name: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        _ => {
            let why = format!("{} is no single value", python_class(value));
            return Err(unable(name, value, "str", &why));
        }
    };
    if text.is_empty() {
        return Err(format!(
            "{name} is empty; leave it out where it does not apply (omit)"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!(
            "{name} has control characters or more than one line"
        ));
    }
    Ok(text)
}

/// A list, or a text with commas.
///
/// # Errors
/// In Ansible's words; and as [`word`] for each item.
pub fn list(name: &str, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.iter().map(|item| word(name, item)).collect(),
        Value::String(text) => text
            .split(',')
            .map(|item| word(name, &Value::from(item.trim())))
            .collect(),
        Value::Number(_) => Ok(vec![word(name, value)?]),
        _ => {
            let why = format!("{} cannot be converted to a list", python_class(value));
            Err(unable(name, value, "list", &why))
        }
    }
}

/// A path: absolute, or of the home of whoever runs the module. The directory in which a module is
/// started is nobody's choice.
///
/// # Errors
/// As [`word`], and when it is relative.
pub fn path(name: &str, value: &Value, home: Option<&str>) -> Result<String, String> {
    let text = word(name, value)?;
    if text.starts_with('/') {
        return Ok(text);
    }
    let home = home.filter(|home| home.starts_with('/'));
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Ok(format!("{}/{rest}", home.trim_end_matches('/'))),
        _ => Err(format!("{name}: {} is not an absolute path", shown(&text))),
    }
}

/// One of a few words.
///
/// # Errors
/// In Ansible's words.
pub fn choice<T: Copy>(
    name: &str,
    value: &Value,
    choices: &[(&'static str, T)],
) -> Result<T, String> {
    let word = word(name, value)?;
    let found = choices.iter().find(|(choice, _)| *choice == word);
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let all: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        format!(
            "value of {name} must be one of: {}, got: {}",
            all.join(", "),
            shown(&word)
        )
    })
}

/// A time as the command line takes it; a number alone means seconds.
///
/// # Errors
/// When it is no such time.
pub fn time(name: &str, value: &Value) -> Result<String, String> {
    let mut text = word(name, value)?;
    if text.chars().all(|digit| digit.is_ascii_digit()) {
        text.push('s');
    }
    match crate::cli::patience(&text) {
        Ok(_) => Ok(text),
        Err(why) => Err(format!("{name}: {} is {why}", shown(&text))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_switch_is_what_ansible_takes_for_one() {
        for yes in [
            json!(true),
            json!("yes"),
            json!(" On "),
            json!("T"),
            json!(1),
            json!(1.0),
            json!("1"),
        ] {
            assert_eq!(boolean("effects", &yes), Ok(true), "{yes}");
        }
        for no in [
            json!(false),
            json!("no"),
            json!("F"),
            json!(0),
            json!("off"),
        ] {
            assert_eq!(boolean("effects", &no), Ok(false), "{no}");
        }
        for neither in [json!("maybe"), json!(2), json!([]), json!({}), json!("")] {
            assert!(boolean("effects", &neither).is_err(), "{neither}");
        }
        assert_eq!(
            boolean("effects", &json!([1])).unwrap_err(),
            "argument 'effects' is of type list and we were unable to convert to bool: <class 'list'> cannot be converted to a bool"
        );
    }

    #[test]
    fn a_list_can_be_one_text_with_commas() {
        let three = vec!["a".to_string(), "b".into(), "c".into()];
        assert_eq!(list("only", &json!("a, b,c")), Ok(three.clone()));
        assert_eq!(list("only", &json!(["a", "b", "c"])), Ok(three));
        assert_eq!(list("only", &json!([])), Ok(Vec::new()));
        assert_eq!(
            list("only", &json!({"a": 1})).unwrap_err(),
            "argument 'only' is of type dict and we were unable to convert to list: <class 'dict'> cannot be converted to a list"
        );
    }

    #[test]
    fn an_empty_value_never_means_everything() {
        for empty in [json!(""), json!("a,,b"), json!(["a", ""])] {
            let error = list("only", &empty).unwrap_err();
            assert_eq!(
                error,
                "only is empty; leave it out where it does not apply (omit)"
            );
        }
        assert!(path("root", &json!(""), None).is_err());
    }

    #[test]
    fn a_file_in_the_place_of_its_path_is_not_repeated() {
        let kubeconfig = json!("users:\n- user: {token: geheim}\n");
        let error = path("kubeconfig", &kubeconfig, None).unwrap_err();
        assert_eq!(
            error,
            "kubeconfig has control characters or more than one line"
        );
        let long = format!("token{}", "x".repeat(100));
        let error = path("kubeconfig", &json!(long), None).unwrap_err();
        assert!(!error.contains("tokenx"), "{error}");
    }

    #[test]
    fn a_path_is_absolute_or_below_home() {
        assert_eq!(path("root", &json!("/a"), None), Ok("/a".into()));
        let home = Some("/root/");
        assert_eq!(path("plan", &json!("~/p"), home), Ok("/root/p".into()));
        assert_eq!(
            path("plan", &json!("p.json"), home).unwrap_err(),
            "plan: p.json is not an absolute path"
        );
        assert!(path("plan", &json!("~/p"), None).is_err());
    }

    #[test]
    fn a_time_without_unit_is_seconds() {
        assert_eq!(time("unit_timeout", &json!(90)), Ok("90s".into()));
        assert_eq!(time("unit_timeout", &json!("5m")), Ok("5m".into()));
        assert_eq!(
            time("unit_timeout", &json!("soon")).unwrap_err(),
            "unit_timeout: soon is not a time such as 90s or 5m"
        );
        assert_eq!(
            time("unit_timeout", &json!(0)).unwrap_err(),
            "unit_timeout: 0s is not between 1s and 1h"
        );
    }
}
