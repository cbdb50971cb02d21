//! Benchmarks of pure functions on the request path. The whole server is measured by `load`.

use std::hint::black_box;

use civitai_oauth_mock::internals;
use civitai_oauth_mock::{Rules, Scope};
use criterion::{Criterion, criterion_group, criterion_main};

const AUTHORIZE: &[u8] = b"response_type=code&client_id=dec0de00-0000-4000-8000-000000000001\
    &redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback&scope=114689&state=xyz\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const REDEEM: &[u8] = b"client_id=dec0de00-0000-4000-8000-000000000001\
    &client_secret=dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7&grant_type=authorization_code\
    &code=bb53c0f6c6cca0f914d34875a9e32208a361b202d1aece07939e8e8aebeb5902\
    &redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\
    &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDEEM_JSON: &[u8] =
    br#"{"client_id":"dec0de00-0000-4000-8000-000000000001","grant_type":"refresh_token",
    "client_secret":"dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
    "refresh_token":"civitai_efca8d9c0e065a7403a1f12be2520314fb62"}"#;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const TOKEN: &str = "civitai_5a54f9494354a8c3fc306e91d62e60825cb3";

fn requests(criterion: &mut Criterion) {
    let rules = Rules::default();
    let mut group = criterion.benchmark_group("request");
    group.bench_function("parameters of a form", |bencher| {
        bencher.iter(|| internals::form_rewritten(black_box(REDEEM)));
    });
    group.bench_function("parameters of JSON", |bencher| {
        bencher.iter(|| internals::json_rewritten(black_box(REDEEM_JSON)));
    });
    assert_eq!(
        internals::authorize_request(AUTHORIZE, &rules),
        Some(Scope::AI_SERVICES)
    );
    group.bench_function("authorize", |bencher| {
        bencher.iter(|| internals::authorize_request(black_box(AUTHORIZE), &rules));
    });
    assert!(internals::token_request(None, REDEEM, &rules));
    group.bench_function("token", |bencher| {
        bencher.iter(|| internals::token_request(None, black_box(REDEEM), &rules));
    });
    let mint = br#"{"client_id":"my-app","user":"ada","scope":"AI Services","expires_in":60}"#;
    assert_eq!(internals::control_body(mint), 1);
    group.bench_function("a control call, read as ten kinds", |bencher| {
        bencher.iter(|| internals::control_body(black_box(mint)));
    });
    group.finish();
}

fn scopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scope");
    group.bench_function("decimal", |bencher| {
        bencher.iter(|| internals::scope_of_decimal(black_box("114689")));
    });
    group.bench_function("leading digits", |bencher| {
        bencher.iter(|| internals::scope_of_leading_digits(black_box("114689 x")));
    });
    group.bench_function("names", |bencher| {
        bencher.iter(|| black_box("UserRead, AIServicesWrite, VaultWrite").parse::<Scope>());
    });
    group.bench_function("printed", |bencher| {
        bencher.iter(|| black_box(Scope::FULL).to_string());
    });
    group.finish();
}

fn secrets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("secret");
    let mut draw = internals::tokens(1);
    group.bench_function("a token drawn", |bencher| bencher.iter(&mut draw));
    group.bench_function("hash, as hex", |bencher| {
        bencher.iter(|| internals::secret_hash(black_box(TOKEN)));
    });
    group.bench_function("two hashes compared", |bencher| {
        bencher.iter(|| internals::secret_is(black_box(TOKEN), black_box(TOKEN)));
    });
    assert!(internals::pkce_fits(VERIFIER, CHALLENGE));
    group.bench_function("PKCE", |bencher| {
        bencher.iter(|| internals::pkce_fits(black_box(VERIFIER), black_box(CHALLENGE)));
    });
    group.finish();
}

fn redirect_uris(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("redirect URI");
    let registered = [
        "https://a.example/callback".to_owned(),
        "http://localhost:8080/callback".to_owned(),
    ];
    let given = "http://127.0.0.1:3000/callback";
    group.bench_function("exact", |bencher| {
        bencher.iter(|| internals::redirect_uri_matches(&registered, black_box(given), false));
    });
    assert!(internals::redirect_uri_matches(&registered, given, true));
    group.bench_function("loopback", |bencher| {
        bencher.iter(|| internals::redirect_uri_matches(&registered, black_box(given), true));
    });
    let code = [("code", CHALLENGE), ("state", "xyz")];
    group.bench_function("with a code", |bencher| {
        bencher.iter(|| internals::redirect_uri_with_params(black_box(given), &code));
    });
    group.finish();
}

criterion_group!(all, requests, scopes, secrets, redirect_uris);
criterion_main!(all);
