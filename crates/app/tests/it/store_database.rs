//! A fresh database for each test, of either kind, and a way to look into it behind the store's back.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tempfile::TempDir;
use threadkeep::store::{OpenOptions, SharedStore, open};

use crate::pg;

static NEXT: AtomicU32 = AtomicU32::new(1);

enum Place {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

/// A fresh database.
pub struct Database {
    place: Place,
    pub url: String,
    pub store: SharedStore,
}

impl Database {
    pub async fn sqlite() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite:{}", folder.path().join("kept/threadkeep.db").display());
        let store = open(&url, OpenOptions::default()).await?;
        Ok(Self { place: Place::Sqlite { _folder: folder }, url, store })
    }

    /// A database of its own on the PostgreSQL server; `None`, said aloud, when there is no server.
    pub async fn postgres(test: &str) -> anyhow::Result<Option<Self>> {
        let Some(server) = pg::server_url()? else {
            if pg::is_required() {
                bail!("{test} needs PostgreSQL: install its server programs or set THREADKEEP_TEST_POSTGRES_URL");
            }
            // Past the capture of the test runner, or nobody would see it.
            writeln!(std::io::stderr(), "SKIPPED {test}: no PostgreSQL")?;
            return Ok(None);
        };
        Self::on_server(server).await.map(Some)
    }

    /// A database of its own on this server.
    pub async fn on_server(server: &str) -> anyhow::Result<Self> {
        let name = format!("threadkeep_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        administer(server, &format!("CREATE DATABASE {name}")).await?;
        let url = with_database(server, &name)?;
        let store = open(&url, OpenOptions::default()).await?;
        let place = Place::Postgres { server: server.to_owned(), name };
        Ok(Self { place, url, store })
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres { .. })
    }

    /// A second store on the same database, as another process would have it.
    pub async fn second(&self) -> anyhow::Result<SharedStore> {
        Ok(open(&self.url, OpenOptions::default()).await?)
    }

    /// Runs a statement behind the store's back; gives the first column of the first row as a number.
    pub async fn raw(&self, text: &str) -> anyhow::Result<Option<i64>> {
        if self.is_postgres() {
            let text = AssertSqlSafe(text.to_owned());
            let mut connection = sqlx::PgConnection::connect(&self.url).await?;
            let row = connection.fetch_optional(text).await?;
            connection.close().await?;
            return Ok(row.map(|row| row.try_get(0)).transpose()?);
        }
        let connection = self.connect()?;
        let mut statement = connection.prepare(text)?;
        let mut rows = statement.query([])?;
        // A statement that writes has done so after its first step.
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }

    /// A connection of its own to the SQLite file.
    pub fn connect(&self) -> anyhow::Result<rusqlite::Connection> {
        let path = self.url.strip_prefix("sqlite:").context("not a file")?;
        let connection = rusqlite::Connection::open(path)?;
        connection.execute_batch("PRAGMA foreign_keys = ON")?;
        Ok(connection)
    }

    /// A count out of the database.
    pub async fn count(&self, text: &str) -> anyhow::Result<i64> {
        self.raw(text).await?.context("no row")
    }

    /// The first column of what a query finds, as texts.
    pub async fn texts(&self, text: &str) -> anyhow::Result<Vec<String>> {
        if self.is_postgres() {
            let mut connection = sqlx::PgConnection::connect(&self.url).await?;
            let rows = connection.fetch_all(AssertSqlSafe(text.to_owned())).await?;
            connection.close().await?;
            return Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?);
        }
        let connection = self.connect()?;
        let mut statement = connection.prepare(text)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Closes and removes it.
    pub async fn finish(self) -> anyhow::Result<()> {
        self.store.close().await;
        if let Place::Postgres { server, name } = &self.place {
            administer(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }
}

async fn administer(server: &str, text: &str) -> anyhow::Result<()> {
    let mut connection = sqlx::PgConnection::connect(&with_database(server, "postgres")?).await?;
    connection.execute(AssertSqlSafe(text.to_owned())).await?;
    connection.close().await?;
    Ok(())
}

fn with_database(server: &str, name: &str) -> anyhow::Result<String> {
    let mut url = url::Url::parse(server)?;
    url.set_path(name);
    Ok(url.into())
}

/// Makes one test for each database out of each function.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                let db = $crate::store_database::Database::sqlite().await?;
                super::$name(&db).await?;
                db.finish().await
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                let test = concat!(module_path!(), "::", stringify!($name));
                let Some(db) = $crate::store_database::Database::postgres(test).await? else {
                    return Ok(());
                };
                super::$name(&db).await?;
                db.finish().await
            })*
        }
    };
}
