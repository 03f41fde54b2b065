//! The init container that does what kube-proxy needs a privileged one for.

use super::pod_command::takes_flag;
use super::pod_image::{Name, is_digest};
use super::workload::{Found, boolean, switch, text, texts};
use crate::edit::{Alteration, Entry, Scalar, Tree};
use crate::yaml::Node;

/// The name of the container.
const NAME: &str = "kube-proxy-init";

/// What the container has as kube-proxy's own has it, in this order; its command and arguments go between.
const BEFORE: &[&str] = &["imagePullPolicy"];
const BEHIND: &[&str] = &["workingDir", "env", "envFrom", "resources"];

/// Who it runs as, which the pod may say otherwise for all of its containers.
const IDENTITY: &[&str] = &["runAsUser", "runAsGroup", "runAsNonRoot", "seLinuxOptions"];

/// The container that is to be added.
pub struct Split {
    alteration: Alteration,
}

impl Split {
    /// The same program, image, configuration and mounts, with `--init-only`; `None` where there is one.
    ///
    /// # Errors
    /// Why only a person can.
    pub fn of(found: &Found) -> Result<Option<Split>, String> {
        if let Some(problem) = &found.workload.problem {
            return Err(format!("{problem}: divide it by hand"));
        }
        if found.pod.get("hostNetwork").and_then(boolean) != Some(true) {
            return Err(
                "its pod is not in the node's network, whose settings --init-only would make"
                    .into(),
            );
        }
        for (_, container) in found.init_containers() {
            if !found.is_init_only(container) {
                continue;
            }
            return match switch(container.get("securityContext"), "privileged") {
                Ok(Some(true)) => Ok(None),
                _ => Err("its init container with --init-only is not privileged, and changes no setting of the kernel: make it so by hand".into()),
            };
        }
        let named = |container: &Node| text(container, "name") == Some(NAME);
        let mut all = ["containers", "initContainers"]
            .into_iter()
            .filter_map(|key| found.pod.get(key))
            .flat_map(Node::items);
        if all.any(named) {
            return Err(format!(
                "its pod has a container {NAME} already, without --init-only"
            ));
        }
        takes_flag(found.container).map_err(|why| format!("{why}: divide it by hand"))?;
        let image = image(found).ok_or("its container names no image")?;
        let mut entries = vec![
            ("name".to_owned(), Entry::Given(Tree::text(NAME))),
            ("image".to_owned(), Entry::Given(Tree::text(image))),
        ];
        let of_own = |key: &str| found.in_container(&[key]);
        copy(of_own, BEFORE, &mut entries)?;
        entries.extend(words(found)?);
        copy(of_own, BEHIND, &mut entries)?;
        let privileged = Tree::Scalar(Scalar::Bool(true));
        let mut context = vec![("privileged".to_owned(), privileged)];
        let own = |key: &str| found.in_container(&["securityContext", key]);
        context.extend(held(own, IDENTITY)?);
        entries.push(("securityContext".into(), Entry::Given(Tree::Map(context))));
        copy(of_own, &["volumeMounts"], &mut entries)?;
        let way = found.workload.in_pod(&["initContainers"]);
        let alteration = Alteration::copy(way, found.workload.in_container(&[]), entries);
        Ok(Some(Split { alteration }))
    }

    /// What adds it.
    pub fn alteration(self) -> Alteration {
        self.alteration
    }
}

/// The image of kube-proxy's container, by the digest that was named for it.
fn image(found: &Found) -> Option<String> {
    let name = Name::of(text(found.container, "image")?);
    let digest = found.objects.image_digest.as_deref();
    Some(
        match digest.filter(|digest| !name.is_pinned() && is_digest(digest)) {
            Some(digest) => name.with_digest(digest),
            None => name.whole.to_owned(),
        },
    )
}

/// What kube-proxy's container has under these keys, as `own` finds it.
fn held<'a>(
    own: impl Fn(&str) -> Option<&'a Node>,
    keys: &[&str],
) -> Result<Vec<(String, Tree)>, String> {
    let held = |key: &&str| {
        let tree = Tree::of(own(key)?)
            .ok_or_else(|| format!("{key} of its container holds what cannot be copied for sure"));
        Some(tree.map(|tree| ((*key).to_owned(), tree)))
    };
    keys.iter().filter_map(held).collect()
}

/// Has what kube-proxy's container has under these keys copied.
fn copy<'a>(
    own: impl Fn(&str) -> Option<&'a Node>,
    keys: &[&str],
    entries: &mut Vec<(String, Entry)>,
) -> Result<(), String> {
    let held = held(own, keys)?.into_iter();
    entries.extend(held.map(|(key, _)| (key, Entry::Same)));
    Ok(())
}

/// The words that start it, with `--init-only` behind them. They may hold a secret, and are only named.
fn words(found: &Found) -> Result<Vec<(String, Entry)>, String> {
    let mut lists: Vec<(String, Entry)> = Vec::new();
    for key in ["command", "args"] {
        let node = found.in_container(&[key]);
        let count = texts(node).count();
        if count != node.map_or(0, |node| node.items().len()) {
            return Err(format!("{key} of its container is no list of words"));
        }
        if count > 0 {
            lists.push((key.to_owned(), Entry::Same));
        }
    }
    let Some((_, last)) = lists.last_mut() else {
        return Err("its command stands in the image".into());
    };
    *last = Entry::With(vec!["--init-only".into()]);
    Ok(lists)
}
