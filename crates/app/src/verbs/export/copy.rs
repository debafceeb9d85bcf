//! The complete copy of an account as JSON Lines: what [`crate::verbs::restore_copy`] reads back, byte for byte.
//!
//! It begins with a header and ends with counts and a hash, so that a file that was cut or changed is known, and it tells
//! one moment, whatever is written meanwhile. There is no session in it, no key and no job.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use threadkeep_core::id::AccountId;

use super::copy_lines::{EndLine, FORM, HeaderLine, Line, VERSION};
use super::{ExportError, Exported, Outlet, PAGE_ROWS, PAGES_MAX, endless};
use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{Account, CopiedArchived, CopyReads};

/// Writes the copy.
pub async fn write(app: &App, account: &Account, out: &mut dyn Outlet) -> Result<Exported, ExportError> {
    let held = app.store.held().await?;
    let written = write_held(&*held, &account.id, out).await;
    held.release().await;
    written
}

async fn write_held(from: &dyn CopyReads, account: &AccountId, out: &mut dyn Outlet) -> Result<Exported, ExportError> {
    let copied = from.copied_account(account).await?.ok_or(Refusal::NoAccount)?;
    let header = HeaderLine { form: FORM.into(), version: VERSION, account: copied.into() };
    let mut copy = Copy { from, account, out, hash: Sha256::new(), exported: Exported::default() };
    copy.put([Line::Header(Box::new(header))]).await?;
    copy.people().await?;
    copy.conversations().await?;
    copy.messages().await?;
    let events = copy.events().await?;
    let oddities = copy.oddities().await?;
    let (imports, archived) = copy.archives().await?;
    let aliases = copy.aliases().await?;
    let Exported { conversations, messages, people } = copy.exported;
    let sha256 = copy.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let end = EndLine { people, conversations, messages, events, oddities, imports, archived, aliases, sha256 };
    copy.put([Line::End(end)]).await?;
    Ok(copy.exported)
}

struct Copy<'a> {
    from: &'a dyn CopyReads,
    account: &'a AccountId,
    out: &'a mut dyn Outlet,
    hash: Sha256,
    exported: Exported,
}

impl Copy<'_> {
    async fn people(&mut self) -> Result<(), ExportError> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_people(self.account, after.as_ref(), PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            self.exported.people += self.put(page.into_iter().map(|one| Line::Person(one.into()))).await?;
        }
        Err(endless())
    }

    async fn conversations(&mut self) -> Result<(), ExportError> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_conversations(self.account, after.as_ref(), PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.conversation.id.clone());
            let lines = page.into_iter().map(|one| Line::Conversation(Box::new(one.into())));
            self.exported.conversations += self.put(lines).await?;
        }
        Err(endless())
    }

    async fn messages(&mut self) -> Result<(), ExportError> {
        let mut last = None;
        for _ in 0..PAGES_MAX {
            let after = last.as_ref().map(|(conversation, at, id)| (conversation, *at, id));
            let page = self.from.copied_messages(self.account, after, PAGE_ROWS).await?;
            let Some(one) = page.last() else { return Ok(()) };
            last = Some((one.conversation.clone(), one.delivered_at, one.id.clone()));
            let lines = page.into_iter().map(|one| Line::Message(Box::new(one.into())));
            self.exported.messages += self.put(lines).await?;
            self.out.tell(&self.exported);
        }
        Err(endless())
    }

    async fn events(&mut self) -> Result<u64, ExportError> {
        let (mut after, mut count) = (0, 0);
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_events(self.account, after, PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.seq;
            count += self.put(page.into_iter().map(|one| Line::Event(one.into()))).await?;
        }
        Err(endless())
    }

    async fn oddities(&mut self) -> Result<u64, ExportError> {
        let (mut after, mut count) = (String::new(), 0);
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_oddities(self.account, &after, PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after.clone_from(&last.digest);
            count += self.put(page.into_iter().map(|one| Line::Oddity(one.into()))).await?;
        }
        Err(endless())
    }

    /// The exports of LinkedIn's that were taken in and their rows; tells how many of each.
    async fn archives(&mut self) -> Result<(u64, u64), ExportError> {
        let (mut after, mut count) = (0, 0);
        // The number of an import in this database, and its place in the copy.
        let mut places = BTreeMap::new();
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_imports(self.account, after, PAGE_ROWS).await?;
            let Some((last, _)) = page.last() else { return Ok((count, self.archived(&places).await?)) };
            after = *last;
            for (id, _) in &page {
                places.insert(*id, i64::try_from(places.len()).unwrap_or(i64::MAX).saturating_add(1));
            }
            count += self.put(page.into_iter().map(|(_, one)| Line::Import(one.into()))).await?;
        }
        Err(endless())
    }

    async fn archived(&mut self, places: &BTreeMap<i64, i64>) -> Result<u64, ExportError> {
        let (mut after, mut count) = (None, 0);
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_archived(self.account, after.as_ref(), PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some((last.conversation.clone(), last.second, last.fingerprint.clone()));
            let placed = |one: CopiedArchived| {
                let import = places.get(&one.import).copied();
                let import = import.ok_or_else(|| Refusal::Internal("a row of an archive has no import".into()))?;
                Ok(Line::Archived(CopiedArchived { import, ..one }.into()))
            };
            let lines: Vec<Line> = page.into_iter().map(placed).collect::<Result<_, Refusal>>()?;
            count += self.put(lines).await?;
        }
        Err(endless())
    }

    async fn aliases(&mut self) -> Result<u64, ExportError> {
        let (mut after, mut count) = (String::new(), 0);
        for _ in 0..PAGES_MAX {
            let page = self.from.copied_aliases(self.account, &after, PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after.clone_from(&last.alias);
            count += self.put(page.into_iter().map(|one| Line::Alias(one.into()))).await?;
        }
        Err(endless())
    }

    /// Hands on lines; tells how many.
    async fn put(&mut self, lines: impl IntoIterator<Item = Line>) -> Result<u64, ExportError> {
        let mut ready = Vec::new();
        let mut count = 0;
        for line in lines {
            ready.extend_from_slice(line.text().as_bytes());
            ready.push(b'\n');
            count += 1;
        }
        self.hash.update(&ready);
        self.out.put(&mut ready).await?;
        Ok(count)
    }
}
