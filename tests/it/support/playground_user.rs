//! A user in a browser who goes through `/_mock/playground`.

use super::{Fields, SandboxClient, TestResponse};

pub(crate) const PLAYGROUND: &str = "/_mock/playground";

/// A browser user with a playground run.
pub(crate) struct PlaygroundUser<'a> {
    sandbox: &'a SandboxClient,
    pub(crate) cookie: String,
}

pub(crate) fn start_form(client_id: &str, grant: &str, secret: &str) -> Fields {
    Fields::new(&[
        ("client_id", client_id),
        ("grant", grant),
        ("preset", "AI Services"),
        ("secret", secret),
    ])
}

impl<'a> PlaygroundUser<'a> {
    pub(crate) async fn begin(sandbox: &'a SandboxClient, fields: &Fields) -> Self {
        let begun = sandbox.post(PLAYGROUND, fields).await;
        assert_eq!(begun.status, 303, "{begun}");
        Self {
            sandbox,
            cookie: begun.cookie(),
        }
    }

    pub(crate) async fn look(&self) -> TestResponse {
        self.sandbox.get(PLAYGROUND).cookie(&self.cookie).await
    }

    pub(crate) async fn act(&self, name: &str) -> TestResponse {
        let form = Fields::new(&[("act", name)]).encoded();
        let path = format!("{PLAYGROUND}/act");
        let ask = self.sandbox.request("POST", &path).cookie(&self.cookie);
        ask.body("application/x-www-form-urlencoded", form).await;
        self.look().await
    }

    /// Follows the authorize link, approves, and returns to the app.
    pub(crate) async fn consent(&self) -> TestResponse {
        let way = self
            .look()
            .await
            .page()
            .attributes("#next a.button", "href")
            .remove(0);
        let query = way.split_once('?').expect("an authorize URL has a query").1;
        let asked: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let pairs: Vec<(&str, &str)> = asked
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let back = self.sandbox.approve(&Fields::new(&pairs)).await.location();
        let back = &back[url::Position::BeforePath..];
        let prefix = self
            .sandbox
            .base
            .find("/_sandbox")
            .map_or("", |at| &self.sandbox.base[at..]);
        self.sandbox
            .get(&back[prefix.len()..])
            .cookie(&self.cookie)
            .await;
        self.look().await
    }
}

/// The requests and responses of all steps, newest first.
pub(crate) fn wire(answer: &TestResponse) -> String {
    answer.page().texts(".steps pre").join("\n")
}

/// What is done, how each step ended, and what can be done next.
pub(crate) fn summary(answer: &TestResponse) -> String {
    let page = answer.page();
    let titles = page.texts(".steps .done__title .medium");
    let statuses = page.texts(".steps summary .pill");
    let steps = titles.iter().zip(&statuses).rev();
    let steps: Vec<String> = steps
        .map(|(title, status)| format!("{title} · {status}"))
        .collect();
    format!(
        "{}\n{}\n-> {}\nmistakes: {}",
        match page.texts(".step--done b") {
            done if done.is_empty() => "nothing done".to_owned(),
            done => done.join(", "),
        },
        steps.join("\n"),
        page.texts("#next h2, #next .button--primary").join(": "),
        page.texts(".mistake b").join(" / ")
    )
}
