//! The options of the server: flags override variables, which override the configuration file. `values.rs` parses the
//! values; `settings.rs` builds the configuration.

use std::path::{Path, PathBuf};

use clap::{Args, FromArgMatches as _};
use serde::Deserialize;

use super::color::ColorWhen;
use super::file_values::{address_in_file, list_in_file, truth_in_file};
use super::sources::{ConfigFile, Sources};
use super::values::{
    Address, ByteSize, DatabaseOption, McpPort, NonNegativeDuration, number, parse_bool, read,
};
use crate::contract::{Contract, DifferenceOverride};
use crate::hosts::AllowedHost;
use crate::invalid;
use crate::model::user::UserRef;
use crate::protocol::duration::Seconds;
use crate::protocol::secret::Secret;
use crate::sandbox::settings::{ConsentMode, UnknownClients};

/// The settings of the command line, the environment and the `--config` file.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Read further options from this TOML file; its keys are the flags' names with underscores
    #[arg(long, env = "CIVITAI_MOCK_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(super) config: Option<PathBuf>,

    /// Listen on this address; may be repeated; port 0 selects a free one [default: port 8080 of both loopback addresses]
    #[arg(
        long,
        env = "CIVITAI_MOCK_LISTEN",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    #[serde(deserialize_with = "list_in_file")]
    pub(super) listen: Vec<Address>,

    /// Serve HTTPS on this address too, with a certificate generated at start unless --tls-cert gives one
    #[arg(long, env = "CIVITAI_MOCK_TLS_LISTEN", value_name = "ADDRESS")]
    #[serde(deserialize_with = "address_in_file")]
    pub(super) tls_listen: Option<Address>,

    /// The certificate for HTTPS and its chain (PEM)
    #[arg(long, env = "CIVITAI_MOCK_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert (PEM)
    #[arg(long, env = "CIVITAI_MOCK_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,

    /// Write the generated certificate authority, which clients must trust, to this file (PEM)
    #[arg(long, env = "CIVITAI_MOCK_TLS_CA_FILE", value_name = "FILE")]
    pub(super) tls_ca_file: Option<PathBuf>,

    /// Also act as Civitai's former API host (civitai.com) on this address
    #[arg(long, env = "CIVITAI_MOCK_LEGACY_LISTEN", value_name = "ADDRESS")]
    #[serde(deserialize_with = "address_in_file")]
    pub(super) legacy_listen: Option<Address>,

    /// Serve MCP on this address too, in addition to /mcp on the others; may be repeated; "none" for /mcp only
    /// [default: port 9090 on the addresses of --listen, if it is free]
    #[arg(
        long,
        env = "CIVITAI_MOCK_MCP_LISTEN",
        value_delimiter = ',',
        value_name = "ADDRESS|none"
    )]
    #[serde(deserialize_with = "list_in_file")]
    pub(super) mcp_listen: Vec<McpPort>,

    /// Store the data in this file; "memory" stores it in memory only [default: memory]
    #[arg(long, env = "CIVITAI_MOCK_DATABASE", value_name = "PATH|memory")]
    pub(super) database: Option<DatabaseOption>,

    /// Start with the users and clients of this TOML file; "-" reads standard input [default: three users, two demo clients]
    #[arg(long, env = "CIVITAI_MOCK_SEED", value_name = "FILE|-")]
    pub(super) seed: Option<PathBuf>,

    /// Start with the users and clients of this TOML text, instead of --seed
    #[arg(
        long,
        env = "CIVITAI_MOCK_SEED_TOML",
        value_name = "TEXT",
        hide_env_values = true
    )]
    pub(super) seed_toml: Option<String>,

    #[arg(
        long,
        env = "CIVITAI_MOCK_PUBLIC_URL",
        value_name = "URL",
        help = "The origin in responses, such as http://localhost:8080 [default: the request's Host]"
    )]
    pub(super) public_url: Option<String>,

    /// Also serve the control API under this host name, such as host.docker.internal or *.example; may be repeated
    #[arg(
        long,
        env = "CIVITAI_MOCK_ALLOWED_HOST",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    #[serde(deserialize_with = "list_in_file")]
    pub(super) allowed_host: Vec<AllowedHost>,

    /// Trust Forwarded or X-Forwarded-Proto and -Host for the origin in responses
    #[arg(long, env = "CIVITAI_MOCK_TRUST_PROXY", num_args = 0..=1, default_missing_value = "true", value_parser = parse_bool, value_name = "BOOL")]
    #[serde(deserialize_with = "truth_in_file")]
    pub(super) trust_proxy: Option<bool>,

    /// Follow the documentation or the deployed server: documented, live, live@2026-08 [default: documented]
    #[arg(long, env = "CIVITAI_MOCK_CONTRACT", value_name = "CONTRACT")]
    pub(super) contract: Option<Contract>,

    /// Override the contract of one difference, for example scope-shape=live; may be repeated
    #[arg(
        long,
        env = "CIVITAI_MOCK_DIFFERENCE",
        value_delimiter = ',',
        value_name = "NAME=CONTRACT"
    )]
    #[serde(deserialize_with = "list_in_file")]
    pub(super) difference: Vec<DifferenceOverride>,

    /// Skip the sign-in page: sign in every request without a session as this user (id or username)
    #[arg(long, env = "CIVITAI_MOCK_LOGIN", value_name = "USER")]
    pub(super) login: Option<UserRef>,

    /// Show the consent page (ask), or answer it automatically (approve or deny) [default: ask]
    #[arg(long, env = "CIVITAI_MOCK_CONSENT", value_name = "MODE")]
    pub(super) consent: Option<ConsentMode>,

    /// Enforce Civitai's rate limits
    #[arg(long, env = "CIVITAI_MOCK_RATE_LIMITS", num_args = 0..=1, default_missing_value = "true", value_parser = parse_bool, value_name = "BOOL")]
    #[serde(deserialize_with = "truth_in_file")]
    pub(super) rate_limits: Option<bool>,

    /// Lifetime of access tokens, in seconds [default: 3600]
    #[arg(
        long,
        env = "CIVITAI_MOCK_ACCESS_TOKEN_SECONDS",
        value_name = "SECONDS"
    )]
    pub(super) access_token_seconds: Option<Seconds>,

    /// Lifetime of refresh tokens, in seconds [default: 2592000]
    #[arg(
        long,
        env = "CIVITAI_MOCK_REFRESH_TOKEN_SECONDS",
        value_name = "SECONDS"
    )]
    pub(super) refresh_token_seconds: Option<Seconds>,

    /// Lifetime of authorization codes, in seconds [default: the contract's]
    #[arg(long, env = "CIVITAI_MOCK_CODE_SECONDS", value_name = "SECONDS")]
    pub(super) code_seconds: Option<Seconds>,

    /// Refuse an unregistered client id, or register it on its first request [default: refuse]
    #[arg(long, env = "CIVITAI_MOCK_UNKNOWN_CLIENTS", value_name = "WHAT")]
    pub(super) unknown_clients: Option<UnknownClients>,

    /// Default cost of a workflow, in buzz [default: 10]
    #[arg(long, env = "CIVITAI_MOCK_WORKFLOW_COST", value_parser = number::<u32>, value_name = "BUZZ")]
    pub(super) workflow_cost: Option<u32>,

    /// Duration of workflows, in seconds [default: 0]
    #[arg(long, env = "CIVITAI_MOCK_WORKFLOW_SECONDS", value_name = "SECONDS")]
    pub(super) workflow_seconds: Option<Seconds>,

    /// Add the headers X-Mock-Reason and X-Mock-Request to refused responses [default: true]
    #[arg(long, env = "CIVITAI_MOCK_REASON_HEADERS", num_args = 0..=1, default_missing_value = "true", value_parser = parse_bool, value_name = "BOOL")]
    #[serde(deserialize_with = "truth_in_file")]
    pub(super) reason_headers: Option<bool>,

    /// Sign id tokens with this P-256 private key (PEM) [default: each sandbox generates its own]
    #[arg(long, env = "CIVITAI_MOCK_SIGNING_KEY", value_name = "FILE")]
    pub(super) signing_key: Option<PathBuf>,

    /// Generate the same ids, codes and tokens in every run
    #[arg(long, env = "CIVITAI_MOCK_ENTROPY_SEED", value_parser = number::<u64>, value_name = "NUMBER")]
    pub(super) entropy_seed: Option<u64>,

    /// Delete sandboxes that have been unused for this long, such as 30m [default: 1h]
    #[arg(long, env = "CIVITAI_MOCK_SANDBOX_IDLE", value_name = "LENGTH")]
    pub(super) sandbox_idle: Option<NonNegativeDuration>,

    /// Number of requests that the journal of each sandbox stores [default: 10000]
    #[arg(long, env = "CIVITAI_MOCK_JOURNAL", value_parser = number::<usize>, value_name = "NUMBER")]
    pub(super) journal: Option<usize>,

    /// The memory of all journals together; the oldest requests are removed first [default: 128MB]
    #[arg(long, env = "CIVITAI_MOCK_JOURNAL_MEMORY", value_name = "SIZE")]
    pub(super) journal_memory: Option<ByteSize>,

    /// Require this bearer token for the control API
    #[arg(
        long,
        env = "CIVITAI_MOCK_CONTROL_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(super) control_token: Option<Secret>,

    /// Close a connection that takes longer to send the head of a request, or to begin the next one [default: 30s]
    #[arg(long, env = "CIVITAI_MOCK_HEAD_TIMEOUT", value_name = "LENGTH")]
    pub(super) head_timeout: Option<NonNegativeDuration>,

    /// Timeout for receiving a request body, which then counts as empty, and for a client that does not read the response
    /// [default: 30s]
    #[arg(long, env = "CIVITAI_MOCK_BODY_TIMEOUT", value_name = "LENGTH")]
    pub(super) body_timeout: Option<NonNegativeDuration>,

    /// Maximum number of sandboxes [default: 10000]
    #[arg(long, env = "CIVITAI_MOCK_MAX_SANDBOXES", value_parser = number::<usize>, value_name = "NUMBER")]
    pub(super) max_sandboxes: Option<usize>,

    /// Maximum number of connections; others get 503 [default: 1000, or as many as the system allows]
    #[arg(long, env = "CIVITAI_MOCK_MAX_CONNECTIONS", value_parser = number::<usize>, value_name = "NUMBER")]
    pub(super) max_connections: Option<usize>,

    /// Refuse a request whose first line and headers are longer, in bytes; by HTTP/2, at most 65535 [default: 131072]
    #[arg(long, env = "CIVITAI_MOCK_MAX_HEAD_BYTES", value_parser = number::<usize>, value_name = "NUMBER")]
    pub(super) max_head_bytes: Option<usize>,

    /// Refuse a request with more headers [default: 100]
    #[arg(long, env = "CIVITAI_MOCK_MAX_HEADERS", value_parser = number::<usize>, value_name = "NUMBER")]
    pub(super) max_headers: Option<usize>,

    /// Write the port that the server listens on to this file; removed at exit
    #[arg(long, env = "CIVITAI_MOCK_PORT_FILE", value_name = "FILE")]
    pub(super) port_file: Option<PathBuf>,

    /// Log to standard error: off, error, warn, info, debug or trace; "json" for JSON lines
    /// [default: warn; refused requests only on a terminal]
    #[arg(
        long,
        env = "CIVITAI_MOCK_LOG",
        value_delimiter = ',',
        value_name = "LEVEL[,json]"
    )]
    #[serde(deserialize_with = "list_in_file")]
    pub(super) log: Vec<String>,

    /// The choice of the configuration file; the flag belongs to every command.
    #[arg(skip)]
    pub(super) color: Option<ColorWhen>,

    #[arg(skip)]
    #[serde(skip)]
    pub(super) sources: Sources,
}

impl Options {
    /// The options that a file sets.
    pub(super) fn read_file(file: &Path, name: &str) -> anyhow::Result<(Self, ConfigFile)> {
        let text = read(file, name)?;
        let options = invalid::from_toml(&text, file)?;
        Ok((options, ConfigFile::new(file, text)))
    }

    /// These options, completed with those of the file.
    pub(super) fn with_file(mut self) -> anyhow::Result<Self> {
        // Both are one setting: the source of higher priority replaces both.
        match (
            self.sources.is_flag("seed"),
            self.sources.is_flag("seed_toml"),
        ) {
            (true, false) => self.seed_toml = None,
            (false, true) => self.seed = None,
            _ => {}
        }
        let Some(file) = &self.config else {
            return Ok(self);
        };
        let (mut options, lines) = Self::read_file(file, &self.sources.name("config"))?;
        self.sources.set_file(lines);
        let hosts = std::mem::take(&mut options.allowed_host);
        let differences = std::mem::take(&mut options.difference);
        // Flags and variables replace values of the file.
        options.update_from_arg_matches(&self.sources.matches)?;
        options.allowed_host = [hosts, self.allowed_host].concat();
        options.difference = [differences, self.difference].concat();
        if self.seed.is_some() || self.seed_toml.is_some() {
            (options.seed, options.seed_toml) = (self.seed, self.seed_toml);
        }
        options.color = self.color.or(options.color);
        options.sources = self.sources;
        Ok(options)
    }
}
