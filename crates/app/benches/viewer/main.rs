//! What the viewer's first page costs: its bytes with all that it loads at first, and its time beside a constant body.
//!
//! The inbox of a large mailbox, by somebody who is signed in, over HTTP on loopback with a kept connection, one request
//! after the other. The constant body has the size of the page and comes from the same server in turns with it, past
//! everything of the program. The log is off. Nothing is cached by anybody but the operating system.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../client/mod.rs"]
mod client;
#[path = "../mirror/mod.rs"]
mod mirror;
#[path = "../site/mod.rs"]
mod site;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use threadkeep::verbs::sign_in;

use client::Client;
use site::Site;

/// The page that somebody sees first.
const FIRST: &str = "/ui/";
/// How often each target is asked before anything is measured.
const WARM_UP: u32 = 20;

#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value_t = 10_500)]
    conversations: u32,
    #[arg(long, default_value_t = 100_000)]
    messages: u32,
    #[arg(long, default_value_t = 200)]
    asked: u32,
    /// Where the database stays for the next run
    #[arg(long)]
    keep: Option<PathBuf>,
    /// What `cargo bench` says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let site = runtime.block_on(Site::open(args.keep.as_deref(), args.messages, args.conversations))?;
    let session = runtime.block_on(sign_in::open(&site.app, &site.key, None))?;
    let visitor = Visitor { host: site.address.to_string(), cookie: format!("__Host-threadkeep={}", session.token) };
    measure(&mut Client::connect(site.address)?, &visitor, args.asked.max(1))?;
    runtime.block_on(site.close());
    Ok(())
}

/// Somebody who is signed in.
struct Visitor {
    host: String,
    cookie: String,
}

impl Visitor {
    fn request(&self, path: &str) -> Vec<u8> {
        let Self { host, cookie } = self;
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\ncookie: {cookie}\r\n\r\n").into_bytes()
    }
}

fn measure(client: &mut Client, visitor: &Visitor, asked: u32) -> Result<()> {
    let page_bytes = client.ask(&visitor.request(FIRST))?;
    let page = String::from_utf8(client.body(page_bytes).to_vec())?;
    ensure!(page.contains("href=\"/ui/thread/"), "there is no conversation on the page");
    let mut all_bytes = page_bytes;
    for address in loaded(&page) {
        let bytes = client.ask(&visitor.request(address))?;
        println!("  {address}: {bytes} bytes");
        all_bytes += bytes;
    }
    println!("first page: {page_bytes} bytes, with all that it loads at first {all_bytes} (bar: 50000)");
    let (page, constant) = (visitor.request(FIRST), visitor.request(&format!("/constant/{page_bytes}")));
    let (mut of_page, mut of_constant) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + asked {
        for (request, times) in [(&page, &mut of_page), (&constant, &mut of_constant)] {
            let time_ms = time_ms(client, request)?;
            if round >= WARM_UP {
                times.push(time_ms);
            }
        }
    }
    let (page, constant) = (Times::of(of_page).context("no time")?, Times::of(of_constant).context("no time")?);
    println!("first page, {asked} times: p50 {:.2} ms, p99 {:.2} ms (bar: 100.00)", page.p50_ms, page.p99_ms);
    println!("constant body of the same size: p50 {:.2} ms, p99 {:.2} ms", constant.p50_ms, constant.p99_ms);
    println!(
        "ratio of the page to the constant body: p50 {:.1}, p99 {:.1}",
        page.p50_ms / constant.p50_ms,
        page.p99_ms / constant.p99_ms
    );
    Ok(())
}

/// The addresses that a browser asks for by itself when it shows a page; images that are far down come later.
fn loaded(page: &str) -> BTreeSet<&str> {
    let value = |tag, name: &str| -> Option<&str> {
        let (_, rest) = <str>::split_once(tag, name)?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let tags = page.split('<').filter_map(|rest| rest.split('>').next());
    let asked = tags.filter_map(|tag| match tag.split(' ').next() {
        Some("link") => value(tag, " href=\""),
        Some("script" | "img") if !tag.contains("loading=\"lazy\"") => value(tag, " src=\""),
        _ => None,
    });
    asked.filter(|address| address.starts_with('/')).collect()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn time_ms(client: &mut Client, request: &[u8]) -> Result<f64> {
    let began = Instant::now();
    client.ask(request)?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// How long something took.
struct Times {
    p50_ms: f64,
    p99_ms: f64,
}

impl Times {
    fn of(mut all: Vec<f64>) -> Option<Self> {
        all.sort_by(f64::total_cmp);
        let at = |percent: usize| all.get((all.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { p50_ms: at(50)?, p99_ms: at(99)? })
    }
}
