//! Begins a transaction: look, back up, and write the journal. The node is not touched yet.

use std::io;
use std::time::SystemTime;

use crate::failure::Failure;
use crate::root::{Meta, NodePath, Root, Where};

use super::disk;
use super::flow::{Open, Prepared};
use super::id::TransactionId;
use super::interrupt::Interrupt;
use super::journal::{self, Journal};
use super::operation::{Operation, sha256};
use super::preflight::{Ready, examine};
use super::record::{
    Begin, ChangeNote, FIRST_FORMAT, KernelNote, Kind, Record, RestartNote, RootIdentity,
};
use super::space;
use super::state_dir::Locked;
use super::uptime::Uptime;

/// What a transaction is for, as history shows it.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Who runs the tool.
    pub user: String,
    /// The changes as a person reads them.
    pub changes: Vec<Change>,
    /// The plan, kept as plan.json. It must hold no secret.
    pub plan: Option<Vec<u8>>,
    /// What will be started anew with the new files before the commit.
    pub restarts: Vec<Restart>,
    /// What the kernel will be told before the commit.
    pub kernel: Vec<KernelState>,
}

/// A component that is started anew because of the changes. Whoever puts the files back, be it after
/// a crash, has to do the same again: what runs may have read the new ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// `kube-proxy` or `kube-apiserver`.
    pub component: String,
    /// The systemd unit; `None` where the kubelet does it, told by the manifest.
    pub unit: Option<String>,
    /// Whether systemd has to read its units again first.
    pub reload: bool,
}

/// A part of the kernel that does not follow its file by itself, as it was before. Whoever puts the files
/// back brings it back as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelState {
    /// `table` or `route-localnet`.
    pub part: String,
    /// Whether it was on before.
    pub former: bool,
}

/// A change as a person reads it. It must hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The change's id in its plan.
    pub id: String,
    /// The check that asked for it.
    pub check: String,
    /// The file.
    pub path: String,
    /// set-mode, set-owner, edit or create.
    pub action: String,
    /// safe or disruptive.
    pub risk: String,
    /// What changes, in a few words.
    pub summary: String,
}

/// What kind of transaction it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Apply,
    RollbackOf(TransactionId),
}

/// The entry to a transaction; see [`Transaction::begin`].
#[derive(Debug)]
pub struct Transaction;

impl Transaction {
    /// Looks at every target, writes backups and journal, and touches nothing else.
    ///
    /// Operations on directories come first; each file appears once.
    ///
    /// # Errors
    /// Exit 1: a target is not what was expected, the change is unsafe or cannot work, an earlier
    /// transaction is not settled, or the state cannot be written.
    pub fn begin<'a>(
        state: &'a Locked,
        root: &'a Root,
        interrupt: &'a Interrupt,
        description: Description,
        operations: Vec<Operation>,
    ) -> Result<Prepared<'a>, Failure> {
        begin(
            state,
            root,
            interrupt,
            description,
            operations,
            Purpose::Apply,
        )
    }
}

pub(super) fn begin<'a>(
    state: &'a Locked,
    root: &'a Root,
    interrupt: &'a Interrupt,
    description: Description,
    operations: Vec<Operation>,
    purpose: Purpose,
) -> Result<Prepared<'a>, Failure> {
    if state.active()?.is_some() {
        return Err(Failure::refused("an earlier transaction is not settled")
            .state("nothing was written")
            .help("settle it with: tighten recover"));
    }
    let newest = state.newest()?;
    let id = TransactionId::after(newest.as_ref())?;
    let ready = examine(root, &id, operations)?;
    let plan = description.plan.as_deref().unwrap_or_default().len();
    space::judge(&ready, state, plan)?;
    let records = records(root, &id, &description, &purpose, &ready)?;
    readable(&records, &purpose)?;
    interrupt
        .check()
        .map_err(|failure| failure.state("nothing was written"))?;
    // Without this a power cut could take away the state directory with a journal in it.
    let above = newest.map_or_else(|| state.flush_above(), |_| Ok(()));
    match above.and_then(|()| write_state(state, &id, &description, &ready, &records)) {
        Ok((directory, journal)) => Ok(Prepared(Open {
            state,
            root,
            interrupt,
            id,
            directory,
            journal,
            ready,
            attempted: 0,
            aftermath: None,
            filled: Vec::new(),
        })),
        Err(error) => {
            // In this order: what `active` names must never be half gone.
            let _ = state
                .clear_active()
                .and_then(|()| state.discard_transaction(&id));
            let path = state.path_of(&id);
            let failure =
                Failure::refused(format!("{}: cannot be written: {error}", path.display()))
                    .state("nothing was written outside the state directory");
            Err(match error.raw_os_error() {
                Some(_) => failure.because(error),
                None => failure.help("look at the file system that holds the state directory"),
            })
        }
    }
}

impl From<&Restart> for RestartNote {
    fn from(restart: &Restart) -> RestartNote {
        RestartNote {
            component: restart.component.clone(),
            unit: restart.unit.clone(),
            reload: restart.reload,
        }
    }
}

impl From<&RestartNote> for Restart {
    fn from(note: &RestartNote) -> Restart {
        Restart {
            component: note.component.clone(),
            unit: note.unit.clone(),
            reload: note.reload,
        }
    }
}

impl From<&KernelState> for KernelNote {
    fn from(state: &KernelState) -> KernelNote {
        KernelNote {
            part: state.part.clone(),
            former: state.former,
        }
    }
}

impl From<&KernelNote> for KernelState {
    fn from(note: &KernelNote) -> KernelState {
        KernelState {
            part: note.part.clone(),
            former: note.former,
        }
    }
}

/// What is written must be read again. The owner of a file can give it more attributes than a journal
/// may hold, and a transaction that cannot be undone must not begin.
fn readable(records: &[Record], purpose: &Purpose) -> Result<(), Failure> {
    let length = journal::length(records)
        .map_err(|error| Failure::refused(format!("the journal cannot be written: {error}")))?;
    let limit = match purpose {
        // Its rollback has to fit as well.
        Purpose::Apply => journal::LIMIT / 2,
        Purpose::RollbackOf(_) => journal::LIMIT,
    };
    if length <= limit {
        return Ok(());
    }
    let of = |record: &Record| match record {
        Record::Intent(intent) => {
            let forms = intent.pre.iter().chain(&intent.post);
            let attributes = forms.flat_map(|form| form.xattrs.values());
            let length = attributes.map(String::len).sum::<usize>();
            Some((length, intent.path.clone()))
        }
        _ => None,
    };
    let path = records.iter().filter_map(of).max_by_key(|one| one.0);
    let most = path.map_or(String::new(), |(_, path)| format!("{path}: "));
    Err(Failure::refused(format!(
        "{most}the journal would be {length} bytes, and no more than {limit} are written"
    ))
    .state("nothing was written")
    .help(
        "look at the extended attributes of that file (getfattr -d -m -), which the journal keeps",
    ))
}

fn records(
    root: &Root,
    id: &TransactionId,
    description: &Description,
    purpose: &Purpose,
    ready: &[Ready],
) -> Result<Vec<Record>, Failure> {
    let (kind, rollback_of) = match purpose {
        Purpose::Apply => (Kind::Apply, None),
        Purpose::RollbackOf(id) => (Kind::Rollback, Some(id.clone())),
    };
    let changes = description.changes.iter().map(|change| ChangeNote {
        id: change.id.clone(),
        check: change.check.clone(),
        path: change.path.clone(),
        action: change.action.clone(),
        risk: change.risk.clone(),
        summary: change.summary.clone(),
    });
    let intents: Vec<Record> = ready
        .iter()
        .map(|one| Record::Intent(Box::new(one.step.to_intent())))
        .collect();
    let mut begin = Begin {
        format: FIRST_FORMAT,
        id: id.clone(),
        kind,
        rollback_of,
        started_at: now(),
        tool_version: env!("CARGO_PKG_VERSION").into(),
        user: description.user.clone(),
        machine_id: machine_id(root),
        root: root_identity(root)?,
        plan_sha256: description.plan.as_deref().map(sha256),
        files: ready.len(),
        changes: changes.collect(),
        restarts: description.restarts.iter().map(RestartNote::from).collect(),
        kernel: description.kernel.iter().map(KernelNote::from).collect(),
        uptime: match description.restarts.is_empty() && description.kernel.is_empty() {
            true => None,
            false => Uptime::now(),
        },
    };
    // The lines tell the format of all records, and this one may be what needs the newer one.
    let own = Record::Begin(Box::new(begin.clone())).format();
    begin.format = own.max(journal::format_of(&intents));
    let mut records = vec![Record::Begin(Box::new(begin))];
    records.extend(intents);
    records.push(Record::Prepared);
    Ok(records)
}

/// Everything that must be durable before the node is touched.
fn write_state(
    state: &Locked,
    id: &TransactionId,
    description: &Description,
    ready: &[Ready],
    records: &[Record],
) -> io::Result<(std::os::fd::OwnedFd, Journal)> {
    let directory = state.create_transaction(id)?;
    if let Some(plan) = &description.plan {
        // Not flushed: nothing is ever decided by it, and its hash is in the journal.
        disk::create(&directory, "plan.json", plan)?;
    }
    let mut backups = Vec::new();
    for one in ready {
        if let (Some(name), Some(former)) = (&one.step.backup, &one.former) {
            backups.push((name, former, disk::create(&directory, name, former)?));
        }
    }
    for (name, former, file) in backups {
        file.sync_all()?;
        if disk::read(&directory, name, former.len() as u64)? != *former {
            return Err(io::Error::other("a backup is not what was written to it"));
        }
    }
    let journal = Journal::create(&directory, records)?;
    state.set_active(id, &directory)?;
    Ok((directory, journal))
}

/// The time as journals hold it.
pub(super) fn now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now()).to_string()
}

/// The tree as journals name it.
pub(super) fn root_identity(root: &Root) -> Result<RootIdentity, Failure> {
    let failed = |error: io::Error| {
        let host = root.host().display();
        Failure::refused(format!("{host}: cannot be looked at: {error}"))
            .state("nothing was written")
            .because(error)
    };
    let meta = Meta::of(root.handle()).map_err(|error| failed(error.into()))?;
    let path = match root.place() {
        Where::Directory => root.host().canonicalize().map_err(failed)?,
        Where::Live | Where::Process(_) => root.host().to_path_buf(),
    };
    Ok(RootIdentity {
        path: path.to_string_lossy().into_owned(),
        dev: meta.dev,
        ino: meta.ino,
    })
}

/// The machine's own id (machine-id(5)), where it has one.
pub fn machine_id(root: &Root) -> Option<String> {
    let (_, opened) = root.open(&NodePath::new("/etc/machine-id")?).ok()?;
    let text = String::from_utf8(opened.read().ok()?).ok()?;
    let id = text.trim();
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_string())
}
