//! Accounts and keys over HTTP: what an admin may do, and what nobody learns.

use axum::body::Body;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;
use threadkeep::verbs::keys::Scope;
use threadkeep_core::id::AccountId;
use threadkeep_sim::{GenerateOptions, World as LinkedInWorld};

use crate::api_world::{BEGIN, INES, OTTO, World, with_key};
use crate::harness::SimulatedLinkedIn;

async fn linkedin() -> anyhow::Result<SimulatedLinkedIn> {
    let options = GenerateOptions { seed: 7, conversations: 2, messages_mean: 2.0, ..GenerateOptions::at(BEGIN.0) };
    SimulatedLinkedIn::start(LinkedInWorld::generate(&options)).await
}

fn cookies(text: &str) -> String {
    json!({ "cookies": text }).to_string()
}

#[tokio::test]
async fn an_account_is_added_reconnected_paused_resumed_and_removed() -> anyhow::Result<()> {
    let linkedin = linkedin().await?;
    let world = World::facing(&linkedin.url()).await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let pasted = cookies(&linkedin.credentials()?.1);
    let added = world.post(&key, "/linkedin/accounts", pasted.clone()).await?;
    assert_eq!(added.status, 201);
    let id = added.json()["account"]["id"].as_str().unwrap_or_default().to_owned();
    world.clock.pass(1);
    let again = world.post(&key, "/accounts", pasted.clone()).await?;
    assert_eq!((again.status.as_u16(), &again.json()["account"]["id"]), (200, &json!(id)), "the same member");
    let health = async |path: String, body: String| {
        let answer = world.post(&key, &path, body).await?;
        anyhow::Ok(format!("{} {}", answer.status.as_u16(), answer.json()["account"]["health"]))
    };
    let seen = [
        health(format!("/accounts/{id}/pause"), String::new()).await?,
        health(format!("/accounts/{id}/resume"), String::new()).await?,
        health(format!("/accounts/{id}/pause"), String::new()).await?,
        health(format!("/accounts/{id}/reconnect"), pasted).await?,
    ];
    assert_eq!(seen, [r#"200 "paused""#, r#"200 "connected""#, r#"200 "paused""#, r#"200 "connected""#]);
    let removed = world.delete(&key, &format!("/linkedin/accounts/{id}")).await?.json();
    assert_eq!(removed, json!({ "success": true, "accountId": id }));
    assert_eq!(world.delete(&key, &format!("/accounts/{id}")).await?.fault(), "404 account_not_found");
    assert_eq!(world.get(&key, "/accounts").await?.json(), json!([]));
    Ok(())
}

#[tokio::test]
async fn row_40_cookies_that_cannot_be_used_change_nothing() -> anyhow::Result<()> {
    let linkedin = linkedin().await?;
    let world = World::facing(&linkedin.url()).await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let good = linkedin.credentials()?.1;
    world.post(&key, "/accounts", cookies(&good)).await?;
    let own = AccountId::new(world.get(&key, "/accounts").await?.json()[0]["id"].as_str().unwrap_or_default())?;
    let kept = world.app.store.sealed_session(&own).await?;

    let dead = "li_at=AQEDAnobody; JSESSIONID=\"ajax:1\"";
    let long = format!("li_at={}; JSESSIONID=\"ajax:1\"", "a".repeat(100 * 1024));
    let cases = [
        ("nothing", String::new()),
        ("empty", cookies("")),
        ("no cookies", cookies("hello")),
        ("without li_at", cookies("JSESSIONID=\"ajax:1\"")),
        ("a line break", cookies("li_at=a\r\nSet-Cookie: x=y; JSESSIONID=\"ajax:1\"")),
        ("100 KiB", cookies(&long)),
        ("not ASCII", cookies("li_at=ä; JSESSIONID=\"ajax:1\"")),
        ("a semicolon", cookies(&json!([{ "name": "li_at", "value": "a;b" }]).to_string())),
        (
            "of another site",
            cookies(
                &json!([
                    { "name": "li_at", "value": "AQEDA", "domain": ".evil.test" },
                    { "name": "JSESSIONID", "value": "ajax:1", "domain": "linkedin.com.evil.test" },
                ])
                .to_string(),
            ),
        ),
        ("a number", "{\"cookies\":1}".into()),
        ("another field", json!({ "cookies": good, "accountId": INES }).to_string()),
        ("dead", cookies(dead)),
    ];
    let mut lines = Vec::new();
    for (name, body) in cases {
        let added = world.post(&key, "/accounts", body.clone()).await?;
        let again = world.post(&key, &format!("/accounts/{own}/reconnect"), body).await?;
        assert_eq!(added.bytes, again.bytes, "{name}");
        lines.push(format!("{name}: {}", added.fault()));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    nothing: 400 invalid_parameter
    empty: 400 bad_cookies
    no cookies: 400 bad_cookies
    without li_at: 400 bad_cookies
    a line break: 400 bad_cookies
    100 KiB: 400 bad_cookies
    not ASCII: 400 bad_cookies
    a semicolon: 400 bad_cookies
    of another site: 400 bad_cookies
    a number: 400 invalid_parameter
    another field: 400 unknown_field
    dead: 409 needs_login
    "#);
    assert_eq!(world.app.store.sealed_session(&own).await?, kept, "the old session is kept");
    assert_eq!(world.get(&key, "/accounts").await?.json().as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn row_40_only_cookies_of_linkedin_are_kept_and_sent_whatever_their_quotes() -> anyhow::Result<()> {
    let linkedin = linkedin().await?;
    let world = World::facing(&linkedin.url()).await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let quoted = linkedin.credentials()?.1;
    assert!(quoted.contains("JSESSIONID=\""), "the simulator gives it with quotes");
    let foreign = |pasted: &str| {
        let pairs = pasted.split("; ").filter_map(|pair| pair.split_once('='));
        let own = pairs.map(|(name, value)| json!({ "name": name, "value": value, "domain": ".linkedin.com" }));
        let evil = json!({ "name": "li_at", "value": "canary", "domain": "evil.test" });
        json!(own.chain([evil]).collect::<Vec<_>>()).to_string()
    };
    for pasted in [quoted.clone(), quoted.replace('"', ""), foreign(&quoted)] {
        let added = world.post(&key, "/accounts", cookies(&pasted)).await?;
        // The cookie of the other site comes last: were it kept, it would be sent instead, and LinkedIn would refuse it.
        assert!(added.status.is_success(), "{}", added.fault());
    }
    Ok(())
}

#[tokio::test]
async fn row_41_cookies_of_another_member_are_refused() -> anyhow::Result<()> {
    let linkedin = linkedin().await?;
    let mut world = World::with_accounts().await?;
    world.look_at(&linkedin.url())?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let id = AccountId::new(INES)?;
    let kept = world.app.store.sealed_session(&id).await?;
    let pasted = cookies(&linkedin.credentials()?.1);
    let answer = world.post(&key, &format!("/accounts/{INES}/reconnect"), pasted).await?;
    assert_eq!(answer.fault(), "409 account_mismatch");
    assert_eq!(world.app.store.sealed_session(&id).await?, kept, "the old session is kept");
    Ok(())
}

#[tokio::test]
async fn a_linkedin_that_does_not_answer_is_told() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let answer = world.post(&key, "/accounts", cookies("li_at=AQEDAcanary; JSESSIONID=\"ajax:1\"")).await?;
    assert_eq!(answer.fault(), "502 upstream_unavailable");
    assert!(!answer.json().to_string().contains("canary"));
    Ok(())
}

#[tokio::test]
async fn row_05_only_an_admin_changes_accounts_and_keys() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read, Scope::Sync, Scope::Media], &[]).await?;
    let acts = [
        ("POST", "/accounts".to_owned()),
        ("POST", format!("/accounts/{INES}/reconnect")),
        ("POST", format!("/accounts/{INES}/pause")),
        ("POST", format!("/accounts/{INES}/resume")),
        ("DELETE", format!("/accounts/{INES}")),
        ("POST", "/keys".to_owned()),
        ("GET", "/keys".to_owned()),
        ("DELETE", "/keys/0123".to_owned()),
    ];
    for (method, path) in &acts {
        let request = || with_key(&key).method(*method).uri(path);
        assert_eq!(world.send(request().body(Body::empty())?).await?.fault(), "403 scope_required", "{method} {path}");
    }
    // An admin of one account does not learn of another one.
    let ottos = world.key(&[Scope::Admin], &[OTTO]).await?;
    for (method, path) in acts.iter().filter(|(_, path)| path.contains(INES)) {
        let request = with_key(&ottos).method(*method).uri(path).body(Body::empty())?;
        assert_eq!(world.send(request).await?.fault(), "404 account_not_found", "{method} {path}");
    }
    assert_eq!(world.post(&ottos, "/accounts", cookies("x")).await?.fault(), "403 scope_required");
    assert_eq!(world.app.store.accounts().await?.len(), 2, "nothing was changed");
    Ok(())
}

#[tokio::test]
async fn a_key_is_made_shown_once_listed_and_revoked() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let admin = world.key(&[Scope::Admin], &[]).await?;
    let body = json!({ "scopes": ["read", "read", "sync"], "accounts": [INES], "label": "reports" }).to_string();
    let made = world.post(&admin, "/linkedin/keys", body).await?;
    assert_eq!(made.status, 201);
    let made = made.json();
    let text = made["key"].as_str().unwrap_or_default().to_owned();
    assert_eq!(world.get(&text, "/accounts").await?.json().as_array().map(Vec::len), Some(1));
    let listed = world.get(&admin, "/keys").await?;
    assert!(!String::from_utf8_lossy(&listed.bytes).contains(&text[17..]), "the secret is never shown again");
    assert_json_snapshot!(listed.json()["keys"][1], @r#"
    {
      "accounts": [
        "a1a1a1a1a1a1a1a1a1a1a1a1"
      ],
      "createdAt": "2026-01-02T03:04:06.000Z",
      "id": "262728292a2b",
      "label": "reports",
      "lastUsedAt": "2026-01-02T03:04:06.000Z",
      "revokedAt": null,
      "scopes": [
        "read",
        "sync"
      ]
    }
    "#);
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(world.delete(&admin, &format!("/keys/{id}")).await?.json(), json!({ "success": true, "id": id }));
    assert_eq!(world.get(&text, "/accounts").await?.fault(), "401 invalid_key");
    assert_eq!(world.delete(&admin, &format!("/keys/{id}")).await?.fault(), "404 not_found");
    Ok(())
}

#[tokio::test]
async fn row_12_a_key_that_cannot_be_is_not_made() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let admin = world.key(&[Scope::Admin], &[]).await?;
    let mut lines = Vec::new();
    for body in [
        json!({}),
        json!({ "scopes": [] }),
        json!({ "scopes": "read" }),
        json!({ "scopes": [1] }),
        json!({ "scopes": ["root"] }),
        json!({ "scopes": ["read"], "accounts": [] }),
        json!({ "scopes": ["read"], "accounts": ["x"] }),
        json!({ "scopes": ["read"], "accounts": ["cccccccccccccccccccccccc"] }),
        json!({ "scopes": ["read"], "label": "a\nb" }),
        json!({ "scopes": ["read"], "isAdmin": true }),
    ] {
        lines.push(format!("{body}: {}", world.post(&admin, "/keys", body.to_string()).await?.fault()));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    {}: 400 invalid_parameter
    {"scopes":[]}: 400 invalid_parameter
    {"scopes":"read"}: 400 invalid_parameter
    {"scopes":[1]}: 400 invalid_parameter
    {"scopes":["root"]}: 400 invalid_parameter
    {"accounts":[],"scopes":["read"]}: 400 invalid_parameter
    {"accounts":["x"],"scopes":["read"]}: 404 account_not_found
    {"accounts":["cccccccccccccccccccccccc"],"scopes":["read"]}: 404 account_not_found
    {"label":"a\nb","scopes":["read"]}: 400 invalid_parameter
    {"isAdmin":true,"scopes":["read"]}: 400 unknown_field
    "#);
    assert_eq!(world.app.store.keys().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_admin_of_one_account_makes_and_sees_only_keys_of_that_account() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let ottos = world.key(&[Scope::Admin], &[OTTO]).await?;
    world.key(&[Scope::Read], &[INES]).await?;
    let foreign = world.app.store.keys().await?.into_iter().map(|row| row.id).next_back().unwrap_or_default();
    let wide = json!({ "scopes": ["read"], "accounts": [INES, OTTO] }).to_string();
    assert_eq!(world.post(&ottos, "/keys", wide).await?.fault(), "404 account_not_found");
    let made = world.post(&ottos, "/keys", "{\"scopes\":[\"admin\"]}").await?.json();
    assert_eq!(made["accounts"], json!([OTTO]), "it reaches no more than its maker");
    assert_eq!(world.get(&ottos, "/keys").await?.json()["keys"].as_array().map(Vec::len), Some(2));
    let unknown = world.delete(&ottos, "/keys/000000000000").await?;
    assert_eq!(world.delete(&ottos, &format!("/keys/{foreign}")).await?.bytes, unknown.bytes);
    assert_eq!(unknown.fault(), "404 not_found");
    assert_eq!(world.delete(&ottos, "/keys/tk_x").await?.fault(), "400 invalid_parameter");
    Ok(())
}
