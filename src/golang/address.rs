//! Addresses as Kubernetes reads them in its configurations: Go's parsers of before 1.17, which take
//! leading zeros (`ParseIPSloppy`, `ParseCIDRSloppy`), and `net.SplitHostPort`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Larger numbers end Go's parsing of a number.
const BIG: u32 = 0xff_ffff;

/// `ParseIPSloppy`. An IPv4 address written in IPv6 form counts as IPv4, as Go's `To4` has it.
pub fn ip(text: &str) -> Option<IpAddr> {
    match text.bytes().find(|byte| matches!(byte, b'.' | b':'))? {
        b'.' => ipv4(text).map(IpAddr::V4),
        _ => ipv6(text).map(|address| match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(address),
        }),
    }
}

/// `ParseCIDRSloppy`; tells whether the range is one of IPv4.
pub fn cidr_is_ipv4(text: &str) -> Option<bool> {
    let (address, mask) = text.split_once('/')?;
    let (is_ipv4, bits) = match ipv4(address) {
        Some(_) => (true, 32),
        None => (ipv6(address)?.to_ipv4_mapped().is_some(), 128),
    };
    let (mask, rest) = number(mask, 10)?;
    // A mapped address stays one only when the mask leaves its mark of 16 one bits in place.
    (rest.is_empty() && mask <= bits).then_some(is_ipv4 && (bits == 32 || mask >= 96))
}

/// `net.SplitHostPort`.
pub fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let colon = text.rfind(':')?;
    let port = text.get(colon + 1..)?;
    let host = text.get(..colon)?;
    let host = match host.strip_prefix('[') {
        Some(host) => {
            let inner = host.strip_suffix(']')?;
            // The bracket must be closed right before the last colon.
            if inner.contains(']') {
                return None;
            }
            inner
        }
        None if host.contains(':') => return None,
        None => host,
    };
    let stray = |part: &str| part.contains(['[', ']']);
    (!stray(host) && !stray(port)).then_some((host, port))
}

/// `AppendPortIfNeeded`.
pub fn with_port(text: &str, port: u32) -> String {
    if split_host_port(text).is_some() {
        return text.to_owned();
    }
    match ip(text) {
        None => text.to_owned(),
        Some(IpAddr::V4(_)) => format!("{text}:{port}"),
        Some(IpAddr::V6(_)) => format!("[{text}]:{port}"),
    }
}

/// `strconv.Atoi`.
pub fn atoi(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `utilnet.ParsePortRange`: nothing, `80`, `80-90` or `80+10`.
pub fn is_port_range(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() {
        return true;
    }
    let range = match (text.split_once('-'), text.split_once('+')) {
        (None, None) => atoi(text).map(|port| (port, port)),
        (Some((low, high)), None) => atoi(low).zip(atoi(high)),
        (None, Some((low, offset))) => atoi(low)
            .zip(atoi(offset))
            .and_then(|(low, offset)| Some((low, low.checked_add(offset)?))),
        _ => None,
    };
    range.is_some_and(|(low, high)| low <= 65_535 && high <= 65_535 && low <= high)
}

fn number(text: &str, base: u32) -> Option<(u32, &str)> {
    let mut value = 0;
    let mut rest = text;
    while let Some(digit) = rest.chars().next().and_then(|letter| letter.to_digit(base)) {
        value = value * base + digit;
        if value >= BIG {
            return None;
        }
        rest = rest.get(1..)?;
    }
    (rest.len() < text.len()).then_some((value, rest))
}

fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut rest = text;
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix('.')?;
        }
        let (value, after) = number(rest, 10)?;
        *octet = u8::try_from(value).ok()?;
        rest = after;
    }
    rest.is_empty().then(|| Ipv4Addr::from(octets))
}

fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let mut groups: Vec<u16> = Vec::with_capacity(8);
    let mut gap = None;
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("::") {
        gap = Some(0);
        rest = after;
        if rest.is_empty() {
            return Some(Ipv6Addr::UNSPECIFIED);
        }
    }
    while groups.len() < 8 {
        let (value, after) = number(rest, 16)?;
        let group = u16::try_from(value).ok()?;
        if after.starts_with('.') {
            if gap.is_none() && groups.len() != 6 || groups.len() > 6 {
                return None;
            }
            let [a, b, c, d] = ipv4(rest)?.octets();
            groups.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
            rest = "";
            break;
        }
        groups.push(group);
        rest = after;
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix(':').filter(|rest| !rest.is_empty())?;
        if let Some(after) = rest.strip_prefix(':') {
            if gap.is_some() {
                return None;
            }
            gap = Some(groups.len());
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return None;
    }
    match gap {
        None if groups.len() == 8 => {}
        Some(gap) if groups.len() < 8 => {
            let zeros = std::iter::repeat_n(0, 8 - groups.len());
            groups.splice(gap..gap, zeros);
        }
        _ => return None,
    }
    let groups: [u16; 8] = groups.try_into().ok()?;
    Some(Ipv6Addr::from(groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_leading_zeros() {
        for good in [
            "010.0.0.1",
            "0.0.0.0",
            "::",
            "::1",
            "fd00::1",
            "::ffff:1.2.3.4",
            "1:2:3:4:5:6:7:8",
            "::00001",
            "1::",
            "1:2:3:4:5:6:1.2.3.4",
            "00001.2.3.4",
        ] {
            assert!(ip(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "1.2.3",
            "1.2.3.4.5",
            "256.0.0.1",
            "1.2.3.4 ",
            "0.0.0.0:80",
            "[::1]",
            "fe80::1%eth0",
            ":::",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "::1:",
            "1.2..4",
            "1.2.3.x",
            "::10000",
            "99999999.1.1.1",
            "1",
            ":1",
            "1:2:3:4:5:6:7::8:9",
            "1.2.3.\u{661}",
        ] {
            assert!(ip(bad).is_none(), "{bad}");
        }
        assert!(ip("::ffff:1.2.3.4").unwrap().is_ipv4());
        assert_eq!(ip("010.0.0.1").unwrap().to_string(), "10.0.0.1");
        assert_eq!(ip("1::8").unwrap().to_string(), "1::8");
    }

    #[test]
    fn ranges_need_a_length_within_their_family() {
        for (text, expected) in [
            ("10.0.0.0/8", Some(true)),
            ("010.0.0.0/08", Some(true)),
            ("::/0", Some(false)),
            ("0.0.0.0/0", Some(true)),
            ("fd00::/64", Some(false)),
            ("10.0.0.1/32", Some(true)),
            ("10.0.0.0", None),
            ("10.0.0.0/33", None),
            ("::/129", None),
            ("10.0.0.0/", None),
            ("10.0.0.0/-1", None),
            ("", None),
            ("10.0.0.0/8 ", None),
            ("x/8", None),
            ("10.0.0.0/8/8", None),
            ("10.0.0.0/+8", None),
        ] {
            assert_eq!(cidr_is_ipv4(text), expected, "{text}");
        }
    }

    #[test]
    fn ports_are_split_as_go_splits_them() {
        for (text, expected) in [
            ("1.2.3.4:80", Some(("1.2.3.4", "80"))),
            ("[::1]:80", Some(("::1", "80"))),
            (":80", Some(("", "80"))),
            ("host:", Some(("host", ""))),
            ("::1", None),
            ("[::1]", None),
            ("host", None),
            ("a:b:c", None),
            ("[::1]80", None),
            ("[::1]]:80", None),
            ("a[:80", None),
            ("[]:80", Some(("", "80"))),
            ("[::1]:80:90", None),
            ("", None),
            ("a:8]0", None),
        ] {
            assert_eq!(split_host_port(text), expected, "{text}");
        }
        assert_eq!(with_port("127.0.0.1", 10_249), "127.0.0.1:10249");
        assert_eq!(with_port("::1", 10_249), "[::1]:10249");
        assert_eq!(with_port("localhost", 1), "localhost");
        assert_eq!(with_port(":1", 2), ":1");
    }

    #[test]
    fn port_ranges() {
        for good in ["", " ", "80", "80-90", "80+10", "0-0", " 1-2 "] {
            assert!(is_port_range(good), "{good}");
        }
        for bad in [
            "x", "90-80", "-1", "1-65536", "80+-1", "1-2-3", "70000", "+5", "1 - 2",
        ] {
            assert!(!is_port_range(bad), "{bad}");
        }
    }
}
