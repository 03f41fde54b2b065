//! Takes each fsync out, and has the lint notice; and shows that the lint can tell right from wrong.

use std::path::Path;

use crate::Extent;
use crate::figure::Figure;
use crate::ground::{Call, Work};
use crate::lint::lint;
use crate::sound::{Scene, spread};

/// A work, and where the one before it was killed.
struct Case {
    name: &'static str,
    begins: Work,
    /// The call at which the beginning is killed, from the writing of a record on or from the start.
    killed: Option<(Option<&'static str>, &'static str)>,
    work: Work,
    /// Only what comes after this record: what comes before is that of an apply that succeeds.
    after: Option<&'static str>,
}

const fn whole(name: &'static str, work: Work) -> Case {
    Case {
        name,
        begins: work,
        killed: None,
        work,
        after: None,
    }
}

/// A recovery finds what a killed process left in the cache, and must not believe it.
const CASES: [Case; 9] = [
    whole("apply", Work::Apply),
    Case {
        after: Some("aborting"),
        ..whole("failing apply, from its failure on", Work::FailingApply)
    },
    whole("rollback", Work::Rollback),
    whole("recover", Work::Recover),
    whole("prune", Work::Prune),
    Case {
        killed: Some((Some("committed"), "fsync")),
        work: Work::Recover,
        ..whole("recover of an unflushed commit", Work::Apply)
    },
    Case {
        killed: Some((Some("rolled-back"), "fsync")),
        work: Work::Recover,
        ..whole("recover of an unflushed end", Work::FailingApply)
    },
    Case {
        killed: Some((Some("rolled-back"), "write")),
        ..whole("recover after a recovery", Work::Recover)
    },
    Case {
        killed: Some((None, "fsync")),
        work: Work::Recover,
        ..whole("recover of an unflushed prune", Work::Prune)
    },
];

/// The first call of that name, from the writing of a record on.
fn first(calls: &[Call], record: Option<&str>, name: &str) -> usize {
    let writes = |call: &Call, record: &str| {
        call.name == "write" && call.text.contains(&format!("{{\\\"{record}\\\""))
    };
    let write = record.map_or(0, |record| {
        let mut calls = calls.iter();
        let write = calls.position(|call| writes(call, record));
        write.expect("the record is written")
    });
    let call = calls[write..].iter().position(|call| call.name == name);
    write + call.expect("the call is made")
}

impl Case {
    /// The beginning, and the call before which it is killed.
    fn scene(&self) -> (Scene, Option<Call>) {
        let scene = Scene::new(self.begins);
        let killed = self.killed.map(|(record, name)| {
            let calls = scene.calls();
            calls[first(&calls, record, name)].clone()
        });
        (scene, killed)
    }

    fn trace(&self, scene: &(Scene, Option<Call>), injections: &[String]) -> Vec<Call> {
        let (scene, killed) = scene;
        scene.begin();
        if let Some(call) = killed {
            scene.ground.kill_before(self.begins, call).unwrap();
        }
        scene.ground.trace_under(self.work, injections)
    }

    fn figures(&self, extent: Extent) -> [Figure; 2] {
        let own = self.scene();
        let (root, state) = places(&own.0);
        let calls = self.trace(&own, &[]);
        let complaints = lint(&calls, root, state);
        let plain = Figure::new(&format!("durability lint of {}", self.name), 1, complaints);
        let from = self
            .after
            .map_or(0, |record| first(&calls, Some(record), "write"));
        let fsyncs = calls[from..].iter().filter(|call| call.name == "fsync");
        let fsyncs = extent.take(fsyncs.cloned().collect(), 4);
        let bad = spread(
            &fsyncs,
            || self.scene(),
            |scene, call| {
                let inject = format!("fsync:retval=0:when={}", call.number);
                let calls = self.trace(scene, &[inject]);
                let (root, state) = places(&scene.0);
                if lint(&calls, root, state).is_empty() {
                    Err(format!("{call}: fsync({}", call.text))
                } else {
                    Ok(())
                }
            },
        );
        let name = format!("fsyncs taken out one by one of {}, unnoticed", self.name);
        [plain, Figure::new(&name, fsyncs.len(), bad)]
    }
}

fn places(scene: &Scene) -> (&Path, &Path) {
    (&scene.ground.root, &scene.ground.state)
}

pub fn fsyncs(extent: Extent) -> Vec<Figure> {
    let mut figures = vec![by_hand()];
    figures.push(kept_copies());
    figures.extend(CASES.iter().flat_map(|case| case.figures(extent)));
    figures
}

/// Somebody else's change is copied before anything can overwrite it. A recovery that is killed before
/// the copy is durable must not let the next one take the copy for granted.
fn kept_copies() -> Figure {
    let scene = Scene::new(Work::Recover);
    let begin = || {
        scene.begin();
        let changed = scene.ground.root.join("var/lib/kube-proxy/kubeconfig");
        std::fs::write(changed, "somebody else's").unwrap();
    };
    let flushes = |calls: &[Call]| -> Vec<Call> {
        let fsyncs = calls.iter().filter(|call| call.name == "fsync");
        let copy = fsyncs.clone().find(|call| call.text.contains("/kept."));
        let directory = copy.and_then(|call| {
            let (_, path) = call.text.split_once('<')?;
            let (directory, _) = path.split_once("/kept.")?;
            Some(format!("<{directory}>"))
        });
        let of_directory = directory.and_then(|path| {
            let mut fsyncs = fsyncs.filter(|call| call.text.contains(&path));
            fsyncs.next()
        });
        copy.into_iter().chain(of_directory).cloned().collect()
    };
    begin();
    let flushed = flushes(&scene.ground.trace(Work::Recover));
    let mut bad = Vec::new();
    for call in &flushed {
        begin();
        if let Err(why) = scene.ground.kill_before(Work::Recover, call) {
            bad.push(why);
            continue;
        }
        let again = flushes(&scene.ground.trace(Work::Recover)).len();
        if again < 2 {
            bad.push(format!("killed before {call}: {again} of 2 flushes made"));
        }
    }
    if flushed.len() != 2 {
        bad.push(format!(
            "the first recovery makes {} of 2 flushes",
            flushed.len()
        ));
    }
    let name = "copies of somebody else's change, taken for granted";
    Figure::new(name, flushed.len(), bad)
}

/// Traces written by hand, each with what the lint must say of it.
fn by_hand() -> Figure {
    const JOURNAL: &str = "/s/tx/1/journal";
    let open = |path: &str| {
        format!("openat(3</n>, \"{path}\", O_WRONLY|O_CREAT|O_EXCL, 0600) = 5</n/{path}>")
    };
    let write = |path: &str| format!("write(5<{path}>, \"a, b\", 4) = 4");
    let fsync = |path: &str| format!("fsync(5<{path}>) = 0");
    let end =
        format!("write(5<{JOURNAL}>, \"tighten-journal-1 2 ab {{\\\"committed\\\":1}}\", 9) = 9");
    let rename = String::from("renameat(3</n>, \"t\", 3</n>, \"f\") = 0");
    let good = vec![
        write(JOURNAL),
        fsync(JOURNAL),
        open("t"),
        write("/n/t"),
        String::from("fchmodat(AT_FDCWD</>, \"/proc/self/fd/5\", 0644) = 0"),
        fsync("/n/t"),
        rename,
        fsync("/n"),
        end,
        fsync(JOURNAL),
        String::from("unlinkat(4</s>, \"active\", 0) = 0"),
    ];
    let complains = |lines: &[String]| {
        let calls: Vec<Call> = lines
            .iter()
            .filter_map(|line| Call::parse(&format!("1 {line}")))
            .collect();
        !lint(&calls, Path::new("/n"), Path::new("/s")).is_empty()
    };
    let mut bad = Vec::new();
    let mut tried = 1;
    if complains(&good) {
        bad.push("a sound trace is complained of".into());
    }
    for (index, line) in good.iter().enumerate() {
        if !line.starts_with("fsync") {
            continue;
        }
        let mut without = good.clone();
        without.remove(index);
        let mut injected = good.clone();
        injected[index].push_str(" (INJECTED)");
        let mut failed = good.clone();
        failed[index] = line.replace("= 0", "= -1 EIO (Input/output error)");
        for lines in [without, injected, failed] {
            tried += 1;
            if !complains(&lines) {
                bad.push(format!("without {line}: no complaint"));
            }
        }
    }
    Figure::new("traces written by hand, judged wrongly", tried, bad)
}
