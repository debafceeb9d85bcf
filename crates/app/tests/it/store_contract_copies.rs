//! Contract of a copy, piece by piece: what the store hands out of an account is what it takes in, and a source that
//! breaks off leaves nothing.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, ensure};
use threadkeep::store::{
    Actor, Copied, CopiedAccount, CopiedArchived, CopiedRows, CopyOutcome, CopyReads, CopySource, SharedStore,
};
use threadkeep::verbs::accounts;
use threadkeep_core::id::AccountId;
use threadkeep_sim::{ArchiveEra, GenerateOptions, World};

use crate::harness::Harness;
use crate::import_stories::import;
use crate::store_database::Database;

/// A fixed present for worlds.
const NOW_MS: i64 = 1_790_000_000_000;
/// Records of a page: fewer than there are of anything.
const PAGE: u32 = 7;

crate::on_both_databases!(what_is_handed_out_is_taken_in, a_source_that_breaks_off_leaves_nothing);

/// An account with everything that a copy has.
async fn story(database: &Database) -> Result<Harness> {
    let options = GenerateOptions { seed: 23, conversations: 12, messages_mean: 6.0, ..GenerateOptions::at(NOW_MS) };
    let story = Harness::connect(database, World::generate(&options)).await?;
    import(&story, ArchiveEra::Year2023).await?;
    story.sync().await?;
    Ok(story)
}

pub struct Source {
    pub account: CopiedAccount,
    pub parts: VecDeque<Copied>,
}

impl CopySource for Source {
    fn account(&self) -> &CopiedAccount {
        &self.account
    }

    fn next_rows(&mut self) -> Copied {
        self.parts.pop_front().unwrap_or(Copied::End)
    }
}

/// All that the store hands out, page by page.
pub async fn handed_out(store: &SharedStore, account: &AccountId) -> Result<(CopiedAccount, CopiedRows)> {
    let store = store.held().await?;
    let mut all = CopiedRows::default();
    let head = store.copied_account(account).await?.context("an account")?;
    loop {
        let page = store.copied_people(account, all.people.last().map(|one| &one.id), PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.people.extend(page);
    }
    loop {
        let after = all.conversations.last().map(|one| &one.conversation.id);
        let page = store.copied_conversations(account, after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.conversations.extend(page);
    }
    loop {
        let after = all.messages.last().map(|one| (&one.conversation, one.delivered_at, &one.id));
        let page = store.copied_messages(account, after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.messages.extend(page);
    }
    loop {
        let page = store.copied_events(account, all.events.last().map_or(0, |one| one.seq), PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.events.extend(page);
    }
    loop {
        let after = all.oddities.last().map_or(String::new(), |one| one.digest.clone());
        let page = store.copied_oddities(account, &after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.oddities.extend(page);
    }
    archives(&*store, account, &mut all).await?;
    store.release().await;
    Ok((head, all))
}

async fn archives(store: &dyn CopyReads, account: &AccountId, all: &mut CopiedRows) -> Result<()> {
    let imports = store.copied_imports(account, 0, PAGE).await?;
    let place = |id: i64| imports.iter().position(|(one, _)| *one == id).map_or(0, |place| place as i64 + 1);
    loop {
        let last = all.archived.last();
        let after = last.map(|one| (one.conversation.clone(), one.second, one.fingerprint.clone()));
        let page = store.copied_archived(account, after.as_ref(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.archived.extend(page.into_iter().map(|one| CopiedArchived { import: place(one.import), ..one }));
    }
    loop {
        let after = all.aliases.last().map_or(String::new(), |one| one.alias.clone());
        let page = store.copied_aliases(account, &after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.aliases.extend(page);
    }
    all.imports = imports.into_iter().map(|(_, one)| one).collect();
    Ok(())
}

async fn what_is_handed_out_is_taken_in(database: &Database) -> Result<()> {
    let story = story(database).await?;
    let store = &database.store;
    let (account, all) = handed_out(store, &story.account).await?;
    ensure!(account.has_archive && all.imports.len() == 1 && !all.archived.is_empty() && !all.aliases.is_empty());
    ensure!(!all.people.is_empty() && !all.messages.is_empty() && !all.events.is_empty());
    let mut source = Source { account: account.clone(), parts: [Copied::Rows(all.clone())].into() };
    ensure!(store.put_copy(&mut source).await? == CopyOutcome::AccountExists);
    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    ensure!(store.held().await?.copied_account(&story.account).await?.is_none());
    let mut source = Source { account: account.clone(), parts: [Copied::Rows(all.clone())].into() };
    ensure!(store.put_copy(&mut source).await? == CopyOutcome::Restored);
    let (again, same) = handed_out(store, &story.account).await?;
    ensure!(again == account && same == all);
    Ok(())
}

async fn a_source_that_breaks_off_leaves_nothing(database: &Database) -> Result<()> {
    let story = story(database).await?;
    let store = &database.store;
    let (account, all) = handed_out(store, &story.account).await?;
    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    // Broken off; a message without its conversation; a row of an import that is not there.
    let stray = CopiedRows { conversations: Vec::new(), ..all.clone() };
    let loose = CopiedRows { imports: Vec::new(), ..all.clone() };
    for parts in [[Copied::Rows(all), Copied::Broken].to_vec(), vec![Copied::Rows(stray)], vec![Copied::Rows(loose)]] {
        let mut source = Source { account: account.clone(), parts: parts.into() };
        ensure!(store.put_copy(&mut source).await? == CopyOutcome::Broken);
        for table in ["accounts", "people", "conversations", "messages", "imports", "archived_messages"] {
            ensure!(database.count(&format!("SELECT COUNT(*) FROM {table}")).await? == 0, "{table}");
        }
    }
    Ok(())
}
