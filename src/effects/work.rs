//! Carries the restarts out, and waits until what was restarted is well; after a put-back once more.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::Settings;
use super::due::{Component, Due, Way, pod_by_hand};
use super::health::{self, Wanted, Well};
use super::kernel::{self, Kernel, Tell};
use super::processes::Moment;
use super::progress::Progress;
use super::systemctl::Systemctl;
use super::wait::{Ended, until_well};
use crate::facts::Facts;
use crate::failure::{Exit, Failure};
use crate::root::Root;
use crate::transaction::{Interrupt, KernelState, Restart};

/// How an effect ended, for the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `daemon-reload`, `restart`, `health`, `preflight`, `load`, `unload` or `set`.
    pub kind: &'static str,
    /// Of what.
    pub target: String,
    /// `done`, `by-kubelet`, `healthy`, `failed`, `not-running` or `left-to-you`.
    pub outcome: &'static str,
    /// Why, or what was seen.
    pub detail: String,
}

/// Looks at the node anew.
pub type Look<'a> = dyn Fn() -> Result<Facts, Failure> + 'a;

/// The restarts of one transaction.
pub struct Work<'a> {
    pub(super) settings: &'a Settings,
    pub(super) root: &'a Root,
    /// What tighten restarts itself, or lets the kubelet restart.
    pub(super) due: Vec<Due>,
    /// What the kernel is told.
    pub(super) kernel: Kernel,
    pub(super) systemctl: Option<Systemctl>,
    pub(super) look: &'a Look<'a>,
    pub(super) progress: RefCell<Progress>,
    pub(super) told: RefCell<Vec<Told>>,
    /// When the files began to change: what the kubelet starts is younger.
    pub(super) begun: Cell<Moment>,
    /// True once something may have started with the new files.
    pub(super) begun_anew: Cell<bool>,
}

impl<'a> Work<'a> {
    /// Sorts out what will be done, while nothing has been written: who restarts what must be there,
    /// and what is to be judged afterwards must be well before.
    ///
    /// # Errors
    /// Exit 1: systemctl is missing, or a component is not well as it is.
    pub fn prepare(
        settings: &'a Settings,
        root: &'a Root,
        due: Vec<Due>,
        look: &'a Look<'a>,
        progress: Progress,
    ) -> Result<Work<'a>, Failure> {
        let mut work = Work {
            settings,
            root,
            due: Vec::new(),
            kernel: Kernel::default(),
            systemctl: None,
            look,
            progress: RefCell::new(progress),
            told: RefCell::default(),
            begun: Cell::new(Moment::now()),
            begun_anew: Cell::new(false),
        };
        for one in due {
            match &one.way {
                Way::ByHand(why) => work.leave(&one, why),
                Way::Cluster(_) => work.leave(&one, ""),
                Way::Manifest(manifest) => work.leave(&one, &pod_by_hand(manifest)),
                _ if !settings.run => work.leave(&one, ""),
                Way::Unit { .. } | Way::Kubelet(_) => {
                    if work.runs(&one)? {
                        work.due.push(one);
                    }
                }
            }
        }
        let units = |due: &Due| matches!(due.way, Way::Unit { .. });
        if work.due.iter().any(units) {
            work.systemctl = Some(Systemctl::find(settings.systemctl.as_deref())?);
        }
        work.begun.set(Moment::now());
        Ok(work)
    }

    /// The same, with what the kernel is told besides.
    ///
    /// # Errors
    /// Exit 1: nft is missing, or what is loaded is not ours to replace.
    pub fn telling(mut self, wanted: &[Tell]) -> Result<Work<'a>, Failure> {
        if self.settings.run {
            self.kernel = Kernel::prepare(self.root, wanted)?;
        } else {
            for (kind, target, detail) in wanted.iter().map(kernel::left) {
                self.tell(kind, &target, "left-to-you", &detail);
            }
        }
        Ok(self)
    }

    fn leave(&self, due: &Due, why: &str) {
        let mut detail = due.because.clone();
        if !why.is_empty() {
            detail = format!("{detail}; {why}");
        }
        if matches!(due.way, Way::Unit { reload: true, .. }) {
            self.tell("daemon-reload", "systemd", "left-to-you", &due.because);
        }
        self.tell(due.kind(), &due.target(), "left-to-you", &detail);
    }

    /// Whether it runs; what runs must be well, or nobody could tell afterwards what broke it.
    fn runs(&self, due: &Due) -> Result<bool, Failure> {
        let wanted = Wanted {
            component: due.component,
            unit: None,
            since: None,
            values: false,
        };
        let mut last = String::new();
        // Three tries: it could be at the very moment of a restart of its own.
        for attempt in 0..3 {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(500));
            }
            let facts = (self.look)()?;
            if health::process(&facts, due.component).is_none() {
                last = "it does not run".into();
                continue;
            }
            match health::look(self.root, &facts, &wanted) {
                Ok(_) => return Ok(true),
                Err(why) => last = why,
            }
        }
        if health::process(&(self.look)()?, due.component).is_none() {
            self.tell(
                "restart",
                &due.target(),
                "not-running",
                "it reads its files when it starts",
            );
            return Ok(false);
        }
        Err(Failure::refused(format!(
            "{} is not well as it is, so nobody could tell afterwards what broke it: {last}",
            due.target()
        ))
        .state("nothing was written")
        .help("mend it first, or take restart and health into your own hands with --no-effects"))
    }

    /// What goes into the journal: what is restarted, and what the kernel had before.
    pub fn noted(&self) -> (Vec<Restart>, Vec<KernelState>) {
        let restarts = self.due.iter().filter_map(Due::restart).collect();
        (restarts, self.kernel.states())
    }

    /// How the effects ended so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    fn tell(&self, kind: &'static str, target: &str, outcome: &'static str, detail: &str) {
        self.told.borrow_mut().push(Told {
            kind,
            target: target.into(),
            outcome,
            detail: detail.into(),
        });
    }

    /// Restarts everything, and waits until it is well with the new files.
    ///
    /// # Errors
    /// What did not come back; the caller puts the files back.
    pub fn carry_out(&self, interrupt: &Interrupt) -> Result<(), Failure> {
        let mut stop = || interrupt.check();
        self.all(true, &mut stop).map(|_| ())
    }

    /// For [`crate::transaction::Prepared::then`]: restarts what may have read the new files, now that
    /// the former ones are back.
    ///
    /// # Errors
    /// Exit 4: it does not come back with the former files either.
    pub fn put_back(&self) -> Result<Option<String>, Failure> {
        if !self.may_have_read() && !self.kernel.begun() {
            return Ok(None);
        }
        // A second signal does not stop the way back.
        let back = self.all(false, &mut || Ok(()));
        back.map_err(|failure| Failure {
            message: format!("with the former files, {}", failure.message),
            ..failure
        })
        .map_err(|failure| {
            failure
                .exit(Exit::Incomplete)
                .state("every file is as before, but what runs is not well")
        })
    }

    /// Whether anything may have been started with the new files.
    fn may_have_read(&self) -> bool {
        let kubelets = |due: &Due| matches!(due.way, Way::Kubelet(_));
        self.begun_anew.get() || self.due.iter().any(kubelets)
    }

    /// Tells the kernel; what is as before, and what failed.
    fn tell_kernel(&self, forward: bool) -> (Vec<String>, Vec<Failure>) {
        let (mut came_back, mut failed) = (Vec::new(), Vec::new());
        for (kind, target, done) in self.kernel.all(self.root, forward) {
            self.outcome(kind, &target, &done);
            match done {
                Ok(()) => came_back.push(format!("{target} is as before")),
                Err(why) => failed
                    .push(Failure::refused(format!("{kind} {target}: {why}")).help(LOOK_AT_KERNEL)),
            }
        }
        (came_back, failed)
    }

    fn all(
        &self,
        forward: bool,
        stop: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<Option<String>, Failure> {
        let (mut came_back, mut failed) = self.tell_kernel(forward);
        // What never read the new files needs no restart on the way back.
        let due = match (forward, self.may_have_read()) {
            (true, _) if !failed.is_empty() => &[],
            (false, false) => &[],
            _ => self.due.as_slice(),
        };
        let reload = due
            .iter()
            .any(|due| matches!(due.way, Way::Unit { reload: true, .. }));
        if reload && let Some(systemctl) = &self.systemctl {
            self.begun_anew.set(true);
            let done = systemctl.reload();
            self.outcome("daemon-reload", "systemd", &done);
            let done = done.map_err(|why| Failure::refused(why).help(LOOK_AT_SYSTEMD));
            if let Err(failure) = done {
                failed.push(failure);
            }
        }
        for due in due {
            // On the way back one that fails keeps no other from coming back.
            if forward && !failed.is_empty() {
                break;
            }
            match self.one(due, forward, stop) {
                Ok(()) => came_back.push(format!("{} is well again", due.target())),
                Err(failure) => failed.push(failure),
            }
        }
        match failed.into_iter().reduce(both) {
            Some(failure) => Err(failure),
            None => Ok((!came_back.is_empty()).then(|| came_back.join(", "))),
        }
    }

    /// Starts one component anew, or lets the kubelet, and waits until it is well.
    fn one(
        &self,
        due: &Due,
        forward: bool,
        stop: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let target = due.target();
        let since = match &due.way {
            Way::Unit { name, .. } => Some(self.restart(name, forward)?),
            // A pod that the kubelet never replaced runs with the former files already.
            _ => forward.then(|| self.begun.get()),
        };
        if forward && let Way::Kubelet(manifest) = &due.way {
            let detail = format!("the kubelet sees that {manifest} was replaced");
            self.tell("restart", &target, "by-kubelet", &detail);
        }
        let well = self.wait(due, since, stop)?;
        self.tell("health", &target, "healthy", &well.seen);
        Ok(())
    }

    fn outcome(&self, kind: &'static str, target: &str, done: &Result<(), String>) {
        match done {
            Ok(()) => self.tell(kind, target, "done", ""),
            Err(why) => self.tell(kind, target, "failed", why),
        }
    }

    /// Restarts a unit; the moment before which its new process cannot have started.
    fn restart(&self, unit: &str, forward: bool) -> Result<Moment, Failure> {
        let Some(systemctl) = &self.systemctl else {
            return Err(Failure::refused("systemctl was not found"));
        };
        self.begun_anew.set(true);
        let since = Moment::now();
        let limit = self.settings.unit_timeout;
        self.progress
            .borrow_mut()
            .waiting(unit, "it is being restarted", Duration::ZERO, limit);
        let mut done = systemctl.restart(unit, limit);
        // After too many failed starts with the new files systemd refuses to start the unit with the
        // former ones as well (StartLimitBurst= in systemd.unit(5)).
        if !forward && done.is_err() && systemctl.forget_failure(unit).is_ok() {
            done = systemctl.restart(unit, limit);
        }
        self.progress.borrow_mut().done();
        self.outcome("restart", unit, &done);
        done.map_err(|why| Failure::refused(why).help(look_at_unit(unit)))?;
        Ok(since)
    }

    fn wait(
        &self,
        due: &Due,
        since: Option<Moment>,
        stop: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<Well, Failure> {
        let target = due.target();
        let (unit, limit, help) = match &due.way {
            Way::Unit { name, .. } => {
                let limit = self.settings.unit_timeout;
                (Some(name.clone()), limit, look_at_unit(name))
            }
            _ => (None, self.settings.pod_timeout, look_at_pod(due.component)),
        };
        let wanted = Wanted {
            component: due.component,
            unit,
            since,
            values: true,
        };
        let mut look = || {
            let facts = (self.look)().map_err(|failure| failure.message)?;
            health::look(self.root, &facts, &wanted)
        };
        let progress = &mut self.progress.borrow_mut();
        until_well(&target, limit, progress, stop, &mut look).map_err(|ended| match ended {
            Ended::Stopped(failure) => failure,
            Ended::Late(why) => {
                self.tell("health", &target, "failed", &why);
                let seconds = limit.as_secs();
                let message = format!("{target} was not well within {seconds} s: {why}");
                Failure::refused(message).help(help)
            }
        })
    }
}

/// Two failures as one that names both.
fn both(one: Failure, other: Failure) -> Failure {
    let help = one.help.into_iter().chain(other.help);
    Failure {
        message: format!("{}; {}", one.message, other.message),
        help: Some(help.collect::<Vec<_>>().join("; ")),
        ..other
    }
}

const LOOK_AT_KERNEL: &str =
    "look at: nft list table inet tighten; sysctl net.ipv4.conf.all.route_localnet";
const LOOK_AT_SYSTEMD: &str = "look at the unit files: systemctl daemon-reload says what is wrong, and so does journalctl -b _PID=1";

fn look_at_unit(unit: &str) -> String {
    format!("look at: systemctl status {unit}; journalctl -u {unit}")
}

fn look_at_pod(component: Component) -> String {
    format!(
        "look at: crictl ps -a --name {component}; crictl logs of it; journalctl -u kubelet; /var/log/pods"
    )
}
