//! What a kube-proxy sees in its pod, and where in the manifests that stands.

use std::collections::{BTreeMap, BTreeSet};

use super::embedded::{Spot, is_configuration, keys};
use super::volumes::{File, Mounted, mounted};
use super::{Object, Objects, Workload};
use crate::discover::KubeProxy;
use crate::edit::{Alteration, Operation, spelled};
use crate::facts::{Facts, Origin, Seen, gather_pod};
use crate::kinds::{Edit, Instance, Mend, Verdict, flag_text};
use crate::proxyconfig;
use crate::root::{LookError, NodePath, Root};

/// The facts of a kube-proxy as its pod will see them, and where in the manifests its files stand.
#[derive(Debug)]
pub struct View {
    /// The facts. Their paths are those of the container.
    pub facts: Facts,
    /// Each file of the container that stands in the manifests.
    spots: Vec<(NodePath, Spot)>,
    /// Where a ConfigMap is mounted that is not in the manifests, and its name for people.
    missing: Vec<(NodePath, String)>,
    /// The object of the workload, when there is one.
    workload: Option<usize>,
}

/// Finds the configurations that the objects hold: those that a workload mounts, then those that nobody
/// here does.
pub(super) fn find(root: &Root, objects: &mut Objects) {
    let mut views = Vec::new();
    let mut used: BTreeSet<NodePathAndWay> = BTreeSet::new();
    for (index, workload) in objects.workloads.iter().enumerate() {
        let Mounted { files, missing } = mounted(objects, workload);
        used.extend(files.iter().map(|(_, spot, _)| way(spot)));
        let proxy = workload.kube_proxy(&objects.all);
        views.push(View {
            missing,
            ..view(root, objects, proxy, files, Some(index))
        });
    }
    for map in objects.of_kind("", "ConfigMap") {
        for key in keys(map) {
            let Some((spot, text)) = Spot::of(map, key) else {
                continue;
            };
            if is_configuration(text) && !used.contains(&way(&spot)) {
                views.push(alone(root, objects, map, key));
            }
        }
    }
    objects.views = views;
}

/// What tells one carried file from another.
type NodePathAndWay = (NodePath, usize, String);

fn way(spot: &Spot) -> NodePathAndWay {
    let within = &spot.within;
    (
        spot.file.clone(),
        within.document,
        spelled(&within.embedded),
    )
}

/// The view of a configuration that no workload here mounts: its ConfigMap's files lie beside each other.
fn alone(root: &Root, objects: &Objects, map: &Object, config: &str) -> View {
    let mut files = Vec::new();
    let text = Spot::of(map, config).map_or("", |(_, text)| text);
    let reading = proxyconfig::read(text.as_bytes());
    let named = reading
        .values
        .as_ref()
        .and_then(|values| NodePath::new(values.text("clientConnection.kubeconfig")?));
    for key in keys(map) {
        let beside = named
            .clone()
            .filter(|named| named.name() == key && key != config);
        let path = beside.or_else(|| NodePath::new(&format!("/{key}")));
        if let (Some(path), Some((spot, text))) = (path, Spot::of(map, key)) {
            files.push((path, spot, text));
        }
    }
    let mut proxy = KubeProxy::of_workload(map.title().to_string(), Vec::new(), None);
    proxy.config = NodePath::new(&format!("/{config}")).map(|path| (path, Origin::DEFAULT));
    view(root, objects, proxy, files, None)
}

fn view(
    root: &Root,
    objects: &Objects,
    proxy: KubeProxy,
    files: Vec<File>,
    workload: Option<usize>,
) -> View {
    let mut contents = BTreeMap::new();
    let mut spots = Vec::new();
    for (path, spot, text) in files {
        let meta = objects
            .files
            .iter()
            .find(|file| file.seen.path == spot.file)
            .map(|file| file.seen.meta);
        if let Some(meta) = meta {
            let seen = Seen {
                path: path.clone(),
                meta,
                bytes: Some(text.as_bytes().to_vec()),
            };
            contents.insert(path.clone(), seen);
            spots.push((path, spot));
        }
    }
    let doubt = files_in_doubt(objects, &spots);
    let proxy = KubeProxy {
        problem: proxy.problem.clone().or(doubt),
        ..proxy
    };
    View {
        facts: gather_pod(root, proxy, contents),
        spots,
        missing: Vec::new(),
        workload,
    }
}

/// Why what a ConfigMap carries may be something else to the API server.
fn files_in_doubt(objects: &Objects, spots: &[(NodePath, Spot)]) -> Option<String> {
    let of = |spot: &Spot| {
        let mut all = objects.all.iter();
        let object = all.find(|object| {
            object.file == spot.file
                && object.document == spot.within.document
                && spot.within.embedded.starts_with(&object.at)
        })?;
        Some(format!("{}: {}", object.title(), object.doubt?))
    };
    spots.iter().find_map(|(_, spot)| of(spot))
}

/// Where the kubelet puts token and CA of a pod's own service account (facts page, section 6).
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/";

/// True when only what the kubelet puts there is not to be seen.
fn is_of_service_account(instance: &Instance) -> bool {
    let path = instance.path.as_ref().map(NodePath::as_str);
    let mut told = path.into_iter().chain(instance.reason.as_deref());
    told.any(|text| text.contains(SERVICE_ACCOUNT))
}

impl View {
    fn spot(&self, path: &NodePath) -> Option<&Spot> {
        let mut spots = self.spots.iter();
        spots.find(|(own, _)| own == path).map(|(_, spot)| spot)
    }

    /// The ConfigMap that holds a file of the container and is not in the manifests.
    fn holder(&self, path: &NodePath) -> Option<&str> {
        let inside = |at: &NodePath| {
            let rest = path.as_str().strip_prefix(at.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut missing = self.missing.iter().filter(|_| self.spot(path).is_none());
        missing
            .find(|(at, _)| inside(at))
            .map(|(_, title)| title.as_str())
    }

    /// What was judged of the pod, told of the manifests: paths, lines, and what would mend it.
    pub fn place(&self, objects: &Objects, mut instance: Instance) -> Instance {
        if let Some(origin) = &mut instance.origin {
            self.stands_at(origin);
        }
        let elsewhere = instance
            .path
            .as_ref()
            .is_some_and(|path| self.spot(path).is_none());
        let is_missing = instance.reason.as_deref() == Some(&LookError::Missing.to_string());
        // What speaks of no file and is not known, the configuration would tell.
        let config = self.facts.proxy.config.as_ref().map(|(path, _)| path);
        let config = config.filter(|_| instance.verdict == Verdict::Unknown);
        let holder = instance.path.as_ref().or(config);
        if let Some(title) = holder.and_then(|path| self.holder(path))
            && instance.verdict != Verdict::NotApplicable
        {
            instance.verdict = Verdict::Unknown;
            instance.observed = None;
            instance.reason = Some(format!(
                "{title}, which holds it, is not in these manifests"
            ));
            instance.mend = Mend::None;
        } else if elsewhere && is_missing {
            instance.reason = Some("it does not stand in these manifests".into());
        }
        if let Some(spot) = instance.path.as_ref().and_then(|path| self.spot(path)) {
            instance.line = Some(spot.line(instance.line));
            instance.path = Some(spot.file.clone());
        }
        if instance.verdict == Verdict::Unknown && is_of_service_account(&instance) {
            instance.verdict = Verdict::NotApplicable;
            instance.reason =
                Some("it is the pod's own service account, which the kubelet puts there".into());
        }
        instance.reason = instance.reason.map(|reason| self.named(reason));
        instance.observed = instance.observed.map(|observed| self.named(observed));
        instance.mend = self.mend(objects, instance.mend);
        instance
    }

    /// The files of the container by where they stand.
    fn named(&self, text: String) -> String {
        self.spots.iter().fold(text, |text, (path, spot)| {
            text.replace(path.as_str(), &spot.title)
        })
    }

    fn mend(&self, objects: &Objects, mend: Mend) -> Mend {
        match mend {
            Mend::Edit(path, Edit::Values(alterations))
            | Mend::Elsewhere(Some(path), Edit::Values(alterations), _) => match self.spot(&path) {
                Some(Spot {
                    hold: Some(hold), ..
                }) => Mend::ByHand(hold.clone()),
                Some(spot) => Mend::Edit(
                    spot.file.clone(),
                    Edit::Within(spot.within.clone(), alterations),
                ),
                None => Mend::ByHand(format!("{path} does not stand in these manifests")),
            },
            Mend::Elsewhere(None, Edit::Values(alterations), reason) => {
                self.flag(objects, &alterations, reason)
            }
            Mend::ByHand(reason) => Mend::ByHand(self.named(reason)),
            other => other,
        }
    }

    /// A value that kube-proxy has from its flags, which stand in the workload.
    fn flag(&self, objects: &Objects, alterations: &[Alteration], reason: String) -> Mend {
        let workload = self.workload(objects);
        let [alteration] = alterations else {
            return Mend::ByHand(reason);
        };
        let key = spelled(&alteration.path);
        let (Some(workload), Some((name, _)), Operation::Set(value)) =
            (workload, proxyconfig::flag_of(&key), &alteration.operation)
        else {
            return Mend::ByHand(reason);
        };
        let value = flag_text(value);
        let Some(object) = objects.object(workload) else {
            return Mend::ByHand(reason);
        };
        match workload.setting_flag(object, name, &value) {
            Ok(alteration) => object.mend(vec![alteration]),
            Err(why) => Mend::ByHand(why),
        }
    }

    /// Turns a place in a file of the container into where that stands in the manifests.
    pub fn stands_at(&self, origin: &mut Origin) {
        if let Some(spot) = origin.path.as_ref().and_then(|path| self.spot(path)) {
            origin.line = Some(spot.line(origin.line));
            origin.path = Some(spot.file.clone());
        }
    }

    /// True when one of its files stands in one of these manifests.
    pub fn reads(&self, manifests: &[&NodePath]) -> bool {
        let mut files = self.spots.iter().map(|(_, spot)| &spot.file);
        files.any(|file| manifests.contains(&file))
    }

    /// The workload whose pod it is, where one mounts it.
    pub fn workload<'a>(&self, objects: &'a Objects) -> Option<&'a Workload> {
        objects.workloads.get(self.workload?)
    }

    /// Where a line of a file of the container stands in the manifests.
    pub fn stands<'a>(
        &'a self,
        path: &'a NodePath,
        line: Option<usize>,
    ) -> (&'a NodePath, Option<usize>) {
        match self.spot(path) {
            Some(spot) => (&spot.file, Some(spot.line(line))),
            None => (path, line),
        }
    }
}
