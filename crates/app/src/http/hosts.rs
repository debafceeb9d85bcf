//! Which names this server answers to, so that a page of another site cannot reach it by giving its own name our address.
//!
//! A name that is not on the list is refused before anything else is looked at. Addresses cannot be faked that way; those
//! of this machine and the one that is listened on are always fine. `X-Forwarded-Host` is never looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::extract::Request;
use axum::http::header::HOST;

use super::Room;

/// Whether a request is for us; one for another name is refused before anything else is looked at.
pub(super) fn is_ours(room: &Room, request: &Request) -> bool {
    let mut given = request.headers().get_all(HOST).iter();
    let header = given.next();
    let is_known = |name: &str| is_allowed(name, &room.settings.hosts, room.settings.listen);
    let is_header_fine = match header {
        // Every browser names a host; what names none is no browser.
        None => true,
        Some(value) => given.next().is_none() && value.to_str().is_ok_and(is_known),
    };
    is_header_fine && request.uri().authority().is_none_or(|authority| is_known(authority.as_str()))
}

fn is_allowed(given: &str, more: &[String], listen: Option<IpAddr>) -> bool {
    let name = without_port(given).trim_end_matches('.').to_ascii_lowercase();
    if let Some(address) = address(&name) {
        let is_listened_on = listen.is_some_and(|listen| listen.is_unspecified() || listen.to_canonical() == address);
        return address.is_loopback() || is_listened_on || more.contains(&name);
    }
    name == "localhost" || name.ends_with(".localhost") || more.iter().any(|one| one.eq_ignore_ascii_case(&name))
}

fn address(name: &str) -> Option<IpAddr> {
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical());
    }
    name.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

fn without_port(given: &str) -> &str {
    match given.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => given,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_the_listened_address_and_listed_names_are_known() {
        let more = ["mirror.example".to_owned()];
        let listen = Some(IpAddr::from([192, 0, 2, 7]));
        let fine = [
            "localhost",
            "LOCALHOST:80",
            "a.localhost.",
            "127.0.0.1:7878",
            "127.9.9.9",
            "[::1]:7878",
            "192.0.2.7:1",
            "Mirror.example:443",
        ];
        for name in fine {
            assert!(is_allowed(name, &more, listen), "{name}");
        }
        let others = [
            "evil.test",
            "",
            ":80",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "192.0.2.8",
            "[::2]",
            "localhost@evil.test",
            "2130706433",
            "mirror.example.evil.test",
            "[::1",
            "::1",
        ];
        for name in others {
            assert!(!is_allowed(name, &more, listen), "{name}");
        }
    }

    #[test]
    fn listening_on_every_address_makes_every_address_ours_but_no_name() {
        let everywhere = Some(IpAddr::from([0, 0, 0, 0]));
        assert!(is_allowed("192.0.2.8:80", &[], everywhere));
        assert!(!is_allowed("evil.test", &[], everywhere));
    }
}
