//! Which processors server and load run on. Linux alone tells and takes it.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// What the runtime calls its threads.
const WORKERS: &str = "tokio-rt-worker";

/// The server's threads on one processor and the caller on another one, for as long as this lives.
pub struct Placed {
    everywhere: CpuSet,
}

impl Placed {
    /// Places them, where there are two processors.
    pub fn apart() -> Result<Self> {
        let everywhere = sched_getaffinity(None)?;
        let mut processors = (0..CpuSet::MAX_CPU).filter(|number| everywhere.is_set(*number));
        let (server, load) = (processors.next(), processors.next());
        if let (Some(server), Some(load)) = (server, load) {
            place_workers(&only(server))?;
            sched_setaffinity(None, &only(load))?;
        }
        Ok(Self { everywhere })
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // What comes after is measured with less, and tells so by its figures.
        let _ = place_workers(&self.everywhere);
        let _ = sched_setaffinity(None, &self.everywhere);
    }
}

fn only(processor: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(processor);
    set
}

fn place_workers(set: &CpuSet) -> Result<()> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?;
        if std::fs::read_to_string(task.path().join("comm"))?.trim_end() == WORKERS {
            let thread = task.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            sched_setaffinity(Some(thread.context("a thread")?), set)?;
        }
    }
    Ok(())
}
