//! Random streams, and random documents inside a text of another one: what is edited there is what an edit
//! of that document alone makes of it, and nothing else of the file changes.

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value as Json;
use tighten::edit::{self, Alteration, Step, Within};

use crate::edits::{Edit, choose, written};
use crate::model::{self, Model};
use crate::random::config;
use crate::render::{self, Look};

/// What stands between two documents: the first ends its own, the other starts with its marker.
const BETWEEN: &[(&str, &str)] = &[
    ("", "---\n"),
    ("", "--- # Source: chart/templates/a.yaml\n"),
    ("...\n", "---\n"),
    ("... # end\n# between\n", "---\n# note below\n"),
    ("---\n# note nothing\n", "---\n"),
];

fn alteration(edit: &Edit) -> [Alteration; 1] {
    [Alteration {
        path: edit.path.clone(),
        operation: edit.operation.clone(),
    }]
}

/// What the edit makes of the document's meaning.
fn expected(document: &Model, edit: &Edit) -> Json {
    let mut meaning = document.meaning();
    model::perform(&mut meaning, &edit.path, &edit.operation);
    meaning
}

fn read(text: &str) -> Result<Json, TestCaseError> {
    serde_yaml::from_str(text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))
}

#[test]
fn an_edit_of_one_document_of_a_random_stream_is_the_edit_of_it_alone() {
    let part = (
        model::document(),
        render::look(),
        prop::sample::select(BETWEEN),
    );
    let strategy = (
        prop::collection::vec(part, 1..5),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        written(),
    );
    let mut made = 0_u64;
    let mut runner = TestRunner::new(config(crate::cases() / 4));
    let tried = std::cell::RefCell::new(&mut made);
    let outcome = runner.run(&strategy, |(parts, which, place, kind, value)| {
        let which = which.index(parts.len());
        let crlf = parts[0].1.crlf;
        let (mut pieces, mut number, mut count) = (Vec::new(), 0, 0);
        for (index, (document, look, (end, marker))) in parts.iter().enumerate() {
            let look = Look {
                crlf: false,
                bom: false,
                marker: false,
                final_newline: look.final_newline || index + 1 < parts.len(),
                ..look.clone()
            };
            let mut before = String::new();
            let mut text = render::document(document, &look).text;
            if index > 0 {
                before.push_str(end);
                text.insert_str(0, marker);
                count += before.matches("---").count();
            }
            if index == which {
                number = count;
            }
            count += 1;
            pieces.extend([before, text]);
        }
        if crlf {
            for piece in &mut pieces {
                *piece = piece.replace('\n', "\r\n");
            }
        }
        let (document, _, _) = &parts[which];
        let edit = choose(document, place, kind, value);
        let alone = edit::alter(pieces[2 * which + 1].as_bytes(), &alteration(&edit));
        let within = Within {
            document: number,
            embedded: Vec::new(),
        };
        let stream = pieces.concat();
        let result = edit::alter_within(stream.as_bytes(), &within, &alteration(&edit));
        match (alone, result) {
            (Ok(alone), Ok(result)) => {
                let alone = String::from_utf8(alone).unwrap();
                prop_assert_eq!(read(&alone)?, expected(document, &edit), "{}", stream);
                pieces[2 * which + 1] = alone;
                prop_assert_eq!(String::from_utf8(result).unwrap(), pieces.concat());
                **tried.borrow_mut() += 1;
            }
            (Err(_), Err(_)) => {}
            (alone, result) => {
                return Err(TestCaseError::fail(format!(
                    "{stream}\n{edit:?}\nalone: {alone:?}\nin the stream: {result:?}"
                )));
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    println!("edits of streams made: {made}");
    assert!(
        made > u64::from(crate::cases()) / 20,
        "hardly any was tried"
    );
}

/// How the text is held: a literal block, or quotes.
#[derive(Clone, Copy, Debug)]
enum Held {
    Literal { told: bool, deeper: usize },
    Double,
    Single,
}

fn held() -> impl Strategy<Value = Held> {
    prop_oneof![
        4 => (any::<bool>(), 1..5_usize).prop_map(|(told, deeper)| Held::Literal { told, deeper }),
        1 => Just(Held::Double),
        1 => Just(Held::Single),
    ]
}

/// The entry of a mapping in this column that holds the text.
fn entry(text: &str, held: Held, column: usize) -> Option<String> {
    let content = text.trim_end_matches('\n');
    Some(match held {
        Held::Double => format!(
            "\"config.conf\": {}\n",
            serde_json::to_string(text).unwrap()
        ),
        Held::Single if text.contains('\n') => return None,
        Held::Single => format!("config.conf: '{}'\n", text.replace('\'', "''")),
        Held::Literal { told, deeper } => {
            if content.is_empty() || content.trim_start_matches('\n').starts_with(' ') && !told {
                return None;
            }
            let keep = ["-", "", "+"][(text.len() - content.len()).min(2)];
            let told = if told {
                deeper.to_string()
            } else {
                String::new()
            };
            let mut out = format!("config.conf: |{told}{keep}\n");
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                if !line.is_empty() {
                    out.push_str(&" ".repeat(column + deeper));
                }
                out.push_str(line);
                out.push('\n');
            }
            out
        }
    })
}

#[test]
fn an_edit_of_a_document_inside_a_text_is_the_edit_of_it_alone() {
    let strategy = (
        (model::document(), render::look(), held()),
        any::<[bool; 3]>(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        written(),
    );
    let mut made = 0_u64;
    let tried = std::cell::RefCell::new(&mut made);
    let mut runner = TestRunner::new(config(crate::cases() / 2));
    let outcome = runner.run(
        &strategy,
        |((document, look, held), [crlf, more, in_list], place, kind, value)| {
            let look = Look {
                crlf: false,
                bom: false,
                ..look
            };
            let inner = render::document(&document, &look).text;
            let column = if in_list { 4 } else { 2 };
            let Some(entry) = entry(&inner, held, column) else {
                return Ok(());
            };
            let (head, lead) = if in_list {
                ("kind: List\nitems:\n- data:\n", "    ")
            } else {
                ("kind: ConfigMap\ndata:\n  # before\n", "  ")
            };
            let tail = if more {
                format!("{lead}# after\n{lead}other: |\n{lead} x: 1\n")
            } else {
                String::new()
            };
            let ends = |text: &str| match crlf {
                true => text.replace('\n', "\r\n"),
                false => text.to_owned(),
            };
            let file = |entry: &str| ends(&format!("{head}{lead}{entry}{tail}"));
            let mut way = vec![Step::Key("data".into()), Step::Key("config.conf".into())];
            if in_list {
                way.splice(0..0, [Step::Key("items".into()), Step::Index(0)]);
            }
            let within = Within {
                document: 0,
                embedded: way.clone(),
            };
            let before = file(&entry);
            let outer = way.iter().fold(read(&before)?, |node, step| match step {
                Step::Key(key) => node[key].clone(),
                Step::Index(index) => node[*index].clone(),
            });
            prop_assert_eq!(
                outer.as_str(),
                Some(inner.as_str()),
                "the test's own reading"
            );
            let edit = choose(&document, place, kind, value);
            let alone = edit::alter(inner.as_bytes(), &alteration(&edit));
            let result = edit::alter_within(before.as_bytes(), &within, &alteration(&edit));
            match (alone, result) {
                (Ok(alone), Ok(result)) => {
                    let alone = String::from_utf8(alone).unwrap();
                    prop_assert_eq!(read(&alone)?, expected(&document, &edit));
                    let result = String::from_utf8(result).unwrap();
                    match held {
                        Held::Literal { .. } => {
                            let entry = self::entry(&alone, held, column);
                            prop_assert_eq!(Some(result), entry.map(|entry| file(&entry)));
                        }
                        _ => {
                            let mut meaning = read(&before)?;
                            let set = edit::Operation::Set(edit::Scalar::Text(alone));
                            model::perform(&mut meaning, &way, &set);
                            prop_assert_eq!(read(&result)?, meaning, "{}", result);
                            prop_assert!(result.ends_with(&ends(&tail)), "{}", result);
                        }
                    }
                    **tried.borrow_mut() += 1;
                }
                (Err(_), Err(_)) => {}
                // The end of the text may no longer be what the block's indicator says.
                (Ok(alone), Err(refused)) => prop_assert!(
                    refused.reason.contains("line ends") || refused.reason.contains("blank"),
                    "{}\n{:?}\n{}\n{:?}",
                    before,
                    edit,
                    refused,
                    String::from_utf8(alone)
                ),
                (Err(refused), Ok(result)) => {
                    return Err(TestCaseError::fail(format!("{refused}\n{result:?}")));
                }
            }
            Ok(())
        },
    );
    if let Err(error) = outcome {
        panic!("{error}");
    }
    println!("edits of texts made: {made}");
    assert!(
        made > u64::from(crate::cases()) / 10,
        "hardly any was tried"
    );
}
