use super::*;

const CA: &[u8] = include_bytes!("../demo/ca.crt");
const CLIENT: &[u8] = include_bytes!("../demo/kube-proxy.crt");
const KEY: &[u8] = include_bytes!("../demo/kube-proxy.key");

fn only(text: &[u8]) -> Certificate {
    read(text).unwrap().first().unwrap().clone()
}

#[test]
fn a_certificate_is_printed_by_its_subject_alone() {
    let name = "CN=system:kube-proxy, O=system:node-proxier";
    assert_eq!(
        format!("{:?}", only(CLIENT)),
        format!("Certificate({name})")
    );
}

#[test]
fn one_bit_turned_in_what_is_signed_or_in_the_signature_breaks_the_chain() {
    let (ca, now) = (only(CA), Moment(1_800_000_000));
    let client = only(CLIENT);
    let signed = Chain::Signed("CN=demo-kubernetes-ca".into());
    assert_eq!(chain(&client, &[], &[&ca], now), signed);
    for at in 0..client.signed.len() {
        let mut turned = client.clone();
        turned.signed[at] ^= 1;
        assert_eq!(chain(&turned, &[], &[&ca], now), Chain::OtherKey, "{at}");
    }
    for at in 0..client.signature.len() {
        let mut turned = client.clone();
        turned.signature[at] ^= 1;
        assert_eq!(chain(&turned, &[], &[&ca], now), Chain::OtherKey, "{at}");
    }
}

#[test]
fn a_ca_that_is_not_valid_at_the_time_is_told() {
    let (ca, client) = (only(CA), only(CLIENT));
    let found = chain(&client, &[], &[&ca], Moment(0));
    assert_eq!(found, Chain::NotValid("CN=demo-kubernetes-ca".into()));
    assert_eq!(chain(&client, &[], &[], Moment(0)), Chain::NoSigner);
    // The client's own certificate among the CAs is trusted as it is.
    assert!(matches!(
        chain(&client, &[], &[&client], Moment(0)),
        Chain::Signed(_)
    ));
}

#[test]
fn a_key_is_found_behind_other_blocks_and_no_other_is_tried() {
    let client = only(CLIENT);
    assert_eq!(fit(&client, KEY), Fit::Belongs);
    assert_eq!(fit(&client, &[CA, KEY].concat()), Fit::Belongs);
    assert_eq!(fit(&only(CA), KEY), Fit::Other);
    let empty: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let unread = "it is not a key that can be read here";
    assert_eq!(fit(&client, &[empty, KEY].concat()), Fit::Unknown(unread));
    assert_eq!(fit(&client, b"\xff"), Fit::Refused("no private key"));
}

#[test]
fn a_moment_is_shown_as_rfc_3339() {
    assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(Moment(0).plus_days(30).to_string(), "1970-01-31T00:00:00Z");
    let last = Moment(u64::MAX).plus_days(1).to_string();
    assert_eq!(last, format!("{} seconds after 1970", u64::MAX));
}

/// The words and the bytes of every block.
fn blocks(text: &str) -> Vec<(String, Vec<u8>)> {
    let found = pem::blocks(text.as_bytes());
    found
        .map(|block| {
            (
                String::from_utf8_lossy(block.tag).into_owned(),
                block.contents.to_vec(),
            )
        })
        .collect()
}

#[test]
fn the_blocks_of_a_text_are_those_that_go_finds() {
    let a = ("A".to_owned(), b"abc".to_vec());
    let empty = ("A".to_owned(), Vec::new());
    for (text, expected) in [
        (
            "-----BEGIN A-----\nYWJj\n-----END A-----\n",
            vec![a.clone()],
        ),
        ("-----BEGIN A-----\nYWJj\n-----END A-----", vec![a.clone()]),
        (
            "-----BEGIN A-----\r\nYW\r\nJj\r\n-----END A-----\r\n",
            vec![a.clone()],
        ),
        (
            "-----BEGIN A----- \t\n Y W\tJj \n-----END A-----\t \n",
            vec![a.clone()],
        ),
        (
            "before\n-----BEGIN A-----\nx: y\n\nYWJj\n-----END A-----\nbehind",
            vec![a.clone()],
        ),
        ("-----BEGIN A-----\n-----END A-----\n", vec![empty.clone()]),
        ("-----BEGIN A-----\n\n-----END A-----\n", vec![empty]),
        // Broken ones are passed over, and what follows counts.
        (
            "-----BEGIN A-----\n-----BEGIN A-----\nYWJj\n-----END A-----\n",
            vec![a.clone()],
        ),
        (
            "-----BEGIN A-----\n%\n-----END A-----\n-----BEGIN A-----\nYWJj\n-----END A-----\n",
            vec![a.clone()],
        ),
        (
            "-----END A-----\n-----BEGIN A-----\nYWJj\n-----END A-----\n",
            vec![a.clone()],
        ),
        (
            "-----BEGIN B-----\nYWJj\n-----END A-----\n-----BEGIN A-----\nYWJj\n-----END A-----\n",
            vec![a],
        ),
        ("-----BEGIN A-----\nYWJj\n-----END A-----x\n", vec![]),
        ("-----BEGIN A----\nYWJj\n-----END A----\n", vec![]),
        (" -----BEGIN A-----\nYWJj\n-----END A-----\n", vec![]),
        ("-----BEGIN A-----\nYWJ\n-----END A-----\n", vec![]),
        ("-----BEGIN A-----\nYWJj\n -----END A-----\n", vec![]),
        ("-----BEGIN A-----\nYWJj", vec![]),
        ("-----BEGIN A-----\nx: y\n", vec![]),
        ("-----BEGIN A-----\nx: y\n-----END A-----\n", vec![]),
        ("-----BEGIN A-----\n\n-----END ", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(blocks(text), expected, "{text:?}");
    }
}

/// A PKCS #8 key of a certificate's curve or kind, and what it may be turned into.
fn wrapped(text: &[u8]) -> Vec<u8> {
    pem::blocks(text).next().unwrap().contents.to_vec()
}

#[test]
fn a_key_with_zeros_in_front_or_without_its_own_is_read_as_go_reads_it() {
    let client = only(CLIENT);
    // The number is in an octet string of 32 bytes, in an octet string, behind version and algorithm.
    let key = wrapped(KEY);
    let at = key
        .windows(4)
        .position(|four| four == [2, 1, 1, 4])
        .unwrap();
    let number = &key[at + 5..at + 5 + 32];
    let own = |octets: &[u8]| {
        let curve = [0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        let octets = [&[4, u8::try_from(octets.len()).unwrap()], octets].concat();
        let all = [&[2, 1, 1][..], &octets, &curve].concat();
        let whole = [&[0x30, u8::try_from(all.len()).unwrap()], &all[..]].concat();
        key::compared(&client, &whole)
    };
    assert_eq!(own(number), Some(Fit::Belongs));
    assert_eq!(own(&[&[0, 0], number].concat()), Some(Fit::Belongs));
    assert_eq!(own(&number[1..]), Some(Fit::Other));
    assert_eq!(own(&[1; 31]), Some(Fit::Other));
    // None of the curve's: nothing, zero, the order itself and more, and one that is too long.
    for wrong in [&[][..], &[0; 32], &[0xff; 32], &[1; 33]] {
        assert_eq!(own(wrong), None, "{wrong:?}");
    }
}
