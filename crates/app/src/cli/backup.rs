//! `threadkeep db backup` and `threadkeep db restore`: a copy of the database, and its way back.
//!
//! Both work on a thread of their own, so that Ctrl-C is heard. What a backup does not hold is told each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::HumanBytes;
use secrecy::ExposeSecret;
use tokio::sync::oneshot;

use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::lifecycle::{Stop, spawn_thread, stop_on_signal};
use crate::refusal::Refusal;
use crate::vault::VaultSettings;
use crate::verbs::backup;

use super::console;
use super::delivery::Delivery;
use super::failure::{Ended, Failure, INTERRUPTED, OK, OTHER};
use super::table;

/// Where a backup goes.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; its manifest is written beside it.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Replace an earlier backup.
    #[arg(long)]
    force: bool,
}

/// Which backup is put back.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The file that `db backup` has written, with its manifest beside it.
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

/// Takes a backup.
pub(crate) async fn take(args: BackupArgs, config: &Config) -> Ended {
    let delivery = Delivery::begin(&args.path, false, args.force)?;
    let beside = Delivery::begin(&backup::manifest_path(&args.path), false, args.force)?;
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let is_wanted = Arc::new(AtomicBool::new(true));
    let (url, part) = (config.database_url.expose_secret().to_owned(), delivery.part().to_owned());
    let wanted = Arc::clone(&is_wanted);
    let work = move || backup::take(&url, &part, SystemClock.now(), |_, _| wanted.load(Ordering::Relaxed));
    let mut taken = on_a_thread("backup", work)?;
    let taken = tokio::select! {
        taken = &mut taken => taken,
        () = stop.asked() => {
            is_wanted.store(false, Ordering::Relaxed);
            taken.await
        }
    };
    let Some(manifest) = taken.map_err(|_| broken_off())?? else {
        console::tell("stopped: nothing was left behind");
        return Ok(INTERRUPTED);
    };
    beside.fill(manifest.as_bytes())?;
    // The file that tells the hash comes first: a backup without it would be refused, and is not there yet.
    beside.finish()?;
    delivery.finish()?;
    tell_taken(&args.path, config);
    Ok(OK)
}

fn tell_taken(path: &Path, config: &Config) {
    let size = std::fs::metadata(path).map_or(0, |found| found.len());
    console::tell(&format!("backed up to {} ({})", path.display(), HumanBytes(size)));
    console::tell(
        "hint: logins in it are sealed with the master key, which is not in it: keep the key in another place. Without it \
         everything opens but the logins",
    );
    if let VaultSettings::Local(folder) = &config.media.store {
        console::tell(&format!("hint: the bytes of attachments are not in it: copy {} too", folder.display()));
    }
}

/// Puts a backup back.
pub(crate) async fn put_back(args: RestoreArgs, config: &Config) -> Ended {
    let (url, path) = (config.database_url.expose_secret().to_owned(), args.path.clone());
    let put = on_a_thread("restore", move || backup::put_back(&url, &path, SystemClock.now()))?;
    let put = put.await.map_err(|_| broken_off())??;
    let when = table::time(put.manifest.taken_at);
    console::tell(&format!("restored the backup of {when} (schema {})", put.manifest.schema));
    if let Some(kept) = put.kept {
        console::tell(&format!("the database that was there is kept as {}", kept.display()));
    }
    console::tell(
        "hint: logins open only with the master key of that time; without it run `threadkeep account reconnect` for each \
         account",
    );
    Ok(OK)
}

fn on_a_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, Refusal>>, Failure> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        // Nobody waits any more when this fails.
        let _ = answer.send(work());
    };
    spawn_thread(name, work).map_err(|error| Failure::new(OTHER, format!("no thread can be started: {error}")))?;
    Ok(answered)
}

fn broken_off() -> Failure {
    Failure::new(OTHER, "the work has broken off; nothing was changed")
}
