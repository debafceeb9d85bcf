//! The shim of `effects.c`: built once by the C compiler that SQLite needs anyway, loaded into the real program.
//!
//! The program under test is not changed. Where there is no such compiler, or another system than Linux, the tests are
//! skipped by name; with `THREADKEEP_TEST_REQUIRE_SHIM=1` that is a failure.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

const SOURCE: &str = include_str!("effects.c");

/// No space left on the device.
pub const ENOSPC: i32 = 28;
/// Input or output failed.
pub const EIO: i32 = 5;

/// What happens at an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: effects are counted.
    None,
    /// The process is killed.
    Kill { at: u64, after: bool },
    /// The process is killed, and what was not forced to the disk is lost as the seed says.
    Power { at: u64, after: bool, seed: u64 },
    /// The effect fails; a write may be done by half.
    Error { at: u64, half: bool, errno: i32, sticky: bool },
}

/// What a run with the shim left behind.
pub struct Shimmed {
    folder: tempfile::TempDir,
}

impl Shimmed {
    /// Prepares a run: effects under the folder count.
    pub fn arm(shim: &Path, command: &mut Command, root: &Path, fault: Fault) -> Result<Self> {
        let beside = root.parent().context("a folder in a folder")?;
        let shimmed = Self { folder: tempfile::Builder::new().prefix("shim-").tempdir_in(beside)? };
        command
            .env("LD_PRELOAD", shim)
            .env("SHIM_ROOT", std::fs::canonicalize(root)?)
            .env("SHIM_STATE", shimmed.path("state"))
            .env("SHIM_LOG", shimmed.path("log"))
            .env("SHIM_CALM", shimmed.path("calm"));
        let set = |command: &mut Command, mode: &str, at: u64, after: bool| {
            command
                .env("SHIM_MODE", mode)
                .env("SHIM_AT", at.to_string())
                .env("SHIM_AFTER", u8::from(after).to_string());
        };
        match fault {
            Fault::None => set(command, "count", 0, false),
            Fault::Kill { at, after } => set(command, "kill", at, after),
            Fault::Power { at, after, seed } => {
                set(command, "power", at, after);
                let sector = if seed % 3 == 0 { 512 } else { 4096 };
                command.env("SHIM_SEED", seed.to_string()).env("SHIM_SECTOR", sector.to_string());
            }
            Fault::Error { at, half, errno, sticky } => {
                set(command, "error", at, half);
                command.env("SHIM_ERRNO", errno.to_string()).env("SHIM_STICKY", u8::from(sticky).to_string());
            }
        }
        Ok(shimmed)
    }

    /// How many effects there were.
    pub fn effects(&self) -> Result<u64> {
        Ok(self.state()?.0)
    }

    /// Whether the fault struck.
    pub fn has_struck(&self) -> Result<bool> {
        Ok(self.state()?.1 == 1)
    }

    /// One line for each effect: its number, what it was, and on which file.
    pub fn log(&self) -> Result<Vec<String>> {
        Ok(std::fs::read_to_string(self.path("log"))?.lines().map(str::to_owned).collect())
    }

    /// Ends errors, or begins them again.
    pub fn calm(&self, is_calm: bool) -> Result<()> {
        match is_calm {
            true => Ok(std::fs::write(self.path("calm"), "")?),
            false => Ok(std::fs::remove_file(self.path("calm"))?),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> Result<(u64, u64)> {
        let bytes = std::fs::read(self.path("state"))?;
        let number = |at: usize| -> Result<u64> {
            Ok(u64::from_ne_bytes(bytes.get(at..at + 8).context("the shim was not loaded")?.try_into()?))
        };
        Ok((number(0)?, number(8)?))
    }
}

/// The shim, or `None`, said aloud, where it cannot be built.
pub fn shim(test: &str) -> Result<Option<&'static Path>> {
    static SHIM: OnceLock<Result<Option<PathBuf>, String>> = OnceLock::new();
    match SHIM.get_or_init(|| build().map_err(|error| format!("{error:#}"))) {
        Ok(Some(path)) => Ok(Some(path)),
        Ok(None) if is_required() => bail!("{test} needs Linux and a C compiler"),
        Ok(None) => {
            writeln!(std::io::stderr(), "SKIPPED {test}: no C compiler, or not Linux")?;
            Ok(None)
        }
        Err(error) => bail!("the shim could not be built: {error}"),
    }
}

fn build() -> Result<Option<PathBuf>> {
    if !cfg!(target_os = "linux") || Command::new("cc").arg("--version").output().is_err() {
        return Ok(None);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let digest: String = Sha256::digest(SOURCE).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let place = folder.join(format!("effects-{digest}.so"));
    if place.exists() {
        return Ok(Some(place));
    }
    let part = tempfile::tempdir_in(folder)?;
    std::fs::write(part.path().join("effects.c"), SOURCE)?;
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-o", "effects.so", "effects.c", "-lpthread"]).current_dir(part.path());
    let made = compiler.output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::rename(part.path().join("effects.so"), &place)?;
    Ok(Some(place))
}

#[expect(clippy::disallowed_methods, reason = "the tests' own switches are no configuration of the program")]
fn is_required() -> bool {
    std::env::var("THREADKEEP_TEST_REQUIRE_SHIM").is_ok_and(|value| value == "1")
}
