//! From paths to objects.

use std::collections::BTreeSet;

use super::walk::{Found, walk};
use super::{Kustomized, ManifestFile, Object, Objects, view, workload};
use crate::discover::Survey;
use crate::edit::Step;
use crate::facts::Seen;
use crate::failure::Failure;
use crate::root::{Meta, NodePath, Root};
use crate::yaml::{self, Node};

/// Most objects that are read.
const MAX_OBJECTS: usize = 50_000;

/// What is to be read.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// Files and directories; [`super::STDIN`] stands for `stdin`.
    pub paths: &'a [NodePath],
    /// What came from stdin, when that was named.
    pub stdin: Option<&'a (Meta, Vec<u8>)>,
    /// The digest that kube-proxy's image is to be pinned to.
    pub image_digest: Option<&'a str>,
}

/// Words of a text that may concern kube-proxy: a file that holds one of them is not passed over.
const OURS: &[&str] = &["kube-proxy", "kubeproxy", "node-proxier", "RoleBinding"];

/// Reads all objects.
///
/// # Errors
/// When a path cannot be read, when a file is no YAML and may concern kube-proxy, and when nothing in them
/// concerns kube-proxy.
pub fn read(root: &Root, given: &Given) -> Result<Objects, Failure> {
    let mut objects = Objects {
        alone: true,
        image_digest: given.image_digest.map(String::from),
        ..Objects::default()
    };
    let mut known = BTreeSet::new();
    for path in given.paths {
        if path.as_str() == super::STDIN {
            let Some((meta, bytes)) = given.stdin.cloned() else {
                continue;
            };
            let seen = Seen {
                path: path.clone(),
                meta,
                bytes: Some(bytes),
            };
            take(&mut objects, path, seen, true, None)?;
            continue;
        }
        let found = walk(root, path, &mut objects.remarks)?;
        for Found {
            path,
            seen,
            named,
            kustomized,
        } in found
        {
            // One file may be reached by two ways.
            if known.insert(seen.path.clone()) {
                take(&mut objects, &path, seen, named, kustomized)?;
            }
        }
    }
    workload::find(&mut objects);
    view::find(root, &mut objects);
    if !objects.concern_kube_proxy() {
        let shown: Vec<&str> = given.paths.iter().map(NodePath::as_str).collect();
        let what = objects.described();
        return Err(Failure::refused(format!(
            "no kube-proxy in {}: {what}, none of which starts it, configures it or gives it rights",
            shown.join(", ")
        ))
        .help("name the manifests of kube-proxy, such as what this prints: kubectl -n kube-system get daemonset,configmap,serviceaccount,role,rolebinding -o yaml"));
    }
    Ok(objects)
}

/// The static pods of a node that run kube-proxy, beside which its own files are judged. `None` when there is
/// none.
///
/// `lasting` is the manifest that keeps what is written into it; any other is written anew by its owner.
pub fn of_static_pods(
    root: &Root,
    survey: &Survey,
    lasting: Option<&NodePath>,
    image_digest: Option<&str>,
) -> Option<Objects> {
    let mut objects = Objects {
        image_digest: image_digest.map(String::from),
        ..Objects::default()
    };
    for pod in survey.manifests.running("kube-proxy") {
        let Ok((real, opened)) = root.open(&pod.path) else {
            continue;
        };
        let Ok(bytes) = opened.read() else { continue };
        let seen = Seen {
            path: real,
            meta: opened.meta,
            bytes: Some(bytes),
        };
        // What is no YAML runs nothing, and the node's own checks say so.
        let before = objects.all.len();
        if take(&mut objects, &pod.path, seen, true, None).is_err() || lasting == Some(&pod.path) {
            continue;
        }
        for object in objects.all.iter_mut().skip(before) {
            let path = &pod.path;
            object.hold = Some(format!(
                "{path} is written anew by who keeps this node: change it where that is configured"
            ));
        }
    }
    workload::find(&mut objects);
    (!objects.workloads.is_empty()).then_some(objects)
}

/// Reads one file into the objects. One that nobody named by its path may be passed over.
fn take(
    objects: &mut Objects,
    path: &NodePath,
    seen: Seen,
    named: bool,
    kustomized: Option<Kustomized>,
) -> Result<(), Failure> {
    let bytes = seen.bytes.as_deref().unwrap_or_default();
    let concerns = |text: &str| named || OURS.iter().any(|word| text.contains(word));
    let problem = match str::from_utf8(bytes) {
        Ok(text) => match documents(text, &seen.path) {
            Ok(found) => {
                objects.all.extend(found);
                if objects.all.len() > MAX_OBJECTS {
                    return Err(Failure::refused(format!(
                        "more than {MAX_OBJECTS} objects in the manifests"
                    ))
                    .help("name the files of kube-proxy alone"));
                }
                None
            }
            Err((line, why)) => Some((format!("{path}:{line}: {why}"), concerns(text))),
        },
        Err(_) => Some((
            format!("{path}: not UTF-8"),
            concerns(&String::from_utf8_lossy(bytes)),
        )),
    };
    let path = path.clone();
    match problem {
        Some((why, true)) => {
            return Err(Failure::refused(why)
                .state("nothing was written")
                .help("correct the file; a template is rendered first, as with helm template or kustomize build; or name other files"));
        }
        Some((why, false)) => objects.remarks.push(format!("passed over: {why}")),
        None => objects.files.push(ManifestFile {
            path,
            seen,
            kustomized,
        }),
    }
    Ok(())
}

/// The objects of a text, or the line and the reason why it gives none.
fn documents(text: &str, file: &NodePath) -> Result<Vec<Object>, (usize, String)> {
    let refused = |refusal: yaml::Refusal| {
        let why = match refusal.problem {
            yaml::Problem::Syntax => format!("not YAML: {}", refusal.message),
            yaml::Problem::Budget => refusal.message,
        };
        (refusal.line, why)
    };
    let mut found = Vec::new();
    for (document, part) in yaml::parse_stream(text).map_err(refused)?.enumerate() {
        let root = part.map_err(refused)?.root;
        add(root, file, document, Vec::new(), None, &mut found);
    }
    Ok(found)
}

/// Adds an object, or those of a List.
fn add(
    node: Node,
    file: &NodePath,
    document: usize,
    at: Vec<Step>,
    inherited: Option<(&str, &str)>,
    found: &mut Vec<Object>,
) {
    let text = |key: &str| node.get(key).and_then(Node::text).map(String::from);
    let kind = text("kind").unwrap_or_default();
    let is_list = kind.ends_with("List")
        && node
            .get("items")
            .is_some_and(|items| !items.items().is_empty());
    if !is_list || at.len() > 4 {
        found.extend(Object::of(node, file, document, at, inherited));
        return;
    }
    let of_items = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
    let api_version = text("apiVersion").unwrap_or_default();
    let inherited = of_items.map(|kind| (api_version.as_str(), kind));
    for (index, item) in taken_items(node).into_iter().enumerate() {
        let mut at = at.clone();
        at.extend([Step::Key("items".into()), Step::Index(index)]);
        add(item, file, document, at, inherited, found);
    }
}

/// The items of a List, without a copy of each: of doubled keys the last one counts.
fn taken_items(node: Node) -> Vec<Node> {
    let yaml::Value::Mapping(entries, _) = node.value else {
        return Vec::new();
    };
    let items = entries
        .into_iter()
        .rfind(|(key, _)| key.text() == Some("items"));
    match items.map(|(_, items)| items.value) {
        Some(yaml::Value::Sequence(items, _)) => items,
        _ => Vec::new(),
    }
}
