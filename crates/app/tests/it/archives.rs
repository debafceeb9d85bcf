//! Invented data exports of every form, good and hostile, and a program without any session to import them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use tempfile::TempDir;
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::archive::{ImportReport, Scratch};
use threadkeep::chance::SystemChance;
use threadkeep::clock::SystemClock;
use threadkeep::lifecycle::Stop;
use threadkeep::refusal::Refusal;
use threadkeep::seal::{MasterKey, Sealer};
use threadkeep::source::voyager::QueryIds;
use threadkeep::store::Actor;
use threadkeep::verbs::import::{ArchiveAt, ImportAsk, ImportResult, Meter, import};
use threadkeep::worker::presence::Presence;
use threadkeep_core::id::AccountId;

use crate::store_database::Database;

/// The header since 2023.
pub const TEN: &str =
    "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,RECIPIENT PROFILE URLS,DATE,SUBJECT,CONTENT,FOLDER";

/// A link to an invented profile.
pub fn link(slug: &str) -> String {
    format!("https://www.linkedin.com/in/{slug}")
}

/// A row under [`TEN`] in the conversation of Olga, the owner, with Ben.
pub fn row(thread: &str, is_from_olga: bool, date: &str, text: &str) -> String {
    let (olga, ben) = (("Olga Test", link("olga-test")), ("Ben Invented", link("ben-invented")));
    let (from, to) = if is_from_olga { (olga, ben) } else { (ben, olga) };
    let text = text.replace('"', "\"\"");
    format!("{thread},,{},{},{},{},{date},,\"{text}\",INBOX", from.0, from.1, to.0, to.1)
}

/// A file of records.
pub fn csv(header: &str, rows: &[String]) -> Vec<u8> {
    let mut text = header.to_owned();
    for row in rows {
        text.push('\n');
        text.push_str(row);
    }
    text.push('\n');
    text.into_bytes()
}

/// The program without any session.
pub struct Desk {
    pub app: App,
    pub folder: TempDir,
}

impl Desk {
    pub fn on(database: &Database) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let upstream = Upstream::at("http://127.0.0.1:9", QueryIds::default())?;
        let media = MediaSettings::in_folder(folder.path().join("media"));
        let app = App {
            media: Arc::new(Media::open(&upstream, media, Arc::new(SystemClock))?),
            store: database.store.clone(),
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
            sealer: Arc::new(Sealer::new(&MasterKey::from_text(&"07".repeat(32))?)),
            bell: Arc::default(),
            presence: Arc::new(Presence::alone(&SystemChance)),
            storage: Arc::default(),
            upstream: Arc::new(upstream),
            sync: SyncSettings::default(),
        };
        Ok(Self { app, folder })
    }

    /// Puts a file beside the others and gives its path.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    pub async fn import(&self, path: &Path) -> Result<ImportResult, Refusal> {
        self.import_as(path, None).await
    }

    pub async fn import_as(&self, path: &Path, me: Option<&str>) -> Result<ImportResult, Refusal> {
        import_into(&self.app, path, me, None, self.folder.path()).await
    }

    /// Imports bytes under a name.
    pub async fn take(&self, name: &str, bytes: &[u8]) -> Result<ImportResult> {
        let path = self.file(name, bytes)?;
        Ok(self.import(&path).await?)
    }

    /// Why bytes are refused.
    pub async fn refusal(&self, name: &str, bytes: &[u8]) -> Result<Refusal> {
        let path = self.file(name, bytes)?;
        match self.import(&path).await {
            Err(refusal) => Ok(refusal),
            Ok(result) => anyhow::bail!("it was taken in: {:?}", result.report),
        }
    }
}

/// Imports a file into an account, or into that of its owner.
pub async fn import_into(
    app: &App,
    path: &Path,
    me: Option<&str>,
    account: Option<&AccountId>,
    scratch: &Path,
) -> Result<ImportResult, Refusal> {
    let ask = ImportAsk {
        me: me.map(str::to_owned),
        account: account.cloned(),
        is_dry_run: false,
        scratch: Scratch::new(scratch.join("scratch")),
        job: None,
    };
    let at = ArchiveAt::Path(path.to_owned());
    import(app, &Actor::Setup, (at, &ask), &Arc::new(Meter::default()), &Stop::default()).await
}

/// What matters of a report: imported, joined, known, duplicates.
pub fn counts(report: &ImportReport) -> (u64, u64, u64, u64) {
    (report.imported, report.joined, report.known, report.duplicates)
}

/// An entry of a zip, and what is wrong with it.
#[derive(Clone)]
pub struct Packed {
    pub name: Vec<u8>,
    pub bytes: Vec<u8>,
    pub is_deflated: bool,
    /// Flags of the entry; 1 is encrypted.
    pub flags: u16,
    /// Unix attributes, and 0 for none.
    pub mode: u32,
    /// What the directory tells instead of the truth.
    pub told_size: Option<u32>,
    pub told_crc: Option<u32>,
    pub local_name: Option<Vec<u8>>,
    /// Where the directory says that it begins.
    pub told_at: Option<u32>,
}

impl Packed {
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
            is_deflated: true,
            flags: 0,
            mode: 0,
            told_size: None,
            told_crc: None,
            local_name: None,
            told_at: None,
        }
    }
}

/// A zip of entries, byte for byte as told.
pub fn zip(entries: &[Packed]) -> Result<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = entry.told_at.unwrap_or(u32::try_from(out.len())?);
        let mut crc = flate2::Crc::new();
        crc.update(&entry.bytes);
        let data = match entry.is_deflated {
            true => {
                let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
                packer.write_all(&entry.bytes)?;
                packer.finish()?
            }
            false => entry.bytes.clone(),
        };
        let method: u16 = if entry.is_deflated { 8 } else { 0 };
        let mut head = Vec::new();
        head.extend(20_u16.to_le_bytes());
        head.extend(entry.flags.to_le_bytes());
        head.extend(method.to_le_bytes());
        head.extend([0; 4]);
        let size = entry.told_size.unwrap_or(u32::try_from(entry.bytes.len())?);
        for number in [entry.told_crc.unwrap_or(crc.sum()), u32::try_from(data.len())?, size] {
            head.extend(number.to_le_bytes());
        }
        let local = entry.local_name.as_ref().unwrap_or(&entry.name);
        out.extend(b"PK\x03\x04");
        out.extend(&head);
        out.extend(u16::try_from(local.len())?.to_le_bytes());
        out.extend([0; 2]);
        out.extend(local);
        out.extend(&data);
        directory.extend(b"PK\x01\x02");
        directory.extend([20, if entry.mode == 0 { 0 } else { 3 }]);
        directory.extend(&head);
        directory.extend(u16::try_from(entry.name.len())?.to_le_bytes());
        directory.extend([0; 8]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let (at, size) = (u32::try_from(out.len())?, u32::try_from(directory.len())?);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = u16::try_from(entries.len()).context("too many entries for this writer")?;
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    out.extend([0; 2]);
    Ok(out)
}
