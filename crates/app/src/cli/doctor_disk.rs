//! What the doctor looks at below the database: room, rights, and whether the disk is another machine's.
//!
//! Looks, and writes nothing: on a disk that is nearly full even a probe could take the room that a server needs.

#[cfg(unix)]
use std::collections::BTreeSet;
#[cfg(unix)]
use std::path::{Path, PathBuf};

use crate::config::Config;
#[cfg(unix)]
use crate::vault::VaultSettings;

use super::doctor_checks::Check;
#[cfg(unix)]
use super::doctor_checks::Finding;

/// Room that has to be left beside the database, in bytes.
#[cfg(unix)]
const ROOM_BYTES: u64 = 16_000_000;
/// Less than this is told before it is too late.
#[cfg(unix)]
const LOW_BYTES: u64 = 500_000_000;

/// File systems that may be another machine's, by the number that Linux gives them (`linux/magic.h`, `statfs(2)`).
#[cfg(target_os = "linux")]
const REMOTE: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x6573_5546, "FUSE"),
];

/// All of it; nothing where this system does not tell.
pub fn all(config: &Config) -> Vec<Check> {
    #[cfg(unix)]
    let checks = rooms(&places(config)).into_iter().chain(remote(config)).collect();
    #[cfg(not(unix))]
    let checks = {
        let _ = config;
        Vec::new()
    };
    checks
}

/// The folders in which something is kept: what is mirrored, the database, attachments.
#[cfg(unix)]
fn places(config: &Config) -> Vec<PathBuf> {
    use secrecy::ExposeSecret as _;
    let mut places = vec![config.data_dir.clone()];
    let file = crate::store::database_file(config.database_url.expose_secret()).ok().flatten();
    let folder = file.as_deref().and_then(Path::parent);
    places.extend(folder.map(|folder| if folder.as_os_str().is_empty() { ".".into() } else { folder.to_owned() }));
    if let VaultSettings::Local(folder) = &config.media.store {
        places.push(folder.clone());
    }
    places
}

/// Whether each may be written to, and whether there is room on each disk; a disk is told once.
#[cfg(unix)]
fn rooms(places: &[PathBuf]) -> Vec<Check> {
    use rustix::fs::{Access, access, statvfs};
    use std::os::unix::fs::MetadataExt as _;
    let (mut told, mut checks) = (BTreeSet::new(), Vec::new());
    for place in places {
        let Ok(device) = std::fs::metadata(place).map(|about| about.dev()) else { continue };
        if let Err(error) = access(place, Access::WRITE_OK) {
            let kind = std::io::Error::from(error).kind();
            let found = format!("{} cannot be written to: {kind}", place.display());
            let remedy = "give that directory to the user who runs threadkeep";
            checks.push(Check::new("disk", Finding::Fail, found, remedy));
        } else if told.insert(device)
            && let Ok(room) = statvfs(place)
        {
            checks.push(left(place, room.f_bavail.saturating_mul(room.f_frsize)));
        }
    }
    checks
}

/// What is left on a disk.
#[cfg(unix)]
fn left(place: &Path, left_bytes: u64) -> Check {
    let (place, left_mb) = (place.display(), left_bytes / 1_000_000);
    match left_bytes {
        ..ROOM_BYTES => Check::new(
            "disk",
            Finding::Fail,
            format!("{place} has less than {} MB left", ROOM_BYTES / 1_000_000),
            "free some space: syncs pause while it is full, and go on by themselves; nothing is lost",
        ),
        ROOM_BYTES..LOW_BYTES => Check::new(
            "disk",
            Finding::Warn,
            format!("{place} has {left_mb} MB left"),
            "free some space before it is full; then syncs pause, and nothing is lost",
        ),
        _ => Check::ok("disk", format!("{place}: {left_mb} MB left")),
    }
}

/// Whether a database in a file is where two machines could open it: SQLite's locks and its shared memory do not reach
/// from one machine to another.
#[cfg(target_os = "linux")]
fn remote(config: &Config) -> Option<Check> {
    use secrecy::ExposeSecret as _;
    let file = crate::store::database_file(config.database_url.expose_secret()).ok().flatten()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    // The number has 32 bits, whatever the width and the sign of the field.
    let name = remote_name(u64::try_from(i128::from(kind) & 0xffff_ffff).ok()?)?;
    let found = format!("{} is on a file system that may be another machine's ({name})", file.display());
    let remedy = "keep the file on a disk of this machine, or set THREADKEEP_DATABASE_URL to a PostgreSQL server: two \
                  machines with one SQLite file destroy it";
    Some(Check::new("disk", Finding::Warn, found, remedy))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn remote(_config: &Config) -> Option<Check> {
    None
}

#[cfg(target_os = "linux")]
fn remote_name(kind: u64) -> Option<&'static str> {
    REMOTE.into_iter().find(|(number, _)| *number == kind).map(|(_, name)| name)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn disks_of_other_machines_are_known_by_their_number() {
        assert_eq!((remote_name(0x6969), remote_name(0xff53_4d42)), (Some("NFS"), Some("CIFS")));
        // ext4, tmpfs, btrfs, overlay.
        for local in [0xef53, 0x0102_1994, 0x9123_683e, 0x794c_7630] {
            assert_eq!(remote_name(local), None);
        }
    }
    #[test]
    fn a_disk_is_told_once_and_what_may_not_be_written_to_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        std::fs::create_dir(&below).unwrap();
        let places = [folder.path().to_owned(), below, folder.path().join("missing")];
        assert_eq!(rooms(&places).len(), 1);
    }

    #[test]
    fn little_room_is_told_before_there_is_none() {
        let found = |bytes| left(Path::new("data"), bytes).finding;
        assert_eq!((found(ROOM_BYTES - 1), found(ROOM_BYTES)), (Finding::Fail, Finding::Warn));
        assert_eq!((found(LOW_BYTES - 1), found(LOW_BYTES)), (Finding::Warn, Finding::Ok));
    }
}
