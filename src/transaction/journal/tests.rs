use super::super::record::Ended;
use super::*;

fn written() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let handle = File::open(directory.path()).unwrap();
    let ended = |at: &str| Record::Committed(Ended { at: at.into() });
    let mut journal = Journal::create(&handle, &[Record::Prepared, ended("one")]).unwrap();
    journal.append(ended("two")).unwrap();
    std::fs::read(directory.path().join(NAME)).unwrap()
}

#[test]
fn no_flipped_bit_and_no_cut_gives_a_record_that_was_not_written() {
    let whole = written();
    let records = parse(&whole).unwrap().records;
    assert_eq!(records.len(), 3);
    for length in 0..whole.len() {
        match parse(&whole[..length]) {
            Ok(lines) => assert_eq!(lines.records, records[..lines.records.len()]),
            Err(why) => assert_eq!(why, Unusable::Empty, "cut at {length}"),
        }
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(lines) = parse(&flipped) {
            assert!(lines.records.len() < records.len(), "bit {bit}");
            assert_eq!(lines.records, records[..lines.records.len()]);
        }
    }
}

#[test]
fn a_number_that_is_spelled_in_another_way_is_damage() {
    let text = String::from_utf8(written()).unwrap();
    for other in ["+1", "01"] {
        let changed = text.replacen("-1 1 ", &format!("-1 {other} "), 1);
        let why = parse(changed.as_bytes()).unwrap_err();
        assert!(matches!(why, Unusable::Corrupt { line: 1, .. }), "{why}");
    }
    let changed = text.replacen("-1 1 ", "-01 1 ", 1);
    assert!(parse(changed.as_bytes()).is_err());
}

#[test]
fn an_append_takes_a_torn_tail_off_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(NAME);
    let mut torn = written();
    let valid = torn.len();
    torn.extend(b"tighten-journal-1 4 abc");
    std::fs::write(&path, &torn).unwrap();
    let handle = File::open(directory.path()).unwrap();
    let mut journal = Journal::reopen(&handle).unwrap();
    journal.append(Record::Prepared).unwrap();
    let now = std::fs::read(&path).unwrap();
    assert_eq!(now[..valid], torn[..valid]);
    assert_eq!(parse(&now).unwrap().records.len(), 4);
    let (first, last) = read_ends(&handle).unwrap();
    assert_eq!((first, last), (Record::Prepared, Record::Prepared));
}

#[test]
fn each_kept_journal_says_the_oldest_format_that_can_hold_it() {
    for (name, format) in [
        ("committed-apply", 1),
        ("directories-apply", 2),
        ("kernel-apply", 3),
        ("kernel-rollback", 3),
    ] {
        let path = format!("fuzz/corpus/journal/{name}");
        let records = parse(&std::fs::read(path).unwrap()).unwrap().records;
        assert_eq!(format_of(&records), format, "{name}");
        let Some(Record::Begin(begin)) = records.into_iter().next() else {
            panic!("{name}");
        };
        assert_eq!(begin.format, format, "{name}");
        assert_eq!(begin.kernel.is_empty(), format < 3, "{name}");
    }
}
