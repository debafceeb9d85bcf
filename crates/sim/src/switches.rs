//! Every doubtful point of the protocol as a switch with a default (upstream protocol 14), in one place.
//!
//! A switch says how this LinkedIn *is*; what goes wrong now and then is a fault and lives in `faults`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::voyager::query_ids::Variant;

/// How this LinkedIn behaves where nobody knows for sure.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Most items of a page, whatever `count` asks for; `null` for no clamp.
    pub page_clamp: Option<u32>,
    /// Whether `lastUpdatedBefore` pages or is ignored.
    pub last_updated_before: Honour,
    /// Whether `lastUpdatedBefore` and `deliveredAt` leave out the item at that very time.
    pub time_border: Border,
    /// What the cursor of the last page looks like.
    pub end_of_list: EndOfList,
    /// Order of the elements of anchor and by-conversation answers.
    pub message_order: MessageOrder,
    /// What a token does on a list for which it was not issued.
    pub foreign_token: ForeignToken,
    /// What a token does when it is older than `token_lifetime_ms`.
    pub expired_token: ExpiredToken,
    /// How long a token is good; `null` for ever.
    pub token_lifetime_ms: Option<i64>,
    /// Most changes in a delta answer, oldest first; `null` for all of them.
    pub delta_limit: Option<u32>,
    /// Senders come without `participantType` when they are complete elsewhere in the conversation.
    pub brief_senders: bool,
    /// What a deleted member looks like.
    pub deleted_members: DeletedMembers,
    /// In the normalized form, references to some deleted members lead nowhere.
    pub dangling_references: bool,
    /// Unknown keys in many objects.
    pub extra_keys: bool,
    /// Conversations embed their newest message.
    pub embedded_message: bool,
    /// Search answers leave out `unreadCount`, `categories` and more.
    pub sparse_search: bool,
    /// Word of `notificationStatus` for a muted conversation.
    pub muted_word: String,
    /// Form of an InMail subject.
    pub subject_form: SubjectForm,
    /// Items of `deletedUrns` in the graphql form.
    pub deleted_urns: DeletedUrns,
    /// What an unknown `li_at` meets.
    pub unknown_session: DeadForm,
    /// Whether a session is bound to a browser.
    pub browser_binding: BrowserBinding,
    /// How long a session lives on after it was used from another browser.
    pub browser_grace_ms: i64,
    /// Seen receipts are given.
    pub seen_receipts: bool,
    /// Whether `queryId` has to come before `variables`.
    pub parameter_order: ParameterOrder,
    /// Answers are compressed when the client asks for it.
    pub gzip: bool,
    /// Query ids that are unknown although they are in the table.
    pub retired_query_ids: Vec<String>,
    /// Query ids that are known besides those of the table.
    pub extra_query_ids: BTreeMap<String, Variant>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            page_clamp: Some(PAGE_ITEMS),
            last_updated_before: Honour::Honour,
            time_border: Border::Strict,
            end_of_list: EndOfList::Null,
            message_order: MessageOrder::NewestFirst,
            foreign_token: ForeignToken::Honour,
            expired_token: ExpiredToken::Reset,
            token_lifetime_ms: None,
            delta_limit: None,
            brief_senders: false,
            deleted_members: DeletedMembers::NullNames,
            dangling_references: true,
            extra_keys: true,
            embedded_message: true,
            sparse_search: true,
            muted_word: "MUTE".to_owned(),
            subject_form: SubjectForm::Attributed,
            deleted_urns: DeletedUrns::Objects,
            unknown_session: DeadForm::RevokedRedirect,
            browser_binding: BrowserBinding::Off,
            browser_grace_ms: 20_000,
            seen_receipts: true,
            parameter_order: ParameterOrder::Any,
            gzip: true,
            retired_query_ids: Vec::new(),
            extra_query_ids: BTreeMap::new(),
        }
    }
}

/// Items of a page of the web client (upstream protocol 8).
pub const PAGE_ITEMS: u32 = 20;
/// Most items of a page when there is no clamp.
pub const UNCLAMPED_ITEMS: u32 = 1_000;
/// Most items of a search page (upstream protocol 3.6).
pub const SEARCH_ITEMS: u32 = 25;

impl Switches {
    /// How many items a page has when the client asks for `asked`.
    pub fn page_items(&self, asked: Option<u32>) -> usize {
        let most = self.page_clamp.unwrap_or(UNCLAMPED_ITEMS);
        usize::try_from(asked.unwrap_or(PAGE_ITEMS).min(most)).unwrap_or(0)
    }
}

/// Whether a variable has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Honour {
    /// It has.
    Honour,
    /// It is ignored.
    Ignore,
}

/// Whether a time leaves out the item at that very time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// Only what is strictly older.
    Strict,
    /// What is as old or older.
    Inclusive,
}

/// The cursor of the last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOfList {
    /// `null`
    Null,
    /// No such key.
    Missing,
    /// `""`
    Empty,
    /// A cursor like any other, which leads to an empty page.
    Probe,
}

/// Order of message pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageOrder {
    /// Newest first.
    NewestFirst,
    /// Oldest first.
    OldestFirst,
    /// No order at all, the same for the same page.
    Shuffled,
}

/// What a token does on another list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignToken {
    /// It works.
    Honour,
    /// The newest page with `shouldClearCache`.
    Reset,
    /// 400.
    Refuse,
}

/// What an expired token does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredToken {
    /// The newest page with `shouldClearCache`.
    Reset,
    /// 400.
    Refuse,
}

/// How deleted members look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedMembers {
    /// `member` with null names.
    NullNames,
    /// `member` with the names "LinkedIn" and "Member".
    Placeholder,
}

/// Form of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectForm {
    /// A string.
    Text,
    /// An attributed text.
    Attributed,
}

/// Items of `deletedUrns` in the graphql form; the normalized form always has strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedUrns {
    /// `{"conversation":{"entityUrn":…}}` or `{"message":{"entityUrn":…}}`
    Objects,
    /// `{"entityUrn":…}`
    Bare,
    /// Plain strings.
    Strings,
}

/// How a session that is not accepted shows (upstream protocol 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadForm {
    /// 302 to itself, deleting `li_at`.
    RevokedRedirect,
    /// 401.
    Unauthorized,
    /// 200 with a login page.
    HtmlWall,
    /// 302 to a checkpoint.
    Checkpoint,
    /// 999.
    BotWall,
}

/// Whether a session is bound to the browser that made it (upstream protocol 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrowserBinding {
    /// Any browser will do.
    Off,
    /// The browser of the first request.
    FirstUse,
    /// The `userAgent` that `/_sim/credentials` names.
    Issued,
}

/// Order of the query parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterOrder {
    /// Any order.
    Any,
    /// `queryId` first, 400 otherwise.
    QueryIdFirst,
}
