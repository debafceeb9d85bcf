//! The server under load: a filled database, the real router, and a route with a constant body beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path as Segment;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::chance::SystemChance;
use threadkeep::clock::{SharedClock, SystemClock};
use threadkeep::http::{HttpSettings, Rate, serve_beside};
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::seal::{KeyFile, Sealer};
use threadkeep::source::voyager::{QueryIds, parse_reply};
use threadkeep::store::{Actor, OpenOptions, open};
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep::worker::presence::Presence;
use threadkeep_core::sync::{Step, absorb, next_step};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::mirror::{Inbox, Mirror};

/// The file that says that the database beside it is filled, and with what.
const DONE: &str = "filled";
/// The largest constant body that is asked for.
const CONSTANT_MAX: usize = 1 << 20;
/// No limit of requests that a measurement could reach; the counting is done all the same.
const ENDLESS: Rate = Rate { burst: u32::MAX, per_minute: u32::MAX };

/// A running server.
pub struct Site {
    pub address: SocketAddr,
    pub key: String,
    pub messages: u32,
    pub conversations: u32,
    path: PathBuf,
    /// The parts of the program that it serves.
    pub app: App,
    stop: Stop,
    served: JoinHandle<std::io::Result<()>>,
    _temporary: TempDir,
}

impl Site {
    /// Fills the database in a folder unless that was done before, serves it, and tells how large it is. Without a folder
    /// to keep it in, it is gone afterwards.
    pub async fn open(keep: Option<&Path>, messages: u32, conversations: u32) -> Result<Self> {
        let temporary = tempfile::tempdir()?;
        let folder = keep.unwrap_or(temporary.path());
        let path = folder.join("read.db");
        let wanted = format!("{messages} {conversations}");
        if std::fs::read_to_string(folder.join(DONE)).ok().as_deref() != Some(&wanted) {
            std::fs::create_dir_all(folder)?;
            anyhow::ensure!(!path.exists(), "{} holds something else: remove it", folder.display());
            fill(&path, messages, conversations).await?;
            std::fs::write(folder.join(DONE), wanted)?;
        }
        let app = app(folder, &path).await?;
        let wanted = NewKey { scopes: vec![Scope::Read], accounts: None, label: None };
        let (key, _) = keys::create(&app, &Actor::Setup, wanted).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let settings = HttpSettings { key_rate: ENDLESS, address_rate: ENDLESS, ..HttpSettings::default() };
        let stop = Stop::default();
        let served = spawn(serve_beside(constant(), app.clone(), listener, settings, stop.clone()));
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
        let mut site =
            Self { address, key, messages: 0, conversations: 0, path, app, stop, served, _temporary: temporary };
        let database = site.database()?;
        site.messages = database.query_row("SELECT COUNT(*) FROM messages", [], |row| row.get(0))?;
        site.conversations = database.query_row("SELECT COUNT(*) FROM conversations", [], |row| row.get(0))?;
        drop(database);
        println!("{} messages in {} conversations, {megabytes:.0} MB", site.messages, site.conversations);
        Ok(site)
    }

    /// The database, past the server.
    pub fn database(&self) -> Result<Connection> {
        Ok(Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
    }

    /// Stops serving.
    pub async fn close(self) {
        self.stop.ask();
        // What matters was measured.
        let _ = self.served.await;
        self.app.store.close().await;
    }
}

/// A body of the size that the path says.
fn constant() -> Router {
    let body = Bytes::from(vec![b'x'; CONSTANT_MAX]);
    let answer = async move |Segment(size): Segment<usize>| {
        ([(CONTENT_TYPE, "application/json")], body.slice(..size.min(CONSTANT_MAX)))
    };
    Router::new().route("/constant/{size}", get(answer))
}

async fn app(folder: &Path, path: &Path) -> Result<App> {
    let key = KeyFile::at(&folder.join("master.key")).load_or_create(&SystemChance)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let upstream = Upstream::at("http://127.0.0.1:9", QueryIds::default())?;
    let media = Media::open(&upstream, MediaSettings::in_folder(folder.join("media")), clock.clone())?;
    Ok(App {
        store: open(&format!("sqlite:{}", path.display()), OpenOptions::default()).await?,
        clock,
        chance: Arc::new(SystemChance),
        sealer: Arc::new(Sealer::new(&key)),
        bell: Arc::new(Notify::new()),
        presence: Arc::new(Presence::alone(&SystemChance)),
        storage: Arc::default(),
        upstream: Arc::new(upstream),
        media: Arc::new(media),
        sync: SyncSettings::default(),
    })
}

async fn fill(path: &Path, messages: u32, conversations: u32) -> Result<()> {
    let count = usize::try_from(conversations)?;
    let mut inbox = Inbox::generate(count, f64::from(messages) / f64::from(conversations.max(1)))?;
    let mut mirror = Mirror::open(path, &inbox.member).await?;
    loop {
        let now = mirror.now();
        let step = next_step(&mirror.state, now);
        if step == Step::Done {
            break;
        }
        let reply = parse_reply(&step, &inbox.answer(&step)?)?;
        let batch = absorb(&mirror.state, &step, reply, now);
        mirror.commit(batch).await.context("a page could not be kept")?;
    }
    mirror.close().await;
    Ok(())
}
