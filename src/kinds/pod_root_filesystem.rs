//! Whether kube-proxy's container can change the files of its own image.

use serde::Deserialize;

use super::pod_command::writes_mounts_alone;
use super::pod_mounts::{Mount, mounts, over, volume};
use super::workload::{Found, each_workload, switch, text};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar, Step, Tree};
use crate::facts::Facts;
use crate::yaml::Node;

/// `pod-root-filesystem: {writable}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodRootFilesystem {
    /// Files of the node, by the same path in the container, that kube-proxy has to write.
    writable: Vec<String>,
}

/// Flags by which kube-proxy wrote its log into a file, up to 1.25.
const LOG_FLAGS: &[&str] = &["log-dir", "log-file"];

const KEY: &str = "readOnlyRootFilesystem";

impl PodRootFilesystem {
    fn judged(&self, check: &Check, found: &Found) -> Instance {
        let context = found.in_container(&["securityContext"]);
        let judged = switch(context, KEY)
            .and_then(|on| Ok((on.unwrap_or(false), mounts(found, found.container)?)));
        let (on, mounts) = match judged {
            Ok(judged) => judged,
            Err(odd) => return odd.unknown(),
        };
        let missing: Vec<&String> = self
            .writable
            .iter()
            .filter(|path| !over(&mounts, path).is_some_and(|mount| mount.writable))
            .collect();
        let mut observed = format!("{KEY}: {on}");
        for path in &missing {
            observed.push_str(&format!(", {path} is no writable mount"));
        }
        let instance = Instance::judged(on && missing.is_empty(), observed, || {
            fix_or_by_hand(check, |_| match alterations(found, &mounts, on, &missing) {
                Ok(alterations) => found.object.mend(alterations),
                Err(why) => Mend::ByHand(why),
            })
        });
        let line = found.in_container(&["securityContext", KEY]).or(context);
        instance.line(Some(line.unwrap_or(found.container).line))
    }
}

fn alterations(
    found: &Found,
    mounts: &[Mount],
    on: bool,
    missing: &[&String],
) -> Result<Vec<Alteration>, String> {
    if let Some(problem) = &found.workload.problem {
        return Err(format!("{problem}: what it writes is not known"));
    }
    let flags = &found.workload.flags;
    if let Some(flag) = flags
        .iter()
        .find(|flag| LOG_FLAGS.contains(&flag.name.as_str()))
    {
        return Err(format!(
            "--{} can make kube-proxy write its log into a file of its image: take it away first",
            flag.name
        ));
    }
    writes_mounts_alone(found.container, mounts)?;
    let mut all = Vec::new();
    for path in missing {
        all.extend(mounted(found, mounts, path)?);
    }
    if !on {
        let way = found.workload.in_container(&["securityContext", KEY]);
        all.push(Alteration::set(way, Scalar::Bool(true)));
    }
    Ok(all)
}

/// What makes a file of the node a writable mount of the container.
fn mounted(found: &Found, mounts: &[Mount], path: &str) -> Result<Vec<Alteration>, String> {
    let list = found.workload.in_container(&["volumeMounts"]);
    match over(mounts, path) {
        Some(mount) if mount.at == path && mount.host == Some(path) => {
            let mut way = list;
            way.extend([Step::Index(mount.index), Step::Key("readOnly".into())]);
            return Ok(vec![Alteration::set(way, Scalar::Bool(false))]);
        }
        Some(mount) => {
            return Err(format!(
                "{path} lies in the mount {}, which is read-only: mount the file itself by hand",
                mount.at
            ));
        }
        None => {}
    }
    let volumes = found
        .pod
        .get("volumes")
        .map(Node::items)
        .unwrap_or_default();
    let shows = |volume: &&Node| {
        let host = volume.get("hostPath");
        host.and_then(|host| text(host, "path")) == Some(path)
    };
    let mut all = Vec::new();
    let name = match volumes.iter().find(shows) {
        Some(volume) => text(volume, "name")
            .ok_or("a volume without a name")?
            .to_owned(),
        None => {
            let file = path.rsplit('/').next().unwrap_or_default();
            let name = file.replace('.', "-").to_lowercase();
            if volume(found, &name).is_some() {
                return Err(format!(
                    "its pod has a volume {name} that does not show {path}"
                ));
            }
            let host = Tree::map([
                ("path", Tree::text(path)),
                ("type", Tree::text("FileOrCreate")),
            ]);
            let added = Tree::map([("name", Tree::text(name.as_str())), ("hostPath", host)]);
            let way = found.workload.in_pod(&["volumes"]);
            all.push(Alteration::insert(way, None, vec![added]));
            name
        }
    };
    let mount = Tree::map([("mountPath", Tree::text(path)), ("name", Tree::text(name))]);
    all.push(Alteration::insert(list, None, vec![mount]));
    Ok(all)
}

impl Kind for PodRootFilesystem {
    fn expected(&self) -> String {
        format!(
            "{KEY}: true, with {} as a writable mount",
            self.writable.join(", ")
        )
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_workload(facts, |found| self.judged(check, found))
    }

    fn sound(&self) -> Result<(), String> {
        let file = |path: &String| {
            let name = path.rsplit('/').next().unwrap_or_default();
            path.starts_with('/') && !name.is_empty()
        };
        match self.writable.iter().find(|path| !file(path)) {
            Some(path) => Err(format!("not the path of a file: {path:?}")),
            None => Ok(()),
        }
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("the fix is value: true".into()),
        }
    }
}
