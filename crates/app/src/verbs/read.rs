//! Reading the mirror: accounts within reach, pages of conversations, pages of messages.
//!
//! Nothing here asks LinkedIn for anything (invariant I4), and an account out of reach is the same refusal as one that
//! does not exist, so that nobody learns of it.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{Account, ConversationFilter, ConversationRow, MessageFilter};

/// Most conversations or messages on a page.
pub const PAGE_MAX: u32 = 100;
/// The setting that holds the secret by which cursors are proved to be ours.
const CURSOR_SECRET: &str = "cursor_secret";
/// Bytes of that secret.
const CURSOR_SECRET_BYTES: usize = 32;

/// The accounts that somebody may see; `None` is all.
pub type Reach<'a> = Option<&'a [AccountId]>;

/// A position in a list of conversations: activity, conversation, account.
pub type ConversationPosition = (Timestamp, ConversationId, AccountId);

/// A position in a list of messages: delivery, message.
pub type MessagePosition = (Timestamp, MessageId);

/// A page of conversations, newest activity first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationsPage {
    /// The conversations.
    pub rows: Vec<ConversationRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<ConversationPosition>,
}

/// A page of a conversation's messages, newest first, with everybody it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct MessagesPage {
    /// The conversation.
    pub conversation: ConversationRow,
    /// The messages.
    pub messages: Vec<Message>,
    /// Its participants and the senders of these messages.
    pub people: BTreeMap<PersonId, Person>,
    /// Where older messages begin; `None` at the end.
    pub next: Option<MessagePosition>,
}

/// All accounts within reach, by the time they were added.
pub async fn accounts(app: &App, reach: Reach<'_>) -> Result<Vec<Account>, Refusal> {
    let mut all = app.store.accounts().await?;
    all.retain(|account| is_within(reach, &account.id));
    Ok(all)
}

/// One account within reach.
pub async fn account(app: &App, reach: Reach<'_>, id: &AccountId) -> Result<Account, Refusal> {
    if !is_within(reach, id) {
        return Err(Refusal::NoAccount);
    }
    app.store.account(id).await?.ok_or(Refusal::NoAccount)
}

/// The account that is meant when none is named: the most recently synced one within reach, else the oldest.
pub async fn default_account(app: &App, reach: Reach<'_>) -> Result<Account, Refusal> {
    // `min_by_key` keeps the first of equals, which is the oldest.
    accounts(app, reach)
        .await?
        .into_iter()
        .min_by_key(|account| std::cmp::Reverse(account.last_sync_at))
        .ok_or(Refusal::NoAccount)
}

/// A page of conversations of these accounts.
pub async fn conversations(app: &App, filter: &ConversationFilter, limit: u32) -> Result<ConversationsPage, Refusal> {
    let limit = limit.clamp(1, PAGE_MAX);
    let mut rows = app.store.conversations(filter, limit + 1).await?;
    let next = cut(&mut rows, limit)
        .map(|row| (row.conversation.last_activity_at, row.conversation.id.clone(), row.account.clone()));
    Ok(ConversationsPage { rows, next })
}

/// One conversation, in the first of these accounts that has it.
pub async fn conversation(app: &App, accounts: &[AccountId], id: &ConversationId) -> Result<ConversationRow, Refusal> {
    app.store.conversation(accounts, id).await?.ok_or(Refusal::NoConversation)
}

/// A page of a conversation's messages.
pub async fn messages(
    app: &App,
    conversation: ConversationRow,
    filter: &MessageFilter,
    limit: u32,
) -> Result<MessagesPage, Refusal> {
    let limit = limit.clamp(1, PAGE_MAX);
    let (account, id) = (&conversation.account, &conversation.conversation.id);
    let mut messages = app.store.messages(account, id, filter, limit + 1).await?;
    let next = cut(&mut messages, limit).map(|message| (message.delivered_at, message.id.clone()));
    let mut people: BTreeMap<PersonId, Person> =
        conversation.participants.iter().map(|person| (person.id.clone(), person.clone())).collect();
    let missing: BTreeSet<PersonId> = messages
        .iter()
        .filter_map(|message| message.sender.clone())
        .filter(|sender| !people.contains_key(sender))
        .collect();
    if !missing.is_empty() {
        let missing: Vec<PersonId> = missing.into_iter().collect();
        let found = app.store.people(account, &missing).await?;
        people.extend(found.into_iter().map(|person| (person.id.clone(), person)));
    }
    Ok(MessagesPage { conversation, messages, people, next })
}

/// The secret by which cursors are proved to be ours; the same on every node, made at the first use.
pub async fn cursor_secret(app: &App) -> Result<String, Refusal> {
    if let Some(secret) = app.store.setting(CURSOR_SECRET).await? {
        return Ok(secret);
    }
    let mut random = [0_u8; CURSOR_SECRET_BYTES];
    app.chance.fill(&mut random);
    let fresh: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(app.store.setting_or_insert(CURSOR_SECRET, &fresh).await?)
}

/// Whether the database answers.
pub async fn ping(app: &App) -> Result<(), Refusal> {
    app.store.setting(CURSOR_SECRET).await?;
    Ok(())
}

/// Cuts a page that was read with one row too many; gives its last row when something follows it.
fn cut<T>(rows: &mut Vec<T>, limit: u32) -> Option<&T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last()
}

fn is_within(reach: Reach<'_>, id: &AccountId) -> bool {
    reach.is_none_or(|ids| ids.contains(id))
}
