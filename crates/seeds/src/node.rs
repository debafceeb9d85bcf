//! A process: the program's own parts on the simulated ground, how it starts, has a turn, and is killed.
//!
//! A killed process leaves only what was committed. Everything else of it is dropped where it stood.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::future::{BoxFuture, FutureExt, poll_fn};
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::lifecycle::Stop;
use threadkeep::refusal::Refusal;
use threadkeep::seal::{MasterKey, Sealer};
use threadkeep::source::egress::{self, Egress};
use threadkeep::source::media::MediaGate;
use threadkeep::source::voyager::QueryIds;
use threadkeep::vault::Vault;
use threadkeep::worker;
use threadkeep::worker::presence::Presence;
use threadkeep_core::sync::pace::Pace;

use crate::doors::{SeededChance, WallClock};
use crate::seam::StoreSeam;
use crate::stage::{Stage, Who};
use crate::wire::{MEDIA_PLACE, SITE_PLACE, Wire};

/// A process.
pub struct Node {
    who: Who,
    app: Mutex<Option<App>>,
    is_busy: AtomicBool,
    is_killed: AtomicBool,
    starts: AtomicU64,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// There was a job and it was worked on.
    Worked,
    /// Nothing is due.
    Idle,
    /// It failed with this code.
    Failed(&'static str),
    /// The process was killed.
    Killed,
    /// It is in the middle of a turn.
    Busy,
}

impl Node {
    /// A process that has not started.
    pub fn new(who: Who) -> Self {
        Self {
            who,
            app: Mutex::new(None),
            is_busy: AtomicBool::new(false),
            is_killed: AtomicBool::new(false),
            starts: AtomicU64::new(0),
        }
    }

    /// The name under which it holds leases, if it runs.
    pub fn presence(&self) -> Option<String> {
        self.running().map(|app| app.presence.id().to_owned())
    }

    /// Whether it is in the middle of a turn.
    pub fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    /// Ends the process between two turns; its parts know the stage, which would otherwise outlive its life.
    pub fn end(&self) {
        *self.app.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Kills the process whose own code this is called by.
    pub async fn die(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
        std::future::pending::<()>().await;
    }

    /// The parts of the process, which starts when it does not run.
    pub async fn app(&self, stage: &Arc<Stage>) -> Result<App, Refusal> {
        if let Some(app) = self.running() {
            return Ok(app);
        }
        let app = self.start(stage).await?;
        *self.app.lock().unwrap_or_else(PoisonError::into_inner) = Some(app.clone());
        Ok(app)
    }

    fn running(&self) -> Option<App> {
        self.app.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn start(&self, stage: &Arc<Stage>) -> Result<App, Refusal> {
        let start = self.starts.fetch_add(1, Ordering::Relaxed);
        let number = match self.who {
            Who::Node(number) => u64::try_from(number).unwrap_or(0) + 1,
            Who::Person | Who::Nature => 0,
        };
        let chance = Arc::new(SeededChance::new(stage.plan.seed ^ (number << 40) ^ (start << 48)));
        let presence = Presence::alone(chance.as_ref());
        let seam = StoreSeam { stage: Arc::clone(stage), who: self.who };
        let store = stage.ground.store(Arc::new(seam)).await?;
        let wire = Arc::new(Wire { stage: Arc::clone(stage), who: self.who });
        let base = place(SITE_PLACE)?;
        let clock = Arc::new(WallClock(Arc::clone(stage)));
        let now = Arc::clone(stage);
        let now_ms = Arc::new(move || now.wall_ms());
        let gate = MediaGate::simulated(base.clone(), Some(place(MEDIA_PLACE)?), now_ms, wire.clone());
        let settings = MediaSettings { policy: stage.plan.media, ..MediaSettings::in_folder("nowhere".into()) };
        let key = MasterKey::from_text(&"07".repeat(32)).map_err(|error| Refusal::Secret(error.to_string()))?;
        Ok(App {
            store,
            clock,
            chance,
            sealer: Arc::new(Sealer::new(&key)),
            bell: Arc::default(),
            presence: Arc::new(presence),
            storage: Arc::default(),
            upstream: Arc::new(Upstream { egress: Egress::simulated(wire), base, query_ids: QueryIds::default() }),
            media: Arc::new(Media { gate, vault: stage.vault(), settings }),
            sync: SyncSettings { pace: stage.plan.pace, ..SyncSettings::default() },
        })
    }

    /// One turn of a worker, boxed because a turn may be inside another one's.
    pub fn turn<'a>(self: &'a Arc<Self>, stage: &'a Arc<Stage>) -> BoxFuture<'a, TurnEnd> {
        async move {
            if self.is_busy.swap(true, Ordering::Relaxed) {
                return TurnEnd::Busy;
            }
            let ended = self.living(self.work(stage)).await;
            self.is_busy.store(false, Ordering::Relaxed);
            match ended {
                Some(Ok(true)) => TurnEnd::Worked,
                Some(Ok(false)) => TurnEnd::Idle,
                Some(Err(refusal)) => TurnEnd::Failed(refusal.code()),
                None => {
                    self.is_killed.store(false, Ordering::Relaxed);
                    self.end();
                    TurnEnd::Killed
                }
            }
        }
        .boxed()
    }

    async fn work(&self, stage: &Arc<Stage>) -> Result<bool, Refusal> {
        let app = self.app(stage).await?;
        // The first node plans what is due for everybody, as a server's first worker does.
        worker::turn(&app, &Stop::default(), self.who == Who::Node(0)).await
    }

    /// What comes of something, or nothing when the process is killed in it.
    async fn living<T>(&self, doing: impl Future<Output = T> + Send) -> Option<T> {
        let mut doing = pin!(doing);
        poll_fn(|context| match doing.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.is_killed.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}

fn place(text: &str) -> Result<egress::Upstream, Refusal> {
    egress::Upstream::parse(text).map_err(|error| Refusal::Invalid(error.to_string()))
}

/// How long a worker leaves an account that is up to date alone (`worker`).
pub fn idle_ms(pace: Pace) -> i64 {
    match pace {
        Pace::Polite => 60_000,
        Pace::Open => SyncSettings::default().recent_ms.max(pace.idle_ms()),
    }
}

/// The vault of a life.
pub fn vault() -> Vault {
    Vault::in_memory()
}
