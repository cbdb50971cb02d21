//! One client: the steps of the flow, one request each. A response of the wrong status or shape ends the measurement.

use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Arc;

use crate::subject::Subject;
use harness::http::{Answer, Connection};

/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT_URI: &str = "http%3A%2F%2Flocalhost%3A3000%2Fcallback";

/// What is done over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// authorize → token → userinfo → refresh → revoke.
    Flow,
    Userinfo,
    Refresh,
    ClientCredentials,
}

impl Scenario {
    pub(crate) const ALL: [Self; 4] = [
        Self::Flow,
        Self::Userinfo,
        Self::Refresh,
        Self::ClientCredentials,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flow => "full flow",
            Self::Userinfo => "userinfo",
            Self::Refresh => "refresh",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// As the command line names it.
    fn word(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            other => other.name(),
        }
    }

    /// How many requests are one unit of it.
    pub(crate) fn requests(self) -> u32 {
        match self {
            Self::Flow => 5,
            _ => 1,
        }
    }
}

impl FromStr for Scenario {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.word() == word).ok_or(())
    }
}

/// One caller: a connection, a person who is signed in, and the tokens that are held.
pub(crate) struct Worker {
    subject: Arc<Subject>,
    connection: Connection,
    cookie: Arc<str>,
    access_token: String,
    refresh_token: String,
    /// Which of the subject's tokens is next.
    next: usize,
    body: String,
    request: String,
}

impl Worker {
    /// A caller who holds tokens already.
    pub(crate) async fn ready(subject: &Arc<Subject>, person: usize) -> Result<Self, String> {
        let address = subject.child.address;
        let connection = Connection::open(address)
            .await
            .map_err(|error| format!("{}: {error}", subject.name))?;
        let mut worker = Self {
            subject: Arc::clone(subject),
            connection,
            cookie: subject.people.get(person).map_or("", String::as_str).into(),
            access_token: String::new(),
            refresh_token: String::new(),
            next: person,
            body: String::new(),
            request: String::new(),
        };
        let code = worker.authorize().await?;
        worker.redeem(&code).await?;
        Ok(worker)
    }

    /// One unit of it.
    pub(crate) async fn act(&mut self, scenario: Scenario) -> Result<(), String> {
        match scenario {
            Scenario::Flow => {
                let code = self.authorize().await?;
                self.redeem(&code).await?;
                self.userinfo().await?;
                self.refresh().await?;
                self.revoke().await
            }
            Scenario::Userinfo => {
                if let Some(at) = self.next.checked_rem(self.subject.tokens.len()) {
                    self.access_token.clone_from(&self.subject.tokens[at]);
                    // A step that shares no factor with a round number, so that callers do not follow each other.
                    self.next = at + 7919;
                }
                self.userinfo().await
            }
            Scenario::Refresh => self.refresh().await,
            Scenario::ClientCredentials => self.client_credentials().await,
        }
    }

    async fn authorize(&mut self) -> Result<String, String> {
        let subject = Arc::clone(&self.subject);
        let path = format!(
            "{}?response_type=code&client_id={}&redirect_uri={REDIRECT_URI}&scope={}&state=xyz\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            subject.paths.authorize, subject.client_id, subject.scope
        );
        let cookie = Arc::clone(&self.cookie);
        let answer = self.get(&path, "Cookie", &cookie).await?;
        let place = answer.header("location").unwrap_or_default();
        let code = place
            .split(['?', '&'])
            .find_map(|pair| pair.strip_prefix("code="));
        match code {
            Some(code) if matches!(answer.status, 302 | 303) && place.contains("state=xyz") => {
                Ok(code.to_owned())
            }
            _ => Err(wrong(&subject, "authorize", &answer)),
        }
    }

    async fn redeem(&mut self, code: &str) -> Result<(), String> {
        self.form("grant_type=authorization_code&code=");
        self.body.push_str(code);
        self.body.push_str("&redirect_uri=");
        self.body.push_str(REDIRECT_URI);
        self.body.push_str("&code_verifier=");
        self.body.push_str(VERIFIER);
        self.tokens("token").await
    }

    async fn refresh(&mut self) -> Result<(), String> {
        self.form("grant_type=refresh_token&refresh_token=");
        self.body.push_str(&self.refresh_token);
        let old = self.refresh_token.clone();
        self.tokens("refresh").await?;
        if self.subject.is_constant || old != self.refresh_token {
            Ok(())
        } else {
            Err(format!(
                "{}: the refresh token is the old one",
                self.subject.name
            ))
        }
    }

    /// Sends the form to the token endpoint, and keeps the two tokens that it answers.
    async fn tokens(&mut self, step: &str) -> Result<(), String> {
        let subject = Arc::clone(&self.subject);
        let answer = self.post(subject.paths.token).await?;
        let found = (answer.field("access_token"), answer.field("refresh_token"));
        let is_bearer = answer.field("token_type") == Some("Bearer");
        match found {
            (Some(access), Some(refresh)) if answer.status == 200 && is_bearer => {
                let found = (access.to_owned(), refresh.to_owned());
                (self.access_token, self.refresh_token) = found;
                Ok(())
            }
            _ => Err(wrong(&subject, step, &answer)),
        }
    }

    async fn userinfo(&mut self) -> Result<(), String> {
        let subject = Arc::clone(&self.subject);
        let bearer = format!("Bearer {}", self.access_token);
        let path = subject.paths.userinfo;
        let answer = self.get(path, "Authorization", &bearer).await?;
        if answer.status == 200 && answer.field("sub").is_some() {
            return Ok(());
        }
        Err(wrong(&subject, "userinfo", &answer))
    }

    async fn client_credentials(&mut self) -> Result<(), String> {
        let subject = Arc::clone(&self.subject);
        self.form("grant_type=client_credentials&scope=");
        self.body.push_str(subject.scope_of_itself);
        let answer = self.post(subject.paths.client_credentials).await?;
        if answer.status == 200 && answer.field("access_token").is_some() {
            return Ok(());
        }
        Err(wrong(&subject, "client_credentials", &answer))
    }

    async fn revoke(&mut self) -> Result<(), String> {
        let subject = Arc::clone(&self.subject);
        self.form("token=");
        self.body.push_str(&self.refresh_token);
        let answer = self.post(subject.paths.revoke).await?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(wrong(&subject, "revoke", &answer))
    }

    /// Begins a form that the client signs with its secret.
    fn form(&mut self, begin: &str) {
        let (id, secret) = (self.subject.client_id, self.subject.client_secret);
        self.body.clear();
        write!(self.body, "client_id={id}&client_secret={secret}&{begin}")
            .expect("a String takes what is written");
    }

    async fn get(&mut self, path: &str, header: &str, value: &str) -> Result<Answer<'_>, String> {
        self.request.clear();
        write!(
            self.request,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}: {value}\r\n\r\n"
        )
        .expect("a String takes what is written");
        self.ask().await
    }

    async fn post(&mut self, path: &str) -> Result<Answer<'_>, String> {
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{}",
            self.body.len(),
            self.body
        )
        .expect("a String takes what is written");
        self.ask().await
    }

    async fn ask(&mut self) -> Result<Answer<'_>, String> {
        let name = self.subject.name;
        self.connection
            .ask(self.request.as_bytes())
            .await
            .map_err(|error| format!("{name}: {error}"))
    }
}

fn wrong(subject: &Subject, step: &str, answer: &Answer<'_>) -> String {
    let (name, status, body) = (subject.name, answer.status, answer.text());
    format!("{name}, {step}: {status} {body}")
}
