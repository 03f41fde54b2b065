//! Kills a command before each of its calls; then a new process recovers, and is killed as well.

use crate::Extent;
use crate::figure::Figure;
use crate::ground::{Call, Work};
use crate::sound::{Scene, spread};

/// Calls at which nothing can be killed: the one that starts the program, the one that ends it, and the one
/// that asks for memory, which is made as often as the place of the heap calls for, and that is random.
fn can_be_killed(call: &Call) -> bool {
    !matches!(call.name.as_str(), "execve" | "exit_group" | "brk")
}

pub fn every_call(extent: Extent) -> Vec<Figure> {
    let works = WORKS.iter();
    works.map(|work| one_work(*work, extent)).collect()
}

const WORKS: [Work; 5] = [
    Work::Apply,
    Work::FailingApply,
    Work::Rollback,
    Work::Recover,
    Work::Prune,
];

fn one_work(work: Work, extent: Extent) -> Figure {
    let mut points = Scene::new(work).calls();
    points.retain(can_be_killed);
    let points = extent.take(points, 60);
    let bad = spread(
        &points,
        || Scene::new(work),
        |scene, call| {
            scene.begin();
            scene.ground.kill_before(work, call)?;
            scene
                .settle()
                .map(drop)
                .map_err(|why| format!("killed before {call}: {why}"))
        },
    );
    Figure::new(
        &format!("killed at every call of {}", work.name()),
        points.len(),
        bad,
    )
}

/// The recovery of an apply that was killed here and there, killed before each of its own calls.
pub fn recovery_again(extent: Extent) -> Vec<Figure> {
    let apply = Scene::new(Work::Apply).calls();
    // From the first change of the node on there is something to put back.
    let first = apply
        .iter()
        .position(|call| call.name == "openat" && call.text.contains(".tighten-"))
        .expect("an apply stages files");
    let mut starts: Vec<Call> = apply[first..].to_vec();
    starts.retain(can_be_killed);
    let step = starts.len() / extent.number(6, 2);
    let starts = crate::evenly(starts, step);
    let points: Vec<(Call, Call)> = starts
        .iter()
        .flat_map(|start| {
            let scene = Scene::new(Work::Apply);
            scene.begin();
            scene.ground.kill_before(Work::Apply, start).unwrap();
            let calls = scene.ground.trace(Work::Recover);
            let calls = calls.into_iter().filter(can_be_killed);
            calls.map(|call| (start.clone(), call)).collect::<Vec<_>>()
        })
        .collect();
    let points = extent.take(points, 60);
    let bad = spread(
        &points,
        || Scene::new(Work::Apply),
        |scene, (start, call)| {
            scene.begin();
            scene.ground.kill_before(Work::Apply, start)?;
            scene.ground.kill_before(Work::Recover, call)?;
            scene.settle().map(drop).map_err(|why| {
                format!("apply killed before {start}, its recovery before {call}: {why}")
            })
        },
    );
    let figure = Figure::new(
        "killed again at every call of the recovery",
        points.len(),
        bad,
    );
    vec![figure]
}
