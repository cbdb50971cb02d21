//! Where the keys of id tokens come from: drawn by each sandbox, kept in the database, or read from a file.

use std::path::Path;

use civitai_oauth_mock::{Contract, Database};
use insta::assert_snapshot;
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::json;

use crate::support::{CONF, Folder, JWKS, Mock, Program, World, config};

/// A P-256 key that everybody may know.
fn test_key() -> SecretKey {
    SecretKey::from_slice(&[7; 32]).expect("a number below the order of the curve")
}

#[tokio::test]
async fn a_signing_key_from_a_file_signs_in_every_sandbox() {
    let key = test_key();
    let pkcs8 = key.to_pkcs8_pem(LineEnding::LF).expect("PEM");
    let sec1 = key.to_sec1_pem(LineEnding::LF).expect("PEM");
    for (pem, label) in [(pkcs8, "BEGIN PRIVATE KEY"), (sec1, "BEGIN EC PRIVATE KEY")] {
        assert!(pem.contains(label));
        let mut config = config(Contract::Documented);
        config
            .set_signing_key(&pem, Path::new("key.pem"))
            .expect("a P-256 key");
        let mock = Mock::start(config).await;
        for world in [World::clone(&mock), mock.sandbox("x")] {
            let jwk = world.jwk().await;
            let shown = format!("{} {}", jwk["x"], jwk["y"]);
            insta::allow_duplicates! { assert_snapshot!(shown, @r#""HhhTL9R1TALzBB2cdc6zO4P_2BrHzk_ogsyxyYvFiW4" "pGwxHE4v9A3ZajZT5uRURdMt_khuztdcepDGoYiBwKM""#); }
            let id_token = world.id_token(&CONF, "n-1").await;
            world.verified(&id_token, CONF.id).await.expect("valid");
        }
    }
}

#[tokio::test]
async fn what_is_no_p256_key_is_refused_with_the_way_to_make_one() {
    let mut config = config(Contract::Documented);
    let mut said = String::new();
    for text in [
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        let why = config.set_signing_key(text, Path::new("key.pem"));
        said += &format!("{}\n", why.expect_err("no key"));
    }
    assert_snapshot!(said, @"
    key.pem: signing_key: not a P-256 private key in PEM; make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    key.pem: signing_key: not a P-256 private key in PEM; make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    ");
}

#[tokio::test]
async fn a_database_on_file_keeps_its_keys_over_a_restart() {
    let folder = Folder::new();
    let start = async || {
        let mut config = config(Contract::Documented);
        config.database = Database::File(folder.path("keys.db"));
        Mock::start(config).await
    };
    let before = start().await;
    let keys = [before.jwk().await, before.sandbox("x").jwk().await];
    before.stop().await;
    let after = start().await;
    assert_eq!([after.jwk().await, after.sandbox("x").jwk().await], keys);
    after.control("POST", "/reset", json!({})).await;
    assert_eq!(after.jwk().await, keys[0], "a reset keeps the key too");
}

#[tokio::test]
async fn the_same_entropy_draws_the_same_key() {
    let keys = async |seed| {
        let mut config = config(Contract::Documented);
        config.entropy_seed = seed;
        let mock = Mock::start(config).await;
        mock.jwk().await["x"].to_string()
    };
    assert_eq!(keys(Some(1)).await, keys(Some(1)).await);
    assert_ne!(keys(Some(1)).await, keys(Some(2)).await);
    assert_ne!(keys(None).await, keys(None).await);
}

#[tokio::test]
async fn the_program_reads_the_key_from_the_file_that_it_is_given() {
    let folder = Folder::new();
    let pem = test_key().to_pkcs8_pem(LineEnding::LF).expect("PEM");
    let file = folder.write("key.pem", &pem);
    let file = file.to_str().expect("a path of the tests' own");
    let mut command = Program::command(&["--listen", "127.0.0.1:0", "--signing-key", file]);
    let program = Program::serve(&mut command);
    let published = World::at(program.base()).get(JWKS).await.json();
    assert_eq!(
        published["keys"][0]["x"],
        "HhhTL9R1TALzBB2cdc6zO4P_2BrHzk_ogsyxyYvFiW4"
    );

    let other = folder.write("other.pem", "no key");
    let other = other.to_str().expect("a path of the tests' own");
    let run = Program::output(&["--listen", "127.0.0.1:0", "--signing-key", other]);
    assert!(!run.status.success());
    assert_snapshot!(folder.redacted(&String::from_utf8_lossy(&run.stderr)), @"civitai-oauth-mock: <folder>/other.pem: signing_key: not a P-256 private key in PEM; make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
}
