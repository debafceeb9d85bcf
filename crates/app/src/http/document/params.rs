//! Parameters of requests, as the document tells them: sets for the query and headers, and all that stand in paths.
//!
//! A set here has to be what the handler takes from `Params`: the contract run and the access matrix ask with all of them.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, Required, SchemaFormat};

use crate::http::messages::TIME_MAX_MS;

/// Largest page.
const PAGE_MAX: i64 = 100;
/// Longest search text, in characters.
const SEARCH_MAX: usize = 256;
/// The form of any text.
const PLAIN_FORM: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F\\uFFFD]*$";
/// The form of an account's id.
const ACCOUNT_FORM: &str = "^[0-9a-f]{24}$";
/// The form of a conversation or message: the bare id, or a URN of a thing or of a mailbox and a thing.
const RECORD_FORM: &str = "^([A-Za-z0-9=+/_-]{1,300}|urn:li:[A-Za-z_]{1,40}:([A-Za-z0-9=+/_-]{1,200}|\\([A-Za-z0-9:_-]{1,100},[A-Za-z0-9=+/_-]{1,200}\\)))$";

macro_rules! sets {
    ($($(#[$doc:meta])* $set:ident = [$($parameter:expr),* $(,)?];)*) => {$(
        $(#[$doc])*
        pub(in crate::http) enum $set {}

        impl IntoParams for $set {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter),*]
            }
        }
    )*};
}

sets! {
    /// Which account is meant.
    AccountParam = [account()];
    /// Which of several accounts.
    AccountsParams = [
        account(),
        text("linkedinAccountIds", "Several accounts in one list, separated by commas, at most 100; not together with `accountId`"),
    ];
    /// Whose archive it is, and where it goes.
    ImportParams = [
        text("accountId", "The account to import into; left out it is that of the archive's owner"),
        text("me", "Whose archive it is, when that cannot be told: the link to the profile, or the name"),
        flag("dryRun", "Only tell what an import would bring"),
    ];
    /// A page of a list.
    PageParams = [count(20), limit(), text("nextCursor", "The `nextCursor` of the page before")];
    /// From when on.
    SinceParam = [time("since", "Only what happened from this time on, in milliseconds")];
    /// Filters of the list of conversations.
    ListParams = [
        flag("unreadOnly", "Only those with something unread"),
        text("labelId", "A mirror has no labels: with any label nothing is found"),
        flag("labeledOnly", "A mirror has no labels: with `true` nothing is found"),
    ];
    /// Filters of the completeness ledger.
    LedgerParams = [
        flag("incomplete", "Only what is mirrored and not complete"),
        flag("drift", "Only what a verification found to differ and nobody repaired"),
    ];
    /// A page of messages, and what is done before it.
    MessagesParams = [
        count(50),
        limit(),
        text("cursor", "The `cursor` of the page before; or a time in milliseconds: messages older than it"),
        time("since", "Messages newer than this time in milliseconds"),
        flag("sync", "`true`: sync first and wait; `false`: only the database; left out: sync briefly when the last one is old"),
    ];
    /// Which conversation, in the query.
    ConversationParam = [query("conversationUrn").schema(Some(record()))
        .description(Some("The bare id `2-…` of a conversation, or any URN that names it; required without `profileId`")).build()];
    /// What is exported, and how.
    ExportParams = [
        query("format").schema(Some(ObjectBuilder::new().schema_type(Type::String)
            .enum_values(Some(["jsonl", "csv", "html", "markdown", "mbox"])).default(Some("jsonl".into()))))
            .description(Some("How the file looks")).build(),
        query("conversationUrn").schema(Some(record()))
            .description(Some("One conversation: its bare id `2-…`, or any URN that names it; left out it is all of them")).build(),
        time("since", "Messages from this time on, in milliseconds, and conversations that were active since"),
        flag("complete", "A copy of everything that can be read back, for an `admin` key; with `jsonl` and without a part"),
    ];
    /// Filters of the older list.
    RecentParams = [
        flag("unreadOnly", "Only those with something unread"),
        flag("read", "`true`: nothing unread; `false`: something unread"),
        query("keywords").schema(Some(plain().max_length(Some(SEARCH_MAX))))
            .description(Some("Words that the names, the title or the newest text must all contain, at most 16")).build(),
    ];
    /// The window of the older page of messages.
    DetailsParams = [
        text("profileId", "Without `conversationUrn`: the conversation with this person alone; a profile id or the last part of the address"),
        time("deliveredAt", "The middle of the window, in milliseconds; not together with `cursor` or `since`"),
        number("countBefore", (0, PAGE_MAX), None, "Messages up to that time; without one the size of the page"),
        number("countAfter", (0, PAGE_MAX), None, "Messages after that time"),
    ];
    /// What is searched for in messages.
    QueryParam = [query("q").required(Required::True).schema(Some(plain().min_length(Some(1)).max_length(Some(SEARCH_MAX))))
        .description(Some("Words, \"phrases\", beginnings*, -exclusions, and `from:` `in:` `before:` `after:` `has:attachment` `is:unread`")).build()];
    /// A search among accounts.
    SearchParam = [query("q").schema(Some(plain().max_length(Some(SEARCH_MAX))))
        .description(Some("Part of a name or slug, an id, or a `linkedin.com/in/` address")).build()];
    /// Which bytes, and which copy the caller has.
    RangeParams = [
        header("Range", "A single range of bytes, such as `bytes=0-1023`; anything else gives the whole"),
        header("If-None-Match", "The `ETag` of a copy: 304 when it is the present one"),
    ];
    /// How long to wait for a run.
    PreferParam = [header("Prefer", "`wait=SECONDS` or `respond-async` (RFC 7240); what cannot be understood is ignored")];
}

/// The parameter of this name in a path, if there is one.
pub(super) fn in_path(name: &str) -> Option<Parameter> {
    let (schema, what) = match name {
        "accountId" => {
            (ObjectBuilder::new().schema_type(Type::String).pattern(Some(ACCOUNT_FORM)), "The id of an account")
        }
        "conversationUrn" => {
            (record(), "The bare id `2-…` of a conversation, or any URN that names it, URL-encoded as one segment")
        }
        "messageUrn" => {
            (record(), "The bare id `2-…` of a message, or any URN that names it, URL-encoded as one segment")
        }
        "profileId" => (
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(100))
                .pattern(Some("^[^\\s/\\u0000-\\u001F\\u007F-\\u009F]+$")),
            "The last part of a profile's address, a profile id, or its URN",
        ),
        "runId" => (
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0)),
            "The number of a run",
        ),
        "importId" => (
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0)),
            "The number of an import",
        ),
        "keyId" => (
            ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{1,64}$")),
            "The public part of a key: the digits between `tk_` and the next `_`",
        ),
        "ordinal" => (
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(u32::MAX)),
            "Which attachment of the message, from 0",
        ),
        "threadId" => (ObjectBuilder::new().schema_type(Type::String), "The id of a Sales Navigator thread"),
        _ => return None,
    };
    let path = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    Some(path.schema(Some(schema)).description(Some(what)).build())
}

fn query(name: &str) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False)
}

fn header(name: &str, what: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(what))
        .build()
}

fn account() -> Parameter {
    text("accountId", "The account; left out it is the one that was synced last among those that the key reaches")
}

fn record() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(400)).pattern(Some(RECORD_FORM))
}

fn text(name: &str, what: &str) -> Parameter {
    query(name).schema(Some(plain())).description(Some(what)).build()
}

/// A text without control characters.
fn plain() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(PLAIN_FORM))
}

fn flag(name: &str, what: &str) -> Parameter {
    query(name).schema(Some(ObjectBuilder::new().schema_type(Type::Boolean))).description(Some(what)).build()
}

fn count(default: i64) -> Parameter {
    number("count", (1, PAGE_MAX), Some(default), "How many are on a page")
}

fn limit() -> Parameter {
    number("limit", (1, PAGE_MAX), None, "Another name of `count`, for clients that send it")
}

fn time(name: &str, what: &str) -> Parameter {
    number(name, (0, TIME_MAX_MS), None, what)
}

fn number(name: &str, (least, most): (i64, i64), default: Option<i64>, what: &str) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(most))
        .default(default.map(Into::into));
    query(name).schema(Some(schema)).description(Some(what)).build()
}
