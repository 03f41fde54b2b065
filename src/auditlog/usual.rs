//! An event as the API server writes it, each field where it most often stands.

use super::before::Before;
use super::event::Event;
use super::json::{Cursor, Damage};
use super::parts::{status, time};
use super::stage::Stage;

impl<'a> Event<'a> {
    /// Reads on as far as a line is as the API server writes it, and stands behind a value; what stands otherwise is
    /// left to be read like the fields of any object. Of a line that begins otherwise nothing is read, and false
    /// is told.
    ///
    /// # Errors
    /// Why it is no event.
    #[inline]
    pub(super) fn usual(
        &mut self,
        at: &mut Cursor<'a>,
        before: &mut Before<'a>,
        stage: &mut Option<Stage>,
    ) -> Result<bool, Damage> {
        if !begins(at) {
            return Ok(false);
        }
        at.down()?;
        self.audit_id = at.string_rest()?;
        *stage = pass_stage(at);
        if stage.is_none() {
            return Ok(true);
        }
        self.uri = at.long_string_rest()?;
        if !at.passes_all(b",\"verb\":\"") {
            return Ok(true);
        }
        self.verb = at.string_rest()?;
        let followed = field(at, b",\"user\":", |at| self.read_user(at, before))?;
        if followed == Some(true) {
            field(at, b",\"objectRef\":", |at| self.read_object(at))?;
            if let Some(code) = field(at, b",\"responseStatus\":", status)? {
                self.code = code;
            }
            field(at, b",\"requestObject\":", Cursor::skip)?;
            field(at, b",\"responseObject\":", Cursor::skip)?;
            let near = &mut before.time;
            if let Some(received) =
                field(at, b",\"requestReceivedTimestamp\":", |at| time(at, near))?
            {
                self.received = received;
            }
            if let Some(reached) = field(at, b",\"stageTimestamp\":", |at| time(at, near))? {
                self.reached = reached;
            }
            let annotations = &mut before.remembered.annotations;
            field(at, b",\"annotations\":", |at| annotations.pass(at))?;
        }
        Ok(true)
    }
}

/// Passes the beginning of an event, at each level that the API server logs, up to the audit id. It says that it
/// is an event.
#[inline]
fn begins(at: &mut Cursor) -> bool {
    let start = *at;
    let begins = at.passes_all(br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":""#)
        && (at.passes_all(br#"Metadata","auditID":""#)
            || at.passes_all(br#"RequestResponse","auditID":""#)
            || at.passes_all(br#"Request","auditID":""#));
    if !begins {
        *at = start;
    }
    begins
}

/// Passes the stage and what stands before the path.
#[inline]
fn pass_stage(at: &mut Cursor) -> Option<Stage> {
    if at.passes_all(br#","stage":"ResponseComplete","requestURI":""#) {
        Some(Stage::ResponseComplete)
    } else if at.passes_all(br#","stage":"ResponseStarted","requestURI":""#) {
        Some(Stage::ResponseStarted)
    } else if at.passes_all(br#","stage":"RequestReceived","requestURI":""#) {
        Some(Stage::RequestReceived)
    } else {
        None
    }
}

/// Reads a field, when it stands here. A value that does not fit is left to be judged when the line is known to be
/// JSON.
#[inline(always)]
fn field<'a, T, const N: usize>(
    at: &mut Cursor<'a>,
    key: &[u8; N],
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Damage>,
) -> Result<Option<T>, Damage> {
    let start = *at;
    if !at.passes_all(key) {
        return Ok(None);
    }
    match read(at) {
        Err(Damage::Misfit) => {
            *at = start;
            Ok(None)
        }
        read => read.map(Some),
    }
}
