//! The configuration of a server. The program builds it from flags, environment and file (`cli/`), tests in code.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tls")]
use crate::certificate::Certificate;
use crate::contract::{Contract, Difference};
use crate::hosts::AllowedHost;
use crate::invalid::Invalid;
#[cfg(feature = "cli")]
use crate::model::client_spec::ClientSpec;
use crate::model::user::{User, UserRef};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::origin::parse_origin;
use crate::protocol::secret::Secret;
use crate::sandbox::journal::{
    DEFAULT_CAPACITY, DEFAULT_JOURNAL_MEMORY, JournalLimits, JournalMemory, MIN_JOURNAL_MEMORY,
};
use crate::sandbox::keys::IdTokenKey;
use crate::sandbox::settings::{ConsentMode, Settings};
use crate::sandbox::template::SandboxTemplate;
use crate::seed::{LoadedSeed, SeedFile};
use crate::store::Database;

/// Hyper stores this many headers without an allocation.
pub(crate) const DEFAULT_MAX_HEADERS: usize = 100;

/// The configuration of a server. [`Config::default`] listens on a free port of the loopback interface, stores
/// everything in memory and has three demo users, a confidential and a public demo client.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on; port 0 selects a free one.
    pub listen: SocketAddr,
    /// Further addresses to listen on. Port 0 takes the port of `listen` if it is free, else another one.
    pub also_listen: Vec<SocketAddr>,
    /// Also listens on `[::1]` wherever it listens on `127.0.0.1`, if the same port is free: some clients resolve
    /// `localhost` to it.
    pub both_loopbacks: bool,
    /// Where the rows are stored.
    pub database: Database,
    /// The origin in answers; see [`Config::set_public_url`].
    pub(crate) public_url: Option<String>,
    /// Further names under which this server may be addressed; see [`Config::add_allowed_host`].
    pub(crate) allowed_hosts: Vec<AllowedHost>,
    /// The address and the certificate of the HTTPS listener.
    #[cfg(feature = "tls")]
    pub tls: Option<(SocketAddr, Certificate)>,
    /// The address that acts as the former host of Civitai's API (difference `legacy-host`).
    pub legacy_listen: Option<SocketAddr>,
    /// Addresses for MCP alone, in addition to `/mcp` on all others.
    #[cfg(feature = "mcp")]
    pub mcp_listen: Vec<McpListen>,
    /// Whether `Forwarded` and `X-Forwarded-*` determine the origin in answers.
    pub trust_proxy: bool,
    /// Generates the same ids, codes and tokens in every run.
    pub entropy_seed: Option<u64>,
    /// A connection that takes longer to send a request's head is answered 408 and closed. A connection on which no
    /// request is open is closed when none starts within this time, regardless of other traffic.
    pub head_timeout: Duration,
    /// The body of a request that takes longer to arrive counts as empty. A client that reads nothing of a response for this
    /// time is disconnected.
    pub body_timeout: Duration,
    /// Connections beyond this number are answered 503.
    pub max_connections: usize,
    /// A request with a longer head (first line and headers) is answered 431; by HTTP/2, also a request whose head is longer
    /// than 65,535 bytes, and a much longer head ends the connection. A target longer than 32 KiB is answered 414.
    pub max_head_bytes: usize,
    /// A request with more headers is answered 431.
    pub max_headers: usize,
    /// Sandboxes that have been unused for this long are deleted.
    pub sandbox_idle: Duration,
    /// Requests that would create a sandbox beyond this number are answered 503.
    pub max_sandboxes: usize,
    /// The bearer token that the control API requires.
    pub(crate) control_token: Option<Secret>,
    /// How many requests each journal stores; the oldest are removed first.
    pub journal_capacity: usize,
    /// The memory of the journals of all sandboxes together, in bytes; the oldest requests are removed first.
    pub journal_memory: usize,
    /// The key for id tokens; without one each sandbox generates its own.
    pub(crate) key: Option<IdTokenKey>,
    /// The commit that the program was built from, if known.
    pub(crate) commit: Option<&'static str>,
    pub(crate) settings: Settings,
    pub(crate) seed: SeedFile,
}

/// An address for MCP alone.
#[cfg(feature = "mcp")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McpListen {
    /// The server does not start if it cannot listen on the address.
    At(SocketAddr),
    /// If the port is in use, the server warns, and MCP is only at `/mcp` of the other addresses.
    IfFree(SocketAddr),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            also_listen: Vec::new(),
            both_loopbacks: false,
            database: Database::default(),
            public_url: None,
            allowed_hosts: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            legacy_listen: None,
            #[cfg(feature = "mcp")]
            mcp_listen: Vec::new(),
            trust_proxy: false,
            entropy_seed: None,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            max_connections: 1000,
            max_head_bytes: 128 * 1024,
            max_headers: DEFAULT_MAX_HEADERS,
            sandbox_idle: Duration::from_hours(1),
            max_sandboxes: 10_000,
            control_token: None,
            journal_capacity: DEFAULT_CAPACITY,
            journal_memory: DEFAULT_JOURNAL_MEMORY,
            key: None,
            commit: None,
            settings: Settings::default(),
            seed: SeedFile::demo(),
        }
    }
}

impl Config {
    /// Sets the contract, and that of single differences.
    pub fn set_contract(
        &mut self,
        contract: Contract,
        differences: impl IntoIterator<Item = (Difference, Contract)>,
    ) {
        self.settings.rules = ContractRules {
            contract,
            differences: differences.into_iter().collect(),
            ..ContractRules::default()
        };
    }

    /// Signs in as this user for requests without a session. Text is first a username, then an id; a number is an id.
    pub fn set_login(&mut self, user: impl Into<UserRef>) {
        self.settings.login = Some(user.into());
    }

    /// Sets whether consent is requested, given or denied.
    pub fn set_consent(&mut self, mode: ConsentMode) {
        self.settings.consent = mode;
    }

    /// Starts with these users and clients instead of the demo ones. `file` is named in errors.
    pub fn set_seed(&mut self, text: &str, file: &Path) -> Result<(), Invalid> {
        self.seed = SeedFile::read(text, file)?;
        Ok(())
    }

    /// Sets the origin in answers, regardless of the requests: `https://mock.example`.
    pub fn set_public_url(&mut self, url: &str) -> Result<(), Invalid> {
        let origin = parse_origin(url).ok_or_else(|| {
            Invalid::new(
                "public_url",
                format!("{url:?} is not an http or https origin"),
            )
            .with_hint("write scheme, host and port, for example http://localhost:8080")
        })?;
        self.public_url = Some(origin);
        Ok(())
    }

    /// Serves the control API and the account pages under this host name too: `host.docker.internal`, or
    /// `*.svc.cluster.local` for every name below it. Localhost, addresses, names without dots and the host of the public
    /// URL need not be added. Errors: it is not a host name.
    pub fn add_allowed_host(&mut self, name: &str) -> Result<(), Invalid> {
        let host = name
            .parse()
            .map_err(|reason| Invalid::new("allowed_host", reason))?;
        self.allowed_hosts.push(host);
        Ok(())
    }

    /// Requires this bearer token for the control API. Errors: it is empty or not printable ASCII.
    pub fn set_control_token(&mut self, token: &str) -> Result<(), Invalid> {
        if token.is_empty() {
            let error = Invalid::new("control_token", "it is empty");
            return Err(error.with_hint("set a value, or remove the option and its variable"));
        }
        // RFC 6750 §2.1 permits fewer characters. No client could send a token that does not fit into a header.
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "it has a character that is not allowed in an Authorization header";
            return Err(Invalid::new("control_token", reason)
                .with_hint("use printable ASCII without spaces"));
        }
        self.control_token = Some(Secret::new(token));
        Ok(())
    }

    /// Signs id tokens with this P-256 private key (PEM) in every sandbox. `file` is named in errors.
    pub fn set_signing_key(&mut self, pem: &str, file: &Path) -> Result<(), Invalid> {
        self.key = Some(IdTokenKey::from_pem(pem, file)?);
        Ok(())
    }

    /// Registers a further client. It replaces a client with the same id.
    #[cfg(feature = "cli")]
    pub(crate) fn add_client(&mut self, client: ClientSpec) {
        self.seed.add(client);
    }

    /// The users and clients to start with. Errors: they contradict each other, or `login` names an unknown or deleted user.
    pub(crate) fn load_seed(&self) -> Result<LoadedSeed, Invalid> {
        let loaded = self.seed.clone().load()?;
        let users = loaded.seed.users.iter().filter(|user| !user.deleted);
        if let Some(named) = &self.settings.login
            && named
                .find_in(&loaded.seed.users)
                .is_none_or(|user| user.deleted)
        {
            if named.find_in(&loaded.seed.users).is_some() {
                let reason = format!("user {:?} is deleted", named.to_string());
                let error = Invalid::new("login", reason);
                return Err(error.with_hint("name another user of the seed"));
            }
            let names: Vec<String> = users.map(User::display_name).collect();
            let hint = named.hint_for_digits(&loaded.seed.users);
            let choices = || format!("name a user by id or username: {}", names.join(", "));
            return Err(
                Invalid::new("login", format!("no user {:?}", named.to_string()))
                    .with_hint(hint.unwrap_or_else(choices)),
            );
        }
        Ok(loaded)
    }

    /// The template of every sandbox. Errors: those of [`Config::load_seed`], too little memory for journals, or a lifetime of
    /// 0.
    pub(crate) fn template(&self) -> Result<SandboxTemplate, Invalid> {
        if self.journal_memory < MIN_JOURNAL_MEMORY {
            let reason = format!("{} bytes are too few for one request", self.journal_memory);
            let hint = format!("give {MIN_JOURNAL_MEMORY} bytes (1MB) or more");
            return Err(Invalid::new("journal_memory", reason).with_hint(hint));
        }
        self.settings.check_lifetimes()?;
        let loaded = self.load_seed()?;
        let mut settings = self.settings.clone();
        if settings.rules.declared_scopes.is_empty() {
            settings.rules.declared_scopes = loaded.scopes;
        }
        Ok(SandboxTemplate {
            seed: loaded.seed,
            settings,
            entropy_seed: self.entropy_seed,
            key: self.key.clone(),
            journal_capacity: self.journal_capacity,
            journal_limits: JournalLimits {
                memory: Arc::new(JournalMemory::new(self.journal_memory)),
                ..JournalLimits::default()
            },
            ..SandboxTemplate::default()
        })
    }
}
