//! The epoch of a sandbox: whether a page that was loaded before shows what there is now.

use crate::sandbox::Sandbox;

/// The run of the server and the clearings of the journal: lists of another epoch are outdated.
pub(crate) fn epoch(sandbox: &Sandbox) -> String {
    let (opened, clearings) = (sandbox.opened_at(), sandbox.journal.clearings());
    format!("{:x}-{clearings}", opened.0)
}
