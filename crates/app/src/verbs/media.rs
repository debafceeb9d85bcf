//! Attachments for those who want their bytes: asking, waiting, reading, and removing what nobody refers to.
//!
//! Asking only writes rows; the bytes are fetched by workers, here or on another node. Of the source this names values
//! alone (addresses, names of files) and never anything that asks. No refusal repeats a link.

use std::ops::Range;

use threadkeep_core::attachment::attachments;
use threadkeep_core::id::{AccountId, MessageId};
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::source::media::{MediaAddress, MediaType, content_disposition, safe_file_name};
use crate::store::{
    Account, Act, Actor, AttachmentName, AttachmentRow, AttachmentState, Deed, MediaCounts, MediaPolicy, NewAttachment,
    Object as Subject, StoredObject,
};
use crate::vault::{Object, ObjectHash, SHARDS, VaultError};
use crate::verbs::audit;
use crate::verbs::sync::stopped;

/// How often a waiting caller looks at the row when nothing wakes it.
const LOOK_MS: i64 = 100;
/// How often lost bytes are asked for again within one request.
const LOSSES_MAX: u32 = 2;
/// Objects that are removed in one go.
const SWEEP_ROWS: u32 = 100;
/// Goes of one sweep: far above any vault.
const SWEEPS_MAX: u32 = 1_000_000;
/// A file that no row knows is left alone while it may still be on its way into one.
const STRANGE_AGE_MS: i64 = 60 * 60_000;

/// Which attachment somebody wants. It does not show itself: a link may carry a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The one with this link.
    Url(&'a str),
    /// The one at this place of a message.
    Place {
        /// The message.
        message: &'a MessageId,
        /// The place among its attachments.
        ordinal: u32,
    },
}

/// An attachment that is here, as it may be shown to a stranger's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The attachment.
    pub row: AttachmentRow,
    /// Its bytes, not yet read.
    pub object: StoredObject,
    hash: ObjectHash,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Objects that were removed because no attachment refers to them.
    pub removed: u64,
    /// Files that no row knew, or that were never finished; they were removed, too.
    pub unknown: u64,
}

/// The attachment, waited for until a time when it is not here yet.
pub async fn fetched(app: &App, account: &Account, wanted: Wanted<'_>, until: Timestamp) -> Result<Here, Refusal> {
    let new = described(app, &account.id, wanted).await?;
    let name = match wanted {
        Wanted::Url(url) => AttachmentName::Url(url),
        Wanted::Place { message, ordinal } => AttachmentName::Place { message, ordinal },
    };
    let mut row = match app.store.attachment(&account.id, name).await? {
        Some(row) if row.state == AttachmentState::Stored => return here(row),
        Some(row) if given_up(&row).is_some() && !is_newer(&row, &new) => row,
        _ => ask(app, account, &new).await?,
    };
    loop {
        if row.state == AttachmentState::Stored {
            return here(row);
        }
        if let Some(refusal) = given_up(&row) {
            return Err(refusal);
        }
        if row.state == AttachmentState::Failed {
            return Err(Refusal::MediaFailed(row.failure_code.unwrap_or_default()));
        }
        wait(app, &account.id, until).await?;
        let gone = || Refusal::NotFound("the attachment was removed".into());
        row = app.store.attachment(&account.id, name).await?.ok_or_else(gone)?;
    }
}

/// Bytes of an attachment that is here, all or a part; lost ones are fetched again.
pub async fn read(
    app: &App,
    account: &Account,
    wanted: Wanted<'_>,
    part: impl Fn(&Here) -> Option<Range<u64>> + Send,
    until: Timestamp,
) -> Result<(Here, Object), Refusal> {
    for _ in 0..LOSSES_MAX {
        let found = fetched(app, account, wanted, until).await?;
        match app.media.vault.read(&found.hash, part(&found)).await {
            Ok(object) => return Ok((found, object)),
            Err(VaultError::Missing | VaultError::Damaged) => {
                tracing::error!(account = %account.id, "a kept attachment is lost; it is fetched again");
                app.store.lose_object(&found.object.hash).await?;
            }
            Err(error) => return Err(Refusal::MediaStore(error.to_string())),
        }
    }
    Err(Refusal::MediaStore("the media store loses what is put into it: run `threadkeep doctor`".into()))
}

/// The attachments of these messages, by message and place.
pub async fn of_messages(
    app: &App,
    account: &AccountId,
    messages: &[MessageId],
) -> Result<Vec<AttachmentRow>, Refusal> {
    match messages.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(app.store.attachments(account, messages).await?),
    }
}

/// The bytes of an attachment, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBytes {
    /// What they were seen to be.
    pub content_type: &'static str,
    /// Whether they are an image of the few kinds that may be shown in place.
    pub is_image: bool,
    /// How many.
    pub size_bytes: u64,
    /// What they are.
    pub hash: ObjectHash,
}

/// The bytes that an attachment's row refers to; `None` when they are not here.
pub fn kept(row: &AttachmentRow) -> Option<KeptBytes> {
    let object = row.object.as_ref()?;
    let kind = MediaType::named(&object.media_type);
    let hash = ObjectHash::parse(&object.hash).ok()?;
    Some(KeptBytes { content_type: kind.as_str(), is_image: kind.is_inline(), size_bytes: object.size_bytes, hash })
}

/// Reads kept bytes without asking anybody for lost ones: those are `None`.
pub async fn bytes_of(app: &App, kept: &KeptBytes) -> Result<Option<bytes::Bytes>, Refusal> {
    match app.media.vault.read(&kept.hash, None).await {
        Ok(object) => Ok(Some(object.bytes)),
        Err(VaultError::Missing | VaultError::Damaged) => Ok(None),
        Err(error) => Err(Refusal::MediaStore(error.to_string())),
    }
}

/// A name for a file on any disk, from the one that a sender gave.
pub fn file_name(given: Option<&str>, kind: &str) -> String {
    safe_file_name(given.filter(|name| !name.trim().is_empty()).unwrap_or(kind))
}

/// Asks for an attachment and does not wait for it.
pub async fn want(app: &App, account: &Account, wanted: Wanted<'_>) -> Result<(), Refusal> {
    let new = described(app, &account.id, wanted).await?;
    ask(app, account, &new).await.map(|_| ())
}

/// How many attachments of an account are in which state.
pub async fn counts(app: &App, account: &AccountId) -> Result<MediaCounts, Refusal> {
    Ok(app.store.media_counts(account).await?)
}

/// Decides when the media of an account are fetched.
pub async fn set_policy(app: &App, who: &Actor, account: &AccountId, policy: MediaPolicy) -> Result<(), Refusal> {
    let line = audit::done(app, who, Act::MediaPolicyChanged, Subject::account(account));
    match app.store.carry_out(&Deed::SetMediaPolicy(account, policy), &line).await? {
        true => Ok(()),
        false => Err(Refusal::NoAccount),
    }
}

/// The policy of this name.
pub fn policy(name: &str) -> Result<MediaPolicy, Refusal> {
    MediaPolicy::named(name).ok_or_else(|| Refusal::Invalid("media: eager, lazy or off".into()))
}

/// Whether something that was asked for is still to be fetched.
pub async fn is_awaited(app: &App, account: &AccountId) -> Result<bool, Refusal> {
    Ok(app.store.media_due_at(account).await?.is_some())
}

/// Asks for everything of an account that is not here; with `is_again` also for what was given up. Tells how many.
pub async fn want_all(app: &App, account: &Account, is_again: bool) -> Result<u64, Refusal> {
    may_ask(account)?;
    let all = [AttachmentState::Remote, AttachmentState::Failed, AttachmentState::Gone, AttachmentState::Refused];
    let states = if is_again { &all[..] } else { &all[..2] };
    let asked = app.store.want_all(&account.id, states, app.clock.now()).await?;
    app.bell.notify_waiters();
    Ok(asked)
}

/// Removes the bytes that no attachment refers to any more.
pub async fn remove_loose(app: &App) -> Result<u64, Refusal> {
    let mut removed = 0;
    for _ in 0..SWEEPS_MAX {
        let leaving = app.store.leaving_objects(SWEEP_ROWS, app.clock.now()).await?;
        if leaving.is_empty() {
            break;
        }
        for hash in leaving {
            remove(app, &hash).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes what nobody refers to, and files in the vault that no row knows.
pub async fn sweep(app: &App) -> Result<Swept, Refusal> {
    let mut swept = Swept { removed: remove_loose(app).await?, unknown: 0 };
    let failed = |error: VaultError| Refusal::MediaStore(error.to_string());
    for shard in (0..SHARDS).filter_map(|shard| u8::try_from(shard).ok()) {
        let unfinished = app.media.vault.sweep(shard, app.clock.now().0).await.map_err(failed)?;
        swept.unknown += u64::try_from(unfinished).unwrap_or(u64::MAX);
        let files = app.media.vault.files(shard).await.map_err(failed)?;
        for file in files {
            let is_young = app.clock.now().since_ms(Timestamp(file.written_at_ms)) < STRANGE_AGE_MS;
            let object = StoredObject {
                hash: file.hash.to_string(),
                size_bytes: file.size_bytes,
                media_type: "application/octet-stream".into(),
            };
            if !is_young && app.store.disown_object(&object).await? {
                remove(app, &object.hash).await?;
                swept.unknown += 1;
            }
        }
    }
    Ok(swept)
}

impl Here {
    /// The media type, as the bytes themselves tell it.
    pub fn content_type(&self) -> &'static str {
        MediaType::named(&self.object.media_type).as_str()
    }

    /// The value of `Content-Disposition`: in place for the few kinds of images that a browser may show.
    pub fn disposition(&self) -> String {
        let is_inline = MediaType::named(&self.object.media_type).is_inline();
        let value = content_disposition(self.row.name.as_deref().unwrap_or_default(), is_inline);
        value.to_str().unwrap_or("attachment").to_owned()
    }
}

async fn remove(app: &App, hash: &str) -> Result<(), Refusal> {
    if let Ok(hash) = ObjectHash::parse(hash) {
        app.media.vault.delete(&hash).await.map_err(|error| Refusal::MediaStore(error.to_string()))?;
    }
    Ok(app.store.forget_object(hash).await?)
}

/// What is wanted, as a row would begin: a place is looked up in its message, a link is checked.
async fn described(app: &App, account: &AccountId, wanted: Wanted<'_>) -> Result<NewAttachment, Refusal> {
    match wanted {
        Wanted::Url(url) => match MediaAddress::parse(url) {
            Ok(_) => Ok(NewAttachment::link(url)),
            Err(refused) => Err(Refusal::MediaAddress(refused.to_string())),
        },
        Wanted::Place { message, ordinal } => {
            let unknown = || Refusal::NotFound("no such attachment".into());
            let found = app.store.message(std::slice::from_ref(account), message).await?;
            let (_, kept) = found.ok_or_else(unknown)?;
            let one = attachments(&kept.content).find(|one| one.ordinal == ordinal).ok_or_else(unknown)?;
            Ok(NewAttachment::of(message, &one))
        }
    }
}

/// Whether a link that stands by itself was given up, and now comes with a newer signature.
fn is_newer(row: &AttachmentRow, new: &NewAttachment) -> bool {
    row.message.is_none() && row.state == AttachmentState::Gone && row.url != new.url
}

async fn ask(app: &App, account: &Account, new: &NewAttachment) -> Result<AttachmentRow, Refusal> {
    may_ask(account)?;
    let row = app.store.want(&account.id, new, false, app.clock.now()).await?;
    app.bell.notify_waiters();
    Ok(row)
}

fn may_ask(account: &Account) -> Result<(), Refusal> {
    if account.media_policy == MediaPolicy::Off {
        return Err(Refusal::MediaOff);
    }
    match stopped(account) {
        None => Ok(()),
        Some(("paused", what)) => Err(Refusal::Conflict(what)),
        Some((_, what)) => Err(Refusal::NeedsLogin(what)),
    }
}

/// Waits a little; refuses when it is too late, or when nothing can come in time.
async fn wait(app: &App, account: &AccountId, until: Timestamp) -> Result<(), Refusal> {
    let now = app.clock.now();
    let kept = app.store.account(account).await?.ok_or(Refusal::NoAccount)?;
    may_ask(&kept)?;
    let rests_longer = kept.hold.is_some_and(|hold| hold.until > until) || kept.next_request_at > until;
    if now >= until || rests_longer {
        return Err(Refusal::MediaPending);
    }
    app.storage.check()?;
    app.clock.nap_until(now.plus_ms(LOOK_MS).min(until)).await;
    Ok(())
}

fn given_up(row: &AttachmentRow) -> Option<Refusal> {
    match row.state {
        AttachmentState::Gone => Some(Refusal::MediaGone),
        AttachmentState::Refused => Some(Refusal::MediaRefused(row.failure_code.clone().unwrap_or_default())),
        _ => None,
    }
}

fn here(row: AttachmentRow) -> Result<Here, Refusal> {
    let unreadable = || Refusal::Internal("a stored attachment has no hash".into());
    let object = row.object.clone().ok_or_else(unreadable)?;
    let hash = ObjectHash::parse(&object.hash).map_err(|_| unreadable())?;
    Ok(Here { row, object, hash })
}
