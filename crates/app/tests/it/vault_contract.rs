//! The contract of the vault, on a folder and on a bucket: the same tests for both.
//!
//! Each test has a folder or a prefix of its own.

use anyhow::Result;
use bytes::Bytes;
use secrecy::SecretString;
use tempfile::TempDir;
use threadkeep::vault::{ObjectHash, S3Settings, Vault, VaultError, VaultSettings};

use crate::s3;

/// A vault, and what it lies in.
struct Room {
    vault: Vault,
    folder: Option<TempDir>,
}

fn local() -> Result<Room> {
    let folder = tempfile::tempdir()?;
    let vault = Vault::open(&VaultSettings::Local(folder.path().join("media")))?;
    Ok(Room { vault, folder: Some(folder) })
}

fn bucket(name: &str) -> Result<Option<Room>> {
    let Some(settings) = s3::bucket(name)? else { return Ok(None) };
    Ok(Some(Room { vault: Vault::open(&VaultSettings::S3(settings))?, folder: None }))
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod folder {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                super::$name(super::local()?).await
            })*
        }
        mod s3_bucket {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                match super::bucket(stringify!($name))? {
                    Some(room) => super::$name(room).await,
                    None => Ok(()),
                }
            })*
        }
    };
}

contract! {
    what_is_put_is_read_back
    parts_are_read
    what_is_not_there_is_missing
    again_is_the_same_as_once
    many_at_once_are_one
    all_files_are_listed
    the_check_leaves_nothing_behind
    a_large_object_is_whole
}

async fn what_is_put_is_read_back(room: Room) -> Result<()> {
    for bytes in [&b"x"[..], b"", b"\0\xff\r\n", "Grüße".as_bytes()] {
        let hash = room.vault.put(Bytes::copy_from_slice(bytes)).await?;
        assert_eq!(hash, ObjectHash::of(bytes));
        let found = room.vault.read(&hash, None).await?;
        let size = u64::try_from(bytes.len())?;
        assert_eq!((&found.bytes[..], found.size_bytes, found.range), (bytes, size, 0..size));
        assert_eq!(room.vault.size(&hash).await?, Some(size));
    }
    Ok(())
}

async fn parts_are_read(room: Room) -> Result<()> {
    let hash = room.vault.put(Bytes::from_static(b"0123456789")).await?;
    let good =
        [(0..1, "0"), (3..6, "345"), (9..10, "9"), (0..10, "0123456789"), (8..100, "89"), (0..u64::MAX, "0123456789")];
    for (part, expected) in good {
        let found = room.vault.read(&hash, Some(part.clone())).await?;
        let end = part.end.min(10);
        assert_eq!((&found.bytes[..], found.size_bytes, found.range), (expected.as_bytes(), 10, part.start..end));
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may hand in anything")]
    for part in [10..11, 11..12, 5..5, 6..5, 0..0, u64::MAX - 1..u64::MAX] {
        let refused = room.vault.read(&hash, Some(part.clone())).await.err();
        assert_eq!(refused, Some(VaultError::Range { size_bytes: 10 }), "{part:?}");
    }
    Ok(())
}

async fn what_is_not_there_is_missing(room: Room) -> Result<()> {
    let hash = ObjectHash::of(b"never put");
    assert_eq!(room.vault.read(&hash, None).await.err(), Some(VaultError::Missing));
    assert_eq!(room.vault.read(&hash, Some(0..1)).await.err(), Some(VaultError::Missing));
    assert_eq!(room.vault.read(&hash, Some(1..2)).await.err(), Some(VaultError::Missing));
    assert_eq!(room.vault.size(&hash).await?, None);
    room.vault.delete(&hash).await?;
    Ok(())
}

async fn again_is_the_same_as_once(room: Room) -> Result<()> {
    let bytes = Bytes::from_static(b"twice");
    let hash = room.vault.put(bytes.clone()).await?;
    assert_eq!(room.vault.put(bytes.clone()).await?, hash);
    room.vault.delete(&hash).await?;
    room.vault.delete(&hash).await?;
    assert_eq!(room.vault.size(&hash).await?, None);
    room.vault.put(bytes).await?;
    assert_eq!(room.vault.read(&hash, None).await?.bytes, b"twice"[..]);
    Ok(())
}

async fn many_at_once_are_one(room: Room) -> Result<()> {
    const WRITERS: usize = 8;
    let bytes = Bytes::from(vec![7; 300_000]);
    let writers = (0..WRITERS).map(|_| {
        let (vault, bytes) = (room.vault.clone(), bytes.clone());
        threadkeep::lifecycle::spawn(async move { vault.put(bytes).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await??, ObjectHash::of(&bytes));
    }
    assert_eq!(room.vault.read(&ObjectHash::of(&bytes), None).await?.bytes, bytes);
    Ok(())
}

async fn all_files_are_listed(room: Room) -> Result<()> {
    let mut expected = Vec::new();
    for number in 0..40_u64 {
        let bytes = vec![b'x'; usize::try_from(number)?];
        expected.push((room.vault.put(Bytes::from(bytes)).await?, number));
    }
    let mut listed = Vec::new();
    for shard in 0..=u8::MAX {
        for file in room.vault.files(shard).await? {
            assert!(file.hash.to_string().starts_with(&format!("{shard:02x}")) && file.written_at_ms > 0);
            listed.push((file.hash, file.size_bytes));
        }
    }
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
    Ok(())
}

async fn the_check_leaves_nothing_behind(room: Room) -> Result<()> {
    room.vault.check().await?;
    room.vault.check().await?;
    if let Some(folder) = &room.folder {
        let left = std::fs::read_dir(folder.path().join("media/check"))?.count();
        assert_eq!(left, 0);
    }
    Ok(())
}

async fn a_large_object_is_whole(room: Room) -> Result<()> {
    const SIZE: usize = 25 * 1024 * 1024;
    let bytes: Bytes = (0..SIZE).map(|place| u8::try_from(place % 251).unwrap_or_default()).collect::<Vec<u8>>().into();
    let hash = room.vault.put(bytes.clone()).await?;
    let found = room.vault.read(&hash, None).await?;
    assert!(found.bytes == bytes && found.size_bytes == SIZE as u64);
    let last = room.vault.read(&hash, Some(SIZE as u64 - 3..SIZE as u64)).await?;
    assert_eq!(last.bytes, bytes[SIZE - 3..]);
    Ok(())
}

#[tokio::test]
async fn a_damaged_object_is_noticed_and_mended() -> Result<()> {
    let room = local()?;
    let bytes = Bytes::from_static(b"what was written");
    let hash = room.vault.put(bytes.clone()).await?;
    let path = room.folder.as_ref().unwrap().path().join(format!("media/sha256/{}/{hash}", &hash.to_string()[..2]));
    for damage in [&b"what was wrItten"[..], b"what was", b"", b"what was written and more"] {
        std::fs::write(&path, damage)?;
        assert_eq!(room.vault.read(&hash, None).await.err(), Some(VaultError::Damaged), "{damage:?}");
        room.vault.put(bytes.clone()).await?;
        assert_eq!(room.vault.read(&hash, None).await?.bytes, bytes);
    }
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_is_its_owners_alone() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let room = local()?;
    let hash = room.vault.put(Bytes::from_static(b"private")).await?.to_string();
    let folder = room.folder.as_ref().unwrap().path().join("media");
    let mode = |path: &str| Ok::<_, std::io::Error>(std::fs::metadata(folder.join(path))?.permissions().mode() & 0o777);
    assert_eq!((mode("")?, mode("sha256")?, mode(&format!("sha256/{}", &hash[..2]))?), (0o700, 0o700, 0o700));
    assert_eq!(mode(&format!("sha256/{}/{hash}", &hash[..2]))?, 0o600);
    Ok(())
}

#[tokio::test]
async fn strange_files_in_the_folder_are_no_objects() -> Result<()> {
    let room = local()?;
    let folder = room.folder.as_ref().unwrap().path().join("media/sha256/ab");
    std::fs::create_dir_all(folder.join("cd"))?;
    let (wrong_shard, half) = (ObjectHash::of(b"x").to_string(), format!("ab{}#1", "0".repeat(62)));
    for name in ["notes.txt", wrong_shard.as_str(), half.as_str(), "cd/x"] {
        std::fs::write(folder.join(name), "x")?;
    }
    assert!(room.vault.files(0xab).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn unfinished_files_are_swept_when_they_are_old() -> Result<()> {
    const DAY_MS: i64 = 24 * 3_600_000;
    let room = local()?;
    let hash = room.vault.put(Bytes::from_static(b"finished")).await?;
    let shard = u8::from_str_radix(&hash.to_string()[..2], 16)?;
    let folder = room.folder.as_ref().unwrap().path().join(format!("media/sha256/{shard:02x}"));
    for name in [format!("{hash}#1"), format!("{hash}#23"), format!("{hash}#x"), "notes#1".to_owned()] {
        std::fs::write(folder.join(name), "half")?;
    }
    let written = room.vault.files(shard).await?[0].written_at_ms;
    assert_eq!(room.vault.sweep(shard, written + DAY_MS / 2).await?, 0);
    assert_eq!(room.vault.sweep(shard, written + 2 * DAY_MS).await?, 2);
    assert_eq!(room.vault.sweep(shard, written + 2 * DAY_MS).await?, 0);
    assert_eq!(room.vault.sweep(shard.wrapping_add(1), written + 2 * DAY_MS).await?, 0);
    assert_eq!(room.vault.read(&hash, None).await?.bytes, b"finished"[..]);
    assert_eq!(std::fs::read_dir(&folder)?.count(), 3);
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_or_bucket_is_named_and_no_secret_is_told() -> Result<()> {
    let Some(right) = s3::bucket("a_wrong_key_or_bucket_is_named_and_no_secret_is_told")? else { return Ok(()) };
    let wrong_secret = S3Settings { secret_key: SecretString::from("c4nary-secret"), ..right.clone() };
    let wrong_key = S3Settings { access_key: SecretString::from("c4nary-key"), ..right.clone() };
    let wrong_bucket = S3Settings { bucket: "no-such-bucket".to_owned(), ..right.clone() };
    let closed = S3Settings { endpoint: Some("http://127.0.0.1:9".to_owned()), ..right };
    for (settings, expected) in [
        (wrong_secret, "the media store refuses access"),
        (wrong_key, "the media store refuses access"),
        (wrong_bucket, "the media store does not work: there is no such bucket"),
        (closed, "the media store does not work: no connection"),
    ] {
        let shown = format!("{settings:?}");
        let vault = Vault::open(&VaultSettings::S3(settings))?;
        let error = vault.check().await.err().map(|error| format!("{error} {error:?}")).unwrap_or_default();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("c4nary") && !shown.contains("c4nary"), "{error} {shown}");
    }
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_made_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("file"), "x")?;
    let refused = Vault::open(&VaultSettings::Local(folder.path().join("file/media"))).err();
    assert!(matches!(refused, Some(VaultError::Unavailable(_))), "{refused:?}");
    Ok(())
}
