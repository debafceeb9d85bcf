//! A store that speaks S3 and checks signatures, for the tests: the `rclone` of this machine serves a folder on loopback.
//!
//! Started once a test run, stopped by a small shell when this process ends, however it ends. Another store can be named
//! by `THREADKEEP_TEST_S3_URL=http://KEY:SECRET@127.0.0.1:PORT/BUCKET`. With neither, the tests of a bucket are skipped, and
//! fail when `THREADKEEP_TEST_REQUIRE_S3=1`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};
use secrecy::SecretString;
use threadkeep::lifecycle::spawn_thread;
use threadkeep::vault::S3Settings;
use url::Url;

/// The bucket of the server that is started here.
const BUCKET: &str = "threadkeep-test";
/// Lines of the server's log that are read before it must be listening.
const LINES_MAX: usize = 20;
/// Starts the server, then waits for the end of its input, ends the server and removes its folder.
const WATCHDOG: &str = "trap '' INT TERM HUP; \"$@\" </dev/null & read -r _; cd /; kill -9 $!; wait; rm -rf \"$ROOT\"";

struct Server {
    settings: S3Settings,
    /// Its closing ends the server.
    _pipe: Option<ChildStdin>,
}

/// A bucket with a prefix of its own, which is the name of the test; `None`, told by name, when there is no such store on
/// this machine.
pub fn bucket(test: &str) -> Result<Option<S3Settings>> {
    static SERVER: OnceLock<Result<Option<Server>, String>> = OnceLock::new();
    match SERVER.get_or_init(|| find_and_start().map_err(|error| format!("{error:#}"))) {
        Ok(Some(server)) => Ok(Some(S3Settings { prefix: Some(test.to_owned()), ..server.settings.clone() })),
        Ok(None) if is_required() => bail!("there is no `rclone` with `serve s3` on the path (1.65 or newer)"),
        Ok(None) => {
            // Past the capture of the test's output, so that everybody sees it.
            writeln!(std::io::stderr(), "SKIPPED {test}: no `rclone` with `serve s3` on the path")?;
            Ok(None)
        }
        Err(error) => bail!("the S3 server could not be started: {error}"),
    }
}

fn is_required() -> bool {
    environment("THREADKEEP_TEST_REQUIRE_S3").is_some_and(|value| value == "1")
}

#[expect(clippy::disallowed_methods, reason = "the tests' own switches are no configuration of the program")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn find_and_start() -> Result<Option<Server>> {
    if let Some(url) = environment("THREADKEEP_TEST_S3_URL") {
        return Ok(Some(Server { settings: named(&url)?, _pipe: None }));
    }
    let help = Command::new("rclone").args(["serve", "s3", "--help"]).stdin(Stdio::null()).output();
    let can_serve = help.is_ok_and(|help| help.status.success() && contains(&help.stdout, "--auth-key"));
    if can_serve { start().map(Some) } else { Ok(None) }
}

/// The store of `http://KEY:SECRET@HOST:PORT/BUCKET`.
fn named(url: &str) -> Result<S3Settings> {
    let mut url = Url::parse(url)?;
    let (key, secret) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
    let bucket = url.path().trim_matches('/').to_owned();
    let _ = (url.set_username(""), url.set_password(None));
    url.set_path("");
    Ok(settings(url.as_str(), &bucket, &key, &secret))
}

fn settings(endpoint: &str, bucket: &str, key: &str, secret: &str) -> S3Settings {
    S3Settings {
        endpoint: Some(endpoint.trim_end_matches('/').to_owned()),
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: None,
        access_key: SecretString::from(key),
        secret_key: SecretString::from(secret),
    }
}

fn contains(text: &[u8], wanted: &str) -> bool {
    String::from_utf8_lossy(text).contains(wanted)
}

fn start() -> Result<Server> {
    // The watchdog removes it.
    let root = tempfile::Builder::new().prefix("threadkeep-s3-").tempdir()?.keep();
    std::fs::create_dir(root.join(BUCKET))?;
    let secret = format!("{:x}", std::process::id()).repeat(8);
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCHDOG, "watchdog", "rclone", "serve", "s3", "--addr", "127.0.0.1:0"]);
    shell.args(["--config", "", "--auth-key", &format!("test-key,{secret}")]).arg(&root);
    shell.env("ROOT", &root).env("HOME", &root).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = shell.spawn()?;
    let pipe = child.stdin.take().context("the server has no input")?;
    let mut log = BufReader::new(child.stderr.take().context("the server has no log")?).lines();
    let mut told = Vec::new();
    for line in log.by_ref().take(LINES_MAX) {
        let line = line?;
        if let Some((_, rest)) = line.split_once("Starting s3 server on [") {
            let endpoint = rest.trim_end().trim_end_matches([']', '/']).to_owned();
            // Somebody has to read on, or the server would stop when the pipe is full.
            spawn_thread("s3-log", move || log.map_while(Result::ok).for_each(drop))?;
            return Ok(Server { settings: settings(&endpoint, BUCKET, "test-key", &secret), _pipe: Some(pipe) });
        }
        told.push(line);
    }
    bail!("it said: {}", told.join("; "))
}
