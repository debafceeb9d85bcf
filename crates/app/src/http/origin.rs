//! Where a request comes from, as browsers and proxies tell it: pages of other sites may change nothing, and behind a
//! proxy that somebody vouches for, the client is who the proxy says.
//!
//! What a client says of itself is never believed: without a proxy no such header is looked at, and behind one only the
//! last hop, which the proxy itself has written. No answer ever grants another origin anything (CORS).

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri};

use super::Room;
use super::limits::Peer;

/// Where browsers tell what kind of page asks.
const FETCH_SITE: &str = "sec-fetch-site";
/// Where a proxy tells who has asked it; it appends, so the last entry is its own.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Behind a proxy the client's address takes the place of the proxy's.
pub(super) fn locate(room: &Room, request: &mut Request) {
    if room.settings.behind_proxy
        && let Some(address) = last_hop(request.headers())
    {
        request.extensions_mut().insert(Peer(SocketAddr::new(address, 0)));
    }
}

/// Whether a browser sends it for a page of another site, and it would change something.
pub(super) fn is_foreign(room: &Room, request: &Request) -> bool {
    let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    !is_safe && !is_own(request.headers(), request.uri(), &room.settings.hosts)
}

/// Whether nothing shows that another site asks. What is no browser sends none of these headers, and passes.
fn is_own(headers: &HeaderMap, target: &Uri, hosts: &[String]) -> bool {
    let is_own_site = headers.get_all(FETCH_SITE).iter().all(|site| site == "same-origin" || site == "none");
    is_own_site
        && headers.get_all(ORIGIN).iter().all(|origin| {
            let origin = origin.to_str().ok().and_then(origin_authority);
            origin.is_some_and(|origin| is_asked_host(&origin, headers, target) || is_named(&origin, hosts))
        })
}

/// The host and port of an origin; `null` and anything else that is none gives none.
fn origin_authority(origin: &str) -> Option<Authority> {
    let uri: Uri = origin.parse().ok()?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    uri.into_parts().authority.filter(|_| is_web)
}

fn is_asked_host(origin: &Authority, headers: &HeaderMap, target: &Uri) -> bool {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = header.or(target.authority().map(Authority::as_str));
    asked.is_some_and(|asked| asked.eq_ignore_ascii_case(origin.as_str()))
}

/// Whether the configuration names it: a proxy may ask by another name than the browser sees.
fn is_named(origin: &Authority, hosts: &[String]) -> bool {
    hosts.iter().any(|host| host.eq_ignore_ascii_case(origin.host()))
}

/// The last entry of the last such header.
fn last_hop(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    let entry = value.rsplit(',').next()?.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_last_hop_is_read_in_any_form_and_nothing_before_it() {
        let of = |pairs| last_hop(&headers(pairs)).map(|address| address.to_string());
        assert_eq!(of(&[(FORWARDED_FOR, "127.0.0.1, 192.0.2.7")]).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&[(FORWARDED_FOR, "192.0.2.1"), (FORWARDED_FOR, "192.0.2.2")]).as_deref(), Some("192.0.2.2"));
        assert_eq!(of(&[(FORWARDED_FOR, "192.0.2.7:4711")]).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&[(FORWARDED_FOR, "[2001:db8::1]:4711")]).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(&[(FORWARDED_FOR, "[2001:db8::1]")]).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(&[(FORWARDED_FOR, "2001:db8::1")]).as_deref(), Some("2001:db8::1"));
        for nothing in [&[][..], &[(FORWARDED_FOR, "192.0.2.7, unknown")], &[(FORWARDED_FOR, "")]] {
            assert_eq!(of(nothing), None);
        }
    }

    #[test]
    fn an_origin_is_ours_when_it_is_the_host_that_was_asked_or_one_that_is_named() {
        let uri = Uri::from_static("/x");
        let named = ["mirror.example".to_owned()];
        let is = |pairs| is_own(&headers(pairs), &uri, &named);
        for own in [
            &[("host", "127.0.0.1:7878")][..],
            &[("host", "127.0.0.1:7878"), ("origin", "http://127.0.0.1:7878")],
            &[("host", "LOCALHOST:7878"), ("origin", "http://localhost:7878"), (FETCH_SITE, "same-origin")],
            &[("host", "127.0.0.1:7878"), ("origin", "https://mirror.example")],
            &[(FETCH_SITE, "none")],
        ] {
            assert!(is(own), "{own:?}");
        }
        for foreign in [
            &[("host", "localhost:7878"), ("origin", "http://localhost:3000")][..],
            &[("host", "localhost:7878"), ("origin", "null")],
            &[("host", "localhost:7878"), ("origin", "localhost:7878")],
            &[("host", "localhost:7878"), ("origin", "file://localhost:7878")],
            &[("host", "localhost:7878"), ("origin", "https://mirror.example.evil.test")],
            &[("host", "localhost:7878"), ("origin", "http://localhost:7878"), ("origin", "http://evil.test")],
            &[("origin", "http://localhost")],
            &[(FETCH_SITE, "cross-site")],
            &[(FETCH_SITE, "same-site")],
            &[(FETCH_SITE, "")],
            &[(FETCH_SITE, "none"), (FETCH_SITE, "cross-site")],
        ] {
            assert!(!is(foreign), "{foreign:?}");
        }
    }
}
