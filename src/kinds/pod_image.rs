//! The images that kube-proxy is started from, and their names.

use super::Instance;
use super::workload::{Found, Odd, text};
use crate::edit::Step;
use crate::yaml::Node;

/// The name of an image in its parts: `registry.k8s.io/kube-proxy:v1.36.2@sha256:...`
/// (github.com/distribution/reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// All of it.
    pub whole: &'a str,
    /// Registry and path, as they are written.
    pub repository: &'a str,
    /// What it is called there today.
    pub tag: Option<&'a str>,
    /// What it is.
    pub digest: Option<&'a str>,
}

impl<'a> Name<'a> {
    /// Takes a name apart.
    pub fn of(whole: &'a str) -> Name<'a> {
        let (named, digest) = match whole.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (whole, None),
        };
        // A colon before a slash stands in front of the registry's port.
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (named, None),
        };
        Name {
            whole,
            repository,
            tag,
            digest,
        }
    }

    /// Registry and path; a name without a registry is one of docker.io.
    pub fn located(&self) -> String {
        let first = self.repository.split('/').next().unwrap_or_default();
        let registry = first.contains(['.', ':']) || first == "localhost";
        match (
            registry && self.repository.contains('/'),
            self.repository.contains('/'),
        ) {
            (true, _) => self.repository.to_owned(),
            (false, true) => format!("docker.io/{}", self.repository),
            (false, false) => format!("docker.io/library/{}", self.repository),
        }
    }

    /// The same image by a digest; the tag stays, since it tells the version.
    pub fn with_digest(&self, digest: &str) -> String {
        let tag = self.tag.map_or(String::new(), |tag| format!(":{tag}"));
        format!("{}{tag}@{digest}", self.repository)
    }

    /// True where the digest is one.
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some_and(is_digest)
    }
}

/// True for `sha256:` and 64 digits.
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// An image that a container of kube-proxy is started from.
pub struct Image<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// The way to it from the object's root.
    pub way: Vec<Step>,
    /// Its line.
    pub line: usize,
}

/// The images of kube-proxy's containers: of its own, and of those that prepare the node for it.
///
/// # Errors
/// Where one has none.
pub fn images<'a>(found: &Found<'a>) -> Result<Vec<Image<'a>>, Odd> {
    let own = (found.workload.in_container(&[]), found.container);
    let before = found.init_containers();
    let before = before.filter(|(_, container)| found.is_init_only(container));
    let all = std::iter::once(own).chain(before);
    all.map(|(way, container)| image(way, container)).collect()
}

fn image<'a>(mut way: Vec<Step>, container: &'a Node) -> Result<Image<'a>, Odd> {
    let node = container.get("image").unwrap_or(container);
    let Some(whole) = text(container, "image").filter(|whole| !whole.is_empty()) else {
        return Err(Odd::of(node, "its container names no image"));
    };
    way.push(Step::Key("image".into()));
    Ok(Image {
        name: Name::of(whole),
        way,
        line: node.line,
    })
}

/// Judges each of kube-proxy's images; those that pass are one verdict.
pub fn each_image(found: &Found, judge: impl Fn(&Image) -> Instance) -> Vec<Instance> {
    let images = match images(found) {
        Ok(images) => images,
        Err(odd) => return vec![odd.unknown()],
    };
    let judged = images
        .iter()
        .map(|image| judge(image).line(Some(image.line)));
    let judged: Vec<Instance> = judged.collect();
    let passes = |instance: &Instance| instance.verdict == super::Verdict::Pass;
    match judged.iter().all(passes) {
        true => judged.into_iter().take(1).collect(),
        false => judged.into_iter().filter(|one| !passes(one)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_as_a_container_runtime_does() {
        let parts = |whole| {
            let name = Name::of(whole);
            (name.located(), name.tag, name.digest.is_some())
        };
        let told = |located: &str, tag, digest| (located.to_owned(), tag, digest);
        assert_eq!(
            parts("registry.k8s.io/kube-proxy:v1.36.2"),
            told("registry.k8s.io/kube-proxy", Some("v1.36.2"), false)
        );
        assert_eq!(
            parts("localhost:5000/kube-proxy"),
            told("localhost:5000/kube-proxy", None, false)
        );
        assert_eq!(
            parts("localhost:5000/a/kube-proxy:x@sha256:0"),
            told("localhost:5000/a/kube-proxy", Some("x"), true)
        );
        assert_eq!(
            parts("kube-proxy"),
            told("docker.io/library/kube-proxy", None, false)
        );
        assert_eq!(
            parts("rancher/kube-proxy:latest"),
            told("docker.io/rancher/kube-proxy", Some("latest"), false)
        );
    }

    #[test]
    fn only_a_whole_digest_pins() {
        let digits = "0123456789abcdef".repeat(4);
        assert!(Name::of(&format!("a@sha256:{digits}")).is_pinned());
        assert!(!Name::of("a@sha256:0123").is_pinned());
        assert!(!Name::of(&format!("a@sha256:{}", digits.to_uppercase())).is_pinned());
        assert!(!Name::of("a:v1").is_pinned());
    }
}
