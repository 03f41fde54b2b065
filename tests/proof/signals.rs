//! SIGTERM, SIGINT and SIGHUP at each call of an apply: all before, or all after, and the exit code
//! says which.

use crate::Extent;
use crate::figure::Figure;
use crate::ground::Work;
use crate::sound::{Scene, spread};

pub fn at_every_call(extent: Extent) -> Vec<Figure> {
    let signals = ["TERM", "INT", "HUP"].iter();
    signals.map(|signal| one(signal, extent)).collect()
}

fn one(signal: &str, extent: Extent) -> Figure {
    let mut calls = Scene::new(Work::Apply).calls();
    // Until then the program has not begun, and simply ends by the signal.
    let held = calls
        .iter()
        .position(|call| call.name == "signalfd4")
        .expect("an apply holds signals back")
        + 2;
    calls.retain(|call| call.name != "exit_group");
    let points: Vec<_> = calls.into_iter().enumerate().collect();
    let points = extent.take(points, 40);
    let bad = spread(
        &points,
        || Scene::new(Work::Apply),
        |scene, (index, call)| {
            scene.begin();
            let inject = format!("{}:signal={signal}:when={}", call.name, call.number);
            let ran = scene.ground.run_under(Work::Apply, &[inject]);
            let said = if *index < held && ran.code.is_none() {
                Ok(())
            } else {
                scene.told_right(&ran)
            };
            let settled = said.and_then(|()| scene.settle());
            settled
                .map(drop)
                .map_err(|why| format!("SIG{signal} at {call}: {why}"))
        },
    );
    Figure::new(
        &format!("SIG{signal} at every call of apply"),
        points.len(),
        bad,
    )
}
