//! The configuration that the options result in, and the warnings about it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::app_client::{self, EnvironmentApp};
use super::defaults::{DEFAULT_LISTEN, DEFAULT_MCP_PORT};
use super::options::Options;
use super::values::{ByteSize, McpPort, read, read_standard_input};
use crate::certificate::Certificate;
use crate::config::{Config, McpListen};
use crate::invalid::Invalid;
use crate::protocol::ids::ClientId;

/// The variable of `--control-token`.
const CONTROL_TOKEN: &str = "CIVITAI_MOCK_CONTROL_TOKEN";

/// A seed of this name is read from standard input.
const STANDARD_INPUT: &str = "-";

impl Options {
    /// The configuration that these options result in, the client of the environment, and warnings.
    pub(super) fn config(&self) -> anyhow::Result<(Config, Option<ClientId>, Vec<String>)> {
        let listen: Vec<SocketAddr> = self.listen.iter().map(|address| address.0).collect();
        let (first, rest) = listen.split_first().unwrap_or((&DEFAULT_LISTEN, &[]));
        let mut config = Config {
            listen: *first,
            also_listen: rest.to_vec(),
            both_loopbacks: listen.is_empty(),
            tls: self
                .tls()
                .map_err(|error| self.sources.with_source(error))?,
            legacy_listen: self.legacy_listen.map(|address| address.0),
            mcp_listen: self.mcp()?,
            trust_proxy: self.trust_proxy.unwrap_or_default(),
            entropy_seed: self.entropy_seed,
            ..Config::default()
        };
        if let Some(database) = &self.database {
            config.database.clone_from(&database.0);
        }
        self.set_seed(&mut config)?;
        if let Some(file) = &self.signing_key {
            let pem = read(file, &self.sources.name("signing_key"))?;
            config.set_signing_key(&pem, file)?;
        }
        if let Some(idle) = self.sandbox_idle {
            config.sandbox_idle = idle.0.to_std();
        }
        let placed = |error| self.sources.with_source(error);
        if let Some(url) = &self.public_url {
            config.set_public_url(url).map_err(placed)?;
        }
        config.allowed_hosts.clone_from(&self.allowed_host);
        if let Some(token) = &self.control_token {
            config.set_control_token(token.reveal()).map_err(placed)?;
        } else if std::env::var_os(CONTROL_TOKEN).is_some() {
            // Blank variables count as unset. A blank secret of a CI job would leave the control API open.
            config.set_control_token("").map_err(|error| Invalid {
                path: CONTROL_TOKEN.to_owned(),
                ..error
            })?;
        }
        self.limit(&mut config);
        config.journal_capacity = self.journal.unwrap_or(config.journal_capacity);
        if let Some(ByteSize(bytes)) = self.journal_memory {
            config.journal_memory = bytes;
        }
        self.set_behavior(&mut config);
        let EnvironmentApp { client, warnings } =
            app_client::client(|name| std::env::var(name).ok())?;
        let app = client.as_ref().and_then(|client| client.id.clone());
        let app = app.map(ClientId);
        if let Some(client) = client {
            config.add_client(client);
        }
        Ok((config, app, warnings))
    }

    /// The addresses for MCP alone, by default on the IP addresses of the main port.
    fn mcp(&self) -> Result<Vec<McpListen>, Invalid> {
        let address_of = |port: &McpPort| match port {
            McpPort::At(address) => Some(McpListen::At(address.0)),
            McpPort::None => None,
        };
        let addresses: Vec<McpListen> = self.mcp_listen.iter().filter_map(address_of).collect();
        if addresses.len() < self.mcp_listen.len() && !addresses.is_empty() {
            let name = self.sources.name("mcp_listen");
            return Err(
                Invalid::new(name, "\"none\" cannot be combined with an address")
                    .with_hint("remove one of them"),
            );
        }
        if !self.mcp_listen.is_empty() {
            return Ok(addresses);
        }
        let mut ips: Vec<IpAddr> = Vec::new();
        let default = [DEFAULT_LISTEN.ip()];
        let listen = self.listen.iter().map(|address| address.0.ip());
        for ip in listen.chain(default.into_iter().filter(|_| self.listen.is_empty())) {
            if !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        let beside = |ip| McpListen::IfFree(SocketAddr::new(ip, DEFAULT_MCP_PORT));
        Ok(ips.into_iter().map(beside).collect())
    }

    fn set_seed(&self, config: &mut Config) -> anyhow::Result<()> {
        let (file, text) = (self.sources.name("seed"), self.sources.name("seed_toml"));
        match (&self.seed, &self.seed_toml) {
            (None, None) => {}
            (Some(seed), Some(_)) => {
                let message = format!("the seed is also set by {file} {}", seed.display());
                let hint = "remove one of the two";
                return Err(Invalid::new(text, message).with_hint(hint).into());
            }
            (None, Some(toml)) => config.set_seed(toml, Path::new(&text))?,
            (Some(seed), None) if seed.as_os_str() == STANDARD_INPUT => {
                let toml = read_standard_input(&file)?;
                config.set_seed(&toml, Path::new("standard input"))?;
            }
            (Some(seed), None) => config.set_seed(&read(seed, &file)?, seed)?,
        }
        Ok(())
    }

    /// Sets the settings that every sandbox starts with.
    fn set_behavior(&self, config: &mut Config) {
        let apart = self
            .difference
            .iter()
            .map(|one| (one.difference, one.contract));
        config.set_contract(self.contract.unwrap_or_default(), apart);
        let settings = &mut config.settings;
        settings.login.clone_from(&self.login);
        settings.consent = self.consent.unwrap_or_default();
        settings.rate_limits = self.rate_limits.unwrap_or_default();
        settings.unknown_clients = self.unknown_clients.unwrap_or_default();
        settings.code_seconds = self.code_seconds.map(|seconds| seconds.0);
        if let Some(seconds) = self.access_token_seconds {
            settings.access_token_seconds = seconds.0;
        }
        if let Some(seconds) = self.refresh_token_seconds {
            settings.refresh_token_seconds = seconds.0;
        }
        settings.workflow_cost = self.workflow_cost.unwrap_or(settings.workflow_cost);
        settings.reason_headers = self.reason_headers.unwrap_or(settings.reason_headers);
        settings.workflow_seconds = self.workflow_seconds.map_or(0, |seconds| seconds.0);
    }

    fn tls(&self) -> Result<Option<(SocketAddr, Certificate)>, Invalid> {
        let certificate = self.certificate()?;
        let files = [&self.tls_cert, &self.tls_ca_file]
            .into_iter()
            .find_map(Option::as_ref);
        match (self.tls_listen, files) {
            (Some(address), _) => Ok(Some((address.0, certificate))),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Invalid::new(
                "tls_listen",
                "HTTPS is configured, but has no address",
            )
            .with_hint("give an address with --tls-listen, for example 127.0.0.1:8443")),
        }
    }

    fn certificate(&self) -> Result<Certificate, Invalid> {
        let files = |certificate: &PathBuf, key: &PathBuf| Certificate::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let refused = |option, message, hint| Err(Invalid::new(option, message).with_hint(hint));
        match (&self.tls_cert, &self.tls_key, &self.tls_ca_file) {
            (None, None, ca_file) => Ok(Certificate::Generated {
                ca_file: ca_file.clone(),
            }),
            (Some(certificate), Some(key), None) => Ok(files(certificate, key)),
            (Some(_), Some(_), Some(_)) => refused(
                "tls_ca_file",
                "no certificate authority is generated with --tls-cert",
                "remove it, or remove --tls-cert and --tls-key",
            ),
            (Some(_), None, _) => refused(
                "tls_cert",
                "a certificate needs its private key",
                "give it with --tls-key",
            ),
            (None, Some(_), _) => refused(
                "tls_key",
                "a private key needs its certificate",
                "give it with --tls-cert",
            ),
        }
    }

    /// Sets the limits of connections and sandboxes.
    fn limit(&self, config: &mut Config) {
        if let Some(length) = self.head_timeout {
            config.head_timeout = length.0.to_std();
        }
        if let Some(length) = self.body_timeout {
            config.body_timeout = length.0.to_std();
        }
        config.max_sandboxes = self.max_sandboxes.unwrap_or(config.max_sandboxes);
        config.max_connections = self.max_connections.unwrap_or(config.max_connections);
        config.max_head_bytes = self.max_head_bytes.unwrap_or(config.max_head_bytes);
        config.max_headers = self.max_headers.unwrap_or(config.max_headers);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn mcp_is_beside_every_address() {
        let read = |text: &str| text.split(',').map(|one| one.parse().unwrap()).collect();
        let options = Options {
            listen: read("127.0.0.1:8080,[::1]:8080,127.0.0.1:8081"),
            ..Options::default()
        };
        let beside = |ip: &str| McpListen::IfFree(format!("{ip}:9090").parse().unwrap());
        assert_eq!(
            options.mcp().unwrap(),
            [beside("127.0.0.1"), beside("[::1]")]
        );
        assert_eq!(
            Options::default().mcp().unwrap(),
            [McpListen::IfFree(
                (Ipv4Addr::LOCALHOST, DEFAULT_MCP_PORT).into()
            )]
        );
        let options = Options {
            mcp_listen: vec![McpPort::None],
            ..Options::default()
        };
        assert_eq!(options.mcp().unwrap(), []);
        let options = Options {
            mcp_listen: vec![McpPort::None, "127.0.0.1:0".parse().unwrap()],
            ..Options::default()
        };
        insta::assert_snapshot!(options.mcp().unwrap_err(), @r#"--mcp-listen: "none" cannot be combined with an address; remove one of them"#);
    }
}
