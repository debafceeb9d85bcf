//! Canaries planted wherever a secret or a text passes, and searched for in everything that a run leaves behind.
//!
//! The real program at its most talkative, with faults, refused logins, a dead session and a damaged database. What shows
//! texts by design (pages of messages, the export, the database) is not searched for them; all else is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use threadkeep_sim::World;

use crate::cli_harness::Room;
use crate::harness::SimulatedLinkedIn;
use crate::planted::Planted;

const NOW_MS: i64 = 1_790_000_000_000;
/// An answer that takes longer is none.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// A line of a log that somebody tries to forge.
const FORGED: &str = "2026-01-01T00:00:00.000000Z ERROR canaryforged all is lost";

fn world() -> Result<World> {
    let hostile = format!("canarytext one\n{FORGED}\r\n\u{1b}[31mcanaryansi\u{9b}2J\u{7}\u{202e}");
    let file = json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}],
        "people": [
            {"key": "olga", "name": format!("Canaryname\n{FORGED} Canarylast"), "headline": "canaryheadline one", "picture": true},
            {"key": "ben", "name": "Canaryben Probe"},
        ],
        "conversations": [
            {"key": "chat", "with": ["olga"], "messages": [
                {"from": "olga", "at": 1_700_000_000_000_i64, "text": hostile, "fallbackText": "canaryfallback one"},
                {"from": "olga", "at": 1_700_000_001_000_i64, "text": "canarylink",
                 "content": [{"strangeContent": {"url": "https://media.licdn.com/dms/x?e=1&v=beta&t=canarymediatoken"}}]},
                {"from": "me", "at": 1_700_000_002_000_i64, "text": "canaryown text",
                 "content": [{"file": {"name": "canaryfile.pdf", "mediaType": "application/pdf", "byteSize": 2048}}]},
            ]},
            {"key": "group", "with": ["olga", "ben"], "title": "canarytitle of a group", "messages": [
                {"from": "ben", "at": 1_700_000_003_000_i64, "subject": "canarysubject one", "text": "canarygroup text"},
            ]},
        ],
        "generate": {"seed": 7, "conversations": 6, "messagesMean": 4},
    });
    World::from_json(&file.to_string(), NOW_MS).map_err(|error| anyhow::anyhow!("{error}"))
}

/// What was planted before anything ran.
fn planted() -> Planted {
    let mut planted = Planted::default();
    for text in [
        "canaryforged",
        "canarytext",
        "canaryansi",
        "canaryname",
        "Canaryname",
        "Canarylast",
        "canaryheadline",
        "Canaryben",
        "canaryfallback",
        "canarylink",
        "canarymediatoken",
        "canaryown",
        "canaryfile",
        "canarytitle",
        "canarysubject",
        "canarygroup",
        "canaryagent",
        "canarypath",
        "canaryquery",
        "canarycookie",
        "canarycsrf",
        "canarybody",
        "canarykeyword",
        "canarydamage",
        "canaryurlkey",
        "canaryheader",
    ] {
        planted.plant(text, text);
    }
    planted
}

/// A server of the real program whose log goes into a file.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts it and waits until it listens.
    pub fn start(room: &Room, log: &Path) -> Result<Self> {
        let mut command: Command = room.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(log)?);
        let mut child = command.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").context("it listens")?.to_owned();
        Ok(Self { child, address })
    }

    /// Sends bytes as they are; gives status and body.
    fn send(&self, request: &[u8]) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
        Ok((status, body.to_owned()))
    }

    /// Sends a request with a key; gives status and body.
    pub fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\nuser-agent: canaryagent\r\n\
             x-strange: canaryheader\r\ncookie: canarycookie=1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        self.send(request.as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A test in progress: the room, its LinkedIn, and what was planted.
struct Scene {
    room: Room,
    linkedin: SimulatedLinkedIn,
    planted: Planted,
}

impl Scene {
    async fn new(form: &str) -> Result<Self> {
        let linkedin = SimulatedLinkedIn::start(world()?).await?;
        let room = Room::new()?
            .with("THREADKEEP_DATA_DIR", "mirror")
            .with("THREADKEEP_UPSTREAM_URL", &linkedin.url())
            .with("THREADKEEP_PACE", "open")
            .with("THREADKEEP_RECENT_MS", "0")
            .with("THREADKEEP_LOG_LEVEL", "trace")
            .with("THREADKEEP_LOG_FORMAT", form)
            .with("RUST_LOG", "trace");
        Ok(Self { room, linkedin, planted: planted() })
    }

    /// Runs a command and searches in what it printed; `shows` for one whose result is meant to show what it shows.
    fn run(&mut self, words: &[&str], input: &str, shows: bool) -> Result<String> {
        let ran = self.room.run_with(words, input)?;
        let name = words.join(" ");
        self.planted.search(&format!("standard error of {name}"), ran.err.as_bytes());
        if !shows {
            self.planted.search(&format!("standard output of {name}"), ran.out.as_bytes());
        }
        assert_is_log(&ran.err, &name);
        Ok(ran.out)
    }

    /// Plants the cookies with which LinkedIn knows the member now.
    fn plant_cookies(&mut self) -> Result<String> {
        let cookie = self.linkedin.credentials()?.1;
        for part in cookie.split("; ") {
            let (name, value) = part.split_once('=').context("a cookie")?;
            if value.len() > 12 {
                self.planted.plant(&format!("cookie {name}"), value.trim_matches('"'));
            }
        }
        if let Some(token) = cookie.split("ajax:").nth(1) {
            self.planted.plant("CSRF token", token.split('"').next().unwrap_or_default());
        }
        Ok(cookie)
    }

    /// Asks a server for everything that can go wrong, and searches in every answer that is no page of texts.
    fn ask_all(&mut self, server: &Server, key: &str) -> Result<()> {
        let cookies = json!({ "cookies": "li_at=canarycookie0123456789; JSESSIONID=\"ajax:canarycsrf\"" }).to_string();
        let id = self.account(server, key)?;
        let asked = [
            ("GET", "/health".to_owned(), String::new()),
            ("GET", "/canarypath/%0a%1b[31mcanarypath?q=canaryquery%0a".to_owned(), String::new()),
            ("GET", "/health?token=canaryurlkey".to_owned(), String::new()),
            ("GET", "/conversations?nextCursor=canaryquery".to_owned(), String::new()),
            ("GET", "/conversations/2-canarypath/messages?count=canaryquery".to_owned(), String::new()),
            ("GET", "/conversations/exists/canarypath".to_owned(), String::new()),
            ("GET", "/accounts?q=canaryquery".to_owned(), String::new()),
            ("POST", "/conversations/sync".to_owned(), "{\"canarybody\"".to_owned()),
            ("POST", "/conversations/sync".to_owned(), json!({ "accountId": "canarybody" }).to_string()),
            ("POST", "/conversations/sync".to_owned(), json!({ "accountId": id, "force": true }).to_string()),
            ("GET", "/conversations/sync/status".to_owned(), String::new()),
            ("GET", "/conversations/sync/runs".to_owned(), String::new()),
            ("POST", "/accounts".to_owned(), cookies.clone()),
            ("POST", format!("/accounts/{id}/reconnect"), cookies),
            ("POST", "/conversations/send".to_owned(), json!({ "message": "canarybody" }).to_string()),
            ("DELETE", "/keys/canarypath".to_owned(), String::new()),
            ("GET", "/audit".to_owned(), String::new()),
            ("GET", "/keys".to_owned(), String::new()),
        ];
        for (method, path, body) in asked {
            let (status, answer) = server.ask(key, method, &path, &body)?;
            self.planted.search(&format!("the answer {status} to {method} {path}"), answer.as_bytes());
        }
        let (status, answer) = server.ask("tk_canaryurlkey_canaryurlkey", "GET", "/accounts", "")?;
        ensure!(status == 401);
        self.planted.search("the answer to a wrong key", answer.as_bytes());
        let raw = format!(
            "GET /health HTTP/1.1\r\nhost: {}\r\nuser-agent: canaryagent\u{1b}[31m\n{FORGED}\r\n\r\n",
            server.address
        );
        self.planted.search("the answer to a hostile head", server.send(raw.as_bytes())?.1.as_bytes());
        // These show texts; the log must not.
        for path in ["/conversations", "/messaging/recent-messages?keywords=canarykeyword"] {
            ensure!(server.ask(key, "GET", path, "")?.0 == 200, "{path}");
        }
        Ok(())
    }

    fn account(&self, server: &Server, key: &str) -> Result<String> {
        let accounts: Value = serde_json::from_str(&server.ask(key, "GET", "/accounts", "")?.1)?;
        Ok(accounts[0]["id"].as_str().context("an account")?.to_owned())
    }

    /// Damages rows behind the server's back, so that it fails in the middle of reading texts.
    fn damage(&mut self, server: &Server, key: &str) -> Result<()> {
        let database = rusqlite::Connection::open(self.room.path("mirror/threadkeep.db"))?;
        let thread: String = database.query_row(
            "SELECT c.id FROM conversations c JOIN messages m ON m.conversation_pk = c.pk WHERE m.body LIKE 'canarytext%'",
            [],
            |row| row.get(0),
        )?;
        let path = format!("/conversations/{thread}/messages?sync=false");
        let (status, page) = server.ask(key, "GET", &path, "")?;
        ensure!(status == 200 && page.contains("canarytext"), "the texts are there: {status}");
        database.execute("UPDATE messages SET reactions = '{\"canarydamage\":1' WHERE body LIKE 'canarytext%'", [])?;
        let (status, answer) = server.ask(key, "GET", &path, "")?;
        ensure!(status == 500 && answer.contains("storage_broken"), "{status} {answer}");
        self.planted.search("the answer over a damaged row", answer.as_bytes());
        database.execute("UPDATE messages SET reactions = NULL WHERE body LIKE 'canarytext%'", [])?;
        Ok(())
    }

    /// Searches in a log, and whether each of its lines is one of ours.
    fn read_log(&mut self, path: &Path, form: &str) -> Result<()> {
        let log = std::fs::read_to_string(path)?;
        self.planted.search(&format!("the log ({form})"), log.as_bytes());
        ensure!(log.contains("storage_broken") && log.contains("TRACE"), "the log is not at its most talkative");
        for line in log.lines().filter(|line| !line.starts_with("hint: ")) {
            ensure!(!line.chars().any(char::is_control), "{line:?}");
            match form {
                "json" => {
                    let event: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
                    ensure!(event["level"].is_string(), "{line}");
                }
                _ => ensure!(line.starts_with("20") && line.as_bytes().get(10) == Some(&b'T'), "{line:?}"),
            }
        }
        Ok(())
    }
}

fn assert_is_log(err: &str, name: &str) {
    let is_plain = |line: &str| !line.chars().any(|one| one.is_control() && one != '\t');
    assert!(err.lines().all(is_plain), "{name}: {err:?}");
}

async fn a_whole_life(form: &str) -> Result<()> {
    let mut scene = Scene::new(form).await?;
    let cookie = scene.plant_cookies()?;
    scene.run(&["account", "add", "--cookies-file", "-"], &cookie, false)?;
    let master = std::fs::read_to_string(scene.room.path("mirror.key"))?.trim().to_owned();
    scene.planted.plant("master key", &master);
    let key = scene.run(&["key", "create", "--scopes", "admin,read,sync"], "", true)?.trim().to_owned();
    scene.planted.plant("API key", &key);
    scene.planted.plant("secret of the API key", key.rsplit('_').next().context("a key")?);

    for fault in ["malformed_body", "odd_record", "errors_answer", "cut_body", "server_error", "html_wall"] {
        let strike = json!({ "at": [2, 3] });
        scene.linkedin.set_faults(&json!({ fault: strike }))?;
        scene.run(&["sync", "--force", "--json"], "", false)?;
        if fault == "html_wall" {
            scene.linkedin.set_faults(&json!({}))?;
            let cookie = scene.plant_cookies()?;
            scene.run(&["account", "add", "--cookies-file", "-"], &cookie, false)?;
        }
    }
    scene.linkedin.set_faults(&json!({}))?;
    let dead = "li_at=canarycookie0123456789; JSESSIONID=\"ajax:canarycsrf\"";
    scene.run(&["account", "add", "--cookies-file", "-"], dead, false)?;
    scene.run(&["account", "add", "--cookies-file", "-"], "canarycookie and nothing else", false)?;
    scene.run(&["sync", "--force", "--json"], "", false)?;
    // A whole key where its id belongs.
    scene.run(&["key", "revoke", &key], "", false)?;

    let log = scene.room.path("serve.log");
    let server = Server::start(&scene.room, &log)?;
    scene.ask_all(&server, &key)?;
    scene.damage(&server, &key)?;
    let cookie = scene.linkedin.credentials()?.1;
    scene.linkedin.set_faults(&json!({ "revoked_redirect": { "rate": 1.0 } }))?;
    let id = scene.account(&server, &key)?;
    let body = json!({ "accountId": id, "force": true }).to_string();
    let (_, answer) = server.ask(&key, "POST", "/conversations/sync", &body)?;
    ensure!(answer.contains("needs_login"), "the session is dead: {answer}");
    scene.planted.search("the answer over a dead session", answer.as_bytes());
    drop(server);
    scene.read_log(&log, form)?;

    scene.linkedin.set_faults(&json!({}))?;
    scene.run(&["account", "reconnect", &id, "--cookies-file", "-"], &cookie, false)?;
    scene.run(&["secrets", "rotate", "--data-keys", "--json"], "", false)?;
    for words in [
        &["status", "--json"][..],
        &["status", "--conversations"],
        &["doctor"],
        &["doctor", "--json"],
        &["config", "show"],
        &["config", "show", "--json"],
        &["secrets", "status", "--json"],
        &["audit"],
        &["audit", "--json"],
        &["key", "list", "--json"],
        &["account", "list", "--json"],
        &["db", "status"],
    ] {
        // The ledger names conversations, as it is meant to.
        scene.run(words, "", words.contains(&"--conversations"))?;
    }
    scene.planted.assert_unseen(60);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_44_and_45_no_canary_is_in_anything_that_a_run_leaves_behind_with_a_log_of_text() -> Result<()> {
    a_whole_life("text").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_44_and_45_no_canary_is_in_anything_that_a_run_leaves_behind_with_a_log_of_json() -> Result<()> {
    a_whole_life("json").await
}

#[test]
fn row_45_no_whole_key_of_the_api_is_in_a_file_of_the_project() -> Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut looked_at = 0;
    for folder in ["crates", "docs", "xtask"] {
        look(&root.join(folder), &mut looked_at)?;
    }
    ensure!(looked_at > 100, "only {looked_at} files");
    Ok(())
}

/// Fails at a text that has the form of a whole key: `tk_`, 12 hex digits, `_`, 49 letters and digits.
fn look(folder: &Path, looked_at: &mut usize) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            look(&path, looked_at)?;
            continue;
        }
        *looked_at += 1;
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        for found in text.split("tk_").skip(1) {
            let (id, rest) = found.split_once('_').unwrap_or_default();
            let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            let digits = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            ensure!(!(is_id && digits >= 49), "{} holds a whole key", path.display());
        }
    }
    Ok(())
}
