//! Threads that each own a connection and take jobs from one queue.
//!
//! A connection never leaves its thread. A job must not wait for another one; who limits the number of jobs in the
//! queue is the caller.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

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
    queue: Arc<Queue>,
    /// Gives `None` when the last of them has closed its connection.
    ended: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
}

/// What is to be done, oldest first. A job wakes one thread, and that one takes it.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Nothing more is taken; what is there is still done.
    is_closed: bool,
}

impl Queue {
    fn put(&self, job: Job) -> StoreResult<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.bell.notify_one();
        Ok(())
    }

    /// The next job; `None` when there will be no more.
    fn take(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match waiting.jobs.pop_front() {
                Some(job) => return Some(job),
                None if waiting.is_closed => return None,
                None => waiting = self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn close(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.bell.notify_all();
    }
}

impl Threads {
    /// Starts them; each opens its connection when it gets its first job.
    pub(super) fn start(name: &str, count: usize, settings: &Settings) -> StoreResult<Self> {
        let queue = Arc::<Queue>::default();
        let (running, ended) = mpsc::channel(1);
        for _ in 0..count {
            let (jobs, settings, running) = (Arc::clone(&queue), settings.clone(), running.clone());
            let work = move || {
                serve(&jobs, &settings);
                drop(running);
            };
            spawn_thread(name, work).map_err(|error| {
                StoreError::Unavailable(format!("no thread can be started for it ({})", error.kind()))
            })?;
        }
        Ok(Self { queue, ended: tokio::sync::Mutex::new(ended) })
    }

    /// Does something with a connection and waits for what comes of it. It is done even if nobody waits any more.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (answer, answered) = oneshot::channel();
        self.queue.put(Box::new(move |connection| {
            // Nobody waits any more when this fails.
            let _ = answer.send(connection.and_then(work));
        }))?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the work on it has broken off".to_owned())))
    }

    /// Does something with a connection, after what was asked before.
    pub(super) fn tell(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        // When the threads have ended, or have no connection, there is nothing to do it to.
        let _ = self.queue.put(Box::new(move |connection| {
            let _ = connection.map(work);
        }));
    }

    /// Lets them do what was asked for, closes the connections and waits for that.
    pub(super) async fn close(&self) {
        self.queue.close();
        let _ = self.ended.lock().await.recv().await;
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The life of a thread: until its queue is closed.
fn serve(jobs: &Queue, settings: &Settings) {
    let mut connection = None;
    while let Some(job) = jobs.take() {
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
