//! Where nodes stand, exactly: the editor writes there.

mod streams;

use super::*;

/// The text of the node that the keys and positions lead to.
fn spanned<'text>(text: &'text str, path: &str) -> (usize, &'text str) {
    let document = parse(text).unwrap();
    let mut node = document.root.as_ref().unwrap();
    for step in path.split('/').filter(|step| !step.is_empty()) {
        node = match step.parse::<usize>() {
            Ok(index) => &node.items()[index],
            Err(_) => node.get(step).unwrap(),
        };
    }
    (node.span.start, text.get(node.span.clone()).unwrap())
}

#[test]
fn a_value_that_is_not_written_stands_behind_its_indicator() {
    assert_eq!(spanned("a:\nb: 1\n", "a"), (2, ""));
    assert_eq!(spanned("a:   # c\n", "a"), (2, ""));
    assert_eq!(spanned("a :", "a"), (3, ""));
    assert_eq!(spanned("- \n- x\n", "0"), (1, ""));
    assert_eq!(spanned("l:\n-\n- x\n", "l/0"), (4, ""));
    assert_eq!(spanned("l:\n- # c\n- x\n", "l/0"), (4, ""));
    assert_eq!(spanned("l:\n- x\n-  # c\n", "l/1"), (8, ""));
    assert_eq!(spanned("{a: , b: x}", "a"), (3, ""));
}

#[test]
fn a_block_list_starts_at_its_first_dash() {
    assert_eq!(spanned("l:\n- x\nm: 1\n", "l"), (3, "- x\n"));
    assert_eq!(spanned("l:\n  - x\nm: 1\n", "l"), (5, "- x\n"));
    assert_eq!(spanned("l:\n- - x\n", "l"), (3, "- - x\n"));
    assert_eq!(spanned("l:\n- - x\n", "l/0"), (5, "- x\n"));
    assert_eq!(spanned("l:\n-\n  x: 1\n", "l"), (3, "-\n  x: 1\n"));
    assert_eq!(spanned("l:\n-   - x\n", "l"), (3, "-   - x\n"));
    assert_eq!(spanned("l:\n-\n  - x\n", "l"), (3, "-\n  - x\n"));
    assert_eq!(spanned("l:\n- # c\n  - x\n", "l"), (3, "- # c\n  - x\n"));
    assert_eq!(spanned("l:\n- -1\n", "l"), (3, "- -1\n"));
    assert_eq!(spanned("- |\n  x\n", ""), (0, "- |\n  x\n"));
    assert_eq!(spanned("l:\n- |\n  x\n", "l"), (3, "- |\n  x\n"));
}

#[test]
fn a_block_of_text_ends_with_its_last_line() {
    assert_eq!(spanned("m:\n  a: |\n    x\n  b: 1\n", "m/a"), (14, "x\n"));
    assert_eq!(spanned("a: |\n  x", "a"), (7, "x"));
}

#[test]
fn a_block_of_text_without_a_last_line_end_means_none_as_for_kube_proxy() {
    let document = parse("a: |\n  x").unwrap();
    assert_eq!(document.root.unwrap().get("a").unwrap().text(), Some("x"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_key() {
    assert_eq!(spanned("\u{feff}a: 1\n", "a"), (6, "1"));
}

#[test]
fn a_thousand_lines_of_explanation_are_read() {
    let text = format!("a:\n{}  b: 1\n", "  # why\n".repeat(1_000));
    assert_eq!(parse(&text).unwrap().comments.len(), 1_000);
}

#[test]
fn a_refusal_quotes_nothing_of_the_text() {
    let refusal = parse("a: @secret\n").unwrap_err();
    assert_eq!(refusal.to_string(), "line 1: unexpected character");
}
