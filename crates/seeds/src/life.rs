//! One life from its plan: the beginning, the storm, the calm; and what came of it.
//!
//! A panic anywhere in the program is a breach like any other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use threadkeep::store::simulated::Ground;
use tokio::runtime::Runtime;

use crate::breach;
use crate::plan::Plan;
use crate::stage::{Breach, Stage, State};
use crate::tally::Tally;
use crate::{calm, storm};

/// What came of a life.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The seed.
    pub seed: u64,
    /// The hash of its story.
    pub hash: u64,
    /// What was counted.
    pub tally: Tally,
    /// What did not hold.
    pub breach: Option<Breach>,
    /// The story, if it was wanted.
    pub lines: Vec<String>,
}

/// Where lives happen: a database, and what drives futures on it.
pub struct Scene {
    ground: Arc<Ground>,
    place: Place,
}

/// What drives futures there, and what has to be removed.
enum Place {
    /// Everything is there at once, so that nothing has to be driven.
    Memory,
    File {
        runtime: Runtime,
        folder: TempDir,
    },
    Postgres {
        runtime: Runtime,
        server: String,
        name: String,
    },
}

impl Scene {
    /// A scene with SQLite in memory.
    pub fn memory() -> anyhow::Result<Self> {
        let ground = Ground::memory().now_or_never().ok_or_else(|| anyhow::anyhow!("SQLite made somebody wait"))??;
        Ok(Self { ground: Arc::new(ground), place: Place::Memory })
    }

    /// A scene with a SQLite file of its own, which every process opens for itself.
    pub fn file() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let folder = tempfile::tempdir()?;
        let ground = runtime.block_on(Ground::file(folder.path().join("seeds.db")))?;
        Ok(Self { ground: Arc::new(ground), place: Place::File { runtime, folder } })
    }

    /// A scene with a PostgreSQL database of its own on a server.
    pub fn postgres(server: &str, thread: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let name = format!("threadkeep_seeds_{}_{thread}", std::process::id());
        runtime.block_on(administer(server, &format!("CREATE DATABASE {name}")))?;
        let ground = runtime.block_on(Ground::postgres(&with_database(server, &name)?))?;
        let place = Place::Postgres { runtime, server: server.to_owned(), name };
        Ok(Self { ground: Arc::new(ground), place })
    }

    /// Removes what was made for it.
    pub fn finish(self) -> anyhow::Result<()> {
        match self.place {
            Place::Memory => Ok(()),
            Place::File { folder, .. } => Ok(folder.close()?),
            Place::Postgres { runtime, server, name } => {
                runtime.block_on(administer(&server, &format!("DROP DATABASE {name} WITH (FORCE)")))
            }
        }
    }

    /// Lets a plan happen.
    pub fn play(&self, plan: &Plan, keeps_lines: bool) -> Ended {
        let stage = Stage::new(plan.clone(), Arc::clone(&self.ground), keeps_lines);
        let living = AssertUnwindSafe(live(&stage)).catch_unwind();
        let ended = match &self.place {
            Place::Memory => living.now_or_never(),
            Place::File { runtime, .. } | Place::Postgres { runtime, .. } => Some(runtime.block_on(living)),
        };
        let found = match ended {
            Some(Ok(Ok(()))) => None,
            Some(Ok(Err(refusal))) => Some(breach!("the calm refuses nothing", "{}: {refusal}", refusal.code())),
            Some(Err(panic)) => Some(breach!("no panic", "{}", words(panic.as_ref()))),
            None => Some(breach!("nobody waits in memory", "somebody waits for something that nobody will do")),
        };
        if let Some(breach) = found {
            stage.report(breach);
        }
        stage.nodes().iter().for_each(|node| node.end());
        stage.desk.end();
        stage.with(|state: &mut State| Ended {
            seed: plan.seed,
            hash: state.story.hash(),
            tally: state.tally.clone(),
            breach: state.breach.clone(),
            lines: state.story.lines().to_vec(),
        })
    }
}

async fn live(stage: &Arc<Stage>) -> Result<(), threadkeep::refusal::Refusal> {
    stage.ground.clear().await?;
    calm::begin(stage).await?;
    storm::rage(stage).await;
    if stage.is_broken() {
        return Ok(());
    }
    calm::settle(stage).await
}

async fn administer(server: &str, text: &str) -> anyhow::Result<()> {
    let mut connection = sqlx::PgConnection::connect(&with_database(server, "postgres")?).await?;
    connection.execute(AssertSqlSafe(text.to_owned())).await?;
    Ok(connection.close().await?)
}

fn with_database(server: &str, name: &str) -> anyhow::Result<String> {
    let mut url = url::Url::parse(server)?;
    url.set_path(name);
    Ok(url.into())
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
