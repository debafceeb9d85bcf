//! Files over real sockets, on loopback only: two doors, HEAD, and bodies that are slow, endless, swollen or lie.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use threadkeep_sim::{RunningServer, Simulator, SimulatorOptions, World};
use tokio::runtime::Runtime;

const NOW_MS: i64 = 1_760_000_000_000;
/// No test reads more of a body than this.
const BODY_MAX: u64 = 64 * 1024 * 1024;

struct Served {
    runtime: Runtime,
    server: RunningServer,
    cookie: String,
}

impl Served {
    fn start() -> Self {
        let world = json!({
            "people": [{"key": "olga", "name": "Olga Test", "picture": true}],
            "conversations": [{"with": ["olga"], "messages": [{"content": [
                {"file": {"name": "plan.pdf", "mediaType": "application/pdf", "byteSize": 5000}}]}]}],
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let simulator =
            Simulator::new(World::from_json(&world.to_string(), NOW_MS).unwrap(), SimulatorOptions::default());
        let server = runtime.block_on(RunningServer::start("127.0.0.1:0".parse().unwrap(), simulator)).unwrap();
        let cookie = server.simulator().lock().unwrap().credentials()[0].cookie.clone();
        Self { runtime, server, cookie }
    }

    /// Head and body, read to the end of the connection.
    fn ask(&self, address: SocketAddr, method: &str, target: &str, headers: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("{method} {target} HTTP/1.1\r\nhost: any\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        let mut body = Vec::new();
        // A broken connection is an error or an early end: what came counts.
        let _ = reader.take(BODY_MAX).read_to_end(&mut body);
        (head.to_lowercase(), body)
    }

    fn file(&self, method: &str) -> (String, Vec<u8>) {
        let cookie = format!("cookie: {}\r\n", self.cookie);
        self.ask(self.server.address(), method, &self.link("file"), &cookie)
    }

    fn link(&self, part: &str) -> String {
        let (_, body) = self.ask(self.server.address(), "GET", "/_sim/media", "");
        let text = String::from_utf8(body).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let line = lines.find(|line| line["part"] == part).unwrap();
        let url = line["url"].as_str().unwrap();
        url.splitn(4, '/').last().map(|rest| format!("/{rest}")).unwrap()
    }

    fn set_faults(&self, faults: Value) {
        let faults = serde_json::from_value(faults).unwrap();
        self.server.simulator().lock().unwrap().set_faults(faults);
    }

    fn stop(self) {
        self.runtime.block_on(self.server.shutdown());
    }
}

#[test]
fn a_file_comes_whole_and_its_head_tells_the_same() {
    let served = Served::start();
    let (head, body) = served.file("GET");
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 5000\r\n"), "{head}");
    assert!(head.contains("content-type: application/pdf\r\n"));
    assert!(head.contains("content-disposition: attachment; filename=\"plan.pdf\"\r\n"));
    assert_eq!(body.len(), 5_000);
    let (only_head, nothing) = served.file("HEAD");
    assert!(nothing.is_empty());
    let strip = |text: &str| text.lines().filter(|line| !line.starts_with("date")).collect::<Vec<_>>().join("\n");
    assert_eq!(strip(&only_head), strip(&head));
    served.stop();
}

#[test]
fn the_second_door_serves_pictures_and_nothing_private() {
    let served = Served::start();
    let door = served.server.media_address();
    assert!(served.server.media_url().starts_with("http://127.0.0.1:"));
    let (head, body) = served.ask(door, "GET", &served.link("picture"), "");
    assert!(head.starts_with("http/1.1 200") && body.starts_with(b"\xff\xd8\xff"), "{head}");
    let cookie = format!("cookie: {}\r\n", served.cookie);
    let (head, _) = served.ask(door, "GET", &served.link("file"), &cookie);
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let (head, _) = served.ask(door, "GET", "/_sim/credentials", "");
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let (_, ledger) = served.ask(served.server.address(), "GET", "/_sim/ledger", "");
    let lines = String::from_utf8(ledger).unwrap();
    let leaks = lines.lines().filter(|line| line.contains("\"cookiesLeaked\":true")).count();
    assert_eq!(leaks, 1, "{lines}");
    served.stop();
}

#[test]
fn bodies_lie_about_their_length() {
    let served = Served::start();
    served.set_faults(json!({"wrong_length": {"rate": 1, "length": "long"}}));
    let (head, body) = served.file("GET");
    assert!(head.contains("content-length: 6000\r\n"), "{head}");
    assert_eq!(body.len(), 5_000);
    served.set_faults(json!({"wrong_length": {"rate": 1, "length": "short"}}));
    let (head, body) = served.file("GET");
    assert!(head.contains("content-length: 2500\r\n"), "{head}");
    assert_eq!(body.len(), 2_500);
    let (head, _) = served.file("HEAD");
    assert!(head.contains("content-length: 2500\r\n"), "{head}");
    served.set_faults(json!({"cut_body": {"rate": 1, "after_bytes": 100}}));
    let (head, body) = served.file("GET");
    assert!(head.contains("content-length: 5000\r\n"), "{head}");
    assert_eq!(body.len(), 100);
    served.stop();
}

#[test]
fn bodies_drip_and_swell_and_hardly_end() {
    let served = Served::start();
    served.set_faults(json!({"slow_body": {"rate": 1, "piece_bytes": 1000, "pause_ms": 1}}));
    let (head, body) = served.file("GET");
    assert!(head.contains("content-length: 5000\r\n"), "{head}");
    assert_eq!(body.len(), 5_000);
    let token = served.cookie.split("JSESSIONID=\"").nth(1).unwrap().split('"').next().unwrap();
    let me = format!("cookie: {}\r\ncsrf-token: {token}\r\n", served.cookie);
    served.set_faults(json!({"slow_body": {"rate": 1, "piece_bytes": 10, "pause_ms": 1}}));
    let (_, page) = served.ask(served.server.address(), "GET", "/voyager/api/me", &me);
    assert!(serde_json::from_slice::<Value>(&page).unwrap()["plainId"].is_number(), "an answer of the API drips too");
    assert_eq!(served.server.simulator().lock().unwrap().faults_struck()["slow_body"], 1);
    served.set_faults(json!({"endless_body": {"rate": 1, "total_bytes": 3_000_000}}));
    let (head, body) = served.file("GET");
    assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
    assert!(body.len() > 3_000_000, "the chunks' frames come on top");
    served.set_faults(json!({"gzip_bomb": {"rate": 1, "total_bytes": 20_000_000}}));
    let (head, body) = served.file("GET");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(body.len() < 100_000);
    let mut plain = Vec::new();
    GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
    assert_eq!(plain.len(), 20_000_000);
    served.stop();
}
