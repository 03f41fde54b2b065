//! The fast way past an object or a list, as programs write them: without white space between their parts.
//!
//! Of 64 bytes at a time it is worked out what each of them is, a bit for each, and whether it may follow the byte
//! before it, for all of them at once; only brackets, numbers and escapes are gone through one by one. What does not
//! turn out right is read the other way, which knows what is wrong with it, or that nothing is.

use fearless_simd::prelude::*;
use fearless_simd::u8x64;

use super::number::{is_word, split_word};
use crate::auditlog::bits::Bits;

/// Bytes of which each has a bit of a number.
const BLOCK: usize = 64;
/// Deepest nesting that is gone through this way, in levels.
pub(super) const DEEPEST: u32 = 64;

/// What stands at the end of the bytes so far, each in the lowest bit.
#[derive(Default)]
struct Edge {
    /// All bits, where a string goes on.
    string: u64,
    /// What comes next is escaped.
    escaped: u64,
    /// The string that goes on is a key.
    key: u64,
    /// A value, or the end of one.
    value: u64,
    scalar: u64,
    key_end: u64,
    colon: u64,
    comma: u64,
    /// A comma between the fields of an object.
    field: u64,
    brace: u64,
    bracket: u64,
}

/// Which objects and lists are open, the innermost one in the lowest bit: an object's bit is set.
struct Open {
    kinds: u64,
    depth: u32,
}

/// How long the object or the list is that begins here, which holds no control characters; none where it is to be
/// read the other way.
#[inline(always)]
pub(super) fn length<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    // As if it stood behind a colon.
    let mut edge = Edge {
        colon: 1,
        ..Edge::default()
    };
    let mut open = Open { kinds: 0, depth: 0 };
    let mut start = 0;
    for block in blocks {
        if let Some(end) = look(simd, block, (bytes, start), &mut edge, &mut open)? {
            return Some(start + end);
        }
        start += BLOCK;
    }
    let mut last = [0; BLOCK];
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    let end = look(simd, &last, (bytes, start), &mut edge, &mut open)??;
    Some(start + end)
}

/// Looks at the block that begins at `start`: where in it the value ends, if it does. None when something is wrong.
#[inline(always)]
fn look<S: Simd>(
    simd: S,
    block: &[u8; BLOCK],
    (bytes, start): (&[u8], usize),
    edge: &mut Edge,
    open: &mut Open,
) -> Option<Option<usize>> {
    let block = u8x64::from_slice(simd, block);
    let all = |byte| block.simd_eq(u8x64::splat(simd, byte)).to_bitmask();

    // Strings, from their first quotes to before their last.
    let escaped = escaped(all(b'\\'), &mut edge.escaped);
    let quotes = all(b'"') & !escaped;
    let inside = prefix_xor(quotes) ^ edge.string;
    edge.string = 0u64.wrapping_sub(inside >> 63);
    let (first, last) = (quotes & inside, quotes & !inside);
    let outside = !(inside | quotes);

    let (brace, brace_end) = (all(b'{') & outside, all(b'}') & outside);
    let (bracket, bracket_end) = (all(b'[') & outside, all(b']') & outside);
    let (colon, comma) = (all(b':') & outside, all(b',') & outside);
    let ends = brace_end | bracket_end;
    let scalar = outside & !(brace | bracket | ends | colon | comma);

    // What is open where.
    let was_object = 0u64.wrapping_sub(open.kinds & 1);
    let (changes, end) = open.pass(brace | bracket, ends, brace | brace_end)?;
    let object = prefix_xor(changes) ^ was_object;
    let counts = end.map_or(u64::MAX, |end| u64::MAX >> (63 - end));

    // What each byte stands behind.
    let behind_value = behind(last | ends | scalar, &mut edge.value);
    let behind_colon = behind(colon, &mut edge.colon);
    let behind_comma = behind(comma, &mut edge.comma);
    let behind_field = behind(comma & object, &mut edge.field);
    let behind_brace = behind(brace, &mut edge.brace);
    let behind_bracket = behind(bracket, &mut edge.bracket);
    let scalar_first = scalar & !behind(scalar, &mut edge.scalar);

    // A key begins behind the brace or a comma of its object. To add its first bit to the string's carries over to
    // its last quote.
    let keys = first & (behind_brace | behind_field);
    let (carried, one) = inside.overflowing_add(keys);
    let (carried, other) = carried.overflowing_add(edge.key);
    edge.key = u64::from(one | other);
    let key_end = behind(carried & last, &mut edge.key_end);

    let before_value = behind_colon | behind_comma | behind_bracket;
    let wrong = first & !(before_value | behind_brace)
        | (brace | bracket | scalar_first) & !before_value
        | colon ^ key_end
        | behind_field & !first
        | comma & !behind_value
        | brace_end & !(behind_value | behind_brace)
        | bracket_end & !(behind_value | behind_bracket);
    if wrong & counts != 0 {
        return None;
    }
    for at in Bits(scalar_first & counts) {
        if !is_scalar(bytes.get(start + at..)?) {
            return None;
        }
    }
    for at in Bits(escaped & counts) {
        if !is_escape(bytes.get(start + at..)?) {
            return None;
        }
    }
    Some(end.map(|end| end as usize + 1))
}

impl Open {
    /// Passes the brackets of a block. Tells where what is innermost becomes another kind, and where the outermost
    /// ends, if it does. None when brackets do not match, or too many are open.
    #[inline(always)]
    fn pass(&mut self, begins: u64, ends: u64, braces: u64) -> Option<(u64, Option<u32>)> {
        let mut brackets = begins | ends;
        let (mut changes, mut unmatched) = (0, 0);
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            brackets &= brackets - 1;
            let (begins, kind) = (begins >> at & 1, braces >> at & 1);
            let before = self.kinds;
            // Without a branch, since nobody can tell which comes next.
            unmatched |= (before ^ kind) & !begins;
            self.kinds = if begins != 0 {
                before << 1 | kind
            } else {
                before >> 1
            };
            self.depth = self
                .depth
                .wrapping_add(if begins != 0 { 1 } else { u32::MAX });
            changes |= ((before ^ self.kinds) & 1) << at;
            if self.depth == 0 {
                return (unmatched & 1 == 0).then_some((changes, Some(at)));
            }
            if self.depth > DEEPEST {
                return None;
            }
        }
        (unmatched & 1 == 0).then_some((changes, None))
    }
}

/// Where these stood one byte before.
#[inline(always)]
fn behind(these: u64, edge: &mut u64) -> u64 {
    let behind = these << 1 | *edge;
    *edge = these >> 63;
    behind
}

/// Each bit is set that has an odd number of bits up to it.
#[inline(always)]
fn prefix_xor(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32]
        .into_iter()
        .fold(bits, |bits, by| bits ^ bits << by)
}

/// What stands behind a backslash that is not escaped itself.
#[inline(always)]
fn escaped(backslashes: u64, edge: &mut u64) -> u64 {
    if backslashes == 0 {
        return std::mem::take(edge);
    }
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let backslashes = backslashes & !*edge;
    let behind = backslashes << 1 | *edge;
    // Of a row of backslashes, each second one is escaped. A row's sum with its first bit carries behind its end.
    let odd_rows = backslashes & !EVEN & !behind;
    let (ends, goes_on) = odd_rows.overflowing_add(backslashes);
    *edge = u64::from(goes_on);
    (EVEN ^ ends << 1) & behind
}

/// Whether these bytes begin with a number, `true`, `false` or `null`, behind which the value around goes on or ends.
#[inline(never)]
fn is_scalar(bytes: &[u8]) -> bool {
    let (word, behind) = split_word(bytes);
    matches!(behind, [b',' | b'}' | b']', ..]) && is_word(word)
}

/// Whether these bytes begin as what may stand behind a backslash.
#[inline(always)]
fn is_escape(bytes: &[u8]) -> bool {
    match bytes {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => true,
        [b'u', code @ ..] => {
            let digits = code.first_chunk::<4>();
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::dispatch;
    use proptest::prelude::*;

    use super::*;
    use crate::auditlog::json::Cursor;
    use crate::auditlog::json::scan::levels;

    /// What is found on each level, which is the same.
    fn found(bytes: &[u8]) -> Option<usize> {
        let each = levels().into_iter();
        let mut found = each.map(|level| dispatch!(level, simd => length(simd, bytes)));
        let first = found.next().unwrap();
        assert!(found.all(|other| other == first));
        first
    }

    /// What reading part by part finds.
    fn part_by_part(bytes: &[u8]) -> Option<usize> {
        let mut cursor = Cursor::without_control(bytes);
        cursor.skip_part_by_part().ok()?;
        Some(bytes.len() - cursor.ahead().len())
    }

    /// An object or a list, most of which are longer than 64 bytes.
    fn nested() -> impl Strategy<Value = String> {
        let text = r#"([a-z:,{}\[\] ]|\\["\\/bfnrt]|\\u00e[0-9a-f]){0,30}"#
            .prop_map(|text| format!("\"{text}\""));
        let scalar = prop_oneof![
            Just("true".to_owned()),
            Just("null".to_owned()),
            Just("-12.5e+3".to_owned()),
            Just("0".to_owned()),
            text.clone(),
            text.clone(),
        ];
        scalar.prop_recursive(6, 60, 6, move |value| {
            let list = prop::collection::vec(value.clone(), 0..6);
            let fields = prop::collection::vec((text.clone(), value), 0..6);
            let field = |(key, value)| format!("{key}:{value}");
            prop_oneof![
                list.prop_map(|items| format!("[{}]", items.join(","))),
                fields.prop_map(move |fields| {
                    let fields: Vec<String> = fields.into_iter().map(field).collect();
                    format!("{{{}}}", fields.join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_programs_write_is_passed(value in nested(), behind in r#"[,}\]"a]{0,70}"#) {
            let value = format!("[{value}]");
            let line = format!("{value}{behind}");
            prop_assert_eq!(found(line.as_bytes()), Some(value.len()));
            prop_assert_eq!(part_by_part(line.as_bytes()), Some(value.len()));
        }

        #[test]
        fn nothing_is_passed_that_is_wrong(
            value in nested(),
            changes in prop::collection::vec(
                (any::<prop::sample::Index>(), r#"["\\{}\[\]:,0a te\-.u]"#, 0..3usize),
                1..3,
            ),
        ) {
            let mut line = format!("[{value},{value}]}}").into_bytes();
            for (at, byte, how) in changes {
                let at = at.index(line.len());
                let byte = byte.as_bytes()[0];
                match how {
                    0 => line[at] = byte,
                    1 => line.insert(at, byte),
                    _ => drop(line.remove(at)),
                }
                if !line.first().is_some_and(|first| matches!(first, b'{' | b'[')) {
                    line.insert(0, b'[');
                }
            }
            if let Some(length) = found(&line) {
                prop_assert_eq!(Some(length), part_by_part(&line), "{}", String::from_utf8_lossy(&line));
            }
        }
    }

    #[test]
    fn what_is_left_to_the_other_way_is_not_passed() {
        for value in [
            r#"{"a": 1}"#,
            r#"[1 ,2]"#,
            r#"{"a":1,}"#,
            r#"{"a":1,2}"#,
            r#"{"a":1,{}}"#,
            r#"{"a":}"#,
            r#"[1,]"#,
            r#"{"a",1}"#,
            r#"["a":1]"#,
            r#"{1:2}"#,
            r#"{"a":{}]"#,
            r#"[[}]"#,
            r#"["\x"]"#,
            r#"["\u00g0"]"#,
            r#"[01]"#,
            r#"[tru]"#,
            r#"[1"a"]"#,
            r#"["a""b"]"#,
            r#"[,1]"#,
            r#"{"a":"b":"c"}"#,
            r#"{"a":"b","c"}"#,
            r#"["a\"]"#,
            r#"["a"#,
            "[",
        ] {
            for before in [0, 50, 59, 60, 61, 62, 63, 64, 120] {
                for behind in ["", r#","y""#, &format!(",\"{}\"", "y".repeat(70))] {
                    let value = format!("[\"{}\",{value}{behind}]", "x".repeat(before));
                    assert_eq!(found(value.as_bytes()), None, "{value}");
                }
            }
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(found(deep(64).as_bytes()), Some(128));
        assert_eq!(found(deep(65).as_bytes()), None);
    }
}
