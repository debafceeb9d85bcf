//! Reading the mirror: accounts within reach, pages of conversations, pages of messages.
//!
//! Nothing here asks LinkedIn for anything (invariant I4), and an account out of reach is the same refusal as one that
//! does not exist, so that nobody learns of it.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep_core::attachment::is_attachment;
use threadkeep_core::content::Content;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{
    Account, AttachmentRow, ConversationFilter, ConversationRow, MessageFilter, SharedWriter, shown_name,
};
use crate::verbs::media;

/// Most conversations or messages on a page.
pub const PAGE_MAX: u32 = 100;
/// People who are named in the name of a conversation.
const NAMED_MAX: usize = 3;
/// Pages that are looked through for one page of chosen conversations.
const SIFTED_PAGES_MAX: u32 = 10;
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
    /// Its participants, the senders of these messages and of those that they quote.
    pub people: BTreeMap<PersonId, Person>,
    /// What is known of the attachments of these messages.
    pub media: Vec<AttachmentRow>,
    /// Where older messages begin; `None` at the end.
    pub next: Option<MessagePosition>,
}

/// A message that was asked for by its id.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageFound {
    /// Whose mailbox it is in.
    pub account: AccountId,
    /// The message.
    pub message: Message,
    /// Who wrote it, where known.
    pub sender: Option<Person>,
    /// What is known of its attachments.
    pub media: Vec<AttachmentRow>,
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

/// Has the same page written as it lies ready; false when it has to be made of records. One conversation more than the
/// limit is shown, where there is one.
pub async fn show_list(
    app: &App,
    filter: &ConversationFilter,
    limit: u32,
    writer: SharedWriter,
) -> Result<bool, Refusal> {
    Ok(app.store.show_list(filter, limit.clamp(1, PAGE_MAX) + 1, writer).await?)
}

/// Has a conversation and a page of its messages written in the same way.
pub async fn show_thread(
    app: &App,
    thread: (&AccountId, &ConversationId),
    filter: &MessageFilter,
    limit: u32,
    writer: SharedWriter,
) -> Result<bool, Refusal> {
    Ok(app.store.show_thread(thread, filter, limit.clamp(1, PAGE_MAX) + 1, writer).await?)
}

/// A page of those conversations that are to be kept. Looks at so many at most; the page may then be short, and even
/// empty, with more to follow.
pub async fn conversations_sifted(
    app: &App,
    filter: &ConversationFilter,
    limit: u32,
    keep: &(dyn Fn(&ConversationRow) -> bool + Sync),
) -> Result<ConversationsPage, Refusal> {
    let limit = usize::try_from(limit.clamp(1, PAGE_MAX)).unwrap_or(1);
    let mut filter = filter.clone();
    let mut rows = Vec::new();
    for _ in 0..SIFTED_PAGES_MAX {
        let page = conversations(app, &filter, PAGE_MAX).await?;
        let looked_at = page.rows.len();
        for (at, row) in page.rows.into_iter().enumerate() {
            let here = (row.conversation.last_activity_at, row.conversation.id.clone(), row.account.clone());
            rows.extend(keep(&row).then_some(row));
            if rows.len() == limit {
                let is_last = at + 1 == looked_at && page.next.is_none();
                return Ok(ConversationsPage { rows, next: (!is_last).then_some(here) });
            }
        }
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    Ok(ConversationsPage { rows, next: filter.after })
}

/// One conversation, in the first of these accounts that has it.
pub async fn conversation(app: &App, accounts: &[AccountId], id: &ConversationId) -> Result<ConversationRow, Refusal> {
    app.store.conversation(accounts, id).await?.ok_or(Refusal::NoConversation)
}

/// What a conversation is called: its title, else the people in it besides its owner, else the owner.
pub fn title(row: &ConversationRow, account: &Account) -> String {
    if let Some(title) = row.conversation.title.as_deref().map(str::trim).filter(|title| !title.is_empty()) {
        return title.to_owned();
    }
    let others = others(row, account);
    let named: Vec<String> =
        others.iter().take(NAMED_MAX).map(|person| shown_name(person.full_name().trim())).collect();
    match others.len() {
        0 => shown_name(""),
        all if all > NAMED_MAX => format!("{} and {} more", named.join(", "), all - NAMED_MAX),
        _ => named.join(", "),
    }
}

/// Everybody in a conversation but its owner; the owner when there is nobody else.
pub fn others<'a>(row: &'a ConversationRow, account: &Account) -> Vec<&'a Person> {
    let others: Vec<&Person> = row.participants.iter().filter(|person| person.id != account.member).collect();
    if others.is_empty() { row.participants.iter().collect() } else { others }
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
    let people = conversation.participants.iter().map(|person| (person.id.clone(), person.clone())).collect();
    let (media, account) = (attached(app, account, &messages).await?, account.clone());
    let mut page = MessagesPage { conversation, messages, people, media, next };
    add_senders(app, &account, &mut page).await?;
    Ok(page)
}

/// Messages of a conversation around a time: so many up to it, and so many after it; newest first.
pub async fn messages_around(
    app: &App,
    conversation: ConversationRow,
    at: Timestamp,
    (before, after): (u32, u32),
) -> Result<MessagesPage, Refusal> {
    let (account, id) = (conversation.account.clone(), conversation.conversation.id.clone());
    let mut later = match after.min(PAGE_MAX) {
        0 => Vec::new(),
        after => app.store.messages_after(&account, &id, (at, None), after).await?,
    };
    later.reverse();
    // What was delivered at the time itself belongs to what came before.
    let filter = MessageFilter { before: Some((at.plus_ms(1), first_message_id()?)), since: None };
    let mut page = messages(app, conversation, &filter, before).await?;
    if before == 0 {
        page.messages.clear();
    }
    page.media.extend(attached(app, &account, &later).await?);
    later.append(&mut page.messages);
    page.messages = later;
    add_senders(app, &account, &mut page).await?;
    Ok(page)
}

/// The messages that follow a position, oldest of them first in time but shown newest first, and whether more follow.
pub async fn messages_following(
    app: &App,
    conversation: ConversationRow,
    (at, id): &MessagePosition,
    limit: u32,
) -> Result<(MessagesPage, bool), Refusal> {
    let limit = limit.clamp(1, PAGE_MAX);
    let (account, of) = (conversation.account.clone(), conversation.conversation.id.clone());
    let mut messages = app.store.messages_after(&account, &of, (*at, Some(id)), limit + 1).await?;
    let has_more = cut(&mut messages, limit).is_some();
    messages.reverse();
    // Whatever was before them is there: the position itself.
    let next = messages.last().map(|message| (message.delivered_at, message.id.clone()));
    let media = attached(app, &account, &messages).await?;
    let people = conversation.participants.iter().map(|person| (person.id.clone(), person.clone())).collect();
    let mut page = MessagesPage { conversation, messages, people, media, next };
    add_senders(app, &account, &mut page).await?;
    Ok((page, has_more))
}

/// A message among those before and after it, so many of each; newest first, and whether more follow.
pub async fn messages_beside(
    app: &App,
    conversation: ConversationRow,
    found: MessageFound,
    (before, after): (u32, u32),
) -> Result<(MessagesPage, bool), Refusal> {
    let position = (found.message.delivered_at, found.message.id.clone());
    let (mut page, has_more) = messages_following(app, conversation.clone(), &position, after).await?;
    let filter = MessageFilter { before: Some(position), since: None };
    let earlier = messages(app, conversation, &filter, before).await?;
    page.people.extend(earlier.people);
    page.people.extend(found.sender.map(|sender| (sender.id.clone(), sender)));
    page.messages.push(found.message);
    page.messages.extend(earlier.messages);
    page.media.extend(found.media.into_iter().chain(earlier.media));
    page.next = earlier.next;
    add_senders(app, &found.account, &mut page).await?;
    Ok((page, has_more))
}

/// Adds those senders of a page who are no participants any more, and of what its messages quote and forward.
async fn add_senders(app: &App, account: &AccountId, page: &mut MessagesPage) -> Result<(), Refusal> {
    let quoted = page.messages.iter().flat_map(|message| &message.content).filter_map(|content| match content {
        Content::Forwarded { sender, .. } | Content::Reply { sender, .. } => sender.as_ref(),
        _ => None,
    });
    let senders = page.messages.iter().filter_map(|message| message.sender.as_ref()).chain(quoted);
    let missing: BTreeSet<PersonId> = senders.filter(|sender| !page.people.contains_key(*sender)).cloned().collect();
    if !missing.is_empty() {
        let missing: Vec<PersonId> = missing.into_iter().collect();
        let found = app.store.people(account, &missing).await?;
        page.people.extend(found.into_iter().map(|person| (person.id.clone(), person)));
    }
    Ok(())
}

/// The first of all message ids in the order of bytes; a position at a plain time stands before it.
pub fn first_message_id() -> Result<MessageId, Refusal> {
    MessageId::new("+").map_err(|_| Refusal::Internal("the first message id is not one".into()))
}

/// Somebody whom the mirror of an account knows, by profile id or vanity name.
pub async fn person(app: &App, account: &AccountId, profile: &str) -> Result<Person, Refusal> {
    let unknown = || Refusal::NotFound("nobody with this profile is known: a mirror knows those it has met".into());
    app.store.person_by_profile(account, profile).await?.ok_or_else(unknown)
}

/// The conversation of an account with somebody alone.
pub async fn conversation_with(
    app: &App,
    account: &Account,
    person: &PersonId,
) -> Result<Option<ConversationId>, Refusal> {
    match *person == account.member {
        true => Ok(None),
        false => Ok(app.store.conversation_with(&account.id, person).await?),
    }
}

/// A message with its earlier texts and its sender, in the first of these accounts that has it.
pub async fn message(app: &App, accounts: &[AccountId], id: &MessageId) -> Result<MessageFound, Refusal> {
    let unknown = || Refusal::NotFound("no such message".into());
    let (account, message) = app.store.message(accounts, id).await?.ok_or_else(unknown)?;
    let sender = match &message.sender {
        Some(sender) => app.store.people(&account, std::slice::from_ref(sender)).await?.into_iter().next(),
        None => None,
    };
    let media = attached(app, &account, std::slice::from_ref(&message)).await?;
    Ok(MessageFound { account, message, sender, media })
}

/// What is known of the attachments of messages; asked for only when there are any.
async fn attached(app: &App, account: &AccountId, messages: &[Message]) -> Result<Vec<AttachmentRow>, Refusal> {
    let carriers = messages.iter().filter(|message| message.content.iter().any(is_attachment));
    let carriers: Vec<MessageId> = carriers.map(|message| message.id.clone()).collect();
    media::of_messages(app, account, &carriers).await
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

/// Whether an account is within reach.
pub fn is_within(reach: Reach<'_>, id: &AccountId) -> bool {
    reach.is_none_or(|ids| ids.contains(id))
}
