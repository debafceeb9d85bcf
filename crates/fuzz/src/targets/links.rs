//! Addresses: links of attachments, the address of the upstream, and the addresses that are asked.

use threadkeep::source::egress::Upstream;
use threadkeep::source::media::{FILE_NAME_MAX, MediaAddress, URL_MAX, safe_file_name};
use threadkeep::source::voyager::request::{self, QueryIds};
use threadkeep_core::id::PersonId;
use threadkeep_core::page::{Cursor, SyncToken};
use threadkeep_core::sync::Step;
use url::{Host, Url};

use crate::findings::{Breach, Outcome, Shape, holds, is_discreet};

/// Words of addresses.
pub const WORDS: &[&str] = &[
    "https://www.linkedin.com/dms/prv/",
    "https://media.licdn.com/dms/image/",
    "https://media.tenor.com/a/b.gif",
    "http://127.0.0.1:9",
    "http://[::1]/",
    "@",
    ":443",
    "//",
    "\\",
    "/../",
    "%2f",
    "%252e",
    "?e=1&v=beta&t=",
    "#",
    "www.linkedin.com.",
    "\u{ff0e}",
    "List(",
    ",nextCursor:",
];
/// Hosts that attachments may be fetched from end like this.
const HOSTS: [&str; 3] = ["linkedin.com", "licdn.com", "tenor.com"];

/// Classifies the text as the link of an attachment, and as the name of a file.
pub fn media_address(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let name = safe_file_name(&text);
    let name = format!("{name:?}");
    holds(name.len() <= FILE_NAME_MAX * 8, "a file name has no bound")?;
    holds(!name.contains(['/', '\n', '\0']) && !name.contains("\\\\"), "a file name leads elsewhere")?;
    match MediaAddress::parse(&text) {
        Ok(address) => {
            let shown = address.as_str();
            holds(shown.len() <= URL_MAX, "an address has no bound")?;
            let url = Url::parse(shown).map_err(|_| Breach("an address is none".to_owned()))?;
            let host = url.host_str().unwrap_or_default().to_owned();
            let is_ours = HOSTS.iter().any(|end| host == *end || host.ends_with(&format!(".{end}")));
            holds(url.scheme() == "https" && is_ours && url.port().is_none(), "an address leads elsewhere")?;
            holds(url.username().is_empty() && url.password().is_none(), "an address carries a name")?;
            let is_session = host == "www.linkedin.com" && url.path().starts_with("/dms/");
            holds(!address.needs_cookies() || is_session, "cookies go elsewhere")?;
            let again = MediaAddress::parse(shown).map_err(|_| Breach("an address is not read back".to_owned()))?;
            holds(again == address, "an address is not read back as itself")?;
            is_discreet(&format!("{address:?}"))?;
            Ok(Shape::of(&(host, address.needs_cookies(), address.is_linkedin())))
        }
        Err(refused) => {
            is_discreet(&refused.to_string())?;
            Ok(Shape::of(&refused.to_string()))
        }
    }
}

/// Takes the text as the address of the upstream.
pub fn upstream(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    match Upstream::parse(&text) {
        Ok(upstream) => {
            let url = Url::parse(upstream.as_str()).map_err(|_| Breach("an upstream is no address".to_owned()))?;
            let is_here = match url.host() {
                Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            };
            holds(url.scheme() == "https" || (url.scheme() == "http" && is_here), "cookies go out in the clear")?;
            holds(url.path() == "/" && url.query().is_none() && url.password().is_none(), "an upstream has more")?;
            let again = Upstream::parse(upstream.as_str()).ok();
            holds(again == Some(upstream), "an upstream is not read back as itself")?;
            Ok(Shape::of(&(url.scheme(), is_here, url.port().is_some())))
        }
        Err(invalid) => {
            is_discreet(&invalid.to_string())?;
            Ok(Shape::of(&invalid.to_string()))
        }
    }
}

/// Asks with the text as a cursor and as a token: no text may change the question.
pub fn question(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input).into_owned();
    let failed = |_| Breach("a question cannot be built".to_owned());
    let upstream = Upstream::parse("https://www.linkedin.com").map_err(|_| Breach("no upstream".to_owned()))?;
    let member = PersonId::parse("urn:li:fsd_profile:ACoAAMe").map_err(|_| Breach("no member".to_owned()))?;
    let list = |cursor: Option<Cursor>| Step::List { category: "INBOX".to_owned(), cursor };
    let bare = request::url(&upstream, &QueryIds::default(), &member, &list(None)).map_err(failed)?;
    let mut shapes = Vec::new();
    for step in [list(Some(Cursor(text.clone()))), Step::Delta { token: SyncToken(text.clone()) }] {
        let Ok(url) = request::url(&upstream, &QueryIds::default(), &member, &step) else {
            shapes.push("too long");
            continue;
        };
        holds(url.as_str().len() <= request::URL_MAX, "an address has no bound")?;
        let is_same = url.host_str() == bare.host_str() && url.path() == bare.path() && url.fragment().is_none();
        holds(is_same, "a cursor changes where is asked")?;
        let pairs = url.query().unwrap_or_default().split('&').count();
        let bare_pairs = bare.query().unwrap_or_default().split('&').count();
        holds(pairs == bare_pairs, "a cursor adds a parameter")?;
        let query = url.query().unwrap_or_default();
        let value = query.rsplit([',', ':']).next().unwrap_or_default().trim_end_matches(')');
        let read: String = url::form_urlencoded::parse(format!("v={}", value.replace('+', "%2B")).as_bytes())
            .map(|(_, value)| value.into_owned())
            .collect();
        holds(read == text || text.is_empty(), "a cursor is not sent as it came")?;
        shapes.push("asked");
    }
    Ok(Shape::of(&(shapes, text.len().min(64))))
}
