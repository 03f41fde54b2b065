//! What a kustomization lists. Its objects are judged as their files have them: what it changes in them, by
//! patches and the like, only `kustomize build` shows.

use crate::root::{NodePath, Root};
use crate::yaml::{self, Node};

/// The names that kustomize takes.
const NAMES: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Keys by which a kustomization changes the objects that it lists, other than by patches in files.
const CHANGES: &[&str] = &[
    "images",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "replacements",
    "replicas",
    "transformers",
    "vars",
];

/// The kustomization that a file is reached through.
#[derive(Clone, Debug)]
pub struct Kustomized {
    /// The outermost one's directory.
    pub directory: NodePath,
    /// True when one may give the workload another image, and with it another version.
    pub other_images: bool,
}

/// What a kustomization lists.
#[derive(Default)]
pub(super) struct Listed {
    /// Files and directories of objects.
    pub resources: Vec<NodePath>,
    /// Files that hold parts of objects, which nobody must take for whole ones.
    pub others: Vec<NodePath>,
    /// What is not done here.
    pub remarks: Vec<String>,
    /// True when it may give a workload another image.
    pub other_images: bool,
}

/// What the kustomization of a directory lists, when it has one that can be read.
pub(super) fn listed(root: &Root, directory: &NodePath, names: &[String]) -> Option<Listed> {
    let name = NAMES
        .iter()
        .find(|name| names.iter().any(|own| own == *name))?;
    let path = directory.join(name)?;
    let bytes = root.open(&path).ok()?.1.read().ok()?;
    let node = yaml::parse_first(str::from_utf8(&bytes).ok()?).ok()?.root?;
    let mut listed = Listed::default();
    for key in ["resources", "bases", "components", "crds"] {
        for text in node.get(key).map(Node::items).unwrap_or_default() {
            let Some(text) = text.text() else { continue };
            // A remote base has a scheme, a host or a query.
            let local = !text.contains("://") && !text.contains('?') && !text.starts_with("git@");
            match directory.join(text).filter(|_| local) {
                Some(inside) if root.open(&inside).is_ok() => listed.resources.push(inside),
                _ => listed.remarks.push(format!(
                    "passed over: {path} lists what does not lie here: {text}"
                )),
            }
        }
    }
    let patches = patches(&node);
    let changed: Vec<&str> = CHANGES
        .iter()
        .copied()
        .filter(|key| node.get(key).is_some())
        .chain((!patches.is_empty()).then_some("patches"))
        .collect();
    let of_images = ["images", "patches", "replacements", "transformers", "vars"];
    listed.other_images = changed.iter().any(|key| of_images.contains(key));
    if !changed.is_empty() {
        listed.remarks.push(format!(
            "{path} changes its objects ({}), which are judged as their files have them; what comes out is judged by piping kustomize build into tighten with --manifests -",
            changed.join(", ")
        ));
    }
    let named = patches.into_iter().flatten();
    listed.others = named.filter_map(|text| directory.join(text)).collect();
    Some(listed)
}

/// Each patch, with its file where it has one.
fn patches(node: &Node) -> Vec<Option<&str>> {
    let keys = ["patches", "patchesStrategicMerge", "patchesJson6902"];
    let items = keys.into_iter().filter_map(|key| node.get(key));
    items
        .flat_map(Node::items)
        .map(|patch| match patch.text() {
            // Either a file's name, or a whole patch.
            Some(text) => (!text.contains('\n')).then_some(text),
            None => patch.get("path").and_then(Node::text),
        })
        .collect()
}
