//! Requests that carry a known secret, at every position and in every encoding.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::{AUTHORIZE, ME, SandboxClient, TOKEN};

/// Secrets that are recognized by their shape.
pub(crate) const SHAPED: [&str; 6] = [
    "civitai_LBp7ZScrtCSCWbJr90oZMTDR0Rp0npG3",
    "civitai_0123456789abcdef0123456789abcdef0123",
    "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
    "Basic Y29uZjpzZWNyZXQtY29uZg==",
];

/// Secrets that are recognized by their name alone.
pub(crate) const NAMED: [&str; 3] = [
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "correct horse battery staple",
    "WDJB-MJHT",
];

const NAMES: [&str; 16] = [
    "client[secret]",
    "oauth_code",
    "private_key",
    "x-api-key",
    "session_id",
    "Client-Secret",
    "code[]",
    "refreshToken",
    "code_verifier",
    "user_code",
    "password",
    "otp",
    "pin",
    "client%5Fassertion",
    "connect.sid",
    "id_token_hint",
];

/// Sentences with a pair. A value without quotes has no spaces.
const SENTENCES: [&str; 8] = [
    "the app sent NAME:BARE and waited",
    "the app sent NAME=BARE and waited",
    "the app sent {NAME: 'VALUE'} and waited",
    "the app sent {'NAME': b'VALUE', 'a': 1} and waited",
    "the app sent [[\"NAME\",\"VALUE\"]] and waited",
    "the app sent [('a', 'b'), ('NAME', 'VALUE')] and waited",
    "the app sent { name: 'NAME', value: 'VALUE' } and waited",
    "the app sent:\na: b\nNAME: VALUE\nc: d",
];

/// The character of a secret that is encoded alone.
const ENCODED_AT: usize = 6;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Encoding {
    Plain,
    Percent,
    DoublePercent,
    Escape,
    OnePercent,
    OneDoublePercent,
    OneEscape,
    UpperCase,
}

impl Encoding {
    pub(crate) const ALL: [Self; 8] = [
        Self::Plain,
        Self::Percent,
        Self::DoublePercent,
        Self::Escape,
        Self::OnePercent,
        Self::OneDoublePercent,
        Self::OneEscape,
        Self::UpperCase,
    ];

    pub(crate) fn encode(self, secret: &str) -> String {
        match self {
            Self::Plain => secret.to_owned(),
            Self::Percent => percent(secret),
            Self::DoublePercent => percent(secret).replace('%', "%25"),
            Self::Escape => {
                let escapes = secret
                    .chars()
                    .map(|one| format!("\\u{:04x}", u32::from(one)));
                escapes.collect::<Vec<_>>().concat()
            }
            Self::OnePercent | Self::OneDoublePercent | Self::OneEscape => {
                let (before, rest) = secret.split_at(ENCODED_AT);
                let (one, behind) = rest.split_at(1);
                let encoding = match self {
                    Self::OnePercent => Self::Percent,
                    Self::OneDoublePercent => Self::DoublePercent,
                    _ => Self::Escape,
                };
                format!("{before}{}{behind}", encoding.encode(one))
            }
            Self::UpperCase => secret.to_uppercase(),
        }
    }
}

/// Every byte percent-encoded.
pub(crate) fn percent(text: &str) -> String {
    let encoded = text.bytes().map(|byte| format!("%{byte:02X}"));
    encoded.collect::<Vec<_>>().concat()
}

/// One request that carries a secret.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) secret: &'static str,
    /// The name of the value; none if its shape is enough.
    pub(crate) name: Option<&'static str>,
    pub(crate) encoding: Encoding,
    position: usize,
    /// A sentence with the name and the value.
    sentence: &'static str,
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let by_look = (select(&SHAPED[..]), Just(None));
    let all = SHAPED.into_iter().chain(NAMED).collect::<Vec<_>>();
    let by_name = (select(all), select(&NAMES[..]).prop_map(Some));
    let secret = prop_oneof![by_look, by_name];
    let encoding = select(&Encoding::ALL[..]);
    (secret, encoding, 0..POSITIONS, select(&SENTENCES[..])).prop_map(
        |((secret, name), encoding, position, sentence)| Case {
            secret,
            name,
            encoding,
            position,
            sentence,
        },
    )
}

const POSITIONS: usize = 14;

impl Case {
    /// The name and the value as they are put where a URL has them.
    pub(crate) fn in_url(&self) -> String {
        let value = self
            .encoding
            .encode(self.secret)
            .replace(' ', "+")
            .replace('=', "%3D");
        let name = self.name.unwrap_or("x");
        let name = name.replace('[', "%5B").replace(']', "%5D");
        format!("{name}={value}")
    }

    /// JSON with the name and the value, nested.
    fn in_json(&self) -> String {
        let value = self.encoding.encode(self.secret);
        format!(
            "{{\"a\":[{{\"{}\":\"{value}\"}}]}}",
            self.name.unwrap_or("x")
        )
    }

    fn in_sentence(&self) -> String {
        let value = self.encoding.encode(self.secret);
        self.sentence
            .replace("NAME", self.name.unwrap_or("x"))
            .replace("BARE", &value.replace(' ', "+"))
            .replace("VALUE", &value)
    }

    pub(crate) async fn send(&self, mock: &SandboxClient) {
        let in_url = self.in_url();
        let form = "application/x-www-form-urlencoded";
        let value = self.encoding.encode(self.secret);
        let in_path = value.replace(' ', "%20");
        let in_query = value.replace(' ', "+").replace('=', "%3D");
        let sent = match self.position {
            0 => mock.get(&format!("{AUTHORIZE}?client_id=conf&{in_url}")),
            1 => mock.get(&format!(
                "{AUTHORIZE}?returnUrl={}",
                percent(&format!("/l?{in_url}"))
            )),
            2 => mock.get(&format!(
                "{AUTHORIZE}?redirect_uri={}",
                percent(&format!("http://a/#{in_url}"))
            )),
            3 => mock
                .request("POST", TOKEN)
                .body(form, format!("grant_type=password&{in_url}")),
            4 => mock
                .request("POST", TOKEN)
                .body("application/json", self.in_json()),
            5 => {
                let text = json!({ "text": self.in_json() }).to_string();
                mock.request("POST", TOKEN).body("application/json", text)
            }
            6 => mock
                .get(ME)
                .header("user-agent", &format!("app/1 ({in_url})")),
            7 => {
                let part = "--x\r\nContent-Disposition: form-data; name=\"NAME\"\r\n\r\nVALUE\r\n--x--\r\n";
                let part = part
                    .replace("NAME", self.name.unwrap_or("x"))
                    .replace("VALUE", &value);
                mock.request("POST", TOKEN)
                    .body("multipart/form-data; boundary=x", part)
            }
            8 => {
                let text = json!({ "text": self.in_sentence() }).to_string();
                mock.request("POST", TOKEN).body("application/json", text)
            }
            9 => mock.get(&format!("{AUTHORIZE}?x={}", percent(&self.in_sentence()))),
            // In place of a name or an id: recognized by its shape alone.
            _ if self.name.is_some() => mock.request("POST", TOKEN).body(form, in_url),
            10 => mock.get(&format!("/v2/consumer/workflows/{in_path}")),
            11 => mock.get(&format!("{AUTHORIZE}?{in_query}")),
            12 => mock.get(&format!("{AUTHORIZE}?client_id={in_query}")),
            _ => mock
                .request("POST", TOKEN)
                .body("application/json", format!("{{\"{value}\":1}}")),
        };
        sent.await;
    }
}
