//! Threads that each own a connection and take jobs from one queue.
//!
//! A connection never leaves its thread. A job must not wait for another one; who limits the number of jobs in the
//! queue is the caller.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Settings, roll_back};
use crate::lifecycle::spawn_thread;
use crate::store::failure::sqlite_failure;
use crate::store::{StoreError, StoreResult};

/// What a thread is handed: work, and what it works with.
type Job = Box<dyn FnOnce(StoreResult<&mut Connection>) + Send>;

/// The threads of one kind.
pub(super) struct Threads {
    /// `None` once they are told to end.
    queue: Mutex<Option<Sender<Job>>>,
    /// Gives `None` when the last of them has closed its connection.
    ended: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
}

impl Threads {
    /// Starts them; each opens its connection when it gets its first job.
    pub(super) fn start(name: &str, count: usize, settings: &Settings) -> StoreResult<Self> {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let (running, ended) = mpsc::channel(1);
        for _ in 0..count {
            let (jobs, settings, running) = (Arc::clone(&jobs), settings.clone(), running.clone());
            let work = move || {
                serve(&jobs, &settings);
                drop(running);
            };
            spawn_thread(name, work).map_err(|error| {
                StoreError::Unavailable(format!("no thread can be started for it ({})", error.kind()))
            })?;
        }
        Ok(Self { queue: Mutex::new(Some(queue)), ended: tokio::sync::Mutex::new(ended) })
    }

    /// Does something with a connection and waits for what comes of it. It is done even if nobody waits any more.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (answer, answered) = oneshot::channel();
        self.send(Box::new(move |connection| {
            // Nobody waits any more when this fails.
            let _ = answer.send(connection.and_then(work));
        }))?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the work on it has broken off".to_owned())))
    }

    /// Does something with a connection, after what was asked before.
    pub(super) fn tell(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        // When the threads have ended, or have no connection, there is nothing to do it to.
        let _ = self.send(Box::new(move |connection| {
            let _ = connection.map(work);
        }));
    }

    fn send(&self, job: Job) -> StoreResult<()> {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().ok_or_else(closed)?.send(job).map_err(|_| closed())
    }

    /// Lets them do what was asked for, closes the connections and waits for that.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.ended.lock().await.recv().await;
    }
}

/// The life of a thread: until its queue is closed.
fn serve(jobs: &Mutex<Receiver<Job>>, settings: &Settings) {
    let mut connection = None;
    loop {
        // The guard lives for this line alone: whoever waits for a job holds it, the others wait for it.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        let done = catch_unwind(AssertUnwindSafe(|| {
            job(opened(&mut connection, settings).map_err(|error| sqlite_failure(&error)));
        }));
        if let (Err(_), Some(connection)) = (done, &connection) {
            // Whoever asked is told that it has broken; the next one must not find its transaction open.
            roll_back(connection);
        }
    }
}

fn opened<'a>(connection: &'a mut Option<Connection>, settings: &Settings) -> rusqlite::Result<&'a mut Connection> {
    match connection {
        Some(connection) => Ok(connection),
        None => Ok(connection.insert(settings.connect()?)),
    }
}
