//! What is asked, byte for byte: stored-query ids, Rest.li 2.0 syntax, and the headers of a browser's own request.
//!
//! Structure stays literal and every value is percent-encoded whole (upstream protocol 2.3). Nothing here may build
//! anything but a GET of something that reads (invariant I10).

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use threadkeep_core::id::{ConversationId, PersonId};
use threadkeep_core::page::Cursor;
use threadkeep_core::sync::Step;
use url::Url;

use super::session::Session;
use crate::source::egress::Upstream;

/// Records asked for in one page; what LinkedIn's own page asks for (upstream protocol 8).
pub const PAGE_SIZE: u32 = 20;
/// Longest address that is sent, in bytes; a longer one would need a POST, which a mirror never sends.
pub const URL_MAX: usize = 8 * 1024;
/// Longest query id, in bytes.
const QUERY_ID_MAX: usize = 200;

const GRAPHQL: &str = "voyager/api/voyagerMessagingGraphQL/graphql";

/// Which stored query answers which question. Upstream moves to new ids with its deployments, so each can be overridden
/// (upstream protocol 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryIds {
    /// Conversations by sync token: first load and delta.
    pub conversations_by_sync_token: String,
    /// Conversations of a category, by cursor.
    pub conversations_by_category: String,
    /// The page of messages before a time.
    pub messages_by_anchor: String,
    /// Older pages of messages, by cursor.
    pub messages_by_conversation: String,
    /// Messages by sync token.
    pub messages_by_sync_token: String,
}

impl Default for QueryIds {
    fn default() -> Self {
        Self {
            conversations_by_sync_token: "messengerConversations.0d5e6781bbee71c3e51c8843c6519f48".to_owned(),
            conversations_by_category: "messengerConversations.9501074288a12f3ae9e3c7ea243bccbf".to_owned(),
            messages_by_anchor: "messengerMessages.4088d03bc70c91c3fa68965cb42336de".to_owned(),
            messages_by_conversation: "messengerMessages.34c9888be71c8010fecfb575cb38308f".to_owned(),
            messages_by_sync_token: "messengerMessages.5846eeb71c981f11e0134cb6626cc314".to_owned(),
        }
    }
}

/// A query id that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the query id `{0}` must look like messengerConversations.0123456789abcdef0123456789abcdef")]
pub struct QueryIdInvalid(pub &'static str);

impl QueryIds {
    /// Whether every id has the form of one: a name, a dot, and the hash.
    pub fn check(&self) -> Result<(), QueryIdInvalid> {
        let ids = [
            ("conversations_by_sync_token", &self.conversations_by_sync_token),
            ("conversations_by_category", &self.conversations_by_category),
            ("messages_by_anchor", &self.messages_by_anchor),
            ("messages_by_conversation", &self.messages_by_conversation),
            ("messages_by_sync_token", &self.messages_by_sync_token),
        ];
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_id = |id: &str| {
            id.len() <= QUERY_ID_MAX && id.split_once('.').is_some_and(|(name, hash)| is_word(name) && is_word(hash))
        };
        ids.into_iter().try_for_each(|(name, id)| if is_id(id) { Ok(()) } else { Err(QueryIdInvalid(name)) })
    }
}

/// Why a question cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unaskable {
    /// A step that asks nothing.
    #[error("this step asks nothing")]
    NoQuestion,
    /// The position is so long that the address would exceed [`URL_MAX`].
    #[error("the position is too long for an address")]
    TooLong,
    /// The session lacks a cookie or has a header that cannot be sent.
    #[error("the stored session is not complete")]
    BadSession,
}

/// The address that answers a step for this member's mailbox.
pub fn url(upstream: &Upstream, ids: &QueryIds, member: &PersonId, step: &Step) -> Result<Url, Unaskable> {
    let mailbox = || encoded(&member.urn());
    let thread = |conversation: &ConversationId| encoded(&conversation.urn(member));
    let (id, variables) = match step {
        Step::StartToken => (&ids.conversations_by_sync_token, format!("(mailboxUrn:{})", mailbox())),
        Step::Delta { token } => {
            let variables = format!("(mailboxUrn:{},syncToken:{})", mailbox(), encoded(&token.0));
            (&ids.conversations_by_sync_token, variables)
        }
        Step::List { category, cursor } => {
            let category = encoded(category);
            let predicate = format!("List((conversationCategoryPredicate:(category:{category})))");
            let page = format!("count:{PAGE_SIZE},mailboxUrn:{}{}", mailbox(), position("nextCursor", cursor.as_ref()));
            (&ids.conversations_by_category, format!("(query:(predicateUnions:{predicate}),{page})"))
        }
        Step::Messages { conversation, anchor, cursor: None } => {
            let before = format!("countBefore:{PAGE_SIZE},countAfter:0");
            let variables =
                format!("(deliveredAt:{},conversationUrn:{},{before})", anchor.0.max(0), thread(conversation));
            (&ids.messages_by_anchor, variables)
        }
        Step::Messages { conversation, cursor, .. } => {
            let older = position("prevCursor", cursor.as_ref());
            let variables = format!("(conversationUrn:{},count:{PAGE_SIZE}{older})", thread(conversation));
            (&ids.messages_by_conversation, variables)
        }
        Step::MessageChanges { conversation, token } => {
            let variables = format!("(conversationUrn:{},syncToken:{})", thread(conversation), encoded(&token.0));
            (&ids.messages_by_sync_token, variables)
        }
        Step::Rest(_) | Step::Done => return Err(Unaskable::NoQuestion),
    };
    address(upstream, &format!("{GRAPHQL}?queryId={}&variables={variables}", encoded(id)))
}

/// The address of the member's own profile (upstream protocol 1.4).
pub fn me_url(upstream: &Upstream) -> Result<Url, Unaskable> {
    address(upstream, "voyager/api/me")
}

fn address(upstream: &Upstream, rest: &str) -> Result<Url, Unaskable> {
    let text = format!("{}{rest}", upstream.as_str());
    if text.len() > URL_MAX {
        return Err(Unaskable::TooLong);
    }
    Url::parse(&text).map_err(|_| Unaskable::TooLong)
}

fn position(name: &str, cursor: Option<&Cursor>) -> String {
    cursor.map(|cursor| format!(",{name}:{}", encoded(&cursor.0))).unwrap_or_default()
}

/// A value, percent-encoded but for the characters that nobody treats as special.
fn encoded(value: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut text = String::with_capacity(value.len() + value.len() / 4);
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
                text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    text
}

/// What form of answer is asked for (upstream protocol 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// GraphQL answers with their objects nested in place.
    Graphql,
    /// Plain resources.
    Json,
}

/// The headers of a request (upstream protocol 1.2). The CSRF token is read from the jar each time.
pub fn headers(upstream: &Upstream, session: &Session, accept: Accept) -> Result<HeaderMap, Unaskable> {
    let token = session.cookies.csrf_token().ok_or(Unaskable::BadSession)?;
    let mut headers = HeaderMap::new();
    let referer = format!("{}messaging/", upstream.as_str());
    let accept = match accept {
        Accept::Graphql => "application/graphql",
        Accept::Json => "application/json",
    };
    let own = [
        ("accept", accept),
        ("accept-language", "en-US,en;q=0.9"),
        ("csrf-token", token.as_str()),
        ("referer", referer.as_str()),
        ("user-agent", concat!("threadkeep/", env!("CARGO_PKG_VERSION"))),
        ("x-restli-protocol-version", "2.0.0"),
    ];
    let browser = session.browser.entries().into_iter().filter_map(|(name, value)| Some((name, value?)));
    let cookie = session.cookies.header();
    for (name, value) in own.into_iter().chain(browser).chain([("cookie", cookie.as_str())]) {
        let mut value = HeaderValue::from_str(value).map_err(|_| Unaskable::BadSession)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The headers of a request for a file: the jar and the browser, and neither the CSRF token nor anything of the API's
/// (upstream protocol 6.2).
pub fn media_headers(upstream: &Upstream, session: &Session) -> Result<HeaderMap, Unaskable> {
    let mut headers = headers(upstream, session, Accept::Json)?;
    for of_the_api in ["csrf-token", "x-restli-protocol-version", "x-li-track", "x-li-page-instance", "x-li-lang"] {
        headers.remove(of_the_api);
    }
    headers.insert("accept", HeaderValue::from_static("*/*"));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use threadkeep_core::page::SyncToken;
    use threadkeep_core::time::Timestamp;

    use super::*;

    fn asked(step: &Step) -> Result<String, Unaskable> {
        let upstream = Upstream::parse("https://www.linkedin.com").unwrap();
        let member = PersonId::new("ACoAAMe-_1").unwrap();
        url(&upstream, &QueryIds::default(), &member, step).map(|url| url.as_str().to_owned())
    }

    const START: &str = "https://www.linkedin.com/voyager/api/voyagerMessagingGraphQL/graphql?queryId=";
    const ME: &str = "urn%3Ali%3Afsd_profile%3AACoAAMe-_1";
    const THREAD: &str =
        "urn%3Ali%3Amsg_conversation%3A%28urn%3Ali%3Afsd_profile%3AACoAAMe-_1%2C2-MGYw%2Ba%2Fb%3D%3D%29";

    #[test]
    fn addresses_are_as_the_protocol_writes_them() {
        let conversation = ConversationId::new("2-MGYw+a/b==").unwrap();
        let token = SyncToken("a-_b=='()".into());
        let anchor = Timestamp(1_700_000_000_001);
        let list = |cursor| Step::List { category: "INBOX".into(), cursor };
        let messages = |cursor| Step::Messages { conversation: conversation.clone(), anchor, cursor };
        let predicate = "(query:(predicateUnions:List((conversationCategoryPredicate:(category:INBOX)))),count:20";
        let cases = [
            (
                Step::StartToken,
                format!("messengerConversations.0d5e6781bbee71c3e51c8843c6519f48&variables=(mailboxUrn:{ME})"),
            ),
            (
                Step::Delta { token: token.clone() },
                format!(
                    "messengerConversations.0d5e6781bbee71c3e51c8843c6519f48&variables=(mailboxUrn:{ME},syncToken:\
                     a-_b%3D%3D%27%28%29)"
                ),
            ),
            (
                list(None),
                format!(
                    "messengerConversations.9501074288a12f3ae9e3c7ea243bccbf&variables={predicate},mailboxUrn:{ME})"
                ),
            ),
            (
                list(Some(Cursor("x&y+z=".into()))),
                format!(
                    "messengerConversations.9501074288a12f3ae9e3c7ea243bccbf&variables={predicate},mailboxUrn:{ME},\
                     nextCursor:x%26y%2Bz%3D)"
                ),
            ),
            (
                messages(None),
                format!(
                    "messengerMessages.4088d03bc70c91c3fa68965cb42336de&variables=(deliveredAt:1700000000001,\
                     conversationUrn:{THREAD},countBefore:20,countAfter:0)"
                ),
            ),
            (
                messages(Some(Cursor("👍 \"".into()))),
                format!(
                    "messengerMessages.34c9888be71c8010fecfb575cb38308f&variables=(conversationUrn:{THREAD},count:20,\
                     prevCursor:%F0%9F%91%8D%20%22)"
                ),
            ),
            (
                Step::MessageChanges { conversation: conversation.clone(), token },
                format!(
                    "messengerMessages.5846eeb71c981f11e0134cb6626cc314&variables=(conversationUrn:{THREAD},syncToken:\
                     a-_b%3D%3D%27%28%29)"
                ),
            ),
        ];
        for (step, expected) in cases {
            assert_eq!(asked(&step).unwrap(), format!("{START}{expected}"));
        }
        assert_eq!(asked(&Step::Done), Err(Unaskable::NoQuestion));
        assert_eq!(asked(&list(Some(Cursor("x".repeat(URL_MAX))))), Err(Unaskable::TooLong));
    }

    #[test]
    fn query_ids_are_checked_and_each_can_be_replaced() {
        let ids: QueryIds = serde_json::from_str("{\"messages_by_anchor\":\"messengerMessages.abc\"}").unwrap();
        assert!(ids.check().is_ok());
        assert_eq!(ids.messages_by_sync_token, QueryIds::default().messages_by_sync_token);
        assert!(serde_json::from_str::<QueryIds>("{\"other\":\"x\"}").is_err());
        for bad in ["", "abc", "a.b&variables=()", "a.", ".b", "a.b.c"] {
            let ids = QueryIds { messages_by_anchor: bad.into(), ..QueryIds::default() };
            assert_eq!(ids.check(), Err(QueryIdInvalid("messages_by_anchor")), "{bad}");
        }
    }

    #[test]
    fn headers_carry_the_browser_and_a_token_without_quotes() {
        let mut session = Session::import("li_at=AQEDx; JSESSIONID=\"ajax:7\"").unwrap();
        let upstream = Upstream::parse("http://127.0.0.1:9").unwrap();
        let plain = headers(&upstream, &session, Accept::Graphql).unwrap();
        assert_eq!(plain["csrf-token"], "ajax:7");
        assert_eq!(plain["cookie"], "li_at=AQEDx; JSESSIONID=\"ajax:7\"");
        assert_eq!(plain["referer"], "http://127.0.0.1:9/messaging/");
        assert_eq!(plain["accept"], "application/graphql");
        assert_eq!(plain["x-restli-protocol-version"], "2.0.0");
        session.browser.put("User-Agent", "Mozilla/5.0 (Invented)").unwrap();
        session.browser.put("sec-ch-ua-platform", "\"Linux\"").unwrap();
        let browser = headers(&upstream, &session, Accept::Json).unwrap();
        assert_eq!(browser["user-agent"], "Mozilla/5.0 (Invented)");
        assert_eq!(browser["sec-ch-ua-platform"], "\"Linux\"");
        assert!(!format!("{browser:?}").contains("AQED"));
    }
}
