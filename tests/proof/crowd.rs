//! Many at once on one tree: the lock lets one through at a time, and the others say who holds it.

use std::process::{Child, Stdio};

use crate::Extent;
use crate::figure::Figure;
use crate::ground::{Ran, Work};
use crate::sound::{Scene, Side};
use crate::tree;

pub fn all(_: Extent) -> Vec<Figure> {
    vec![applies(50), mixed(50)]
}

/// Applies alone, on a node on which nothing was done yet: exactly one has something to do.
fn applies(number: usize) -> Figure {
    let scene = Scene::new(Work::SavedApply);
    scene.begin();
    let ended = at_once(&scene, &vec![Work::SavedApply; number]);
    let mut bad = losers(&ended);
    let applied = ended.iter().filter(|(_, ran)| ran.code == Some(0)).count();
    if applied != 1 {
        bad.push(format!("{applied} of {number} were applied"));
    }
    bad.extend(sound(&scene, applied, Some(Side::Applied)).err());
    Figure::new(
        "applies of one plan at once, of which one is carried out",
        number,
        bad,
    )
}

/// Applies and rollbacks mixed, on a node where both have something to do.
fn mixed(number: usize) -> Figure {
    let scene = Scene::new(Work::Rollback);
    scene.begin();
    let works: Vec<Work> = [Work::Apply, Work::Rollback]
        .into_iter()
        .cycle()
        .take(number)
        .collect();
    let ended = at_once(&scene, &works);
    let mut bad = losers(&ended);
    let done = ended
        .iter()
        .filter(|(_, ran)| ran.out.contains("\nApplied: ") || ran.out.contains("\nRolled back: "))
        .count();
    if done == 0 {
        bad.push("nobody got through".into());
    }
    // One apply was there before.
    bad.extend(sound(&scene, done + 1, None).err());
    Figure::new("applies and rollbacks at once", number, bad)
}

fn at_once(scene: &Scene, works: &[Work]) -> Vec<(Work, Ran)> {
    let started: Vec<(Work, Child)> = works
        .iter()
        .map(|work| {
            let mut command = scene.ground.command(*work);
            let child = command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            (*work, child.unwrap())
        })
        .collect();
    started
        .into_iter()
        .map(|(work, child)| (work, Ran::from(child.wait_with_output().unwrap())))
        .collect()
}

/// Whoever could not, says why: another one holds the lock and is named, or was quicker.
fn losers(ended: &[(Work, Ran)]) -> Vec<String> {
    let reasons = [
        "is held by another tighten: process ",
        "the plan is stale: ",
        "changed since the plan was made",
        "files changed since transaction ",
        "files changed while the question was open",
        // A directory that one made, and another has taken away since.
        ": does not exist",
    ];
    ended
        .iter()
        .filter(|(_, ran)| match ran.code {
            Some(0) => false,
            Some(1) => !reasons.iter().any(|reason| ran.err.contains(reason)),
            _ => true,
        })
        .map(|(work, ran)| format!("{}: {}", work.name(), ran.told()))
        .collect()
}

fn sound(scene: &Scene, committed: usize, expected: Option<Side>) -> Result<(), String> {
    let side = scene.side_of(&tree::look(&scene.ground.root))?;
    if expected.is_some_and(|expected| expected != side) {
        return Err(format!("all is {side:?}"));
    }
    scene.state_is_sound()?;
    let history = scene.history()?;
    if history.len() != committed {
        return Err(format!(
            "{committed} were carried out, and history tells {history:?}"
        ));
    }
    let newest_first = history.is_sorted_by(|newer, older| newer.0 > older.0);
    if newest_first {
        Ok(())
    } else {
        Err(format!("history is out of order: {history:?}"))
    }
}
