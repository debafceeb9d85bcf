//! Searching the mirror: a question in words becomes a page of hits with the marked piece of each, newest first.
//!
//! Nothing here asks LinkedIn for anything (invariant I4). The index is brought up to date a little before it is asked,
//! and what it still lacks is told with every page; that it cannot be fed never fails a search or a sync.

use std::collections::HashMap;

use threadkeep_core::attachment::attachments;
use threadkeep_core::id::ConversationId;
use threadkeep_core::message::Message;
use threadkeep_core::search::{Query, QueryError, Snippet, parse, position_of, snippet};

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{
    Account, ConversationRow, Found, Hit, IndexLag, Merge, SearchPosition, Searched, SharedStore, Wanted,
};
use crate::verbs::read;

/// Most hits on a page.
pub const PAGE_MAX: u32 = 100;
/// Steps of the indexer that a search waits for: what a page or two has brought.
const STEPS_OF_SEARCH: u32 = 3;

/// A page of hits, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    /// What was understood: written out, it is the same question.
    pub query: Query,
    /// The hits.
    pub hits: Vec<SearchHit>,
    /// Where to go on; `None` at the end. A page may be short, even empty, and go on all the same.
    pub next: Option<SearchPosition>,
    /// What the index lacks of these accounts now.
    pub lag: IndexLag,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The message, its account and who wrote it.
    pub hit: Hit,
    /// The conversation that it is in.
    pub conversation: ConversationId,
    /// The conversation's title, or the names of the others in it.
    pub title: String,
    /// The piece of the text around what was looked for, or the name of an attached file that has it.
    pub snippet: Snippet,
    /// The subject, with what was looked for marked.
    pub subject: Option<Snippet>,
}

/// A page of messages in these accounts that are what a question asks.
pub async fn search(
    app: &App,
    accounts: &[Account],
    question: &str,
    after: Option<SearchPosition>,
    limit: u32,
) -> Result<SearchPage, Refusal> {
    let query = parse(question)?;
    if let Err(refusal) = catch_up(&app.store, STEPS_OF_SEARCH).await {
        tracing::warn!(code = refusal.code(), "the index of search could not be brought up to date: {refusal}");
    }
    let ids: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
    let wanted = Wanted { accounts: &ids, query: &query, after, limit: limit.clamp(1, PAGE_MAX) };
    let found = match app.store.search(&wanted).await? {
        Searched::Found(found) => found,
        Searched::TooMany { operator, clause } => return Err(too_many(question, operator, clause).into()),
    };
    let lag = app.store.index_lag(Some(&ids)).await?;
    let (hits, next) = shown(found, accounts, &query);
    Ok(SearchPage { query, hits, next, lag })
}

/// Takes what was committed into the index, so many steps at most; tells whether something may be left.
pub async fn catch_up(store: &SharedStore, steps: u32) -> Result<bool, Refusal> {
    for _ in 0..steps {
        if !store.index_some().await?.is_work {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the index one part where that is worth it, a bounded piece at a time; tells whether something may be left.
pub async fn tidy(store: &SharedStore, merge: &mut Merge) -> Result<bool, Refusal> {
    let goes_on = store.merge_index(*merge).await?;
    *merge = if goes_on { Merge::GoOn } else { Merge::IfScattered };
    Ok(goes_on)
}

/// Empties the index, so that the steps that follow make it anew.
pub async fn forget(store: &SharedStore) -> Result<(), Refusal> {
    Ok(store.forget_index().await?)
}

/// How far the index is behind.
pub async fn lag(store: &SharedStore) -> Result<IndexLag, Refusal> {
    Ok(store.index_lag(None).await?)
}

fn shown(found: Found, accounts: &[Account], query: &Query) -> (Vec<SearchHit>, Option<SearchPosition>) {
    let titled = |row: &ConversationRow| {
        let account = accounts.iter().find(|account| account.id == row.account);
        account.map(|account| read::title(row, account)).unwrap_or_default()
    };
    let titles: HashMap<_, _> =
        found.conversations.iter().map(|row| ((&row.account, &row.conversation.id), titled(row))).collect();
    let hits = found.hits.into_iter().map(|hit| {
        let conversation = hit.message.conversation.clone();
        let title = titles.get(&(&hit.account, &conversation)).cloned().unwrap_or_default();
        let (snippet, subject) = pieces(&hit.message, query);
        SearchHit { conversation, title, snippet, subject, hit }
    });
    (hits.collect(), found.next)
}

fn pieces(message: &Message, query: &Query) -> (Snippet, Option<Snippet>) {
    let subject = message.subject.as_deref().filter(|subject| !subject.is_empty());
    let body = snippet(&message.body, query.phrases());
    // Names of files are searched: a hit by one of them shows it.
    let by_name = match body.has_match() {
        true => None,
        false => attachments(&message.content)
            .filter_map(|one| one.name())
            .map(|name| snippet(name, query.phrases()))
            .find(Snippet::has_match),
    };
    (by_name.unwrap_or(body), subject.map(|subject| snippet(subject, query.phrases())))
}

fn too_many(question: &str, operator: &str, clause: usize) -> QueryError {
    QueryError {
        position: position_of(question, clause).unwrap_or(1),
        what: format!("{operator} means too many people or conversations: give more of the name"),
        is_too_complex: true,
    }
}
