//! Which request issued, used, revoked or sent which credential. A refusal names these requests, and the page of a request
//! shows the history of each credential.

use std::collections::VecDeque;

use crate::protocol::secret::SecretHash;

/// A part of the SHA-256 of a credential, which is enough to tell those of one journal apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint(u64);

impl Fingerprint {
    fn new(hash: &SecretHash) -> Self {
        let (first, _) = hash
            .as_bytes()
            .split_first_chunk()
            .unwrap_or((&[0; 8], &[]));
        Self(u64::from_le_bytes(*first))
    }
}

/// What a request did with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialAction {
    /// Its response contains the credential.
    Issued,
    /// It used up a credential that works once.
    Used,
    /// It revoked the credential.
    Revoked,
    /// It presented a credential that was refused.
    Refused,
}

impl CredentialAction {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Used => "used",
            Self::Revoked => "revoked",
            Self::Refused => "refused",
        }
    }
}

/// What a request did with which credential.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CredentialEvent {
    fingerprint: Fingerprint,
    action: CredentialAction,
}

impl CredentialEvent {
    pub(crate) fn new(action: CredentialAction, hash: &SecretHash) -> Self {
        Self {
            fingerprint: Fingerprint::new(hash),
            action,
        }
    }
}

/// The events of one journal, oldest first. They are in one piece of memory, so that a search through those of ten thousand
/// requests takes microseconds.
#[derive(Debug, Default)]
pub(super) struct CredentialEvents(VecDeque<(u64, CredentialEvent)>);

impl CredentialEvents {
    /// The memory of one event, in bytes.
    pub(super) const EVENT_BYTES: usize = size_of::<(u64, CredentialEvent)>();

    /// Adds the events of a request, which is newer than all others.
    pub(super) fn push(&mut self, request: u64, events: &[CredentialEvent]) {
        self.0.extend(events.iter().map(|event| (request, *event)));
    }

    /// Removes the events of this request and of older ones.
    pub(super) fn remove_up_to(&mut self, request: u64) {
        while self.0.front().is_some_and(|(id, _)| *id <= request) {
            self.0.pop_front();
        }
        if self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to(self.0.len() * 2);
        }
    }

    /// Adds the events of newer requests.
    pub(super) fn append(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }

    /// The requests that did something with this credential, oldest first.
    pub(super) fn history(&self, hash: &SecretHash) -> Vec<(u64, CredentialAction)> {
        let searched = Fingerprint::new(hash);
        self.0
            .iter()
            .filter(|(_, event)| event.fingerprint == searched)
            .map(|(request, event)| (*request, event.action))
            .collect()
    }
}

impl CredentialEvents {
    /// The newest request that issued this credential, and those that used or revoked it since, newest first.
    pub(super) fn life(&self, hash: &SecretHash) -> Vec<(u64, CredentialAction)> {
        let searched = Fingerprint::new(hash);
        let mut life = Vec::new();
        let events = self.0.iter().rev();
        for (request, event) in events.filter(|(_, event)| event.fingerprint == searched) {
            // An app may send a refused token thousands of times.
            if event.action != CredentialAction::Refused {
                life.push((*request, event.action));
            }
            if event.action == CredentialAction::Issued {
                break;
            }
        }
        life
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_has_the_events_of_one_credential_that_are_still_stored() {
        use CredentialAction::{Issued, Refused, Used};
        let (one, other) = (SecretHash::new("one"), SecretHash::new("other"));
        let mut events = CredentialEvents::default();
        events.push(1, &[CredentialEvent::new(Issued, &one)]);
        events.push(
            2,
            &[
                CredentialEvent::new(Used, &one),
                CredentialEvent::new(Issued, &other),
            ],
        );
        events.push(5, &[CredentialEvent::new(Refused, &one)]);
        assert_eq!(events.history(&one), [(1, Issued), (2, Used), (5, Refused)]);
        assert_eq!(events.history(&other), [(2, Issued)]);
        assert_eq!(events.life(&one), [(2, Used), (1, Issued)]);
        events.remove_up_to(2);
        assert_eq!(events.history(&one), [(5, Refused)]);
        assert_eq!(events.history(&other), []);
    }
}
