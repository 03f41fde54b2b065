//! What is copied within a document, and several edits of one stream.

use super::*;

#[test]
fn a_copy_is_made_of_what_the_file_holds_and_names_no_value() {
    let before =
        "c:\n- name: a\n  args: [--token=geheim]\n  env:\n  - name: A\n    value: geheim\n";
    let entries = [
        ("name", Entry::Given(Tree::text("b"))),
        ("args", Entry::With(vec!["--more".into()])),
        ("env", Entry::Same),
    ];
    let entries = entries.map(|(key, entry)| (key.to_owned(), entry)).to_vec();
    let copy = Alteration::copy(path("i"), path("c/0"), entries);
    let saved = serde_json::to_string(&copy).unwrap();
    assert!(!saved.contains("geheim"), "{saved}");
    assert_eq!(copy.to_string(), "i: add 1 item like c[0]");
    let again: Alteration = serde_json::from_str(&saved).unwrap();
    let after = alter(before.as_bytes(), &[again]).unwrap();
    let root = crate::yaml::parse(str::from_utf8(&after).unwrap())
        .unwrap()
        .root
        .unwrap();
    let added = root.get("i").unwrap().items();
    let expected = Tree::map([
        ("name", Tree::text("b")),
        ("args", Tree::texts(["--token=geheim", "--more"])),
        (
            "env",
            Tree::of(root.get("c").unwrap().items()[0].get("env").unwrap()).unwrap(),
        ),
    ]);
    assert_eq!(
        added.iter().map(Tree::of).collect::<Vec<_>>(),
        [Some(expected)]
    );
    for (from, why) in [("c/1", "c has no item 1"), ("x", "there is no x")] {
        let copy = Alteration::copy(path("i"), path(from), vec![("env".into(), Entry::Same)]);
        let refused = alter(before.as_bytes(), &[copy]).unwrap_err();
        assert_eq!(refused.reason, why);
    }
}

#[test]
fn edits_of_one_stream_together_are_the_edits_one_by_one() {
    let text = "a: 1\nb: 2\n---\n# c\nd: 3\n...\n# e\n---\nf: {g: 4}\n";
    let edits = [
        (1, "d"),
        (0, "new"),
        (2, "f/g"),
        (3, "none"),
        (0, "a"),
        (1, "more"),
    ];
    let mut together = Stream::read(text.as_bytes()).unwrap();
    let mut alone = text.as_bytes().to_vec();
    for (document, at) in edits {
        let within = Within {
            document,
            embedded: Vec::new(),
        };
        let alterations = [Alteration::set(path(at), OFF)];
        let own = together.altered(&within, &alterations);
        let expected = alter_within(&alone, &within, &alterations);
        match (own, expected) {
            (Ok(own), Ok(expected)) => {
                together.put(document, &own);
                alone = expected;
            }
            (own, expected) => assert_eq!(own.err(), expected.err()),
        }
        assert_eq!(together.bytes(), alone);
        assert_eq!(together.prove(), Ok(()));
    }
    assert_eq!(
        together.around(2),
        (
            3,
            "---\n# c\nd: false\nmore: false\n...\n# e\n---\nf: {g: false}\n"
        )
    );
    // What was not proved by itself, the whole does not let pass.
    together.put(1, "---\nd: [\n");
    assert!(together.prove().is_err());
}
