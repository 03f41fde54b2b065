//! A secret where the path of a file should be: a key or a certificate under the name of the file's key
//! instead of that of its data, or a token as the name of its file. A path is shown everywhere; that is not.

/// Stands for it, in every message, and is no file either.
const MASKED: &str = "***";
/// PEM, and its base64.
const PEM: &str = "-----BEGIN";
const PEM_IN_BASE64: &str = "LS0tLS1CRUdJTi";
/// How base64 of a DER sequence of more than 127 bytes begins, and JSON, as in the head of a token.
const DER_IN_BASE64: &str = "MI";
const JSON_IN_BASE64: &str = "eyJ";
/// Shortest text of base64 that is no path.
const MIN_BASE64: usize = 64;
/// Longest name of a file on Linux.
const MAX_NAME: usize = 255;

/// The path, or what is shown instead.
pub(super) fn path(written: String) -> String {
    match is_secret(&written) {
        true => MASKED.into(),
        false => written,
    }
}

fn is_secret(text: &str) -> bool {
    let of = |more: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
        text.chars().all(fits)
    };
    let der = text.starts_with(DER_IN_BASE64) && text.len() >= MIN_BASE64 && of("+/=");
    let token = text.starts_with(JSON_IN_BASE64) && text.matches('.').count() == 2 && of("-_.");
    text.contains(PEM)
        || text.starts_with(PEM_IN_BASE64)
        || der
        || token
        // No file has such a name, and a token of another form could be that long.
        || text.split('/').any(|name| name.len() > MAX_NAME)
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn what_can_be_a_path_stays() {
        let long = "n".repeat(255);
        let deep = format!("/{}", "MIIE/".repeat(40));
        for name in [
            "ca.crt",
            "../pki/kube-proxy.key",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "eyJ.crt",
            "MIIE",
            "-----",
            &long,
            &deep,
        ] {
            assert_eq!(path(name.to_owned()), name);
        }
    }
}
