//! The key file and its neighbours: a new key that waits to be taken, and old ones that are kept.
//!
//! Every change is whole or not there: a file is written under another name, made durable, and then named. No key is
//! ever overwritten and none is removed. A file that others may read is refused.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::KeyError;
use super::master::MasterKey;
use crate::chance::Chance;

/// Longest key file that is read, in bytes.
const KEY_FILE_MAX: u64 = 1024;
/// Old keys beside a key file that are looked at.
const OLD_KEYS_MAX: usize = 100;
/// Digits of the fingerprint in the name of an old key's file.
const OLD_NAME_DIGITS: usize = 8;

/// The file with the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file at this path, which need not exist.
    pub fn at(path: &Path) -> Self {
        // What a link names is changed, and not the link.
        Self { path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a new key waits until the database uses it.
    pub fn next_path(&self) -> PathBuf {
        self.beside(".new")
    }

    /// Where a key is kept that was replaced.
    pub fn old_path(&self, key: &MasterKey) -> PathBuf {
        self.beside(&format!(".{}.old", key.fingerprint().get(..OLD_NAME_DIGITS).unwrap_or_default()))
    }

    /// The key in it; `None` when there is no such file.
    pub fn load(&self) -> Result<Option<MasterKey>, KeyError> {
        load(&self.path)
    }

    /// The key in it, which is made, for its owner alone, when there is none.
    pub fn load_or_create(&self, chance: &dyn Chance) -> Result<MasterKey, KeyError> {
        if let Some(key) = self.load()? {
            return Ok(key);
        }
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            private_folder(folder).map_err(|source| broken(&self.path, "created", source))?;
        }
        match write(&self.path, &MasterKey::random(chance)) {
            // Another process was faster, and its key is the one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(broken(&self.path, "created", source)),
            Ok(()) => {}
        }
        self.load()?.ok_or_else(|| broken(&self.path, "read", io::ErrorKind::NotFound.into()))
    }

    /// The key that waits.
    pub fn load_next(&self) -> Result<Option<MasterKey>, KeyError> {
        load(&self.next_path())
    }

    /// Lets a key wait, a fresh one unless it is given; fails when another one waits already.
    pub fn make_next(&self, given: Option<&MasterKey>, chance: &dyn Chance) -> Result<MasterKey, KeyError> {
        let path = self.next_path();
        let key = given.cloned().unwrap_or_else(|| MasterKey::random(chance));
        write(&path, &key).map_err(|source| broken(&path, "created", source))?;
        Ok(key)
    }

    /// Puts the key that waits into the place of the old one, which is kept beside it; gives where.
    pub fn take_next(&self) -> Result<Option<PathBuf>, KeyError> {
        let kept = match self.load()? {
            Some(old) => {
                let place = self.old_path(&old);
                match write(&place, &old) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(broken(&place, "created", error));
                    }
                    _ => Some(place),
                }
            }
            None => None,
        };
        let next = self.next_path();
        fs::rename(&next, &self.path).map_err(|source| broken(&self.path, "replaced", source))?;
        make_names_durable(&self.path).map_err(|source| broken(&self.path, "replaced", source))?;
        Ok(kept)
    }

    /// The old keys beside it that can be read.
    pub fn load_old(&self) -> Vec<MasterKey> {
        self.old_paths().iter().filter_map(|path| load(path).ok().flatten()).collect()
    }

    /// The files of the old keys beside it.
    pub fn old_paths(&self) -> Vec<PathBuf> {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let entries = self.path.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
        let is_old = |path: &PathBuf| {
            let found = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let middle = found.strip_prefix(&format!("{name}.")).and_then(|rest| rest.strip_suffix(".old"));
            middle.is_some_and(|id| id.len() == OLD_NAME_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_old).take(OLD_KEYS_MAX).collect();
        found.sort();
        found
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.path.with_file_name(name)
    }
}

/// The key in any file.
pub fn load_key(path: &Path) -> Result<MasterKey, KeyError> {
    load(path)?.ok_or_else(|| broken(path, "read", io::ErrorKind::NotFound.into()))
}

fn load(path: &Path) -> Result<Option<MasterKey>, KeyError> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|source| broken(path, "read", source))?,
    };
    if is_exposed(&file.metadata().map_err(|source| broken(path, "read", source))?) {
        return Err(KeyError::Exposed { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_MAX).read_to_string(&mut text).map_err(|source| broken(path, "read", source))?;
    MasterKey::read(&text, &path.display().to_string()).map(Some)
}

/// Writes a key to a place where nothing is; whoever looks sees all of it or nothing.
fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = path.file_name().unwrap_or_default().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = folder.join(part);
    // Left by a process of the same number that was killed here.
    let _ = fs::remove_file(&part);
    let mut file = new_private_file(&part)?;
    let written = file.write_all(key.to_text().as_bytes()).and_then(|()| file.sync_all());
    // A link fails when somebody else was faster; a renaming would replace their key.
    let named = written.and_then(|()| match fs::hard_link(&part, path) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => copy_new(key, path),
        linked => linked,
    });
    let _ = fs::remove_file(&part);
    named?;
    make_names_durable(path)
}

/// For file systems without links: the file is new or the writing fails.
fn copy_new(key: &MasterKey, path: &Path) -> io::Result<()> {
    let mut file = new_private_file(path)?;
    let written = file.write_all(key.to_text().as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        // Half a key would be refused at every later start.
        let _ = fs::remove_file(path);
    })
}

fn broken(path: &Path, action: &'static str, source: io::Error) -> KeyError {
    KeyError::File { path: path.to_owned(), action, source }
}

#[cfg(unix)]
fn make_names_durable(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn new_private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn make_names_durable(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn new_private_file(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(not(unix))]
fn is_exposed(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    fn name(path: &Path) -> String {
        path.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn a_key_file_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let file = KeyFile::at(&path);
        assert!(file.load().unwrap().is_none());
        let made = file.load_or_create(&SystemChance).unwrap();
        assert_eq!(file.load_or_create(&SystemChance).unwrap().fingerprint(), made.fingerprint());
        assert_eq!(fs::read_to_string(&path).unwrap().trim().len(), 64);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
        fs::write(&path, "half a key").unwrap();
        assert!(matches!(file.load_or_create(&SystemChance), Err(KeyError::Malformed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "half a key");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_private_and_an_exposed_one_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(&folder.path().join("master.key"));
        file.load_or_create(&SystemChance).unwrap();
        file.make_next(None, &SystemChance).unwrap();
        for path in [file.path(), &file.next_path()] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        for mode in [0o640, 0o644, 0o604, 0o660] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(file.load_or_create(&SystemChance), Err(KeyError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_key_that_waits_takes_the_place_and_the_old_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(&folder.path().join("master.key"));
        let old = file.load_or_create(&SystemChance).unwrap();
        let next = file.make_next(None, &SystemChance).unwrap();
        assert!(file.make_next(None, &SystemChance).is_err(), "one that waits is never replaced");
        assert_eq!(file.load_next().unwrap().unwrap().fingerprint(), next.fingerprint());
        let kept = file.take_next().unwrap().unwrap();
        assert_eq!(name(&kept), format!("master.key.{}.old", &old.fingerprint()[..8]));
        assert_eq!(file.load().unwrap().unwrap().fingerprint(), next.fingerprint());
        assert!(file.load_next().unwrap().is_none());
        fs::write(folder.path().join("master.key.notes.old"), "mine").unwrap();
        assert_eq!(file.load_old().iter().map(MasterKey::fingerprint).collect::<Vec<_>>(), [old.fingerprint()]);
        assert_eq!(file.old_paths(), [kept]);
    }
}
