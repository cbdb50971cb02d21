//! The start-up text: pages, endpoints, clients, users, and settings that are not the default.

use std::fmt::Write as _;

use super::options::Options;
use crate::http::state::reachable;
use crate::model::client::Client;
use crate::model::user::User;
use crate::protocol::ids::ClientId;
use crate::redact::printable;
use crate::sandbox::settings::{ConsentMode, Settings};
use crate::seed::LoadedSeed;
use crate::server::Server;
use crate::store::Database;

/// The most clients and users that are listed.
const MAX_LISTED: usize = 10;

/// The endpoints that an app may have a setting for.
const ENDPOINTS: [(&str, &str); 7] = [
    ("discovery", "/.well-known/openid-configuration"),
    ("authorize", "/api/auth/oauth/authorize"),
    ("token", "/api/auth/oauth/token"),
    ("userinfo", "/api/auth/oauth/userinfo"),
    ("revoke", "/api/auth/oauth/revoke"),
    ("device", "/api/auth/oauth/device"),
    ("device-token", "/api/auth/oauth/device-token"),
];

/// ANSI bold, and its end. The output stream removes them if colors are off.
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// The text. Its first line is for programs, and has no colors.
pub(super) fn text(
    server: &Server,
    loaded: &LoadedSeed,
    app: Option<&ClientId>,
    options: &Options,
    settings: &Settings,
) -> String {
    let mut text = Text(format!("listening on http://{}\n", server.address()));
    text.pages(server);
    text.endpoints(&server.base_url());
    text.accounts(server, loaded, app);
    let mut settings = settings_line(options, settings);
    let also: Vec<String> = server
        .addresses()
        .iter()
        .skip(1)
        .map(ToString::to_string)
        .collect();
    if !also.is_empty() {
        let _ = write!(settings, " · also listening on {}", also.join(", "));
    }
    let _ = write!(text.0, "\n  {} · Ctrl-C stops\n", printable(&settings));
    text.0
}

struct Text(String);

impl Text {
    /// Adds a line with a label. Texts of the seed are escaped with [`printable`].
    fn line(&mut self, label: &str, value: &str) {
        let (label, value) = (printable(label), printable(value));
        let gap = 14_usize.saturating_sub(label.chars().count());
        let _ = writeln!(self.0, "  {BOLD}{label}{PLAIN}{:gap$} {value}", "");
    }

    fn pages(&mut self, server: &Server) {
        let base = server.base_url();
        self.0.push('\n');
        self.line(
            "Console",
            &format!("{base}/_mock              all requests, and the reasons for errors"),
        );
        self.line(
            "Playground",
            &format!("{base}/_mock/playground   the OAuth flow, step by step"),
        );
        if let Some(address) = server.tls_address() {
            self.line("HTTPS", &format!("https://{}", reachable(address)));
        }
        if let Some(address) = server.legacy_address() {
            self.line("Old host", &format!("http://{}", reachable(address)));
        }
        let ports = server.mcp_addresses().iter();
        let ports = ports.map(|address| format!(", http://{}/mcp", reachable(*address)));
        self.line("MCP", &format!("{base}/mcp{}", ports.collect::<String>()));
    }

    fn endpoints(&mut self, base: &str) {
        let _ = writeln!(
            self.0,
            "\n  In your app, replace https://auth.civitai.com with {BOLD}{base}{PLAIN}"
        );
        if base.starts_with("http://127.") {
            let _ = writeln!(
                self.0,
                "  For an app at http://localhost, use 127.0.0.1 here: the two are cross-site, as in production"
            );
        }
        for (name, path) in ENDPOINTS {
            let _ = writeln!(self.0, "    {name:<13}{base}{path}");
        }
    }

    /// Clients and users. The secret of an app's environment may be real, so it is not shown.
    fn accounts(&mut self, server: &Server, loaded: &LoadedSeed, app: Option<&ClientId>) {
        let seed = &loaded.seed;
        self.0.push('\n');
        for client in seed.clients.iter().take(MAX_LISTED) {
            let secret = loaded.secrets.iter().find(|(id, _)| *id == client.id);
            let secret = match secret {
                Some((id, _)) if app == Some(id) => "secret from CIVITAI_CLIENT_SECRET".to_owned(),
                Some((_, secret)) => format!("secret {}", secret.reveal()),
                None => "no secret".to_owned(),
            };
            let redirects = redirect_uris(client);
            self.line(
                &client.name,
                &format!("{}   {secret}{redirects}", client.id),
            );
        }
        if let Some(more) = more(seed.clients.len()) {
            self.line("", &format!("{more}: {}/_mock/clients", server.base_url()));
        }
        let mut names: Vec<String> = loaded.can_sign_in().map(User::display_name).collect();
        let more = more(names.len());
        names.truncate(MAX_LISTED);
        let names = match (names.as_slice(), more) {
            ([], _) => "(the seed has no users)".to_owned(),
            ([only], _) => format!("{only} (no password)"),
            ([first @ .., last], None) => format!("{} or {last} (no password)", first.join(", ")),
            (listed, Some(more)) => format!("{} {more} (no password)", listed.join(", ")),
        };
        self.line("Sign in as", &names);
    }
}

/// The redirect URIs of a client, after a gap.
fn redirect_uris(client: &Client) -> String {
    match client.redirect_uris.as_slice() {
        _ if client.any_loopback_redirect => "   any loopback redirect URI".to_owned(),
        [] => String::new(),
        [only] => format!("   redirect URI {only}"),
        [first, others @ ..] => format!("   redirect URI {first} and {} more", others.len()),
    }
}

/// `and 5 more`, if there are more than are listed.
fn more(all: usize) -> Option<String> {
    let more = all.checked_sub(MAX_LISTED).filter(|more| *more > 0)?;
    Some(format!("and {more} more"))
}

/// The four most important settings, and all others that are set.
fn settings_line(options: &Options, settings: &Settings) -> String {
    let mut parts = vec![format!("contract {}", settings.rules.contract)];
    let differences = settings.rules.differences.iter();
    parts.extend(differences.map(|(difference, contract)| format!("{difference} {contract}")));
    parts.push(
        match settings.consent {
            ConsentMode::Ask => "consent page shown",
            ConsentMode::Approve => "consent approved without a page",
            ConsentMode::Deny => "consent denied without a page",
        }
        .to_owned(),
    );
    if let Some(user) = &settings.login {
        parts.push(format!("signed in as {user}"));
    }
    parts.push(match options.database.as_ref().map(|option| &option.0) {
        None | Some(Database::Memory) => "data in memory".to_owned(),
        Some(Database::File(path)) => format!("data in {}", path.display()),
    });
    for (name, value) in options.others() {
        parts.push(format!("{name} {value}"));
    }
    parts.join(" · ")
}

impl Options {
    /// The options that are set and not shown elsewhere in the text. Secrets are not shown.
    pub(super) fn others(&self) -> Vec<(&'static str, String)> {
        let defaults = Settings::default();
        let mut all: Vec<(&'static str, Option<String>)> = Vec::new();
        macro_rules! all {
            ($($key:ident $name:literal $show:expr;)*) => {
                $(all.push(($name, self.$key.as_ref().and_then($show)));)*
            };
        }
        all! {
            config "config" |file| Some(file.display().to_string());
            tls_cert "tls-cert" |file| Some(file.display().to_string());
            tls_key "tls-key" |file| Some(file.display().to_string());
            tls_ca_file "tls-ca-file" |file| Some(file.display().to_string());
            seed "seed" |file| Some(file.display().to_string());
            seed_toml "seed" |_| Some(self.sources.name("seed_toml"));
            public_url "public-url" |url| Some(url.clone());
            trust_proxy "trust-proxy" |on| on.then(|| "on".to_owned());
            rate_limits "rate-limits" |on| on.then(|| "on".to_owned());
            access_token_seconds "access-token-seconds"
                |life| (life.0 != defaults.access_token_seconds).then(|| life.0.to_string());
            refresh_token_seconds "refresh-token-seconds"
                |life| (life.0 != defaults.refresh_token_seconds).then(|| life.0.to_string());
            code_seconds "code-seconds" |life| Some(life.0.to_string());
            unknown_clients "unknown-clients"
                |what| (*what != defaults.unknown_clients).then(|| "register".to_owned());
            workflow_cost "workflow-cost"
                |cost| (*cost != defaults.workflow_cost).then(|| cost.to_string());
            workflow_seconds "workflow-seconds"
                |life| (life.0 != defaults.workflow_seconds).then(|| life.0.to_string());
            reason_headers "reason-headers" |on| (!on).then(|| "off".to_owned());
            signing_key "signing-key" |file| Some(file.display().to_string());
            entropy_seed "entropy-seed" |seed| Some(seed.to_string());
            sandbox_idle "sandbox-idle" |length| Some(length.0.to_string());
            journal "journal" |number| Some(number.to_string());
            journal_memory "journal-memory" |size| Some(format!("{} bytes", size.0));
            control_token "control-token" |_| Some("required".to_owned());
            head_timeout "head-timeout" |length| Some(length.0.to_string());
            body_timeout "body-timeout" |length| Some(length.0.to_string());
            max_sandboxes "max-sandboxes" |number| Some(number.to_string());
            max_connections "max-connections" |number| Some(number.to_string());
            max_head_bytes "max-head-bytes" |number| Some(number.to_string());
            max_headers "max-headers" |number| Some(number.to_string());
            port_file "port-file" |file| Some(file.display().to_string());
        }
        let hosts: Vec<String> = self.allowed_host.iter().map(ToString::to_string).collect();
        let hosts = (!hosts.is_empty()).then(|| hosts.join(","));
        all.push(("allowed-host", hosts));
        let log = (!self.log.is_empty()).then(|| self.log.join(","));
        all.push(("log", log));
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}
