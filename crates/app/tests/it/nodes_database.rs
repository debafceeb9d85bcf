//! What several nodes do when their PostgreSQL goes away, is killed, has no connection left, takes no writes or says
//! nothing: they tell so in words, go on by themselves when it is over, and nothing is lost.

use anyhow::{Context as _, Result, bail, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::io::Write as _;
use threadkeep::store::{Actor, OpenOptions, open};
use threadkeep::verbs::keys::{self, NewKey, Scope};

use crate::nodes_cluster::{Cluster, Node, signal, until, world};
use crate::pg::{self, OwnServer};
use crate::store_database::Database;

const LEASE_MS: i64 = 2_000;
/// Connections that are tried to use up all of a server's.
const CONNECTIONS_MAX: usize = 60;

/// A server of the test's own with two accounts, or `None`, said aloud.
async fn own(test: &str, seed: u64, options: &str) -> Result<Option<(OwnServer, Cluster, String)>> {
    let Some(server) = OwnServer::start(options)? else {
        if pg::is_required() {
            bail!("{test} needs the programs of a PostgreSQL server");
        }
        writeln!(std::io::stderr(), "SKIPPED {test}: no programs of a PostgreSQL server")?;
        return Ok(None);
    };
    let database = Database::on_server(&server.url).await?;
    let cluster = Cluster::on(database, world(2, 40, seed), LEASE_MS).await?;
    let wanted = NewKey { scopes: vec![Scope::Read], accounts: None, label: None };
    let key = keys::create(&cluster.story.app, &Actor::Setup, wanted).await?.0;
    Ok(Some((server, cluster, key)))
}

/// Waits until a node says what is wrong, and gives its words.
async fn complaint(node: &Node) -> Result<String> {
    let mut words = String::new();
    until("the node says what is wrong", async || {
        let (status, body) = node.get("/health", None).await?;
        if status == 200 {
            return Ok(false);
        }
        ensure!(status == 503 && body["code"] == "storage_unavailable", "{status} {body}");
        words = body["message"].as_str().unwrap_or_default().to_owned();
        Ok(true)
    })
    .await?;
    Ok(words)
}

async fn administer(url: &str, text: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(AssertSqlSafe(text.to_owned())).await?;
    Ok(connection.close().await?)
}

/// Ends all connections of the nodes.
async fn cut_connections(cluster: &Cluster) -> Result<()> {
    let text = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    administer(&cluster.database.url, text).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_is_told_and_survived() -> Result<()> {
    let Some((server, cluster, key)) = own("a_restart_of_the_database", 61, "").await? else { return Ok(()) };
    cluster.slow_down(20, 40)?;
    cluster.ask_for_syncs().await?;
    let nodes = vec![cluster.node("a").await?, cluster.node("b").await?];
    for mode in ["smart", "immediate", "killed"] {
        let before = cluster.story.linkedin.requests()?;
        until("the work goes on", async || Ok(cluster.story.linkedin.requests()? > before + 5)).await?;
        match mode {
            "smart" => {
                // It waits for all who are connected, and these stay: a fast one has to follow.
                server.ask_to_stop("smart")?;
                server.stop("fast")?;
            }
            "killed" => signal(server.process()?, "KILL")?,
            mode => server.stop(mode)?,
        }
        for node in &nodes {
            complaint(node).await?;
        }
        if mode == "killed" {
            let (status, body) = nodes[0].get("/accounts", Some(&key)).await?;
            ensure!(
                status == 503 && body["code"] == "storage_unavailable" && body["success"] == false,
                "{status} {body}"
            );
        }
        server.go_on()?;
        for node in &nodes {
            node.is_healthy().await?;
        }
    }
    ensure!(nodes[0].get("/accounts", Some(&key)).await?.0 == 200);
    cluster.slow_down(0, 2)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    ensure!(cluster.most_in_flight()? == 1, "{} requests of one account at once", cluster.most_in_flight()?);
    cluster.finish(nodes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_database_is_named_and_reads_go_on() -> Result<()> {
    let Some((server, cluster, key)) = own("a_read_only_database", 62, "").await? else { return Ok(()) };
    let node = cluster.node("a").await?;
    node.is_healthy().await?;
    let name = cluster.database.url.rsplit('/').next().unwrap_or_default().to_owned();
    // From another database of the server, which stays writable.
    let beside = format!("{}/postgres", server.url);
    administer(&beside, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await?;
    cut_connections(&cluster).await?;
    until("it is named", async || Ok(complaint(&node).await?.contains("read-only"))).await?;
    let (status, body) = node.get("/accounts", Some(&key)).await?;
    ensure!(status == 200, "reads go on: {status} {body}");
    let seen = open(&cluster.database.url, OpenOptions { migrate: false, ..OpenOptions::default() }).await?;
    let told = seen.examine().await?;
    let writing = told.iter().find(|(what, ..)| what == "writing").context("what doctor says about writing")?;
    ensure!(!writing.2 && writing.1.contains("only reads"), "{writing:?}");
    seen.close().await;
    administer(&beside, &format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await?;
    cut_connections(&cluster).await?;
    node.is_healthy().await?;
    cluster.ask_for_syncs().await?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.finish(vec![node]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_free_connection_is_told_and_survived() -> Result<()> {
    let test = "a_database_without_a_free_connection";
    let Some((_server, cluster, key)) = own(test, 63, "-c max_connections=30").await? else { return Ok(()) };
    let node = cluster.node("a").await?;
    node.is_healthy().await?;
    cluster.story.app.store.close().await;
    let mut taken = Vec::new();
    let mut taker = PgConnection::connect(&cluster.database.url).await?;
    let mut answers = Vec::new();
    until("the node has no connection and nobody can get one", async || {
        // What the node gives up is taken by the test, unless the node is quicker.
        let cut = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'threadkeep'";
        taker.execute(AssertSqlSafe(cut.to_owned())).await?;
        while taken.len() < CONNECTIONS_MAX
            && let Ok(connection) = PgConnection::connect(&cluster.database.url).await
        {
            taken.push(connection);
        }
        let left = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'threadkeep'";
        let (left,): (i64,) = sqlx::query_as(left).fetch_one(&mut taker).await?;
        if left > 0 {
            return Ok(false);
        }
        // A connection that is just being made is not seen there, and may be the node's.
        answers = vec![node.get("/health", None).await?, node.get("/accounts", Some(&key)).await?];
        Ok(answers.iter().all(|(status, _)| *status != 200))
    })
    .await?;
    for (status, body) in answers {
        ensure!(status == 503 && body["code"] == "storage_unavailable", "{status} {body}");
    }
    drop(taken);
    node.is_healthy().await?;
    ensure!(node.get("/accounts", Some(&key)).await?.0 == 200);
    cluster.finish(vec![node]).await
}

/// The processes of the server that answer the nodes.
async fn answering(cluster: &Cluster) -> Result<Vec<u32>> {
    let mut connection = PgConnection::connect(&cluster.database.url).await?;
    let text = "SELECT pid FROM pg_stat_activity WHERE application_name = 'threadkeep'";
    let rows: Vec<(i32,)> = sqlx::query_as(text).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows.into_iter().map(|(pid,)| pid.unsigned_abs()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_says_nothing_holds_up_neither_health_nor_a_stop() -> Result<()> {
    let Some((server, cluster, _)) = own("a_database_that_says_nothing", 64, "").await? else { return Ok(()) };
    cluster.slow_down(20, 40)?;
    cluster.ask_for_syncs().await?;
    let mut nodes = [cluster.node("a").await?, cluster.node("b").await?];
    until("they work", async || Ok(cluster.story.linkedin.requests()? > 8)).await?;
    let mut silenced = answering(&cluster).await?;
    silenced.push(server.process()?);
    for process in &silenced {
        signal(*process, "STOP")?;
    }
    complaint(&nodes[0]).await?;
    let asked = cluster.story.linkedin.requests()?;
    nodes[0].signal("TERM")?;
    let status = nodes[0].ended().await?;
    ensure!(status.code() == Some(0), "{status}: {}", nodes[0].told());
    // Whoever is told twice does not wait for anything.
    until("it ends", async || {
        if !nodes[1].is_over()? {
            nodes[1].signal("INT")?;
        }
        nodes[1].is_over()
    })
    .await?;
    ensure!(nodes[1].ended().await?.code() == Some(130), "{}", nodes[1].told());
    ensure!(cluster.story.linkedin.requests()? <= asked + 2, "it was asked on without a database");
    for process in &silenced {
        signal(*process, "CONT")?;
    }
    let node = cluster.node("c").await?;
    cluster.slow_down(0, 2)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    cluster.finish(vec![node]).await
}
