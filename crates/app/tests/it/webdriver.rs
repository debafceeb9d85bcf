//! A real browser for the tests: Chromium, driven by chromedriver over the WebDriver protocol, which is a little JSON.
//!
//! Clients of that protocol on the registry bring a second HTTP stack or a licence that this project does not take; what
//! is needed here is a page of code. The driver and all its browsers end with the test run, however that ends, and
//! reach nothing but this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pg::environment;

/// How long one command may take; none takes a tenth of it.
const COMMAND_MAX: Duration = Duration::from_secs(60);
/// Looks at a condition that is waited for.
const LOOKS_MAX: usize = 600;
/// Lines that the driver may say before it says where it is.
const LINES_MAX: usize = 50;
/// Starts the driver, waits for the end of its input, then ends the driver.
const WATCHDOG: &str = "trap '' INT TERM HUP; \
     chromedriver --port=0 --log-level=SEVERE & pid=$!; read -r _; kill -KILL $pid";

/// Where the driver is.
struct Driver {
    url: String,
    /// Its closing ends the driver.
    _pipe: ChildStdin,
}

/// What a browser is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Width and height, in pixels.
    pub size: (u32, u32),
    /// Whether the reader likes it dark.
    pub is_dark: bool,
    /// Whether scripts of pages run.
    pub has_scripts: bool,
}

impl Default for Looks {
    fn default() -> Self {
        Self { size: (1280, 800), is_dark: false, has_scripts: true }
    }
}

/// A browser with one window; it closes when it is dropped, also by a test that fails.
pub struct Browser {
    client: reqwest::Client,
    session: String,
    is_closed: bool,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let place = self.session.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
        if let (false, Some((host, path))) = (self.is_closed, place)
            && let Ok(mut stream) = TcpStream::connect(host)
        {
            // Nothing can be done here about a driver that does not answer.
            let _ = stream.set_read_timeout(Some(COMMAND_MAX));
            let _ = write!(stream, "DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let _ = stream.read(&mut [0; 64]);
        }
    }
}

/// The address of the driver; `None`, said aloud, when there is no browser here.
fn driver(test: &str) -> anyhow::Result<Option<&'static str>> {
    static DRIVER: OnceLock<Result<Option<Driver>, String>> = OnceLock::new();
    let found = DRIVER.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    match found {
        Ok(Some(driver)) => Ok(Some(&driver.url)),
        Ok(None) if environment("THREADKEEP_TEST_REQUIRE_BROWSER").is_some_and(|value| value == "1") => {
            bail!("{test} needs a browser: install the packages chromium and chromium-driver")
        }
        Ok(None) => {
            writeln!(std::io::stderr(), "SKIPPED {test}: no chromedriver")?;
            Ok(None)
        }
        Err(error) => bail!("the browser could not be started: {error}"),
    }
}

fn start() -> anyhow::Result<Option<Driver>> {
    let is_there = Command::new("chromedriver").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !is_there.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCHDOG]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = shell.spawn()?;
    let pipe = child.stdin.take().context("a pipe")?;
    let lines = BufReader::new(child.stdout.take().context("an output")?).lines();
    for line in lines.take(LINES_MAX) {
        let line = line?;
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port: u16 = port.trim_end_matches('.').parse()?;
            return Ok(Some(Driver { url: format!("http://127.0.0.1:{port}"), _pipe: pipe }));
        }
    }
    bail!("the driver did not say where it is")
}

impl Browser {
    /// Opens a browser; `None` when there is none on this machine and none is required.
    #[expect(clippy::disallowed_methods, reason = "a client of the tests, for this machine alone")]
    pub async fn open(test: &str, looks: Looks) -> anyhow::Result<Option<Self>> {
        let Some(driver) = driver(test)? else { return Ok(None) };
        let client = reqwest::Client::builder().no_proxy().timeout(COMMAND_MAX).build()?;
        let (width, height) = looks.size;
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
                "--lang=en-GB", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                format!("--window-size={width},{height}"),
            ],
            "prefs": {"profile.default_content_setting_values.javascript": if looks.has_scripts { 1 } else { 2 }},
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let made = send(client.post(format!("{driver}/session")).body(wanted.to_string())).await?;
        let id = made["sessionId"].as_str().context("a session")?;
        let browser = Self { client, session: format!("{driver}/session/{id}"), is_closed: false };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        browser.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
        browser.dress(looks.is_dark).await?;
        browser.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "UTC"})).await?;
        Ok(Some(browser))
    }

    /// Light or dark.
    pub async fn dress(&self, is_dark: bool) -> anyhow::Result<()> {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", features).await.map(|_| ())
    }

    /// Opens an address.
    pub async fn go(&self, address: &str) -> anyhow::Result<()> {
        self.post("/url", json!({"url": address})).await.map(|_| ())
    }

    /// Where it is.
    pub async fn address(&self) -> anyhow::Result<String> {
        Ok(self.get("/url").await?.as_str().unwrap_or_default().to_owned())
    }

    /// The value of an expression in the page.
    pub async fn value(&self, expression: &str) -> anyhow::Result<Value> {
        self.post("/execute/sync", json!({"script": format!("return {expression}"), "args": []})).await
    }

    /// A text of the page.
    pub async fn text(&self, selector: &str) -> anyhow::Result<String> {
        let element = self.find(selector).await?;
        Ok(self.get(&format!("/element/{element}/text")).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a text that is seen in the page has these words, in whatever case; a click may still be leading there.
    pub async fn says(&self, selector: &str, words: &str) -> anyhow::Result<()> {
        let is_said = "document.readyState === 'complete' && \
             (document.querySelector(SELECTOR)?.innerText ?? '').toLowerCase().includes(WORDS)";
        let is_said = is_said.replace("SELECTOR", &json!(selector).to_string());
        self.until(&is_said.replace("WORDS", &json!(words.to_lowercase()).to_string())).await
    }

    /// Waits until it has arrived at this path, and all of the page is there.
    pub async fn arrives(&self, path: &str) -> anyhow::Result<()> {
        self.until(&format!("location.pathname === {} && document.readyState === 'complete'", json!(path))).await
    }

    /// Types into an element.
    pub async fn write(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let element = self.find(selector).await?;
        self.post(&format!("/element/{element}/value"), json!({"text": text})).await.map(|_| ())
    }

    /// Clicks an element.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let element = self.find(selector).await?;
        self.post(&format!("/element/{element}/click"), json!({})).await.map(|_| ())
    }

    /// Presses keys, one after the other, whatever has the focus.
    pub async fn press(&self, keys: &str) -> anyhow::Result<()> {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})));
        let strokes: Vec<Value> = strokes.collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.post("/actions", actions).await.map(|_| ())
    }

    /// Waits until an expression in the page is true.
    pub async fn until(&self, expression: &str) -> anyhow::Result<()> {
        for _ in 0..LOOKS_MAX {
            // A page that is just being left has no answer.
            if self.value(expression).await.is_ok_and(|value| value == true) {
                return Ok(());
            }
            let pause = "return new Promise(done => setTimeout(done, 50))";
            let _ = self.post("/execute/sync", json!({"script": pause, "args": []})).await;
        }
        bail!("never true: {expression} at {}", self.address().await?)
    }

    /// A command of the browser's own protocol.
    pub async fn devtools(&self, command: &str, params: Value) -> anyhow::Result<Value> {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": params})).await
    }

    /// Keeps a picture of the window among the build's own files, where CI finds it.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let shot = self.get("/screenshot").await?;
        let bytes = STANDARD.decode(shot.as_str().context("a picture")?)?;
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/screenshots"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.png")), bytes)?;
        Ok(())
    }

    /// What was written to the console since it was asked last.
    pub async fn console(&self) -> anyhow::Result<Vec<String>> {
        let told = self.post("/se/log", json!({"type": "browser"})).await?;
        let lines = told.as_array().context("lines")?.iter();
        Ok(lines.filter_map(|line| line["message"].as_str().map(str::to_owned)).collect())
    }

    /// Closes it.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.is_closed = true;
        send(self.client.delete(&self.session)).await.map(|_| ())
    }

    /// An element, as soon as it is there: what leads to its page may still be under way.
    async fn find(&self, selector: &str) -> anyhow::Result<String> {
        let is_there = format!("!!document.querySelector({})", json!(selector));
        self.until(&is_there).await?;
        let found = self.post("/element", json!({"using": "css selector", "value": selector})).await?;
        let id = found.as_object().and_then(|all| all.values().next()).and_then(Value::as_str);
        Ok(id.context("an element")?.to_owned())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        send(self.client.get(format!("{}{path}", self.session))).await
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        send(self.client.post(format!("{}{path}", self.session)).body(body.to_string())).await
    }
}

/// Sends a command; the answer's value.
async fn send(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let text = request.header("content-type", "application/json").send().await?.text().await?;
    let answer: Value = serde_json::from_str(&text).with_context(|| text.chars().take(200).collect::<String>())?;
    let value = answer["value"].clone();
    match value["error"].as_str() {
        Some(error) => bail!("{error}: {}", value["message"].as_str().unwrap_or_default()),
        None => Ok(value),
    }
}
