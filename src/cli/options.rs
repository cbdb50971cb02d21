//! What can be set? Flags, environment and configuration file, in this order of weight. What an app's own `.env`
//! describes is `environment.rs`; how a value is read, `values.rs`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::values::{
    ByteSize, DatabaseOption, McpPort, address, database, mcp_listen, read, seconds,
};
use super::{DEFAULT_LISTEN, DEFAULT_MCP_PORT, environment};
use crate::config::{Config, McpListen};
use crate::contract::{Contract, Override};
use crate::invalid::{self, Invalid};
use crate::model::user::UserRef;
use crate::protocol::duration::Length;
use crate::protocol::secret::Secret;
use crate::sandbox::settings::{ConsentMode, UnknownClients};
use crate::tls::Certificate;

/// What can be set, on the command line, by environment and in a `--config` file alike.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Read further options from this TOML file; its keys are the flags' names with underscores
    #[arg(long, env = "CIVITAI_MOCK_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// Listen here; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "CIVITAI_MOCK_LISTEN", value_parser = address, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Serve HTTPS here too, with a certificate made at start unless --tls-cert gives one
    #[arg(long, env = "CIVITAI_MOCK_TLS_LISTEN", value_parser = address, value_name = "ADDRESS")]
    tls_listen: Option<SocketAddr>,

    /// The certificate for HTTPS and its chain (PEM)
    #[arg(long, env = "CIVITAI_MOCK_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert (PEM)
    #[arg(long, env = "CIVITAI_MOCK_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Write the authority that clients must trust to this file (PEM), where the certificate is made
    #[arg(long, env = "CIVITAI_MOCK_TLS_CA_FILE", value_name = "FILE")]
    tls_ca_file: Option<PathBuf>,

    /// Play the host that Civitai's API once lived on here
    #[arg(long, env = "CIVITAI_MOCK_LEGACY_LISTEN", value_parser = address, value_name = "ADDRESS")]
    legacy_listen: Option<SocketAddr>,

    /// Serve MCP on this port too, besides /mcp on the others; "none" for there alone
    /// [default: port 9090 on the address of --listen, if it is free]
    #[arg(long, env = "CIVITAI_MOCK_MCP_LISTEN", value_parser = mcp_listen, value_name = "ADDRESS|none")]
    mcp_listen: Option<McpPort>,

    /// Keep the data in this file; "memory" forgets it at the end [default: memory]
    #[arg(long, env = "CIVITAI_MOCK_DATABASE", value_parser = database, value_name = "PATH|memory")]
    database: Option<DatabaseOption>,

    /// Begin with the users and clients of this TOML file [default: three users, two demo clients]
    #[arg(long, env = "CIVITAI_MOCK_SEED", value_name = "FILE")]
    seed: Option<PathBuf>,

    /// The origin in answers, such as <http://localhost:8080> [default: the request's Host]
    #[arg(long, env = "CIVITAI_MOCK_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// Serve the control API under this host name too, such as host.docker.internal or *.example; may be repeated
    #[arg(
        long,
        env = "CIVITAI_MOCK_ALLOWED_HOST",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    allowed_host: Vec<String>,

    /// Take the origin in answers from Forwarded or X-Forwarded-Proto and -Host
    #[arg(long, env = "CIVITAI_MOCK_TRUST_PROXY", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new(), value_name = "BOOL")]
    trust_proxy: Option<bool>,

    /// Follow the documentation or the deployed server: documented, live [default: documented]
    #[arg(long, env = "CIVITAI_MOCK_CONTRACT", value_name = "CONTRACT")]
    contract: Option<Contract>,

    /// Set one difference apart, such as scope-shape=live; may be repeated
    #[arg(
        long,
        env = "CIVITAI_MOCK_DIFFERENCE",
        value_delimiter = ',',
        value_name = "NAME=CONTRACT"
    )]
    difference: Vec<Override>,

    /// Sign whoever has no session in as this user (id or username)
    #[arg(long, env = "CIVITAI_MOCK_LOGIN", value_name = "USER")]
    login: Option<UserRef>,

    /// What the consent page is replaced by [default: ask]
    #[arg(long, env = "CIVITAI_MOCK_CONSENT", value_name = "MODE")]
    consent: Option<ConsentMode>,

    /// Enforce Civitai's rate limits
    #[arg(long, env = "CIVITAI_MOCK_RATE_LIMITS", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new(), value_name = "BOOL")]
    rate_limits: Option<bool>,

    /// How long access tokens live, in seconds [default: 3600]
    #[arg(
        long,
        env = "CIVITAI_MOCK_ACCESS_TOKEN_SECONDS",
        value_parser = seconds, value_name = "SECONDS"
    )]
    access_token_seconds: Option<u32>,

    /// How long refresh tokens live, in seconds [default: 2592000]
    #[arg(
        long,
        env = "CIVITAI_MOCK_REFRESH_TOKEN_SECONDS",
        value_parser = seconds, value_name = "SECONDS"
    )]
    refresh_token_seconds: Option<u32>,

    /// How long authorization codes live, in seconds [default: what the contract says]
    #[arg(long, env = "CIVITAI_MOCK_CODE_SECONDS", value_parser = seconds, value_name = "SECONDS")]
    code_seconds: Option<u32>,

    /// What happens to a client id that nobody registered [default: refuse]
    #[arg(long, env = "CIVITAI_MOCK_UNKNOWN_CLIENTS", value_name = "WHAT")]
    unknown_clients: Option<UnknownClients>,

    /// What a workflow costs that does not say so itself, in buzz [default: 10]
    #[arg(long, env = "CIVITAI_MOCK_WORKFLOW_COST", value_name = "BUZZ")]
    workflow_cost: Option<u32>,

    /// How long workflows run, in seconds [default: 0]
    #[arg(long, env = "CIVITAI_MOCK_WORKFLOW_SECONDS", value_parser = seconds, value_name = "SECONDS")]
    workflow_seconds: Option<u32>,

    /// Sign id tokens with this P-256 private key (PEM) [default: each sandbox draws its own]
    #[arg(long, env = "CIVITAI_MOCK_SIGNING_KEY", value_name = "FILE")]
    signing_key: Option<PathBuf>,

    /// Draw the same ids, codes and tokens in every run
    #[arg(long, env = "CIVITAI_MOCK_ENTROPY_SEED", value_name = "NUMBER")]
    entropy_seed: Option<u64>,

    /// Let sandboxes go that nobody has used for so long, such as 30m [default: 1h]
    #[arg(long, env = "CIVITAI_MOCK_SANDBOX_IDLE", value_name = "LENGTH")]
    sandbox_idle: Option<Length>,

    /// How many exchanges each sandbox's journal keeps [default: 10000]
    #[arg(long, env = "CIVITAI_MOCK_JOURNAL", value_name = "NUMBER")]
    journal: Option<usize>,

    /// The memory of all journals together; the oldest exchanges are removed first [default: 128MB]
    #[arg(long, env = "CIVITAI_MOCK_JOURNAL_MEMORY", value_name = "SIZE")]
    journal_memory: Option<ByteSize>,

    /// Ask whoever uses the control API for this bearer token
    #[arg(
        long,
        env = "CIVITAI_MOCK_CONTROL_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    control_token: Option<Secret>,

    /// Give up on a connection that takes longer to send a request's head, or to begin the next [default: 30s]
    #[arg(long, env = "CIVITAI_MOCK_HEAD_TIMEOUT", value_name = "LENGTH")]
    head_timeout: Option<Length>,

    /// Take a body that has not come whole in this time for an empty one, and disconnect a client that reads nothing of an
    /// answer for this time [default: 30s]
    #[arg(long, env = "CIVITAI_MOCK_BODY_TIMEOUT", value_name = "LENGTH")]
    body_timeout: Option<Length>,

    /// Refuse to make one more sandbox than so many [default: 10000]
    #[arg(long, env = "CIVITAI_MOCK_MAX_SANDBOXES", value_name = "NUMBER")]
    max_sandboxes: Option<usize>,

    /// Turn away whoever would be one more connection than so many [default: 10000, or as many as the system allows]
    #[arg(long, env = "CIVITAI_MOCK_MAX_CONNECTIONS", value_name = "NUMBER")]
    max_connections: Option<usize>,

    /// Refuse a request whose first line and headers are longer, in bytes; by HTTP/2, at most 65535 [default: 131072]
    #[arg(long, env = "CIVITAI_MOCK_MAX_HEAD_BYTES", value_name = "NUMBER")]
    max_head_bytes: Option<usize>,

    /// Refuse a request with more headers [default: 100]
    #[arg(long, env = "CIVITAI_MOCK_MAX_HEADERS", value_name = "NUMBER")]
    max_headers: Option<usize>,

    /// Write the port that is listened on to this file
    #[arg(long, env = "CIVITAI_MOCK_PORT_FILE", value_name = "FILE")]
    pub(super) port_file: Option<PathBuf>,

    /// What is logged, to standard error: off, error, warn, info, debug or trace; "json" for JSON lines
    /// [default: warn]
    #[arg(
        long,
        env = "CIVITAI_MOCK_LOG",
        value_delimiter = ',',
        value_name = "LEVEL[,json]"
    )]
    pub(super) log: Vec<String>,
}

impl Options {
    /// The options that a file sets.
    pub(super) fn of_file(file: &Path) -> anyhow::Result<Self> {
        let text = read(file, "--config")?;
        Ok(invalid::from_toml(&text, file)?)
    }

    pub(super) fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// How many connections were asked for.
    pub(super) fn connections(&self) -> Option<usize> {
        self.max_connections
    }

    /// These options, and those of the file where these say nothing.
    pub(super) fn with_file(self) -> anyhow::Result<Self> {
        let Some(file) = &self.config else {
            return Ok(self);
        };
        let below = Self::of_file(file)?;
        Ok(Self {
            config: self.config,
            listen: self.listen.or(below.listen),
            tls_listen: self.tls_listen.or(below.tls_listen),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            tls_ca_file: self.tls_ca_file.or(below.tls_ca_file),
            legacy_listen: self.legacy_listen.or(below.legacy_listen),
            mcp_listen: self.mcp_listen.or(below.mcp_listen),
            database: self.database.or(below.database),
            seed: self.seed.or(below.seed),
            public_url: self.public_url.or(below.public_url),
            allowed_host: [below.allowed_host, self.allowed_host].concat(),
            trust_proxy: self.trust_proxy.or(below.trust_proxy),
            contract: self.contract.or(below.contract),
            difference: [below.difference, self.difference].concat(),
            login: self.login.or(below.login),
            consent: self.consent.or(below.consent),
            rate_limits: self.rate_limits.or(below.rate_limits),
            access_token_seconds: self.access_token_seconds.or(below.access_token_seconds),
            refresh_token_seconds: self.refresh_token_seconds.or(below.refresh_token_seconds),
            code_seconds: self.code_seconds.or(below.code_seconds),
            unknown_clients: self.unknown_clients.or(below.unknown_clients),
            workflow_cost: self.workflow_cost.or(below.workflow_cost),
            workflow_seconds: self.workflow_seconds.or(below.workflow_seconds),
            signing_key: self.signing_key.or(below.signing_key),
            entropy_seed: self.entropy_seed.or(below.entropy_seed),
            sandbox_idle: self.sandbox_idle.or(below.sandbox_idle),
            journal: self.journal.or(below.journal),
            journal_memory: self.journal_memory.or(below.journal_memory),
            control_token: self.control_token.or(below.control_token),
            head_timeout: self.head_timeout.or(below.head_timeout),
            body_timeout: self.body_timeout.or(below.body_timeout),
            max_sandboxes: self.max_sandboxes.or(below.max_sandboxes),
            max_connections: self.max_connections.or(below.max_connections),
            max_head_bytes: self.max_head_bytes.or(below.max_head_bytes),
            max_headers: self.max_headers.or(below.max_headers),
            port_file: self.port_file.or(below.port_file),
            log: if self.log.is_empty() {
                below.log
            } else {
                self.log
            },
        })
    }

    fn tls(&self) -> Result<Option<(SocketAddr, Certificate)>, Invalid> {
        let certificate = match (&self.tls_cert, &self.tls_key) {
            (None, None) => Certificate::Generated {
                ca_file: self.tls_ca_file.clone(),
            },
            (Some(certificate), Some(key)) if self.tls_ca_file.is_none() => Certificate::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            (Some(_), Some(_)) => {
                return Err(
                    Invalid::new("tls_ca_file", "there is no authority of ours to write")
                        .with_hint("leave it out, or leave --tls-cert and --tls-key out"),
                );
            }
            (Some(_), None) => {
                return Err(
                    Invalid::new("tls_cert", "a certificate needs its private key")
                        .with_hint("give it with --tls-key"),
                );
            }
            (None, Some(_)) => {
                return Err(
                    Invalid::new("tls_key", "a private key needs its certificate")
                        .with_hint("give it with --tls-cert"),
                );
            }
        };
        let given = [&self.tls_cert, &self.tls_ca_file]
            .into_iter()
            .any(Option::is_some);
        match self.tls_listen {
            Some(address) => Ok(Some((address, certificate))),
            None if given => Err(
                Invalid::new("tls_listen", "HTTPS is set up, but served nowhere")
                    .with_hint("say where with --tls-listen, for example 127.0.0.1:8443"),
            ),
            None => Ok(None),
        }
    }

    /// The configuration that these options come to.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let listen = self.listen.unwrap_or(DEFAULT_LISTEN);
        let mut config = Config {
            listen,
            tls: self.tls()?,
            legacy_listen: self.legacy_listen,
            mcp_listen: match self.mcp_listen {
                // Whoever opens the one to other machines opens the other.
                None => {
                    let beside = SocketAddr::new(listen.ip(), DEFAULT_MCP_PORT);
                    Some(McpListen::IfFree(beside))
                }
                Some(McpPort::At(address)) => Some(McpListen::At(address)),
                Some(McpPort::None) => None,
            },
            trust_proxy: self.trust_proxy.unwrap_or_default(),
            entropy_seed: self.entropy_seed,
            ..Config::default()
        };
        if let Some(DatabaseOption(database)) = &self.database {
            config.database.clone_from(database);
        }
        if let Some(url) = &self.public_url {
            config.set_public_url(url)?;
        }
        for name in &self.allowed_host {
            config.add_allowed_host(name.trim())?;
        }
        if let Some(file) = &self.seed {
            config.set_seed(&read(file, "--seed")?, file)?;
        }
        if let Some(file) = &self.signing_key {
            config.set_signing_key(&read(file, "--signing-key")?, file)?;
        }
        if let Some(idle) = self.sandbox_idle {
            config.sandbox_idle = idle.to_std();
        }
        if let Some(token) = &self.control_token {
            config.set_control_token(token.reveal())?;
        }
        self.limit(&mut config);
        config.journal_capacity = self.journal.unwrap_or(config.journal_capacity);
        if let Some(ByteSize(bytes)) = self.journal_memory {
            config.journal_memory = bytes;
        }
        let apart = self.difference.iter().map(|one| (one.difference, one.side));
        config.set_contract(self.contract.unwrap_or_default(), apart);
        let settings = &mut config.settings;
        settings.login.clone_from(&self.login);
        settings.consent = self.consent.unwrap_or_default();
        settings.rate_limits = self.rate_limits.unwrap_or_default();
        settings.unknown_clients = self.unknown_clients.unwrap_or_default();
        settings.code_seconds = self.code_seconds;
        if let Some(seconds) = self.access_token_seconds {
            settings.access_token_seconds = seconds;
        }
        if let Some(seconds) = self.refresh_token_seconds {
            settings.refresh_token_seconds = seconds;
        }
        settings.workflow_cost = self.workflow_cost.unwrap_or(settings.workflow_cost);
        settings.workflow_seconds = self.workflow_seconds.unwrap_or_default();
        if let Some(client) = environment::client(|name| std::env::var(name).ok())? {
            config.add_client(client);
        }
        Ok(config)
    }

    /// How much a connection may ask for.
    fn limit(&self, config: &mut Config) {
        if let Some(length) = self.head_timeout {
            config.head_timeout = length.to_std();
        }
        if let Some(length) = self.body_timeout {
            config.body_timeout = length.to_std();
        }
        config.max_sandboxes = self.max_sandboxes.unwrap_or(config.max_sandboxes);
        config.max_connections = self.max_connections.unwrap_or(config.max_connections);
        config.max_head_bytes = self.max_head_bytes.unwrap_or(config.max_head_bytes);
        config.max_headers = self.max_headers.unwrap_or(config.max_headers);
    }
}
