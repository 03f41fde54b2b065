//! Kills a command before each of its calls and cuts the power of the disks under it, then recovers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use crate::Extent;
use crate::disk::{Disk, Kind, Survives, Workshop};
use crate::figure::Figure;
use crate::ground::{Call, Ground, Work};
use crate::sound::{Scene, Side, spread};

const WORKS: [Work; 5] = [
    Work::Apply,
    Work::FailingApply,
    Work::Rollback,
    Work::Recover,
    Work::Prune,
];

/// Where the state lies, and what loses its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    OneDisk,
    BothCut,
    OnlyNodeCut,
    OnlyStateCut,
}

const PLACES: [(Place, &str); 4] = [
    (Place::OneDisk, "state on the same file system"),
    (Place::BothCut, "state on a second one that is cut as well"),
    (Place::OnlyNodeCut, "state on a second one that survives"),
    (
        Place::OnlyStateCut,
        "state on a second one, which alone is cut",
    ),
];

/// Calls that can change what is on a disk. Before any other the disk is as before the next of these.
const CHANGING: [&str; 16] = [
    "mkdirat",
    "openat",
    "write",
    "fsync",
    "fallocate",
    "ftruncate",
    "renameat",
    "renameat2",
    "unlinkat",
    "fchmodat",
    "fchownat",
    "utimensat",
    "setxattr",
    "removexattr",
    "flock",
    "fdatasync",
];

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// With the process that was killed.
    Killed,
    /// After a recovery that followed the kill.
    Recovered,
    /// With the process, and again after the recovery.
    Twice,
}

#[derive(Clone, Debug)]
struct Point {
    /// `None`: the work came to its end.
    before: Option<Call>,
    when: When,
    survives: Survives,
}

impl std::fmt::Display for Point {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.before {
            Some(call) => write!(out, "killed before {call}")?,
            None => out.write_str("at its end")?,
        }
        let (when, survives) = (self.when, self.survives);
        write!(out, ", cut {when:?}, {survives:?} survives")
    }
}

/// One work on one kind of disk at one place.
#[derive(Clone, Copy, Debug)]
struct Job {
    kind: Kind,
    place: Place,
    work: Work,
    /// Counts the jobs, so that each takes other points than its neighbour.
    number: usize,
}

pub fn cuts(extent: Extent) -> Vec<Figure> {
    let workshop = match Workshop::open() {
        Ok(workshop) => workshop,
        Err(why) => {
            eprintln!("skipped: no power can be cut here: {why}");
            return Vec::new();
        }
    };
    let mut kinds = Vec::new();
    for kind in [Kind::Ext4, Kind::Xfs] {
        match workshop.offers(kind) {
            Ok(()) => kinds.push(kind),
            Err(why) => eprintln!("skipped: no power of {} can be cut: {why}", kind.name()),
        }
    }
    let jobs = jobs(&kinds, extent);
    let done = Mutex::new(BTreeMap::new());
    let failed = spread(
        &jobs,
        || (),
        |(), job| {
            let place = workshop.path().join(job.number.to_string());
            let (tried, bad) = job.run(&place, extent)?;
            let _ = fs::remove_dir_all(&place);
            let mut done = done.lock().unwrap();
            let all: &mut (usize, Vec<String>) = done.entry(job.name()).or_default();
            all.0 += tried;
            all.1.extend(bad);
            Ok(())
        },
    );
    let figures = done.into_inner().unwrap().into_iter();
    let mut figures: Vec<Figure> = figures
        .map(|(name, (tried, bad))| Figure::new(&name, tried, bad))
        .collect();
    if !failed.is_empty() {
        figures.push(Figure::new("power cuts that could not be tried", 0, failed));
    }
    figures
}

/// Everything with everything; of a sample, each variant with one work.
fn jobs(kinds: &[Kind], extent: Extent) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (row, kind) in kinds.iter().enumerate() {
        for (column, (place, _)) in PLACES.iter().enumerate() {
            for (index, work) in WORKS.iter().enumerate() {
                let number = jobs.len();
                if extent != Extent::Sample || index == (column + 2 * row) % WORKS.len() {
                    jobs.push(Job {
                        kind: *kind,
                        place: *place,
                        work: *work,
                        number,
                    });
                }
            }
        }
    }
    jobs
}

impl Job {
    fn name(&self) -> String {
        let (_, words) = PLACES
            .iter()
            .find(|(place, _)| *place == self.place)
            .unwrap();
        format!("power cuts of {}, {words}", self.kind.name())
    }

    /// How often the power was cut, and what went wrong.
    fn run(&self, place: &Path, extent: Extent) -> Result<(usize, Vec<String>), String> {
        let bench = Bench::set_up(*self, place)?;
        let points = self.points(bench.scene.calls(), extent);
        bench.scene.begin();
        bench.keep()?;
        let mut bad = Vec::new();
        let mut cuts = 0;
        for point in &points {
            cuts += if point.when == When::Twice { 2 } else { 1 };
            if let Err(why) = bench.try_point(point) {
                bad.push(format!("{} {point}: {why}", self.work.name()));
            }
        }
        Ok((cuts, bad))
    }

    fn points(&self, calls: Vec<Call>, extent: Extent) -> Vec<Point> {
        let changes = |call: &Call| {
            CHANGING.contains(&call.name.as_str())
                && (call.name != "openat" || call.text.contains("O_CREAT"))
                && !(call.text.starts_with("1<") || call.text.starts_with("2<"))
        };
        let calls: Vec<Call> = calls.into_iter().filter(changes).collect();
        // The end, and a record that is written and not flushed when recovery reads it, are never
        // left out: recovery may believe only what a cut cannot take back.
        let decided = calls.windows(2).find_map(|pair| {
            let [write, fsync] = pair else { return None };
            let records = ["committed", "rolled-back"];
            let decides = records.iter().any(|record| write.text.contains(record));
            (write.name == "write" && decides).then(|| fsync.clone())
        });
        let point = |before: Option<&Call>, when, survives| Point {
            before: before.cloned(),
            when,
            survives,
        };
        let (nothing, log) = (Survives::Nothing, Survives::Log);
        let mut always = vec![point(None, When::Killed, nothing)];
        if let Some(call) = &decided {
            always.push(point(Some(call), When::Recovered, nothing));
            always.push(point(Some(call), When::Recovered, log));
        }
        let mut others = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let (when, survives) = match (index + self.number) % 6 {
                1 => (When::Twice, nothing),
                3 => (When::Recovered, nothing),
                5 => (When::Killed, log),
                _ => (When::Killed, nothing),
            };
            others.push(point(Some(call), when, survives));
        }
        if extent == Extent::Sample {
            always.truncate(2);
        }
        let step = others.len().div_ceil(extent.number(13, 1));
        let others = crate::evenly(others, step);
        always.into_iter().chain(others).collect()
    }
}

/// A scene on disks that can be cut. The disks go last: they are mounted below the scene.
struct Bench {
    scene: Scene,
    node: Disk,
    state: Option<Disk>,
    place: Place,
}

impl Bench {
    fn set_up(job: Job, place: &Path) -> Result<Bench, String> {
        let node = Disk::make(job.kind, &place.join("node"))?;
        let state = match job.place {
            Place::OneDisk => None,
            _ => Some(Disk::make(job.kind, &place.join("state"))?),
        };
        let under_state = state.as_ref().unwrap_or(&node);
        let own = tempfile::tempdir_in(place).map_err(|error| error.to_string())?;
        let ground = Ground::new(
            node.mount.join("node"),
            under_state.mount.join("state"),
            own.path().join("beside"),
        );
        let scene = Scene::on(own, ground, job.work);
        Ok(Bench {
            scene,
            node,
            state,
            place: job.place,
        })
    }

    fn keep(&self) -> Result<(), String> {
        self.disks().try_for_each(Disk::keep)
    }

    fn disks(&self) -> impl Iterator<Item = &Disk> {
        std::iter::once(&self.node).chain(&self.state)
    }

    fn cut(&self, survives: Survives) -> Result<(), String> {
        if self.place != Place::OnlyStateCut {
            self.node.cut(survives)?;
        }
        match &self.state {
            Some(state) if self.place != Place::OnlyNodeCut => state.cut(survives),
            _ => Ok(()),
        }
    }

    fn try_point(&self, point: &Point) -> Result<(), String> {
        self.disks().try_for_each(Disk::renew)?;
        let scene = &self.scene;
        let mut told = None;
        match &point.before {
            Some(call) => scene.ground.kill_before(scene.work, call)?,
            None => {
                let ran = scene.ground.run(scene.work);
                scene.told_right(&ran)?;
                told = Some(scene.side()?);
            }
        }
        if point.when != When::Recovered {
            self.cut(point.survives)?;
        }
        if point.when != When::Killed {
            told = Some(self.recover()?);
            self.cut(point.survives)?;
        }
        let side = scene.settle()?;
        match told {
            Some(told) if told != side => Err(format!("{told:?} was reported, {side:?} is there")),
            _ => Ok(()),
        }
    }

    fn recover(&self) -> Result<Side, String> {
        let ran = self.scene.ground.run(Work::Recover);
        if ran.code != Some(0) {
            return Err(format!("the first recover: {}", ran.told()));
        }
        self.scene.side()
    }
}
