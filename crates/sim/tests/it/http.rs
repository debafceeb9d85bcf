//! The server over real sockets, on loopback only: keep-alive, compression, broken connections, limits; and the program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use threadkeep_sim::{GenerateOptions, RunningServer, Simulator, SimulatorOptions, World};

/// One answer: status line, head and as much of the body as came.
fn exchange(stream: &mut TcpStream, request: &str) -> (String, Vec<u8>) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        head.push_str(&line.to_lowercase());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
    let mut body = Vec::new();
    // A broken connection is an error or an early end: what came counts.
    let _ = reader.take(u64::try_from(length).unwrap()).read_to_end(&mut body);
    (head, body)
}

fn get(address: SocketAddr, target: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    exchange(&mut stream, &format!("GET {target} HTTP/1.1\r\nhost: any\r\n{headers}\r\n"))
}

fn post(address: SocketAddr, target: &str, body: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    exchange(&mut stream, &format!("POST {target} HTTP/1.1\r\nhost: any\r\ncontent-length: {length}\r\n\r\n{body}"))
}

fn log_in(address: SocketAddr) -> String {
    let (_, body) = get(address, "/_sim/credentials", "");
    let all: Value = serde_json::from_slice(&body).unwrap();
    let cookie = all[0]["cookie"].as_str().unwrap();
    let token = cookie.split("JSESSIONID=\"").nth(1).unwrap().split('"').next().unwrap();
    format!("cookie: {cookie}\r\ncsrf-token: {token}\r\n")
}

fn check_server(address: SocketAddr) {
    let session = log_in(address);
    let mut stream = TcpStream::connect(address).unwrap();
    for _ in 0..3 {
        let request = format!("GET /voyager/api/me HTTP/1.1\r\nhost: any\r\n{session}\r\n");
        let (head, body) = exchange(&mut stream, &request);
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["plainId"].is_number());
    }
    let list =
        "/voyager/api/voyagerMessagingGraphQL/graphql?queryId=messengerConversations.0d5e6781bbee71c3e51c8843c6519f48";
    let me: Value = serde_json::from_slice(&get(address, "/_sim/credentials", "").1).unwrap();
    let mailbox = me[0]["memberUrn"].as_str().unwrap().replace(':', "%3A");
    let target = format!("{list}&variables=(mailboxUrn:{mailbox})");
    let (head, packed) = get(address, &target, &format!("{session}accept-encoding: gzip\r\n"));
    assert!(head.contains("content-encoding: gzip"));
    let mut plain = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut plain).unwrap();
    assert!(plain.contains("messengerConversationsBySyncToken"));
    check_faults(address, &session, &target);
}

fn check_faults(address: SocketAddr, session: &str, target: &str) {
    let faults = json!({"cut_body": {"at": [1], "after_bytes": 100}, "reset": {"at": [2]}, "bot_wall": {"at": [3]},
                        "latency": {"rate": 1, "min_ms": 1, "max_ms": 2}});
    assert!(post(address, "/_sim/faults", &faults.to_string()).0.starts_with("http/1.1 200"));
    let (head, body) = get(address, target, session);
    assert!(head.is_empty() || head.contains("content-length"), "{head}");
    assert!(body.len() <= 100);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: any\r\n{session}\r\n").as_bytes()).unwrap();
    let ended = stream.read(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(ended, Err(std::io::ErrorKind::ConnectionReset), "not a word, and no farewell");
    assert!(get(address, target, session).0.starts_with("http/1.1 999"));
    assert!(get(address, target, session).0.starts_with("http/1.1 200"));
    let huge = "x".repeat(1024 * 1024 + 1);
    let (head, _) = post(address, "/_sim/mutate", &huge);
    assert!(head.starts_with("http/1.1 413"), "{head}");
    let long = format!("x-long: {}\r\n", "y".repeat(40 * 1024));
    assert!(get(address, "/_sim", &long).0.starts_with("http/1.1 200"));
    let longer = format!("x-long: {}\r\n", "y".repeat(200 * 1024));
    let (head, _) = get(address, "/_sim", &longer);
    assert!(!head.starts_with("http/1.1 200"), "{head}");
}

#[test]
fn a_server_in_another_runtime_serves_and_stops() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options = GenerateOptions { conversations: 30, ..GenerateOptions::at(1_760_000_000_000) };
    let simulator = Simulator::new(World::generate(&options), SimulatorOptions::default());
    let server = runtime.block_on(RunningServer::start("127.0.0.1:0".parse().unwrap(), simulator)).unwrap();
    let address = server.address();
    check_server(address);
    assert!(!server.simulator().lock().unwrap().ledger().is_empty());
    runtime.block_on(server.shutdown());
    assert!(TcpStream::connect(address).is_err());
    let options = GenerateOptions { conversations: 1, ..GenerateOptions::at(1_760_000_000_000) };
    let simulator = Simulator::new(World::generate(&options), SimulatorOptions::default());
    assert!(runtime.block_on(RunningServer::start("0.0.0.0:0".parse().unwrap(), simulator)).is_err());
}

#[test]
fn the_program_listens_and_says_so_in_one_line() {
    let program = env!("CARGO_BIN_EXE_threadkeep-sim");
    let arguments = ["--listen", "127.0.0.1:0", "--seed", "3", "--conversations", "5", "--accounts", "2"];
    let mut child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let address = told["listening"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let (_, body) = get(address, "/_sim/credentials", "");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap().as_array().unwrap().len(), 2);
    assert_eq!(told["accounts"], 2);
    assert!(told["mediaUrl"].as_str().unwrap().starts_with("http://127.0.0.1:"));
}

#[test]
fn the_program_refuses_what_it_cannot_use() {
    let program = env!("CARGO_BIN_EXE_threadkeep-sim");
    let cases: [&[&str]; 7] = [
        &["--listen", "0.0.0.0:0"],
        &["--listen", "nowhere"],
        &["--listen-media", "0.0.0.0:0"],
        &["--faults", "medium"],
        &["--world", "no-such-file.json"],
        &["--accounts", "0"],
        &["--colour", "red"],
    ];
    for arguments in cases {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
