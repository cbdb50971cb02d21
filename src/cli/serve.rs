//! The command `serve`: from the options to an orderly shutdown.

use std::path::Path;

use anyhow::Context as _;

use super::file_limit;
use super::options::Options;
use super::output::print_in_color;
use super::port_file::PortFile;
use super::{startup, telemetry};
use crate::server::{Server, StartError};

/// The build of the program.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The text of `--version` after the name.
    pub version: &'static str,
    /// The commit, where it is known.
    pub commit: Option<&'static str>,
}

/// Serves until a signal stops it. `warnings` are about the environment.
pub(super) fn run(options: Options, build: Build, mut warnings: Vec<String>) -> anyhow::Result<()> {
    options.check_files()?;
    // Before anything else, so that a program that waits for the file does not read the port of an earlier run.
    let early = claim_port_file(&options)?;
    let options = options.with_file()?;
    options.check_files()?;
    let mut port_file = match early {
        Some(early) => Some(early),
        None => claim_port_file(&options)?,
    };
    let color = options.color.unwrap_or_default();
    let _log = telemetry::start(&options.log, &options.sources.name("log"), color)?;
    let (mut config, app, more) = options.config()?;
    warnings.extend(more);
    warnings.extend(file_limit::raise(&mut config, options.max_connections));
    config.commit = build.commit;
    let placed = |error| options.sources.with_source(error);
    let loaded = config.load_seed().map_err(placed)?;
    if loaded.can_sign_in().next().is_none() {
        let reason = match loaded.seed.users.len() {
            0 => "the seed has no users",
            _ => "all users of the seed are deleted",
        };
        warnings.push(format!(
            "{reason}, so no user can sign in; add [[users]] with an id and a username"
        ));
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let settings = config.settings.clone();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            // Before the server listens, so that a signal during the start stops it too.
            let mut terminated = Terminated::listen()?;
            report_file_size_limit()?;
            let server = Server::start(config).await.map_err(|error| match error {
                StartError::Invalid(error) => StartError::Invalid(placed(error)),
                other => other,
            })?;
            if let (Some(port_file), Some(file)) = (&mut port_file, &options.port_file) {
                port_file
                    .write(server.address().port())
                    .with_context(|| name_port_file(&options, file))?;
            }
            let text = startup::text(&server, &loaded, app.as_ref(), &options, &settings);
            print_in_color(&text, color)?;
            terminated.wait().await;
            // Before the shutdown, which may take a while: a program that starts now must not find the file.
            drop(port_file);
            tokio::select! {
                () = server.stop() => Ok(()),
                () = terminated.wait() => anyhow::bail!("stopped by a second signal, without waiting for requests in progress"),
            }
        })
}

fn claim_port_file(options: &Options) -> anyhow::Result<Option<PortFile>> {
    let claimed = options
        .port_file
        .as_deref()
        .map(|file| PortFile::claim(file).with_context(|| name_port_file(options, file)));
    claimed.transpose()
}

/// The option and its file, for errors.
fn name_port_file(options: &Options, file: &Path) -> String {
    format!("{}: {}", options.sources.name("port_file"), file.display())
}

/// Has a write beyond the limit of `ulimit -f` fail like one to a full disk: the default action of SIGXFSZ ends the process.
#[cfg(unix)]
fn report_file_size_limit() -> std::io::Result<()> {
    /// SIGXFSZ of Linux, macOS and the BSDs. On MIPS, 25 is SIGCONT, which does no harm.
    const SIGXFSZ: i32 = 25;
    // Its handler stays when the stream is dropped.
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ)).map(drop)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape on every system")]
fn report_file_size_limit() -> std::io::Result<()> {
    Ok(())
}

/// Ctrl-C, or SIGTERM as container engines send it.
struct Terminated {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Terminated {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        let kind = tokio::signal::unix::SignalKind::terminate();
        Ok(Self {
            signal: tokio::signal::unix::signal(kind)?,
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the same shape on every system")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.signal.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
