//! As much of Go's net/url as a kubeconfig needs.

/// The URL without `user:password@`, which is a secret.
pub fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    // A password may hold a slash, so whatever stands before the last @ is taken for one.
    let shown = rest.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{shown}")
}

/// Why client-go would not take it as a proxy's URL; `None` when it does.
pub(super) fn proxy_fault(url: &str) -> Option<String> {
    let bad = || Some("could not parse".to_owned());
    if url.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return bad();
    }
    let url = url.split('#').next().unwrap_or_default();
    let (scheme, rest) = scheme(url)?;
    let Some(scheme) = scheme else { return bad() };
    if !matches!(scheme.as_str(), "http" | "https" | "socks5") {
        return Some("unsupported scheme, must be http, https, or socks5".to_owned());
    }
    let rest = rest.split('?').next().unwrap_or_default();
    let Some(rest) = rest.strip_prefix("//") else {
        return (!escapes_fit(rest)).then(|| "could not parse".to_owned());
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let port = match host.rfind(']') {
        Some(at) => host.get(at + 1..).unwrap_or_default(),
        None => host
            .rfind(':')
            .and_then(|at| host.get(at..))
            .unwrap_or_default(),
    };
    let port_fits = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    let host_fits = host.starts_with('[') == host.contains(']')
        && !host.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '}', '|']);
    (!port_fits || !host_fits || !escapes_fit(authority) || !escapes_fit(path))
        .then(|| "could not parse".to_owned())
}

/// The scheme in lower case and what follows; no scheme at all is the empty one, `:` in front is wrong.
fn scheme(url: &str) -> Option<(Option<String>, &str)> {
    let end = url.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
    let head = end.and_then(|end| url.get(..end)).unwrap_or_default();
    let rest = end.and_then(|end| url.get(end..)).unwrap_or_default();
    match rest.strip_prefix(':') {
        Some(_) if head.is_empty() => Some((None, url)),
        Some(rest) if head.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
            Some((Some(head.to_ascii_lowercase()), rest))
        }
        _ => Some((Some(String::new()), url)),
    }
}

fn escapes_fit(part: &str) -> bool {
    part.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    })
}
