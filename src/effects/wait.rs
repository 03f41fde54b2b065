//! Waits until a component is well, and stays so.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::STEADY;
use super::health::Well;
use super::progress::Progress;
use crate::failure::Failure;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(250);

/// Why the waiting ended without what was waited for.
pub(super) enum Ended {
    /// The time is over; what was not as it must be at last.
    Late(String),
    /// A signal came.
    Stopped(Failure),
}

/// Looks until the same process was well for a while without a break: one that dies after some
/// seconds answers before it does.
pub(super) fn until_well(
    whom: &str,
    limit: Duration,
    progress: &mut Progress,
    stop: &mut dyn FnMut() -> Result<(), Failure>,
    look: &mut dyn FnMut() -> Result<Well, String>,
) -> Result<Well, Ended> {
    let begun = Instant::now();
    let mut well_since: Option<(Instant, u32)> = None;
    let result = loop {
        if let Err(failure) = stop() {
            break Err(Ended::Stopped(failure));
        }
        let now = Instant::now();
        let why = match look() {
            Ok(well) => {
                let since = match well_since {
                    Some((since, pid)) if pid == well.pid => since,
                    _ => now,
                };
                well_since = Some((since, well.pid));
                if since.elapsed() >= STEADY {
                    break Ok(well);
                }
                format!("{}; for how long?", well.seen)
            }
            Err(why) => {
                well_since = None;
                why
            }
        };
        // Who answers at last may still show that it stays; who is started again and again may not.
        let in_time = well_since.is_some_and(|(since, _)| since < begun + limit);
        if !in_time && begun.elapsed() >= limit {
            break Err(Ended::Late(why));
        }
        progress.waiting(whom, &why, begun.elapsed(), limit);
        sleep(EVERY);
    };
    progress.done();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_another_process_at_each_look_is_not_waited_for_longer() {
        let mut looks = 0;
        let mut look = || {
            looks += 1;
            Ok(Well {
                pid: looks,
                seen: "well".into(),
            })
        };
        let mut asked = 0;
        let mut stop = || {
            asked += 1;
            match asked > 20 {
                true => Err(Failure::refused("it was waited for too long")),
                false => Ok(()),
            }
        };
        let limit = EVERY * 3;
        let mut progress = Progress::new(false, true);
        let ended = until_well("it", limit, &mut progress, &mut stop, &mut look);
        assert!(matches!(ended, Err(Ended::Late(_))));
    }
}
