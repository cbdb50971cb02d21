//! Errors of the forms are shown at the form, with what was typed.

use insta::assert_snapshot;
use serde_json::json;

use super::{PAGES, press, show};
use crate::support::TestServer;

#[tokio::test]
async fn error_is_at_its_field_and_typed_values_stay() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/sandboxes", json!({ "name": "made" }))
        .await;
    let mut table = String::new();
    for fields in [
        vec![
            ("act", "add-user"),
            ("username", "ada"),
            ("email", "typed@x"),
        ],
        vec![("act", "add-user"), ("username", "mia"), ("id", "soon")],
        vec![
            ("act", "add-user"),
            ("username", "mia"),
            ("buzz.blue", "-1"),
        ],
        vec![("act", "edit-user"), ("id", "99"), ("username", "mia")],
        vec![("act", "edit-user"), ("id", "2"), ("username", "owner")],
        vec![("act", "add-client"), ("name", "")],
        vec![
            ("act", "add-client"),
            ("name", "A"),
            ("redirect_uris", "https://a.example/\nlocalhost:3000"),
        ],
        vec![
            ("act", "add-client"),
            ("name", "A"),
            ("allowed_scopes", "ModelRead"),
        ],
        vec![("act", "add-client"), ("name", "A"), ("id", "conf")],
        vec![("act", "add-client"), ("name", "A"), ("owner", "nobody")],
        vec![
            ("act", "edit-client"),
            ("id", "conf"),
            ("name", "A"),
            ("secret", "ä"),
        ],
        vec![("act", "add-fault"), ("endpoint", "token")],
        vec![("act", "add-fault"), ("effect.status", "99")],
        vec![("act", "add-fault"), ("effect.delay", "soon")],
        vec![("act", "add-fault"), ("effect.headers", "Retry-After")],
        vec![
            ("act", "add-fault"),
            ("endpoint", "tokn"),
            ("effect.error", "x"),
        ],
        vec![
            ("act", "add-fault"),
            ("effect.error", "x"),
            ("effect.break", "reset_connection"),
        ],
        vec![
            ("act", "issue-tokens"),
            ("client_id", "nobody"),
            ("user", "ada"),
        ],
        vec![
            ("act", "issue-tokens"),
            ("client_id", "conf"),
            ("user", "ad"),
        ],
        vec![
            ("act", "issue-tokens"),
            ("client_id", "conf"),
            ("user", "ada"),
            ("scope", "ModelRead"),
        ],
        vec![("act", "take-snapshot"), ("name", "a/b")],
        vec![("act", "make-sandbox"), ("name", "made")],
        vec![
            ("act", "make-sandbox"),
            ("name", "b"),
            ("seed", "[[users]]\nidd = 1"),
        ],
        vec![
            ("act", "settings"),
            ("group", "lifetimes"),
            ("access_token_seconds", "soon"),
            ("refresh_token_seconds", "1"),
            ("workflow_cost", "1"),
            ("workflow_seconds", "1"),
        ],
        vec![
            ("act", "settings"),
            ("group", "scopes"),
            ("scopes", "3 Three"),
        ],
    ] {
        let answer = press(&mock, &fields).await;
        let page = answer.page();
        assert_eq!(answer.status, 400, "{fields:?}: {}", answer.body);
        let field = page.attributes("main [aria-invalid=true]", "name").concat();
        let problem = page.texts("main .problem").join(" | ");
        assert_eq!(
            page.texts("main .problem[role=alert]").len(),
            1,
            "{fields:?}"
        );
        table += &format!("{} [{field}] {problem}\n", fields[0].1);
        // What was typed is still there.
        for (name, value) in fields
            .iter()
            .skip(1)
            .filter(|(name, _)| !["group", "id"].contains(name))
        {
            let inputs = page.attributes(&format!("main input[name='{name}']"), "value");
            let areas = page.texts(&format!("main textarea[name='{name}']"));
            let choices = page.attributes(
                &format!("main select[name='{name}'] option[selected]"),
                "value",
            );
            let flat = value.replace('\n', " ");
            let has_choices = !page
                .texts(&format!("main select[name='{name}'] option"))
                .is_empty();
            assert!(
                inputs.contains(&(*value).to_owned())
                    || areas.contains(&flat)
                    || choices.contains(&(*value).to_owned())
                    || has_choices,
                "{fields:?}: {name} {inputs:?} {areas:?} {choices:?}"
            );
        }
    }
    assert_snapshot!(table, @r#"
    add-user [username] another user has the username "ada"
    add-user [id] "soon" is not a whole number
    add-user [buzz.blue] -1 is not a whole number, 0 or more
    edit-user [] id: no user "99"; name a user by id or username: owner, ada, tess, blank, modo, 7
    edit-user [username] another user has the username "owner"
    add-client [name] the name is empty; users see it on the consent page
    add-client [redirect_uris] not a URL: "localhost:3000" lacks a scheme such as http://
    add-client [allowed_scopes] no scope "ModelRead"; did you mean "ModelsRead"?
    add-client [id] client "conf" already exists; PATCH the client, or omit the id
    add-client [owner] no user "nobody"; name a user by id or username
    edit-client [secret] a client secret is printable ASCII (RFC 6749 appendix A.2): with any other character no client can authenticate
    add-fault [] effect: the effect is empty; give error, status, body, headers, delay, reset_connection, truncate_body, malformed_json, slow_body or deny_consent
    add-fault [effect.status] 99 is not a status from 200 to 599
    add-fault [effect.delay] "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    add-fault [effect.headers] "Retry-After" is not a header; write "Retry-After: 5", one per line
    add-fault [endpoint] no endpoint "tokn"; did you mean "token"?
    add-fault [effect.error] reset_connection and error contradict each other: a reset connection has no response; omit effect.reset_connection or effect.error
    issue-tokens [client_id] no client "nobody"; there are conf, spa, public-cc, narrow, wide, disabled, testers, other, code-only, no-grants, odd-secret, lost-secret, appblk-x
    issue-tokens [user] no user "ad"; did you mean "ada"?
    issue-tokens [scope] no scope "ModelRead"; did you mean "ModelsRead"?
    take-snapshot [name] "a/b" is not a valid name: it contains '/'; use at most 64 letters, digits, - _ .
    make-sandbox [name] sandbox "made" already exists; DELETE it first, or use another name
    make-sandbox [seed] line 2: users[0].idd: unknown key "idd"; did you mean "id"?
    settings [access_token_seconds] "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    settings [scopes] 3 is no single bit: write a power of two
    "#);
}

#[tokio::test]
async fn hostile_text_is_text() {
    const MARKUP: &str = "'\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let mock = TestServer::documented().await;
    mock.control(
        "PATCH",
        "/users/2",
        json!({ "username": MARKUP, "tier": MARKUP, "email": MARKUP, "roles": [MARKUP] }),
    )
    .await;
    let client = json!({ "name": MARKUP, "description": MARKUP, "owner": 2, "redirect_uris": ["https://a.example/?<script>alert(1)</script>"] });
    mock.control("PATCH", "/clients/conf", client).await;
    mock.control("POST", "/tokens", json!({ "client_id": "conf", "user": 2 }))
        .await;
    let effect =
        json!({ "error": MARKUP, "error_description": MARKUP, "headers": { "X-A": MARKUP } });
    mock.control(
        "POST",
        "/faults",
        json!({ "client_id": "conf", "user": 2, "effect": effect }),
    )
    .await;
    mock.set(json!({ "scopes": [{ "value": 536_870_912, "name": "New", "label": MARKUP }] }))
        .await;
    for path in PAGES {
        for query in ["", "?add", "?issue", "?edit=2", "?edit=conf"] {
            let page = mock.get(&format!("{path}{query}")).in_browser().await;
            assert!(
                !page.body.contains("<script>alert") && !page.body.contains("<img"),
                "{path}{query}"
            );
            assert_eq!(
                page.page().texts("[onerror], script:not([src])"),
                [""; 0],
                "{path}{query}"
            );
        }
    }
    let unknown = mock.get("/_mock/users?edit=nobody").in_browser().await;
    assert_eq!(unknown.status, 404);
    assert!(
        show(&mock, "/_mock/users")
            .await
            .texts("#user-list th")
            .concat()
            .contains("<script>")
    );
}
