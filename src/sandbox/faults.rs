//! What goes wrong on purpose? Rules that say when, and what then; each has a budget. How an effect reaches the
//! wire is `middleware/`; what can be set, and the presets with names, are
//! `control/faults/`.

use std::sync::{Arc, Mutex, PoisonError};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::entropy::Entropy;
use super::fault_memory::FaultMemory;
use super::triggered::TriggeredFault;
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::protocol::call::{Endpoint, GrantType};
use crate::protocol::duration::Length;
use crate::protocol::ids::UserId;
use crate::store::{Rows, StoreError};

/// A rule: when something goes wrong, and what.
///
/// ```
/// use std::time::Duration;
///
/// use civitai_oauth_mock::control::{Endpoint, Fault, GrantType};
///
/// let refused = Fault::at(Endpoint::Token).grant_type(GrantType::RefreshToken).times(1).error("invalid_grant");
/// let slow = Fault::anywhere().probability(0.1).delay(Duration::from_millis(300));
/// # let _ = (refused, slow);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// Without it, every endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<Endpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant_type: Option<GrantType>,
    /// Whoever the request acts for, where that can be told before it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserRef>,
    /// Only this one of the calls that fit, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nth: Option<u64>,
    /// Only after so many calls that fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    /// At most so often; without it, until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// From 0 to 1; drawn from the sandbox's entropy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    pub(crate) effect: Effect,
}

/// What goes wrong. A delay goes with any of the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "that is how people write them down"
)]
pub(crate) struct Effect {
    /// An OAuth error instead of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_description: Option<String>,
    /// A status instead of the answer's, or the error's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// A body instead of the answer's: text, or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// Headers in place of the answer's of the same names.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) headers: Map<String, Value>,
    /// Before anything else happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay: Option<Delay>,
    /// The connection is cut without an answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reset: bool,
    /// The connection is cut in the middle of the body.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncate: bool,
    /// A body that is no JSON although its content type says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) malformed: bool,
    /// A body that trickles.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) slow_body: bool,
    /// At authorize: as if the user had pressed Deny.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deny: bool,
}

impl Effect {
    /// Whether it answers in the server's place.
    pub(crate) fn answers(&self) -> bool {
        self.error.is_some() || self.status.is_some() || self.body.is_some()
    }

    /// Whether it may keep an answer from whoever waits for it: what they read is broken, or they have given up.
    pub(crate) fn hides(&self) -> bool {
        self.reset || self.truncate || self.malformed || self.slow_body || self.delay.is_some()
    }
}

/// How long an answer waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Delay {
    Fixed(Length),
    /// Drawn from the sandbox's entropy.
    Between {
        min: Length,
        max: Length,
    },
}

impl<'de> Deserialize<'de> for Delay {
    // By hand: what serde says of an untagged enum names neither key nor value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Bounds {
            min: Length,
            max: Length,
        }
        let value = Value::deserialize(deserializer)?;
        let read = if value.is_object() {
            Bounds::deserialize(value).map(|Bounds { min, max }| Self::Between { min, max })
        } else {
            Length::deserialize(value).map(Self::Fixed)
        };
        read.map_err(D::Error::custom)
    }
}

/// A fault that is set, and how often it has struck.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SetFault {
    /// What it is removed by.
    pub id: u64,
    /// When it strikes, and what happens then.
    #[serde(flatten)]
    pub rule: Fault,
    /// Calls that fitted.
    pub seen: u64,
    /// Calls that it struck.
    pub struck: u64,
}

/// What a request is, as far as faults are concerned.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) client_id: Option<String>,
    pub(crate) grant_type: Option<GrantType>,
    pub(crate) user: Option<UserId>,
}

/// The most faults of a sandbox, and the most bytes in memory of the faults of all sandboxes.
const MAX_FAULTS: usize = 1000;
const MAX_FAULTS_BYTES: usize = 32 * 1024 * 1024;

/// The faults of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    set: Mutex<Set>,
    memory: FaultMemory,
}

#[derive(Debug, Default)]
struct Set {
    faults: Vec<ActiveFault>,
    last_id: u64,
}

impl Set {
    fn size_in_bytes(&self) -> usize {
        let sizes = self.faults.iter().map(|active| active.fault.charge.bytes);
        sizes.sum()
    }
}

const DELETE_SOME: &str = "DELETE faults that are no longer used";

/// A fault, and how often it applied.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    fault: Arc<TriggeredFault>,
    seen: u64,
    struck: u64,
}

impl ActiveFault {
    fn new(set: SetFault, memory: &FaultMemory) -> Self {
        Self {
            fault: Arc::new(TriggeredFault::new(set.id, set.rule, memory)),
            seen: set.seen,
            struck: set.struck,
        }
    }

    fn to_set(&self) -> SetFault {
        SetFault {
            id: self.fault.id,
            rule: self.fault.rule.clone(),
            seen: self.seen,
            struck: self.struck,
        }
    }
}

impl Faults {
    /// No faults yet.
    pub(crate) fn new(memory: FaultMemory) -> Self {
        Self {
            set: Mutex::default(),
            memory,
        }
    }

    fn set(&self) -> std::sync::MutexGuard<'_, Set> {
        // Counters may be one behind after a panic; that is no reason to fail again.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a fault. Errors: there is no room for it.
    pub(crate) fn add(&self, rule: Fault) -> Result<SetFault, Invalid> {
        let mut set = self.set();
        if set.faults.len() >= MAX_FAULTS {
            let reason = format!("there are {MAX_FAULTS} faults in this sandbox already");
            return Err(Invalid::new("", reason).with_hint(DELETE_SOME));
        }
        let fault = SetFault {
            id: set.last_id + 1,
            rule,
            seen: 0,
            struck: 0,
        };
        let active = ActiveFault::new(fault.clone(), &self.memory);
        // It is counted already, so that parallel calls do not exceed the bound together.
        let used = self.memory.used();
        if used > MAX_FAULTS_BYTES {
            let bytes = active.fault.charge.bytes;
            let reason = format!(
                "no room for {bytes} bytes: the faults of all sandboxes have at most {MAX_FAULTS_BYTES} bytes in memory, \
                 and {} are used",
                used.saturating_sub(bytes)
            );
            return Err(Invalid::new("effect", reason).with_hint(DELETE_SOME));
        }
        set.last_id = fault.id;
        set.faults.push(active);
        Ok(fault)
    }

    pub(crate) fn list(&self) -> Vec<SetFault> {
        self.set().faults.iter().map(ActiveFault::to_set).collect()
    }

    /// The error codes that the faults answer with.
    pub(crate) fn errors(&self) -> Vec<String> {
        let set = self.set();
        let errors = set.faults.iter().filter_map(|active| {
            let effect = &active.fault.rule.effect;
            let of_body = || effect.body.as_ref()?.get("error")?.as_str();
            effect.error.as_deref().or_else(of_body)
        });
        errors.map(str::to_owned).collect()
    }

    /// Whether there was one of this id to remove.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut set = self.set();
        let before = set.faults.len();
        set.faults.retain(|active| active.fault.id != id);
        set.faults.len() < before
    }

    pub(crate) fn clear(&self) {
        self.set().faults.clear();
    }

    /// Prepares these faults for [`Faults::replace`], with what is left of their budgets. Errors: there is no room for them
    /// in place of those that are set.
    pub(crate) fn prepare(&self, faults: Vec<SetFault>) -> Result<Vec<ActiveFault>, StoreError> {
        let new = |fault| ActiveFault::new(fault, &self.memory);
        let prepared: Vec<ActiveFault> = faults.into_iter().map(new).collect();
        let own = self.set().size_in_bytes();
        if self.memory.used().saturating_sub(own) > MAX_FAULTS_BYTES {
            return Err(StoreError::Full {
                what: "bytes in the faults of all sandboxes",
                most: MAX_FAULTS_BYTES,
            });
        }
        Ok(prepared)
    }

    /// Puts these in place of those that are set.
    pub(crate) fn replace(&self, faults: Vec<ActiveFault>) {
        let mut set = self.set();
        let newest = faults.iter().map(|active| active.fault.id).max();
        set.last_id = set.last_id.max(newest.unwrap_or(0));
        set.faults = faults;
    }

    /// Whether there is nothing to ask for: most servers, most of the time.
    pub(crate) fn is_empty(&self) -> bool {
        self.set().faults.is_empty()
    }

    /// Whether any of them asks who the user is.
    pub(crate) fn ask_for_user(&self) -> bool {
        self.set()
            .faults
            .iter()
            .any(|active| active.fault.rule.user.is_some() || active.fault.rule.effect.deny)
    }

    /// The faults that apply to this request: their budgets are charged by it. `rows` has the users that rules name.
    pub(crate) fn strike(
        &self,
        target: &Target,
        entropy: &Entropy,
        rows: &Rows,
    ) -> Vec<Arc<TriggeredFault>> {
        let mut set = self.set();
        let mut applied = Vec::new();
        for active in &mut set.faults {
            let rule = &active.fault.rule;
            if !rule.fits(target, rows) {
                continue;
            }
            active.seen += 1;
            let due = rule.nth.is_none_or(|nth| active.seen == nth)
                && rule.after.is_none_or(|after| active.seen > after)
                && rule.times.is_none_or(|times| active.struck < times)
                && rule
                    .probability
                    .is_none_or(|chance| entropy.fraction() < chance);
            if due {
                active.struck += 1;
                applied.push(Arc::clone(&active.fault));
            }
        }
        applied
    }
}

impl Fault {
    fn fits(&self, target: &Target, rows: &Rows) -> bool {
        self.endpoint.is_none_or(|wanted| wanted == target.endpoint)
            && (self.client_id.is_none() || self.client_id == target.client_id)
            && (self.grant_type.is_none() || self.grant_type == target.grant_type)
            // Nobody denies before they are signed in: the way to the login page is no use of the budget.
            && (!self.effect.deny || target.user.is_some())
            && self
                .user
                .as_ref()
                .is_none_or(|wanted| target.user.is_some() && rows.user_id(wanted) == target.user)
    }
}

impl Delay {
    /// How long it is this time.
    pub(crate) fn draw(self, entropy: &Entropy) -> Length {
        match self {
            Self::Fixed(length) => length,
            Self::Between { min, max } => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "a part of a bounded length, in milliseconds"
                )]
                let part = ((max.0 - min.0).max(0) as f64 * entropy.fraction()) as i64;
                Length(min.0 + part)
            }
        }
    }
}
