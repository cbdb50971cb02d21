//! What is a run of the playground? The app that the server plays, what it keeps while it waits, and what has happened
//! so far. Runs live in memory, few and not for long.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::client::CapturedExchange;
use crate::protocol::pkce::Verifier;
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::store::Rows;

/// The path of the playground.
pub(crate) const PATH: &str = "/_mock/playground";

/// So many runs are kept; the oldest go.
const MAX_RUNS: usize = 100;

/// A run with which nothing happens for so long is over. It is the sandbox's time: people let tokens expire while they
/// play.
const MAX_IDLE_SECONDS: u32 = 60 * 24 * 60 * 60;

/// So many steps of a run are shown; the oldest go.
const MAX_STEPS: usize = 18;

/// How the app gets its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    Code,
    Device,
    Itself,
}

impl Grant {
    /// Each, as forms send it and as people read it.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 3] = [
        (
            Self::Code,
            "code",
            "A person signs in (authorization code with PKCE)",
        ),
        (
            Self::Device,
            "device",
            "A device without a browser (device flow)",
        ),
        (
            Self::Itself,
            "itself",
            "The app for itself (client credentials)",
        ),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, name, _)| *name == text);
        found.map(|(grant, ..)| grant)
    }
}

/// One app at play, with its secrets: `Debug` shows none.
#[derive(Clone)]
pub(crate) struct PlaygroundRun {
    pub(crate) grant: Grant,
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    /// As it was typed in: the server itself knows its hash alone.
    pub(crate) secret: Option<Secret>,
    pub(crate) redirect_uri: String,
    /// The redirect URI was registered for this run.
    pub(crate) registered: bool,
    pub(crate) scope: Scope,
    pub(crate) state: String,
    pub(crate) verifier: Verifier,
    pub(crate) code: Option<Secret>,
    pub(crate) device_code: Option<Secret>,
    pub(crate) user_code: Option<Secret>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    /// The one before, which must not work any more.
    pub(crate) used_refresh_token: Option<Secret>,
    pub(crate) steps: VecDeque<Step>,
    /// The newest exchange of the journal of which the steps tell.
    pub(crate) seen_until: u64,
    /// How many steps there were before those that are kept.
    pub(crate) forgotten: usize,
}

impl fmt::Debug for PlaygroundRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Something that happened.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) title: String,
    pub(crate) exchange: CapturedExchange,
    pub(crate) checks: Vec<Check>,
}

/// What a client must look at there.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// How it went this time, where that can be told.
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
    /// Another attempt at an authorization.
    pub(crate) fn restart(&mut self, sandbox: &Sandbox) {
        self.code = None;
        self.state = sandbox.entropy.uuid();
        self.verifier = sandbox.entropy.verifier();
    }

    pub(crate) fn add(&mut self, step: Step) {
        if self.steps.len() == MAX_STEPS {
            self.steps.pop_front();
            self.forgotten += 1;
        }
        self.steps.push_back(step);
    }
}

/// The runs of a server, newest last.
#[derive(Debug, Default)]
pub(crate) struct PlaygroundRuns(Mutex<VecDeque<StoredRun>>);

#[derive(Debug)]
struct StoredRun {
    /// The sandbox's world: a reset leaves its runs behind.
    world: String,
    id: String,
    at: Timestamp,
    run: PlaygroundRun,
}

impl StoredRun {
    fn is(&self, world: &Rows, id: &str) -> bool {
        self.world == world.key() && self.id == id
    }
}

impl PlaygroundRuns {
    fn all(&self) -> std::sync::MutexGuard<'_, VecDeque<StoredRun>> {
        // Runs are put in whole: whoever panicked while holding the lock left some.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, sandbox: &Sandbox, id: &str) -> Option<PlaygroundRun> {
        let (all, now) = (self.all(), sandbox.now());
        let found = all.iter().find(|kept| kept.is(sandbox.world(), id))?;
        (now < found.at.plus_seconds(MAX_IDLE_SECONDS)).then(|| found.run.clone())
    }

    pub(crate) fn keep(&self, sandbox: &Sandbox, id: &str, run: PlaygroundRun) {
        let mut all = self.all();
        all.retain(|kept| !kept.is(sandbox.world(), id));
        if all.len() == MAX_RUNS {
            all.pop_front();
        }
        all.push_back(StoredRun {
            world: sandbox.world().key().to_owned(),
            id: id.to_owned(),
            at: sandbox.now(),
            run,
        });
    }

    pub(crate) fn forget(&self, sandbox: &Sandbox, id: &str) {
        self.all().retain(|kept| !kept.is(sandbox.world(), id));
    }
}
