//! Starting tasks and stopping them: the one door through which tasks and threads are spawned and signals enter.
//!
//! A stop is asked for once and seen by everybody; work ends at its next safe point, and nothing is lost because
//! everything that matters is in rows.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Asks for a stop and tells whether one was asked for.
#[derive(Debug, Clone)]
pub struct Stop {
    sender: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: watch::Sender::new(false) }
    }
}

impl Stop {
    /// Asks everybody to stop.
    pub fn ask(&self) {
        self.sender.send_replace(true);
    }

    /// Whether a stop was asked for.
    pub fn is_asked(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until a stop is asked for.
    pub async fn asked(&self) {
        let mut receiver = self.sender.subscribe();
        // An error means that the sender is gone, and it lives in `self`.
        let _ = receiver.wait_for(|asked| *asked).await;
    }
}

/// Runs a task beside the caller.
#[expect(clippy::disallowed_methods, reason = "this is the door through which tasks are spawned")]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// A task that ends with whoever started it: dropping this ends the task at its next wait.
#[derive(Debug)]
pub struct Bound<T>(JoinHandle<T>);

impl<T> Bound<T> {
    /// Waits for its end; false when it panicked.
    pub async fn ended(&mut self) -> bool {
        (&mut self.0).await.is_ok()
    }
}

impl<T> Drop for Bound<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a task beside the caller, and no longer than what is returned is kept.
pub fn spawn_bound<F>(future: F) -> Bound<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Bound(spawn(future))
}

/// Runs a thread beside the tasks, for work that blocks; it ends by itself.
#[expect(clippy::disallowed_methods, reason = "this is the door through which threads are started")]
pub fn spawn_thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(|_| ())
}

/// The exit code of a process that was told twice to stop.
const STOPPED_AT_ONCE: i32 = 130;

/// Asks for a stop at the first Ctrl-C or termination signal; the second one ends the process where it stands, which
/// costs what a crash costs: the page that was being read.
pub fn stop_on_signal(stop: Stop) {
    spawn(async move {
        signalled().await;
        stop.ask();
        signalled().await;
        std::process::exit(STOPPED_AT_ONCE);
    });
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signalled() {
    let _ = tokio::signal::ctrl_c().await;
}
