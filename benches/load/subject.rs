//! The measured servers: the program in memory and on file, the ceiling, the peers. How each is started and prepared.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use harness::child::{Child, pinned};
use harness::control::Control;

const SECRET: &str = "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7";

/// Where a server answers what.
pub(crate) struct Paths {
    pub(crate) authorize: &'static str,
    pub(crate) token: &'static str,
    pub(crate) client_credentials: &'static str,
    pub(crate) userinfo: &'static str,
    pub(crate) revoke: &'static str,
}

const OURS: Paths = Paths {
    authorize: "/api/auth/oauth/authorize",
    token: "/api/auth/oauth/token",
    client_credentials: "/api/auth/oauth/token",
    userinfo: "/api/auth/oauth/userinfo",
    revoke: "/api/auth/oauth/revoke",
};

/// One running server.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) child: Child,
    pub(crate) paths: Paths,
    pub(crate) client_id: &'static str,
    pub(crate) client_secret: &'static str,
    pub(crate) scope: &'static str,
    /// What the client asks for on its own behalf.
    pub(crate) scope_of_itself: &'static str,
    /// One cookie for each signed-in user.
    pub(crate) people: Vec<String>,
    /// Access tokens to ask with in turn, where there are many.
    pub(crate) tokens: Vec<String>,
    /// It answers the same to everything.
    pub(crate) is_constant: bool,
    /// A note for comparisons.
    pub(crate) note: &'static str,
    kind: SubjectKind,
    /// Its files, removed with it.
    folder: Option<Folder>,
}

/// How a subject is prepared.
#[derive(Debug, Clone, Copy)]
enum SubjectKind {
    /// The measured program: by control calls.
    Program,
    /// It only signs users in, by `/people`.
    SignsIn,
    /// It has no users.
    WithoutUsers,
}

/// A folder that is removed when this value is dropped.
struct Folder(PathBuf);

impl Subject {
    /// The measured program, with further options.
    pub(crate) async fn server(
        name: &'static str,
        program: &str,
        options: &[&str],
        pin: bool,
    ) -> Result<Self, String> {
        let mut command = pinned(program, pin);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path);
        command.args(["--listen", "127.0.0.1:0", "--mcp-listen", "none"]);
        command.args(["--consent", "approve"]).args(options);
        Ok(Self {
            name,
            child: started(name, command).await?,
            paths: OURS,
            client_id: "dec0de00-0000-4000-8000-000000000001",
            client_secret: SECRET,
            scope: "1",
            scope_of_itself: "1",
            people: Vec::new(),
            tokens: Vec::new(),
            is_constant: false,
            note: "",
            kind: SubjectKind::Program,
            folder: None,
        })
    }

    /// The same with a database in a new folder, which is removed in the end.
    pub(crate) async fn on_file(program: &str, pin: bool) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("load-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let file = folder.join("mock.db").display().to_string();
        let mut server = Self::server("server, file", program, &["--database", &file], pin).await?;
        server.folder = Some(Folder(folder));
        Ok(server)
    }

    /// This program once more, answering constants.
    pub(crate) async fn ceiling(pin: bool) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = pinned(&own.display().to_string(), pin);
        command.arg("ceiling");
        Ok(Self {
            name: "ceiling",
            child: started("ceiling", command).await?,
            paths: Paths {
                client_credentials: "/api/auth/oauth/client-credentials",
                ..OURS
            },
            client_id: "dec0de00-0000-4000-8000-000000000001",
            client_secret: SECRET,
            scope: "1",
            scope_of_itself: "1",
            people: Vec::new(),
            tokens: Vec::new(),
            is_constant: true,
            note: "axum, constants of the same size",
            kind: SubjectKind::WithoutUsers,
            folder: None,
        })
    }

    pub(crate) async fn oauth2_mock_server(peers: &Path, pin: bool) -> Result<Self, String> {
        let command = node(peers, "oauth2-mock-server.mjs", pin);
        Ok(Self {
            name: "oauth2-mock-server",
            child: started("oauth2-mock-server", command).await?,
            paths: Paths {
                authorize: "/authorize",
                token: "/token",
                client_credentials: "/token",
                userinfo: "/userinfo",
                revoke: "/revoke",
            },
            client_id: "bench",
            client_secret: SECRET,
            scope: "openid",
            scope_of_itself: "api",
            people: Vec::new(),
            tokens: Vec::new(),
            is_constant: false,
            note: "has every step, but knows no users and no clients and keeps no tokens: it signs them (EdDSA)",
            kind: SubjectKind::WithoutUsers,
            folder: None,
        })
    }

    pub(crate) async fn oidc_provider(peers: &Path, pin: bool) -> Result<Self, String> {
        let command = node(peers, "oidc-provider.mjs", pin);
        Ok(Self {
            name: "oidc-provider",
            child: started("oidc-provider", command).await?,
            people: Vec::new(),
            tokens: Vec::new(),
            paths: Paths {
                authorize: "/auth",
                token: "/token",
                client_credentials: "/token",
                userinfo: "/me",
                revoke: "/token/revocation",
            },
            client_id: "bench",
            client_secret: SECRET,
            scope: "openid",
            scope_of_itself: "api",
            is_constant: false,
            note: "has every step; userinfo asks for the scope openid, so an id token is signed as well (ES256)",
            kind: SubjectKind::SignsIn,
            folder: None,
        })
    }

    /// Resets the subject as far as possible, and signs this many users in.
    pub(crate) async fn prepare(&mut self, people: usize) -> Result<(), String> {
        match self.kind {
            SubjectKind::WithoutUsers => Ok(()),
            SubjectKind::SignsIn => {
                let mut control = self.control().await?;
                let cookies = control
                    .ask("GET", &format!("/people?{people}"), &json!({}))
                    .await?;
                let cookies = cookies
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                self.people = cookies.map(str::to_owned).collect();
                Ok(())
            }
            SubjectKind::Program => {
                let mut control = self.control().await?;
                control.ask("POST", "/_mock/reset", &json!({})).await?;
                self.sign_in(people).await
            }
        }
    }

    /// Creates this many users and signs them in.
    pub(crate) async fn sign_in(&mut self, people: usize) -> Result<(), String> {
        let mut control = self.control().await?;
        self.people.clear();
        for number in 0..people {
            let name = person(number);
            let user = json!({ "username": name, "email": format!("{name}@example.com"), "email_verified": true });
            control.ask("POST", "/_mock/users", &user).await?;
            let session = json!({ "user": name });
            let session = control.ask("POST", "/_mock/sessions", &session).await?;
            let cookie = session["cookie"].as_str().unwrap_or_default();
            self.people.push(cookie.to_owned());
        }
        Ok(())
    }

    pub(crate) async fn control(&self) -> Result<Control, String> {
        Control::open(self.child.address).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in the temporary folder of the system, which is cleaned in the end.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The username of the person with this number.
pub(crate) fn person(number: usize) -> String {
    format!("person{number}")
}

/// The Node that the peers ask for, if npm has put it there, on one of the files in `peers`.
fn node(peers: &Path, script: &str, pin: bool) -> Command {
    let mut command = pinned("node_modules/.bin/node", pin);
    command.current_dir(peers).arg(script);
    command
}

async fn started(name: &str, command: Command) -> Result<Child, String> {
    Child::start(command)
        .await
        .map_err(|error| format!("{name} does not start: {error}"))
}
