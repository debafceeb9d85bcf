//! Finds out what a request asks for, without looking at the session or at the world.
//!
//! A request that would change something is recognised by its method alone, so that no unknown path can hide one.

use crate::ledger::Purpose;
use crate::request::Request;
use crate::switches::{ParameterOrder, Switches};
use crate::world::links::{PICTURE_PREFIX, PRIVATE_PREFIX};

use super::query_ids::Variant;
use super::restli::{Restli, percent_decode};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The member's own profile.
    Me,
    /// A stored query with its variables.
    Query(Variant, Restli),
    /// A query that cannot be understood: 400.
    BadQuery,
    /// A file.
    Media,
    /// The end of the session.
    Logout,
    /// Something that would change something.
    Write,
    /// Nothing that is simulated.
    Unknown,
}

/// A request, understood.
#[derive(Debug, Clone)]
pub struct Routed {
    /// What it asks for.
    pub route: Route,
    /// The raw query, or the form body of a tunnelled request.
    pub query: String,
    /// Whether it would change something.
    pub writes: bool,
}

/// Parts of the path of a GIF, the empty one before the first slash included.
const GIF_PATH_PARTS: usize = 3;
const GRAPHQL_PATH: &str = "/voyager/api/voyagerMessagingGraphQL/graphql";

/// Understands a request.
pub fn route(request: &Request, switches: &Switches) -> Routed {
    let tunnelled = is_tunnelled(request);
    let query = match std::str::from_utf8(&request.body) {
        Ok(body) if tunnelled => body.to_owned(),
        _ => request.query().to_owned(),
    };
    let reads = tunnelled || matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    let route = match (reads, request.path()) {
        (true, _) if request.listener.is_media() => Route::Media,
        (true, "/voyager/api/me") => Route::Me,
        (true, GRAPHQL_PATH) => stored_query(&query, switches).unwrap_or(Route::BadQuery),
        (true, "/uas/logout") => Route::Logout,
        (true, path) if is_file(path) => Route::Media,
        (true, _) => Route::Unknown,
        (false, _) => Route::Write,
    };
    let writes = !reads || route == Route::Logout;
    Routed { route, query, writes }
}

impl Route {
    /// What the request is for, as the ledger tells it.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Me => Purpose::Me,
            Self::Media => Purpose::Media,
            Self::Logout | Self::Write => Purpose::Write,
            Self::BadQuery | Self::Unknown => Purpose::Other,
            Self::Query(variant, variables) => query_purpose(*variant, variables),
        }
    }
}

/// Whether a path is one of a file, at whichever host.
fn is_file(path: &str) -> bool {
    let gif = path.ends_with(".gif") && path.split('/').count() == GIF_PATH_PARTS;
    path.starts_with(PRIVATE_PREFIX) || path.starts_with(PICTURE_PREFIX) || gif
}

/// A long query comes as a form body of a POST that stands for a GET (upstream protocol 2.3).
fn is_tunnelled(request: &Request) -> bool {
    let form = request.header_value("content-type").unwrap_or_default();
    let method = request.header_value("x-http-method-override").unwrap_or_default();
    request.method == "POST"
        && method.eq_ignore_ascii_case("GET")
        && form.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

fn stored_query(query: &str, switches: &Switches) -> Option<Route> {
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let in_order = pairs.first().is_some_and(|(name, _)| *name == "queryId");
    if switches.parameter_order == ParameterOrder::QueryIdFirst && !in_order {
        return None;
    }
    let id = percent_decode(only(&pairs, "queryId")??.as_bytes())?;
    let variant = Variant::of(&id, switches)?;
    let variables = match only(&pairs, "variables")? {
        Some(raw) => Restli::parse_record(raw).ok()?,
        None => Restli::Record(Vec::new()),
    };
    fits_schema(&variables).then_some(Route::Query(variant, variables))
}

/// The one value of a parameter; nothing at all when it is given twice.
fn only<'a>(pairs: &[(&'a str, &'a str)], wanted: &str) -> Option<Option<&'a str>> {
    let mut found = pairs.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let first = found.next();
    found.next().is_none().then_some(first)
}

/// A structure whose outer characters are percent-encoded reads as plain text, which LinkedIn answers with 400.
fn fits_schema(variables: &Restli) -> bool {
    let is_record = |name| variables.member(name).is_none_or(|value| matches!(value, Restli::Record(_)));
    let is_list = |name| variables.member(name).is_none_or(|value| value.items().is_some());
    let unions = variables.member("query").and_then(|query| query.member("predicateUnions"));
    is_record("query")
        && ["recipients", "conversationIds", "categories"].into_iter().all(is_list)
        && unions.is_none_or(|unions| unions.items().is_some())
}

fn query_purpose(variant: Variant, variables: &Restli) -> Purpose {
    let token = variables.member("syncToken").and_then(Restli::leaf);
    let has_token = token.is_some_and(|text| !text.is_empty());
    match variant {
        Variant::ConversationsBySyncToken if has_token => Purpose::Delta,
        Variant::ConversationsBySyncToken => Purpose::StartToken,
        Variant::ConversationsByCategoryQuery
        | Variant::ConversationsByCategory
        | Variant::ConversationsBySearchCriteria => Purpose::List,
        Variant::ConversationsByRecipients | Variant::ConversationsByIds | Variant::ConversationsById => Purpose::ByIds,
        Variant::MailboxCounts => Purpose::Counts,
        Variant::SeenReceipts | Variant::QuickReplies => Purpose::Receipts,
        Variant::MessagesBySyncToken if has_token => Purpose::MessageDelta,
        Variant::MessagesBySyncToken | Variant::MessagesByAnchorTimestamp | Variant::MessagesByConversation => {
            Purpose::Messages
        }
        Variant::Reactors => Purpose::Reactors,
    }
}
