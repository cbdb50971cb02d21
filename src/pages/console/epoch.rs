//! The epoch of a sandbox: whether a page that was loaded before shows what there is now.

use crate::sandbox::Sandbox;

/// The run of the server, the resets and the clearings of the journal, separated by `-`: lists of another epoch are outdated.
pub(crate) fn epoch(sandbox: &Sandbox) -> String {
    let (opened, clearings) = (sandbox.opened_at(), sandbox.journal.clearings());
    let resets = sandbox.changes.resets();
    format!("{:x}-{resets}-{clearings}", opened.0)
}
