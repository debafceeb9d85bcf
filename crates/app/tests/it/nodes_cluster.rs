//! Several real `serve` processes on one PostgreSQL, each with a data directory of its own, so that they take each other
//! for other machines; and witnesses in the database that see who writes under whose lease.
//!
//! The witnesses are triggers of the test: they judge each write at its commit, from grants that they saw themselves, and
//! know nothing of how the program checks. Nobody waits here but for something that must become true, and boundedly.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use threadkeep::clock::{Clock as _, SystemClock};
use threadkeep::store::Actor;
use threadkeep::verbs::export::{self, ExportWish};
use threadkeep::verbs::{accounts, sync};
use threadkeep_core::id::AccountId;
use threadkeep_sim::{GenerateOptions, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::Harness;
use crate::store_database::Database;

/// A fixed present for worlds.
pub const NOW_MS: i64 = 1_790_000_000_000;
/// The key of the harness, which all nodes share.
const MASTER_KEY: &str = "07";
/// Something that must become true is waited for this long at most, in milliseconds.
const WAIT_MAX_MS: i64 = 240_000;
/// How often it is looked at.
const LOOK_MS: i64 = 15;
/// Most bytes of an answer that are read.
const ANSWER_MAX: u64 = 1 << 20;

/// Who was granted which epoch, what was written under which node's name, and whatever was written by a node whose grant
/// was no longer the newest one, judged when its transaction commits.
const WITNESSES: &str = "
CREATE TABLE test_grants (
    seq BIGINT GENERATED ALWAYS AS IDENTITY, job BIGINT, account_pk BIGINT, epoch BIGINT, node TEXT, at_ms BIGINT,
    was_held BOOLEAN
);
CREATE TABLE test_stale (what TEXT, account_pk BIGINT, writer TEXT, holder TEXT);
CREATE TABLE test_writes (account_pk BIGINT, node TEXT, at_ms BIGINT);
CREATE FUNCTION test_node() RETURNS TEXT LANGUAGE sql AS
    $$ SELECT coalesce(current_setting('threadkeep_test.node', true), 'test') $$;
CREATE FUNCTION test_now_ms() RETURNS BIGINT LANGUAGE sql AS
    $$ SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) $$;
CREATE FUNCTION test_grant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.epoch <= OLD.epoch THEN RAISE EXCEPTION 'an epoch went back'; END IF;
    INSERT INTO test_grants (job, account_pk, epoch, node, at_ms, was_held)
        VALUES (NEW.id, NEW.account_pk, NEW.epoch, test_node(), test_now_ms(),
            OLD.state = 'running' AND OLD.due_at > test_now_ms());
    RETURN NULL;
END $$;
CREATE FUNCTION test_judge() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE holder TEXT; BEGIN
    SELECT g.node INTO holder FROM test_grants g WHERE g.account_pk = NEW.account_pk ORDER BY g.seq DESC LIMIT 1;
    IF holder IS DISTINCT FROM test_node() THEN
        INSERT INTO test_stale VALUES (TG_TABLE_NAME, NEW.account_pk, test_node(), holder);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION test_progress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO test_writes VALUES (NEW.account_pk, test_node(), test_now_ms());
    RETURN NULL;
END $$;
CREATE TRIGGER test_grant AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.epoch IS DISTINCT FROM OLD.epoch) EXECUTE FUNCTION test_grant();
CREATE TRIGGER test_progress AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.state = 'running' AND NEW.progress IS DISTINCT FROM OLD.progress) EXECUTE FUNCTION test_progress();
CREATE CONSTRAINT TRIGGER test_judge AFTER INSERT OR UPDATE ON messages DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION test_judge();
CREATE CONSTRAINT TRIGGER test_judge AFTER INSERT OR UPDATE ON tracks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION test_judge();
CREATE CONSTRAINT TRIGGER test_judge AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION test_judge();
CREATE CONSTRAINT TRIGGER test_judge AFTER UPDATE ON jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state = 'running' AND NEW.progress IS DISTINCT FROM OLD.progress) EXECUTE FUNCTION test_judge();
";

/// Several nodes, one database, one simulated LinkedIn with several accounts.
pub struct Cluster {
    pub story: Harness,
    pub database: Database,
    pub accounts: Vec<Member>,
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    begun: std::cell::Cell<u32>,
}

/// An account, here and there.
pub struct Member {
    pub id: AccountId,
    /// The last part of the member's URN.
    pub owner: String,
}

/// A `threadkeep serve`; it is killed when this value is dropped.
pub struct Node {
    pub name: String,
    pub url: String,
    pub log: PathBuf,
    child: Child,
}

/// A world with so many accounts.
pub fn world(accounts: usize, conversations: usize, seed: u64) -> World {
    let options = GenerateOptions { seed, conversations, accounts, messages_mean: 12.0, ..GenerateOptions::at(NOW_MS) };
    World::generate(&options)
}

impl Cluster {
    /// A database with witnesses and every account of a world, and nobody who works yet.
    pub async fn on(database: Database, world: World, lease_ms: i64) -> Result<Self> {
        let story = Harness::connect(&database, world).await?;
        let mut connection = sqlx::PgConnection::connect(&database.url).await?;
        connection.execute(AssertSqlSafe(WITNESSES)).await?;
        connection.close().await?;
        let logins: Vec<(String, String)> = {
            let mut simulator = story.linkedin.simulator()?;
            simulator.credentials().into_iter().map(|one| (one.member_urn, one.cookie)).collect()
        };
        let mut members = Vec::new();
        for (number, (urn, cookie)) in logins.into_iter().enumerate() {
            let id = match number {
                0 => story.account.clone(),
                _ => accounts::add(&story.app, &Actor::Setup, &cookie).await?.id,
            };
            let owner = urn.rsplit(':').next().context("a member URN")?.to_owned();
            members.push(Member { id, owner });
        }
        let variables = [
            ("THREADKEEP_UPSTREAM_URL", story.linkedin.url()),
            ("THREADKEEP_MEDIA_URL", story.linkedin.media_url()),
            ("THREADKEEP_PACE", "open".to_owned()),
            ("THREADKEEP_MASTER_KEY", MASTER_KEY.repeat(32)),
            ("THREADKEEP_LEASE_MS", lease_ms.to_string()),
            ("THREADKEEP_RECENT_MS", "3600000".to_owned()),
            // A test looks at a node's health more often than anybody should.
            ("THREADKEEP_ADDRESS_RATE_BURST", "0".to_owned()),
            ("THREADKEEP_KEY_RATE_BURST", "0".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let folder = tempfile::tempdir()?;
        Ok(Self { story, database, accounts: members, folder, variables, begun: Default::default() })
    }

    /// The same on the tests' server; `None`, said aloud, without one.
    pub async fn start(test: &str, world: World, lease_ms: i64) -> Result<Option<Self>> {
        match Database::postgres(test).await? {
            Some(database) => Self::on(database, world, lease_ms).await.map(Some),
            None => Ok(None),
        }
    }

    /// Starts a node and waits until it listens. Each start has a name and a data directory of its own.
    pub async fn node(&self, name: &str) -> Result<Node> {
        self.node_with(name, &[]).await
    }

    /// The same with more variables in its environment.
    pub async fn node_with(&self, name: &str, more: &[(&str, &str)]) -> Result<Node> {
        self.begun.set(self.begun.get() + 1);
        let name = format!("{name}{}", self.begun.get());
        let log = self.folder.path().join(format!("{name}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_threadkeep"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "info"])
            .env_clear()
            .env("HOME", self.folder.path())
            .env("THREADKEEP_DATA_DIR", self.folder.path().join(&name))
            .env("THREADKEEP_DATABASE_URL", format!("{}?options[threadkeep_test.node]={name}", self.database.url))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        let mut child = command.spawn()?;
        let out = child.stdout.take().context("a standard output")?;
        let mut node = Node { name, url: String::new(), log, child };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ");
        node.url = url.with_context(|| format!("{} does not listen: {}", node.name, node.told()))?.to_owned();
        Ok(node)
    }

    /// Asks for a sync of every account.
    pub async fn ask_for_syncs(&self) -> Result<()> {
        for member in &self.accounts {
            sync::request(&self.story.app, &member.id, true).await?;
        }
        Ok(())
    }

    /// Lets each answer of LinkedIn take this long.
    pub fn slow_down(&self, min_ms: u64, max_ms: u64) -> Result<()> {
        self.story.linkedin.set_faults(&json!({"latency": {"rate": 1.0, "min_ms": min_ms, "max_ms": max_ms}}))
    }

    /// Waits until no job is left.
    pub async fn settle(&self) -> Result<()> {
        let open = "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running', 'waiting')";
        until("all jobs are over", async || Ok(self.database.count(open).await? == 0)).await
    }

    /// Fails unless the mirror of every account equals the truth, and nothing is there twice.
    pub async fn assert_converged(&self) -> Result<()> {
        for member in &self.accounts {
            self.assert_equal(member).await?;
        }
        let twice = "SELECT COUNT(*) - COUNT(DISTINCT (account_pk, id)) FROM events";
        ensure!(self.database.count(twice).await? == 0, "an event is there twice");
        for (what, found, is_fine) in self.database.store.examine().await? {
            ensure!(is_fine, "{what}: {found}");
        }
        self.story.linkedin.assert_only_read()
    }

    /// Fails unless the mirror of one account equals the truth.
    pub async fn assert_equal(&self, member: &Member) -> Result<()> {
        let truth = self.story.linkedin.simulator()?.world().truth_text(&member.owner);
        let wish = ExportWish {
            account: member.id.clone(),
            categories: self.story.app.sync.categories.clone(),
            with_history: false,
            with_deleted: false,
        };
        let mut export = Vec::new();
        export::write(self.database.store.as_ref(), &wish, &mut export).await?;
        let export = String::from_utf8(export)?;
        for (number, (left, right)) in truth.lines().zip(export.lines()).enumerate() {
            ensure!(left == right, "account {} line {number}\n truth: {left}\nmirror: {right}", member.id);
        }
        let counts = (truth.lines().count(), export.lines().count());
        ensure!(counts.0 == counts.1, "account {}: truth and mirror have {counts:?} lines", member.id);
        Ok(())
    }

    /// Fails if anything was written by a node whose lease somebody else had.
    pub async fn assert_nothing_stale(&self) -> Result<()> {
        let stale = self.database.count("SELECT COUNT(*) FROM test_stale").await?;
        ensure!(stale == 0, "{stale} rows were written under an old lease");
        let judged = self.database.count("SELECT COUNT(*) FROM test_writes").await?;
        ensure!(judged > 0, "the witnesses saw nothing");
        Ok(())
    }

    /// The most requests of one account that were in flight at once.
    pub fn most_in_flight(&self) -> Result<u32> {
        let simulator = self.story.linkedin.simulator()?;
        Ok(simulator.ledger().lines().map(|line| line.concurrent).max().unwrap_or_default())
    }

    /// How many jobs were taken from somebody whose lease had not run out. One that was given back after some trouble is
    /// free for everybody.
    pub async fn taken(&self) -> Result<i64> {
        self.database.count("SELECT COUNT(*) FROM test_grants WHERE was_held").await
    }

    /// How many nodes were granted a lease.
    pub async fn nodes_that_worked(&self) -> Result<i64> {
        self.database.count("SELECT COUNT(DISTINCT node) FROM test_grants").await
    }

    /// How many grants a node got.
    pub async fn grants_of(&self, node: &Node) -> Result<i64> {
        self.database.count(&format!("SELECT COUNT(*) FROM test_grants WHERE node = '{}'", node.name)).await
    }

    /// How many jobs are held under the newest grant of this node.
    pub async fn held_by(&self, node: &Node) -> Result<i64> {
        let text = format!(
            "SELECT COUNT(*) FROM jobs j JOIN test_grants g ON g.job = j.id AND g.epoch = j.epoch \
             WHERE j.state = 'running' AND j.due_at > test_now_ms() AND g.node = '{}'",
            node.name
        );
        self.database.count(&text).await
    }

    /// Ends the nodes and the database.
    pub async fn finish(self, nodes: Vec<Node>) -> Result<()> {
        drop(nodes);
        self.database.finish().await
    }
}

impl Node {
    /// Sends it a signal.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(self.child.id(), name)
    }

    /// Ends it without a word.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let mut ended = None;
        until("the node ends", async || {
            ended = self.child.try_wait()?;
            Ok(ended.is_some())
        })
        .await?;
        ended.context("an end")
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// What it has logged.
    pub fn told(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it for something; gives the status and the body.
    pub async fn get(&self, path: &str, key: Option<&str>) -> Result<(u16, Value)> {
        let address = self.url.trim_start_matches("http://");
        let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        let mut stream = TcpStream::connect(address).await?;
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{key}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(ANSWER_MAX).read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).context("a status")?.parse()?;
        let body = answer.split_once("\r\n\r\n").context("a body")?.1;
        Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// Waits until it says that it can work.
    pub async fn is_healthy(&self) -> Result<()> {
        until("the node is healthy", async || Ok(self.get("/health", None).await?.0 == 200)).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a process a signal.
pub fn signal(process: u32, name: &str) -> Result<()> {
    let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()]).status()?;
    ensure!(status.success(), "the signal {name} could not be sent");
    Ok(())
}

/// Waits until something is true.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let began_ms = SystemClock.passed_ms();
    while !is_so().await? {
        if SystemClock.passed_ms() - began_ms > WAIT_MAX_MS {
            bail!("waited in vain until {what}");
        }
        SystemClock.pass(LOOK_MS).await;
    }
    Ok(())
}
