//! The files below a path that may hold manifests.

use std::collections::BTreeSet;

use super::kustomize::{self, Kustomized, Listed};
use crate::facts::Seen;
use crate::failure::Failure;
use crate::root::{FileKind, LookError, NodePath, Root};

/// Most files that are read.
const MAX_FILES: usize = 10_000;
/// How deep directories are followed.
const MAX_DEPTH: usize = 32;

/// A file, and whether it was named by its own path.
pub(super) struct Found {
    pub path: NodePath,
    pub seen: Seen,
    pub named: bool,
    pub kustomized: Option<Kustomized>,
}

struct Walk<'a> {
    root: &'a Root,
    found: Vec<Found>,
    /// Directories that were entered, and files that are no manifests of their own.
    entered: BTreeSet<NodePath>,
    excluded: BTreeSet<NodePath>,
    /// The kustomization whose lists are followed.
    kustomized: Option<Kustomized>,
    remarks: &'a mut Vec<String>,
}

/// The files that a path leads to: itself, or those in it, also through a kustomization's lists.
///
/// # Errors
/// When the path cannot be read, or leads to too many files.
pub(super) fn walk(
    root: &Root,
    path: &NodePath,
    remarks: &mut Vec<String>,
) -> Result<Vec<Found>, Failure> {
    let mut walk = Walk {
        root,
        found: Vec::new(),
        entered: BTreeSet::new(),
        excluded: BTreeSet::new(),
        kustomized: None,
        remarks,
    };
    walk.visit(path, true, 0)?;
    let Walk {
        mut found,
        excluded,
        ..
    } = walk;
    found.retain(|found| !excluded.contains(&found.seen.path));
    Ok(found)
}

impl Walk<'_> {
    fn visit(&mut self, path: &NodePath, named: bool, depth: usize) -> Result<(), Failure> {
        let refuse = |error: LookError| {
            Failure::refused(format!("{path} {error}")).state("nothing was written")
        };
        let (real, opened) = match self.root.open(path) {
            Ok(opened) => opened,
            Err(error) if named => return Err(refuse(error)),
            Err(error) => {
                self.remarks.push(format!("passed over: {path} {error}"));
                return Ok(());
            }
        };
        match opened.meta.kind {
            FileKind::Directory => self.directory(&real, depth),
            FileKind::File => {
                if self.found.len() >= MAX_FILES {
                    return Err(Failure::refused(format!(
                        "more than {MAX_FILES} files below the manifests' path"
                    ))
                    .help("name the files of kube-proxy alone"));
                }
                let bytes = match opened.read() {
                    Ok(bytes) => bytes,
                    Err(error) if named => return Err(refuse(error)),
                    Err(error) => {
                        self.remarks.push(format!("passed over: {path} {error}"));
                        return Ok(());
                    }
                };
                let seen = Seen {
                    path: real,
                    meta: opened.meta,
                    bytes: Some(bytes),
                };
                let path = path.clone();
                self.found.push(Found {
                    path,
                    seen,
                    named,
                    kustomized: self.kustomized.clone(),
                });
                Ok(())
            }
            kind if named => Err(refuse(LookError::Kind(kind))),
            _ => Ok(()),
        }
    }

    fn directory(&mut self, path: &NodePath, depth: usize) -> Result<(), Failure> {
        if !self.entered.insert(path.clone()) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            self.remarks.push(format!(
                "passed over: {path} lies more than {MAX_DEPTH} directories deep"
            ));
            return Ok(());
        }
        let names = self.root.list(path).map_err(|error| {
            Failure::refused(format!("{path} {error}")).state("nothing was written")
        })?;
        if let Some(listed) = kustomize::listed(self.root, path, &names) {
            return self.kustomization(path, listed, depth);
        }
        for name in &names {
            let Some(inside) = path.join(name).filter(|_| !name.starts_with('.')) else {
                continue;
            };
            let ending = name.rsplit('.').next().unwrap_or_default();
            let is_text = matches!(ending, "yaml" | "yml" | "json" | "manifest");
            if is_text || self.is_directory(&inside) {
                self.visit(&inside, false, depth + 1)?;
            }
        }
        Ok(())
    }

    fn is_directory(&self, path: &NodePath) -> bool {
        let opened = self.root.open(path);
        opened.is_ok_and(|(_, opened)| opened.meta.kind == FileKind::Directory)
    }

    /// What a kustomization lists, and nothing else of its directory. What one lists belongs to the outermost.
    fn kustomization(
        &mut self,
        path: &NodePath,
        listed: Listed,
        depth: usize,
    ) -> Result<(), Failure> {
        self.remarks.extend(listed.remarks);
        for path in listed.others {
            let real = self.root.open(&path).map_or(path, |(real, _)| real);
            self.excluded.insert(real);
        }
        let outer = self.kustomized.clone();
        let within = outer.as_ref();
        self.kustomized = Some(Kustomized {
            directory: within.map_or(path, |outer| &outer.directory).clone(),
            other_images: listed.other_images || within.is_some_and(|outer| outer.other_images),
        });
        for path in &listed.resources {
            self.visit(path, false, depth + 1)?;
        }
        self.kustomized = outer;
        Ok(())
    }
}
