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
    assert_eq!(
        fit(&client, b"\xff"),
        Fit::Unknown("it holds no private key")
    );
}

#[test]
fn a_moment_is_shown_as_rfc_3339() {
    assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(Moment(0).plus_days(30).to_string(), "1970-01-31T00:00:00Z");
    let last = Moment(u64::MAX).plus_days(1).to_string();
    assert_eq!(last, format!("{} seconds after 1970", u64::MAX));
}
