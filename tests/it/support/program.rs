//! The program as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::SandboxClient;

const PROGRAM: &str = env!("CARGO_BIN_EXE_civitai-oauth-mock");

/// The longest wait, with room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The shutdown gives requests in progress 1.5 s; the rest is room for a busy machine.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// Sends a signal with the shell's built-in `kill`: not every machine has a program of that name.
fn signal(name: &str, id: &str) -> bool {
    let sent = Command::new("sh")
        .args(["-c", "kill -\"$0\" \"$1\"", name, id])
        .status();
    sent.is_ok_and(|status| status.success())
}

/// A run of the program.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// The lines of the start-up text.
    pub(crate) announced: Vec<String>,
}

impl Program {
    /// The program, without variables of this process that it would read.
    pub(crate) fn command(arguments: &[&str]) -> Command {
        Self::prepared(Command::new(PROGRAM), arguments)
    }

    /// As [`Program::command`], started by a script that ends in `exec "$0" "$@"`.
    pub(crate) fn command_of_script(script: &str, arguments: &[&str]) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, PROGRAM]);
        Self::prepared(shell, arguments)
    }

    /// As [`Program::command`], for an unprivileged user, since permissions do not apply to root. The program is copied to
    /// `near`, a folder that every user may enter.
    #[cfg(unix)]
    pub(crate) fn unprivileged(near: &super::TempDir, arguments: &[&str]) -> Command {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        use std::os::unix::process::CommandExt as _;
        const NOBODY: u32 = 65_534;
        let is_root = std::fs::metadata(near).is_ok_and(|folder| folder.uid() == 0);
        if !is_root {
            return Self::command(arguments);
        }
        let program = near.path("program");
        if !program.exists() {
            // With `cp`: a file that this process had open for writing could not be run by a child at once (ETXTBSY).
            let copied = Command::new("cp").arg(PROGRAM).arg(&program).status();
            assert!(copied.is_ok_and(|status| status.success()), "a copy");
            let readable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(near, readable).expect("the test owns the folder");
        }
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY).current_dir(near);
        Self::prepared(command, arguments)
    }

    fn prepared(mut command: Command, arguments: &[&str]) -> Command {
        // Many servers run at once: the default port would be taken.
        command.env("CIVITAI_MOCK_MCP_LISTEN", "none");
        // Tests compare the output.
        for name in ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars() {
            if name.starts_with("CIVITAI_") || name == "REDIRECT_URI" {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// A server with this database file, without consent pages; started by a script if one is given.
    pub(crate) fn on_file(database: &Path, script: Option<&str>) -> (Self, SandboxClient) {
        let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/seed.toml");
        let (seed, database) = (
            format!("--seed={seed}"),
            format!("--database={}", database.display()),
        );
        let arguments = [
            "--listen=127.0.0.1:0",
            "--consent=approve",
            &seed,
            &database,
        ];
        let mut command = match script {
            Some(script) => Self::command_of_script(script, &arguments),
            None => Self::command(&arguments),
        };
        let program = Self::serve(&mut command);
        let sandbox = SandboxClient::at(program.base());
        (program, sandbox)
    }

    /// Runs it to its end, which must be a failure before the start-up text. Returns exit status and standard error.
    pub(crate) fn refusal(command: &mut Command) -> String {
        let output = command.output().expect("the program was built");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "the program started: {printed}");
        assert!(output.stdout.is_empty(), "there is no start-up text");
        let status = output.status.code().unwrap_or_default();
        format!("{status}: {}", printed.trim_end())
    }

    /// Runs it to its end.
    pub(crate) fn output(arguments: &[&str]) -> Output {
        Self::command(arguments)
            .output()
            .expect("the program was built")
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn serve(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let out = child.stdout.take().expect("stdout is piped");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let last = line.ends_with("Ctrl-C stops");
                if sender.send(line).is_err() || last {
                    return;
                }
            }
        });
        let mut announced = Vec::new();
        while let Ok(line) = receiver.recv_timeout(PATIENCE) {
            announced.push(line);
        }
        let program = Self { child, announced };
        assert!(
            !program.announced.is_empty(),
            "it did not start: {}",
            program.kill()
        );
        program
    }

    /// `http://127.0.0.1:…`, from the first line.
    pub(crate) fn base(&self) -> String {
        let line = &self.announced[0];
        line.strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("the first line is {line:?}"))
            .to_owned()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the reading end of its log.
    pub(crate) fn close_log(&mut self) {
        drop(self.child.stderr.take());
    }

    /// Limits the files that it writes to this many bytes, from now on.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: &str) {
        let set = Command::new("prlimit")
            .args(["--pid", &self.id().to_string()])
            .arg(format!("--fsize={bytes}:"))
            .status();
        assert!(set.is_ok_and(|status| status.success()), "prlimit");
    }

    pub(crate) fn port(&self) -> u16 {
        let base = self.base();
        let port = base.rsplit(':').next().and_then(|port| port.parse().ok());
        port.expect("the address has a port")
    }

    /// The start-up text, with placeholders for values that change from run to run.
    pub(crate) fn announcement(&self) -> String {
        super::redacted(&self.announced.join("\n"), self.port())
    }

    /// Sends SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        let id = self.id().to_string();
        assert!(signal("TERM", &id), "kill -TERM {id}");
    }

    /// Sends SIGTERM and waits. Returns the exit status, if it ends in time.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.ask_to_stop();
        let id = self.child.id().to_string();
        let (sender, receiver) = mpsc::channel();
        let waiting = thread::spawn(move || {
            let status = self.child.wait().expect("it was started");
            let _ = sender.send(status.code());
        });
        let code = receiver.recv_timeout(LONGEST_STOP).ok().flatten();
        if code.is_none() {
            signal("KILL", &id);
        }
        waiting.join().expect("waiting does not panic");
        code
    }

    /// Sends SIGTERM. Returns its standard error.
    pub(crate) fn stop(mut self) -> String {
        self.ask_to_stop();
        let mut printed = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            let _ = err.read_to_string(&mut printed);
        }
        printed
    }

    /// Kills it once its log has this text `times` times: a line may come after the response. Returns the whole log.
    pub(crate) fn kill_after(mut self, text: &str, times: usize) -> String {
        let err = self.child.stderr.take().expect("stderr is piped");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut printed = String::new();
        while printed.matches(text).count() < times
            && let Ok(line) = receiver.recv_timeout(PATIENCE)
        {
            printed += &format!("{line}\n");
        }
        let _ = self.child.kill();
        printed.extend(receiver.iter().map(|line| format!("{line}\n")));
        printed
    }

    /// Kills it. Returns its standard error.
    fn kill(mut self) -> String {
        let _ = self.child.kill();
        let mut printed = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            let _ = err.read_to_string(&mut printed);
        }
        printed
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
