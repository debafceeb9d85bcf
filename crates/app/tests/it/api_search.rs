//! Searching over the API: hits and their marks, pages, whose messages, and what a wrong question gets.

use anyhow::ensure;
use insta::assert_snapshot;
use serde_json::{Value, json};
use threadkeep::verbs::keys::Scope;
use threadkeep_core::content::Content;

use crate::api_world::{INES, INES_MEMBER, OTTO, Taught, World};

async fn world() -> anyhow::Result<World> {
    let world = World::with_accounts().await?;
    let taught = Taught::default()
        .person("ACoAABen", "Ben")?
        .conversation("2-a", 100, &[INES_MEMBER, "ACoAABen"])?
        .message(("2-a", "2-m1"), "ACoAABen", 10)?
        .saying("Un caf\u{e9} <b>now</b> & later?")
        .message(("2-a", "2-m2"), INES_MEMBER, 20)?
        .saying("No coffee, but a CAFE au lait")
        .message(("2-a", "2-m3"), INES_MEMBER, 30)?
        .saying("nothing of the kind");
    world.sync(INES, taught).await?;
    let others = Taught::default()
        .conversation("2-a", 100, &["ACoAABen"])?
        .message(("2-a", "2-m9"), "ACoAABen", 40)?
        .saying("cafe of Otto");
    world.sync(OTTO, others).await?;
    Ok(world)
}

fn ids(page: &Value) -> Vec<&str> {
    page["hits"].as_array().into_iter().flatten().filter_map(|hit| hit["messageId"].as_str()).collect()
}

#[tokio::test]
async fn a_hit_tells_where_it_is_and_what_was_found() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    for path in ["/search", "/linkedin/search"] {
        let page = world.get(&key, &format!("{path}?q=caf%C3%A9%20from%3Aben&accountId={INES}")).await?.json();
        ensure!(ids(&page) == ["2-m1"], "{page}");
        let hit = &page["hits"][0];
        ensure!(hit["accountId"] == INES && hit["conversationId"] == "2-a", "{hit}");
        ensure!(hit["conversationTitle"].as_str().is_some_and(|title| title.contains("Ben")), "{hit}");
        ensure!(hit["sender"]["isOwner"] == false && hit["sender"]["profileId"] == "ACoAABen", "{hit}");
        ensure!(hit["snippet"]["html"] == "Un <mark>caf\u{e9}</mark> &lt;b&gt;now&lt;/b&gt; &amp; later?", "{hit}");
        ensure!(hit["snippet"]["parts"][1] == json!({"text": "caf\u{e9}", "isMatch": true}), "{hit}");
        ensure!(page["query"] == "cafe from:\"ben\"" && page["index"]["upToDate"] == true, "{page}");
    }
    Ok(())
}

#[tokio::test]
async fn a_hit_by_the_name_of_a_file_shows_that_name() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let file = |name: &str| Content::File {
        url: None,
        name: Some(name.into()),
        media_type: None,
        byte_size: None,
        asset: None,
    };
    let taught = Taught::default()
        .message(("2-a", "2-m4"), INES_MEMBER, 50)?
        .saying("Both of them")
        .carrying(vec![file("outline.pdf"), file("Quarterly <numbers>.pdf")]);
    world.sync(INES, taught).await?;
    let html = |page: &Value| page["hits"][0]["snippet"]["html"].clone();
    let page = world.get(&key, &format!("/search?q=quarterly&accountId={INES}")).await?.json();
    ensure!(ids(&page) == ["2-m4"] && html(&page) == "<mark>Quarterly</mark> &lt;numbers&gt;.pdf", "{page}");
    for (question, expected) in [("both", "<mark>Both</mark> of them"), ("has:attachment", "Both of them")] {
        let page = world.get(&key, &format!("/search?q={question}&accountId={INES}")).await?.json();
        ensure!(html(&page) == expected, "{page}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_go_on_by_their_cursor_which_belongs_to_its_question() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let path = format!("/search?q=cafe&linkedinAccountIds={INES},{OTTO}&count=1");
    let mut seen: Vec<String> = Vec::new();
    let mut next = path.clone();
    loop {
        let page = world.get(&key, &next).await?.json();
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        ensure!(page["hasMore"] == (page["nextCursor"] != Value::Null), "{page}");
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        next = format!("{path}&nextCursor={cursor}");
        let other = format!("/search?q=coffee&linkedinAccountIds={INES},{OTTO}&nextCursor={cursor}");
        ensure!(world.get(&key, &other).await?.fault() == "400 invalid_cursor");
    }
    ensure!(seen == ["2-m9", "2-m2", "2-m1"], "{seen:?}");
    // Without an account the walk stays with the default one.
    let page = world.get(&key, "/search?q=cafe&count=1").await?.json();
    let account = page["hits"][0]["accountId"].clone();
    if let Some(cursor) = page["nextCursor"].as_str() {
        let page = world.get(&key, &format!("/search?q=cafe&count=1&nextCursor={cursor}")).await?.json();
        ensure!(page["hits"][0]["accountId"] == account, "{page}");
    }
    Ok(())
}

#[tokio::test]
async fn row_06_a_key_finds_nothing_of_an_account_out_of_reach() -> anyhow::Result<()> {
    let world = world().await?;
    let own = world.key(&[Scope::Read], &[INES]).await?;
    let page = world.get(&own, "/search?q=cafe").await?.json();
    ensure!(ids(&page) == ["2-m2", "2-m1"], "{page}");
    let foreign = world.get(&own, &format!("/search?q=cafe&accountId={OTTO}")).await?;
    let missing = world.get(&own, &format!("/search?q=cafe&accountId={}", "c".repeat(24))).await?;
    ensure!(foreign.fault() == "404 account_not_found" && foreign.json() == missing.json(), "{}", foreign.json());
    let both = world.get(&own, &format!("/search?q=cafe&linkedinAccountIds={INES},{OTTO}")).await?;
    ensure!(both.fault() == "404 account_not_found", "{}", both.fault());
    Ok(())
}

#[tokio::test]
async fn row_06_a_key_learns_nothing_of_how_far_the_index_of_others_is() -> anyhow::Result<()> {
    // More than one search takes in.
    const MANY: i64 = 3_000;
    let world = world().await?;
    let own = world.key(&[Scope::Read], &[INES]).await?;
    let mut taught = Taught::default();
    for at in 0..MANY {
        taught = taught.message(("2-a", &format!("2-n{at}")), "ACoAABen", at)?;
    }
    world.sync(OTTO, taught).await?;
    let of_own = world.get(&own, "/search?q=cafe").await?.json();
    let all = world.key(&[Scope::Read], &[]).await?;
    let of_all = world.get(&all, &format!("/search?q=cafe&accountId={OTTO}")).await?.json();
    let up_to_date = json!({"upToDate": true, "changesBehind": 0, "accountsBuilding": 0});
    ensure!(of_own["index"] == up_to_date && of_all["index"]["upToDate"] == false, "{of_own} {of_all}");
    Ok(())
}

#[tokio::test]
async fn a_name_that_means_too_many_is_told_its_place() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut taught = Taught::default();
    for at in 0..201 {
        taught = taught.person(&format!("ACoAAMany{at}"), &format!("Sam Number{at}"))?;
    }
    world.sync(INES, taught).await?;
    let query = "q=%22from%3Asam%22+from%3Anumber7+-from%3Asam";
    let answer = world.get(&key, &format!("/search?{query}&accountId={INES}")).await?;
    ensure!(answer.fault() == "400 query_too_complex" && answer.json()["position"] == 25, "{}", answer.json());
    Ok(())
}

#[tokio::test]
async fn row_09_a_wrong_question_is_told_its_place() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let many = "OR+".repeat(2_000);
    let mut lines = Vec::new();
    for query in [
        "",
        "?q=",
        "?q=%22",
        "?q=a+%22b",
        "?q=NEAR(cafe",
        "?q=*",
        "?q=a*",
        "?q=col%3Ax",
        "?q=from%3A",
        "?q=caf*",
        "?q=is%3Ared",
        "?q=x&x=1",
        "?q=-",
        &format!("?q={many}"),
        &format!("?q={}", "a+".repeat(17)),
    ] {
        let answer = world.get(&key, &format!("/search{query}")).await?;
        let shown: String = query.chars().take(20).collect();
        let position = answer.json()["position"].clone();
        let seen = if answer.status == 200 { "200 -".to_owned() } else { answer.fault() };
        lines.push(format!("{shown}: {seen} {position}"));
    }
    assert_snapshot!(lines.join("\n"), @r"
    : 400 invalid_parameter null
    ?q=: 400 invalid_query 1
    ?q=%22: 400 invalid_query 1
    ?q=a+%22b: 400 invalid_query 3
    ?q=NEAR(cafe: 200 - null
    ?q=*: 400 invalid_query 1
    ?q=a*: 400 query_too_complex 1
    ?q=col%3Ax: 200 - null
    ?q=from%3A: 400 invalid_query 6
    ?q=caf*: 200 - null
    ?q=is%3Ared: 400 invalid_query 4
    ?q=x&x=1: 400 unknown_field null
    ?q=-: 400 invalid_query 1
    ?q=OR+OR+OR+OR+OR+OR: 400 query_too_complex 257
    ?q=a+a+a+a+a+a+a+a+a: 400 query_too_complex 33
    ");
    Ok(())
}
