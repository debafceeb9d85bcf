//! Results that are files: a file or folder appears under its name only when it is complete, and only its owner can read it.
//!
//! Nothing is ever overwritten unless the person says so, and of a folder only one that an export has made. What is half
//! written when the work fails or is stopped is removed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::verbs::export::{Exported, Outlet};

use super::console;
use super::failure::Failure;
use super::table::number;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;
/// The file that says that a folder is an export, and so may be replaced by another.
const MARKER: &str = "threadkeep-export.json";
/// Between two looks at the progress, in things that were told.
const TOLD_EACH: u64 = 64;

/// Something that is not under its name yet.
#[derive(Debug)]
pub(crate) struct Delivery {
    target: PathBuf,
    part: PathBuf,
    is_folder: bool,
    is_forced: bool,
}

impl Delivery {
    /// A place beside the target, which must not exist unless it may be replaced.
    pub(crate) fn begin(target: &Path, is_folder: bool, is_forced: bool) -> Result<Self, Failure> {
        let name = target.file_name().ok_or_else(|| Failure::usage("--output needs a name"))?;
        // Of this process: what a killed one has left is in nobody's way.
        let part = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let delivery = Self { target: target.to_owned(), part: target.with_file_name(part), is_folder, is_forced };
        delivery.check()?;
        match is_folder {
            true => private_folder(&delivery.part).map_err(|error| delivery.cannot(&error))?,
            false => drop(private_file(&delivery.part).map_err(|error| delivery.cannot(&error))?),
        }
        Ok(delivery)
    }

    /// Where the bytes go until all are there.
    pub(crate) fn part(&self) -> &Path {
        &self.part
    }

    /// Writes all of a small file.
    pub(crate) fn fill(&self, bytes: &[u8]) -> Result<(), Failure> {
        let file = OpenOptions::new().write(true).open(&self.part);
        let filled = file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        filled.map_err(|error| self.cannot(&error))
    }

    /// Puts it under its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.check()?;
        let renamed = match self.is_folder && self.target.exists() {
            true => self.replace_folder(),
            false => std::fs::rename(&self.part, &self.target),
        };
        renamed.map_err(|error| self.cannot(&error))
    }

    fn replace_folder(&self) -> io::Result<()> {
        let old = self.part.with_extension("old");
        std::fs::rename(&self.target, &old)?;
        std::fs::rename(&self.part, &self.target)?;
        std::fs::remove_dir_all(&old)
    }

    fn check(&self) -> Result<(), Failure> {
        let place = self.target.display();
        if !self.target.exists() {
            return Ok(());
        }
        if !self.is_forced {
            let what = format!("{place} exists, and nothing is overwritten");
            return Err(Failure::usage(what).hint("name another place, or replace it with --force"));
        }
        match (self.is_folder, self.target.is_dir()) {
            (true, true) if self.target.join(MARKER).is_file() => Ok(()),
            (false, false) => Ok(()),
            _ => Err(Failure::usage(format!("{place} is not an earlier export of this kind: it is not replaced"))
                .hint("name another place")),
        }
    }

    fn cannot(&self, error: &io::Error) -> Failure {
        Failure::usage(format!("{} cannot be written: {error}", self.target.display()))
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // It is not there any more when all went well; else what is half written helps nobody.
        let _ = match self.is_folder {
            true => std::fs::remove_dir_all(&self.part),
            false => std::fs::remove_file(&self.part),
        };
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// How far it is, on a terminal.
pub(crate) struct Shown {
    bar: Option<ProgressBar>,
    told: u64,
}

impl Shown {
    /// A line that changes when somebody looks, else nothing.
    pub(crate) fn new() -> Self {
        let bar = console::is_watched().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Self { bar, told: 0 }
    }

    fn tell(&mut self, so_far: &Exported) {
        self.told += 1;
        if let Some(bar) = self.bar.as_ref().filter(|_| self.told.is_multiple_of(TOLD_EACH)) {
            let (conversations, messages) = (number(so_far.conversations), number(so_far.messages));
            bar.set_message(format!("{conversations} conversations, {messages} messages"));
            bar.tick();
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bytes that go to one place: standard output, or a file that is not under its name yet.
pub(crate) struct Stream<W: Write + Send> {
    out: BufWriter<W>,
    shown: Shown,
}

impl Stream<io::Stdout> {
    /// Standard output.
    pub(crate) fn standard() -> Self {
        Self::to(io::stdout())
    }
}

impl Stream<File> {
    /// The file of a delivery.
    pub(crate) fn of(delivery: &Delivery) -> Result<Self, Failure> {
        let file = OpenOptions::new().write(true).open(delivery.part());
        Ok(Self::to(file.map_err(|error| delivery.cannot(&error))?))
    }

    /// Sees to it that all bytes survive a crash.
    pub(crate) fn settle(self) -> Result<(), Failure> {
        let file = self.out.into_inner().map_err(|error| Failure::output(error.into_error()))?;
        file.sync_all().map_err(Failure::output)
    }
}

impl<W: Write + Send> Stream<W> {
    fn to(out: W) -> Self {
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, out), shown: Shown::new() }
    }

    /// Writes what was gathered.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::output)
    }
}

#[async_trait]
impl<W: Write + Send> Outlet for Stream<W> {
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.out.write_all(bytes)?;
        bytes.clear();
        Ok(())
    }

    fn tell(&mut self, so_far: &Exported) {
        self.shown.tell(so_far);
    }
}

/// Bytes that go into the files of a folder that is not under its name yet.
pub(crate) struct Folder {
    folder: PathBuf,
    file: Option<BufWriter<File>>,
    shown: Shown,
}

impl Folder {
    /// The folder of a delivery.
    pub(crate) fn of(delivery: &Delivery) -> Self {
        Self { folder: delivery.part().to_owned(), file: None, shown: Shown::new() }
    }

    /// Ends the last file, says what the folder is, and sees to it that all bytes survive a crash.
    pub(crate) fn settle(mut self, format: &str) -> Result<(), Failure> {
        self.end_file().map_err(Failure::output)?;
        let marker = format!("{{\"format\":\"{format}\",\"program\":\"threadkeep\"}}\n");
        let written = private_file(&self.folder.join(MARKER)).and_then(|mut file| file.write_all(marker.as_bytes()));
        written.and_then(|()| settle_all(&self.folder)).map_err(Failure::output)
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |mut file| file.flush())
    }
}

/// Waits until everything in a folder and those below is on the disk. At the end, because most of it is there by then.
fn settle_all(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for one in std::fs::read_dir(&folder)? {
            let path = one?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => OpenOptions::new().append(true).open(path)?.sync_all()?,
            }
        }
        #[cfg(unix)]
        File::open(&folder)?.sync_all()?;
    }
    Ok(())
}

#[async_trait]
impl Outlet for Folder {
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes)?,
            None => return Err(io::Error::other("there is no file to write to")),
        }
        bytes.clear();
        Ok(())
    }

    async fn begin_file(&mut self, name: &str) -> io::Result<()> {
        self.end_file()?;
        self.file = Some(BufWriter::new(private_file(&self.folder.join(name))?));
        Ok(())
    }

    async fn put_file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(name);
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            private_folder(folder)?;
        }
        match private_file(&path) {
            Ok(mut file) => file.write_all(bytes),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self, so_far: &Exported) {
        self.shown.tell(so_far);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_and_nothing_half_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        drop(Delivery::begin(&target, false, false).unwrap());
        drop(Delivery::begin(&target, true, false).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        Delivery::begin(&target, false, false).unwrap().finish().unwrap();
        assert!(Delivery::begin(&target, false, false).is_err());
        assert!(Delivery::begin(&target, true, true).is_err(), "a file is not replaced by a folder");
        Delivery::begin(&target, false, true).unwrap().finish().unwrap();
    }

    #[test]
    fn only_a_folder_of_ours_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let make = |is_forced| {
            let delivery = Delivery::begin(&target, true, is_forced)?;
            Folder::of(&delivery).settle("html")?;
            delivery.finish()
        };
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("diary.txt"), "mine").unwrap();
        assert!(make(false).is_err() && make(true).is_err());
        assert!(target.join("diary.txt").exists());
        std::fs::remove_dir_all(&target).unwrap();
        make(false).unwrap();
        assert!(make(false).is_err());
        make(true).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
