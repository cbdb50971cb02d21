//! Look and accessibility of the pages for users, and of the consent gallery, in a real browser.

use civitai_oauth_mock::Contract;
use serde_json::{Value, json};

use crate::support::{
    Browser, CONF, CONSENT_PAGE, ENTER, SPACE, SandboxClient, Stopwatch, TestServer, config,
};

/// A sandbox in which the user of every request owns an app and has authorized it with a limit.
async fn furnished() -> TestServer {
    let mut config = config(Contract::Documented);
    config.entropy_seed = Some(1);
    config.set_login("ada");
    let mock = TestServer::start(config).await;
    mock.control("PATCH", "/clients/conf", json!({ "owner": "ada" }))
        .await;
    let budget = json!([{ "type": "absolute", "limit": 5000 }, { "type": "sliding", "limit": 50, "window": "day", "unit": 7 }]);
    let consent =
        json!({ "user": "ada", "client_id": "conf", "scope": "AI Services", "buzz_limit": budget });
    mock.control("POST", "/consents", consent).await;
    mock
}

fn consent_path() -> String {
    format!(
        "{CONSENT_PAGE}?{}",
        CONF.authorize_params("98309").encoded()
    )
}

/// The pages, each by its path.
fn pages() -> [String; 11] {
    [
        consent_path(),
        "/login".to_owned(),
        "/login/oauth/device".to_owned(),
        "/login/oauth/authorize?client_id=nobody".to_owned(),
        "/user/account".to_owned(),
        "/user/account/new-app".to_owned(),
        "/user/account/apps/conf".to_owned(),
        "/user/account/apps/conf/secret".to_owned(),
        "/_mock/consent".to_owned(),
        "/_mock/consent?client_id=con".to_owned(),
        "/_mock/consent/preview?client_id=conf&preset=Full+Access&pressed=button".to_owned(),
    ]
}

#[tokio::test]
async fn axe_finds_nothing_in_dark_and_in_light() {
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let mock = furnished().await;
    for (width, height) in [(1280, 900), (390, 844)] {
        browser.resize(width, height).await;
        for scheme in ["dark", "light"] {
            browser
                .visit(&format!("{}/login?scheme={scheme}", mock.base))
                .await;
            for path in pages() {
                // A preview has its own theme.
                let path = if path.contains("/preview") {
                    format!("{path}&scheme={scheme}")
                } else {
                    path
                };
                browser.visit(&format!("{}{path}", mock.base)).await;
                let at = format!("{path} in {scheme} at {width}");
                let theme = browser
                    .evaluate("return document.documentElement.dataset.theme")
                    .await;
                assert_eq!(theme, scheme, "{at}");
                browser.has_no_finding(&at).await;
            }
        }
    }
}

#[tokio::test]
async fn no_page_scrolls_sideways_from_360_to_1600_pixels() {
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let mock = furnished().await;
    for path in pages() {
        browser.visit(&format!("{}{path}", mock.base)).await;
        for width in [360, 390, 480, 640, 801, 1024, 1280, 1600] {
            browser.resize(width, 900).await;
            browser
                .has_width(width, &format!("{path} at {width}"))
                .await;
        }
    }
}

#[tokio::test]
async fn first_tab_stop_skips_to_the_content() {
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let mock = furnished().await;
    for path in pages() {
        browser.visit(&format!("{}{path}", mock.base)).await;
        browser.is_fit().await;
        browser.tab_to("Skip to content").await;
        let first = "return document.querySelector('a[href], button, input, select') === document.activeElement";
        assert_eq!(browser.evaluate(first).await, true, "{path}");
        browser.press([ENTER]).await;
        browser
            .wait_until("return document.activeElement.id === 'main'")
            .await;
    }
}

/// Visits the consent page, without a stored consent.
async fn visit_consent(browser: &Browser, sandbox: &SandboxClient) {
    sandbox.control("DELETE", "/consents", json!({})).await;
    browser
        .visit(&format!("{}{}", sandbox.base, consent_path()))
        .await;
    browser.arrive("Authorize Conf App").await;
}

/// Presses Authorize by keyboard, and returns the stored limit.
async fn authorize(browser: &Browser, sandbox: &SandboxClient) -> Value {
    browser.choose("Authorize").await;
    let began = Stopwatch::start();
    while began.elapsed().as_secs() < 30 {
        let stored = sandbox.control("GET", "/consents", json!({})).await;
        if let Some(consent) = stored["consents"].get(0) {
            return consent["buzz_limit"].clone();
        }
    }
    panic!(
        "no consent was stored; the page is {}",
        browser.text().await
    );
}

#[tokio::test]
async fn consent_stores_the_limit_that_the_page_shows() {
    let Some(browser) = Browser::open(390, 844).await else {
        return;
    };
    let mock = furnished().await;
    let per_day =
        |limit: u32| json!([{ "type": "sliding", "limit": limit, "window": "day", "unit": 1 }]);
    let limit_switch = "Limit how much buzz this app can spend";

    visit_consent(&browser, &mock).await;
    let seen = browser.text().await;
    assert!(
        seen.contains("You can change or remove the limit later in your account."),
        "{seen}"
    );
    assert_eq!(authorize(&browser, &mock).await, per_day(5000));

    visit_consent(&browser, &mock).await;
    browser.tab_to("Buzz").await;
    browser.select_all().await;
    browser.press("100".chars()).await;
    assert_eq!(authorize(&browser, &mock).await, per_day(100));

    visit_consent(&browser, &mock).await;
    browser.tab_to(limit_switch).await;
    assert!(browser.is_ticked().await, "the limit is on at first");
    browser.press([SPACE]).await;
    let hidden = "return !document.getElementById('buzz-amount').checkVisibility()";
    browser.wait_until(hidden).await;
    assert_eq!(authorize(&browser, &mock).await, Value::Null);
}

#[tokio::test]
async fn amount_that_is_no_number_keeps_the_consent_page_open() {
    let Some(browser) = Browser::open(390, 844).await else {
        return;
    };
    let mock = furnished().await;
    visit_consent(&browser, &mock).await;
    for amount in ["\u{e017}", "0", "007", "1e3", "-5"] {
        browser.tab_to("Buzz").await;
        browser.select_all().await;
        browser.press(amount.chars()).await;
        browser.choose("Authorize").await;
        let stays = "return document.activeElement.id === 'buzz-amount' && !document.activeElement.checkValidity()";
        browser.wait_until(stays).await;
    }
    // Without a limit, the amount does not matter.
    browser.evaluate("document.activeElement.blur()").await;
    browser
        .tab_to("Limit how much buzz this app can spend")
        .await;
    browser.press([SPACE]).await;
    assert_eq!(authorize(&browser, &mock).await, Value::Null);
}

#[tokio::test]
async fn consent_page_is_dark_as_at_civitai_unless_light_is_chosen() {
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let mock = furnished().await;
    browser.prefer("light").await;
    let look = "const style = (css) => getComputedStyle(document.querySelector(css));
        const card = document.querySelector('.card');
        return [style('body').backgroundColor, style('.card').backgroundColor, style('.card').borderRadius, card.offsetWidth,
                style('.avatar').backgroundColor, style('.account').borderTopWidth, style('.kicker').textTransform,
                document.querySelectorAll('.verified svg, .word-mark svg').length]";
    let url = format!("{}{}", mock.base, consent_path());
    browser.visit(&url).await;
    let dark = json!([
        "rgb(11, 12, 16)",
        "rgb(22, 24, 29)",
        "12px",
        380,
        "rgb(42, 45, 52)",
        "1px",
        "uppercase",
        2
    ]);
    assert_eq!(browser.evaluate(look).await, dark);

    browser.visit(&format!("{url}&scheme=light")).await;
    let card = "return getComputedStyle(document.querySelector('.card')).backgroundColor";
    assert_eq!(browser.evaluate(card).await, "rgb(255, 255, 255)");
    // A cookie remembers the choice.
    browser.visit(&format!("{}/login", mock.base)).await;
    assert_eq!(browser.evaluate(card).await, "rgb(255, 255, 255)");
    browser.arrive("Sign in").await;
    browser.go("Use dark colors").await;
    assert_eq!(browser.evaluate(card).await, "rgb(22, 24, 29)");
}

#[tokio::test]
async fn gallery_shows_the_preview_inline_and_says_that_it_grants_nothing() {
    let Some(browser) = Browser::open(390, 844).await else {
        return;
    };
    let mock = furnished().await;
    mock.control("DELETE", "/consents", json!({})).await;
    browser
        .visit(&format!("{}/_mock/consent?client_id=conf", mock.base))
        .await;
    browser.arrive("Consent gallery").await;
    let labels = "return [...document.querySelectorAll('form label')].filter((one) => one.checkVisibility()).map((one) => one.textContent)";
    assert_eq!(
        browser.evaluate(labels).await,
        json!([
            "Client",
            "User",
            "Scopes",
            "Buzz limit",
            "Amount",
            "Period",
            "Badge",
            "Theme"
        ])
    );
    let inside = "return document.querySelector('iframe').contentDocument?.querySelector('h1')?.textContent === 'Authorize Conf App'";
    browser.wait_until(inside).await;
    let cut = "return [...document.querySelectorAll('.gallery *')].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML)";
    assert_eq!(browser.evaluate(cut).await, json!([]));

    browser
        .evaluate(
            "document.querySelector('iframe').contentDocument.querySelector('form button').click()",
        )
        .await;
    let says = "return document.querySelector('iframe').contentDocument?.querySelector('[role=status]')?.textContent === 'This is a preview: nothing was granted.'";
    browser.wait_until(says).await;
    let stored = mock.control("GET", "/consents", json!({})).await;
    assert_eq!(stored["consents"], json!([]));

    let width = "return document.querySelector('iframe').clientWidth";
    assert!(browser.evaluate(width).await.as_u64() < Some(391));
    browser
        .evaluate("document.querySelector('[name=frame][value=desktop]').click()")
        .await;
    assert_eq!(browser.evaluate(width).await, 1280);
    assert_eq!(
        browser.evaluate(cut).await.as_array().map(Vec::len),
        Some(0)
    );
    let command = browser.text().await;
    assert!(command.contains("chromium --headless"), "{command}");
}

#[tokio::test]
async fn labels_are_near_their_fields_and_errors_below_them() {
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let mock = furnished().await;
    browser
        .visit(&format!("{}/user/account/new-app", mock.base))
        .await;
    browser.arrive("Register an app").await;
    let gaps = "const edges = (css) => document.querySelector(css).getBoundingClientRect();
        const gap = (above, below) => Math.round(edges(below).top - edges(above).bottom);
        return [gap('[for=name]', '#name'), gap('#name', '[for=description]'), gap('[for=preset]', '#preset')]";
    assert_eq!(browser.evaluate(gaps).await, json!([4, 16, 4]));
    let table = "const table = document.querySelector('.grid'); return table.offsetWidth === table.parentElement.clientWidth";
    assert_eq!(browser.evaluate(table).await, true);

    let top = "return document.getElementById('redirect_uris').offsetTop";
    let before = browser.evaluate(top).await;
    browser.fill("Name", "App").await;
    browser.fill("Redirect URIs", "localhost:3000/cb").await;
    browser.go("Register").await;
    browser
        .arrive_at_problem("not a URL: \"localhost:3000/cb\" lacks a scheme such as http://")
        .await;
    assert_eq!(browser.evaluate(top).await, before, "the field stays");
    browser.tab_to("Redirect URIs").await;
    browser.select_all().await;
    browser.press("http://localhost:3000/cb".chars()).await;
    browser.go("Register").await;
    browser.arrive("App").await;
    let copy = "const code = document.querySelector('#client-secret').getBoundingClientRect();
        const [button, box] = [document.querySelector('#client-secret ~ button'), document.querySelector('#client-secret').parentElement].map((one) => one.getBoundingClientRect());
        return [button.left - code.right >= 8, box.right - button.right >= 8, button.top - box.top >= 8, button.height >= 24]";
    assert_eq!(
        browser.evaluate(copy).await,
        json!([true, true, true, true])
    );
}
