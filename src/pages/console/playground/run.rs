//! A run of the playground: the state of the app, and its steps so far. Runs are stored in memory for a limited time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::action::Action;
use super::client::CapturedExchange;
use crate::protocol::pkce::Verifier;
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::store::SandboxData;

/// The path of the playground.
pub(crate) const PATH: &str = "/_mock/playground";

/// The path of its redirect URI.
pub(crate) const CALLBACK: &str = "/_mock/playground/callback";

/// The most runs; a new one replaces the oldest.
const MAX_RUNS: usize = 100;

/// A run without an action for this time ends. It is the sandbox's time, which users advance to let tokens expire.
const MAX_IDLE_SECONDS: u32 = 60 * 24 * 60 * 60;

/// The most steps of a run; a new one replaces the oldest.
const MAX_STEPS: usize = 18;

/// The flow of a run: how the app gets its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    AuthorizationCode,
    Device,
    ClientCredentials,
}

impl Flow {
    /// Each flow with its form value and label.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 3] = [
        (
            Self::AuthorizationCode,
            "code",
            "Authorization code with PKCE: a user signs in",
        ),
        (
            Self::Device,
            "device",
            "Device flow: a device without a browser",
        ),
        (
            Self::ClientCredentials,
            "itself",
            "Client credentials: the app itself",
        ),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, name, _)| *name == text);
        found.map(|(flow, ..)| flow)
    }

    /// The name of the grant: the label before the colon.
    pub(crate) fn grant_name(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(flow, ..)| *flow == self);
        let label = found.map(|(.., label)| label).unwrap_or_default();
        label.split(':').next().unwrap_or(label)
    }
}

/// The state of the app, with its secrets: `Debug` shows none.
#[derive(Clone)]
pub(crate) struct PlaygroundRun {
    pub(crate) flow: Flow,
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    /// As typed: the server itself stores only the hash.
    pub(crate) secret: Option<Secret>,
    pub(crate) redirect_uri: String,
    /// Whether the redirect URI was registered for this run.
    pub(crate) registered: bool,
    pub(crate) scope: Scope,
    pub(crate) state: String,
    pub(crate) verifier: Verifier,
    pub(crate) code: Option<Secret>,
    pub(crate) device_code: Option<Secret>,
    pub(crate) user_code: Option<Secret>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    /// The previous refresh token, which must not work any more.
    pub(crate) used_refresh_token: Option<Secret>,
    /// The actions that succeeded.
    pub(crate) done: Vec<Action>,
    /// Whether the user has approved the device.
    pub(crate) is_approved: bool,
    pub(crate) preset: &'static str,
    pub(crate) steps: VecDeque<Step>,
    /// Id of the newest request that the steps include.
    pub(crate) seen_until: u64,
    /// Number of steps that were removed.
    pub(crate) removed_steps: usize,
}

impl fmt::Debug for PlaygroundRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaygroundRun")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// One step of a run.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) title: String,
    pub(crate) exchange: CapturedExchange,
    pub(crate) checks: Vec<Check>,
}

/// A check that a client must do.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// The result, if the server knows it.
    pub(crate) outcome: Option<bool>,
    pub(crate) text: String,
    pub(crate) source: &'static str,
}

impl Check {
    pub(crate) fn new(text: impl Into<String>, source: &'static str) -> Self {
        Self {
            outcome: None,
            text: text.into(),
            source,
        }
    }
}

impl PlaygroundRun {
    /// Prepares another authorization attempt.
    pub(crate) fn restart(&mut self, sandbox: &Sandbox) {
        self.code = None;
        self.done.clear();
        (self.access_token, self.refresh_token) = (None, None);
        self.state = sandbox.entropy.uuid();
        self.verifier = sandbox.entropy.verifier();
    }

    pub(crate) fn add(&mut self, step: Step) {
        if self.steps.len() == MAX_STEPS {
            self.steps.pop_front();
            self.removed_steps += 1;
        }
        self.steps.push_back(step);
    }
}

/// The runs of a server, newest last.
#[derive(Debug, Default)]
pub(crate) struct PlaygroundRuns(Mutex<VecDeque<StoredRun>>);

#[derive(Debug)]
struct StoredRun {
    /// Identifies the sandbox's data: a reset ends its runs.
    data_key: String,
    id: String,
    at: Timestamp,
    run: PlaygroundRun,
    /// Held while a request changes the run, so that two at once do not overwrite each other's changes.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl StoredRun {
    fn has_id(&self, data: &SandboxData, id: &str) -> bool {
        self.data_key == data.key() && self.id == id
    }
}

impl PlaygroundRuns {
    fn all(&self) -> std::sync::MutexGuard<'_, VecDeque<StoredRun>> {
        // The list is consistent even after a panic: runs are replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, sandbox: &Sandbox, id: &str) -> Option<PlaygroundRun> {
        let (all, now) = (self.all(), sandbox.now());
        let found = all.iter().find(|run| run.has_id(sandbox.data(), id))?;
        (now < found.at.plus_seconds(MAX_IDLE_SECONDS)).then(|| found.run.clone())
    }

    /// Waits until no other request changes this run.
    pub(crate) async fn turn(&self, sandbox: &Sandbox, id: &str) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let all = self.all();
            let run = all.iter().find(|run| run.has_id(sandbox.data(), id))?;
            Arc::clone(&run.turn)
        };
        Some(turn.lock_owned().await)
    }

    /// Stores a run in place of the previous state.
    pub(crate) fn store(&self, sandbox: &Sandbox, id: &str, run: PlaygroundRun) {
        let mut all = self.all();
        let place = all.iter().position(|run| run.has_id(sandbox.data(), id));
        let known = place.and_then(|place| all.remove(place));
        if all.len() == MAX_RUNS {
            all.pop_front();
        }
        all.push_back(StoredRun {
            turn: known.map(|known| known.turn).unwrap_or_default(),
            data_key: sandbox.data().key().to_owned(),
            id: id.to_owned(),
            at: sandbox.now(),
            run,
        });
    }

    pub(crate) fn remove(&self, sandbox: &Sandbox, id: &str) {
        self.all().retain(|run| !run.has_id(sandbox.data(), id));
    }
}
