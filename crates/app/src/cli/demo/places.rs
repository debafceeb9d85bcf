//! Where a demo keeps its things: a directory of its own for each, with the key beside the data.
//!
//! Nothing of the user's own mirror may be used or changed, so every setting that names a place is overridden here.

use std::path::{Path, PathBuf};

use crate::clock::{Clock as _, SystemClock};
use crate::config::Inputs;

use super::super::failure::{Failure, USAGE};

/// Attempts to find a free name.
const NAMES_MAX: i64 = 100;

/// The directory of one demo.
pub(super) struct DemoPlaces {
    dir: PathBuf,
}

impl DemoPlaces {
    /// Makes a fresh directory: in the data directory when one was chosen, else among the temporary files.
    pub(super) fn make(inputs: &Inputs) -> Result<Self, Failure> {
        let chosen = inputs.flags.iter().rev().find(|(name, _)| name == "data_dir").map(|(_, dir)| dir);
        let chosen = chosen.or_else(|| inputs.environment.ours.get("THREADKEEP_DATA_DIR"));
        let base = match chosen {
            Some(dir) => inputs.environment.current.join(dir).join("demo"),
            None => inputs.environment.temporary.clone(),
        };
        private_dir(&base, true).map_err(|error| cannot(&base, &error))?;
        let now_ms = SystemClock.now().0;
        for attempt in 0..NAMES_MAX {
            let dir = base.join(format!("threadkeep-demo-{}", now_ms + attempt));
            match private_dir(&dir, false) {
                Ok(()) => return Ok(Self { dir }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot(&dir, &error)),
            }
        }
        Err(Failure::new(USAGE, format!("there is no free name for the demo in {}", base.display())))
    }

    /// Points every setting that matters to this demo.
    pub(super) fn settle(&self, inputs: &mut Inputs, upstream: &str, listen: Option<String>) {
        // A file or a variable may name the user's own database or key; flags are above both.
        let text = |path: PathBuf| path.display().to_string();
        let settings = [
            ("data_dir", text(self.dir.join("data"))),
            ("database_url", format!("sqlite:{}", self.database_file().display())),
            ("master_key_file", text(self.dir.join("master.key"))),
            ("upstream_url", upstream.to_owned()),
            ("pace", "open".to_owned()),
        ];
        inputs.flags.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        inputs.flags.extend(listen.map(|address| ("listen".to_owned(), address)));
        inputs.environment.ours.remove("THREADKEEP_MASTER_KEY");
    }

    /// The database.
    pub(super) fn database_file(&self) -> PathBuf {
        self.dir.join("data").join("threadkeep.db")
    }

    /// The export.
    pub(super) fn export_file(&self) -> PathBuf {
        self.dir.join("export.jsonl")
    }
}

fn private_dir(dir: &Path, is_whole_path: bool) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(is_whole_path);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn cannot(dir: &Path, error: &std::io::Error) -> Failure {
    Failure::new(USAGE, format!("the demo's directory {} cannot be made: {error}", dir.display()))
        .hint("choose another one with --data-dir")
}
