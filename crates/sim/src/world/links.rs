//! Links to files: how LinkedIn's hosts name them, how a link is signed, and how it is renewed (upstream protocol 6.1).
//!
//! A link is good as long as it is the current one, byte for byte. Nothing here may depend on the clock: a link expires
//! because somebody renewed it, and from then on every answer shows the new one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::chance::stable_hash;

/// Where private media lie: messages' photos, files, videos and voices. Only with the cookies of the reader.
pub const SITE_ROOT: &str = "https://www.linkedin.com";
/// Where pictures of people and logos lie. Without cookies.
pub const PICTURE_ROOT: &str = "https://media.licdn.com";
/// Where GIFs lie: not at LinkedIn. Without cookies.
pub const GIF_ROOT: &str = "https://media.tenor.com";
/// Every path of private media begins so.
pub const PRIVATE_PREFIX: &str = "/dms/prv/";
/// Every path of a picture begins so.
pub const PICTURE_PREFIX: &str = "/dms/image/";

/// Files whose links can be renewed one by one.
pub const RENEWED_MAX: usize = 100_000;
/// Earlier links of a file that are still known to have been good once.
const EARLIER_MAX: u32 = 32;
/// When the first link to a picture says that it expires, in seconds since 1970.
const PICTURE_EXPIRES_S: i64 = 2_000_000_000;
/// By how much each new link to a picture expires later.
const PICTURE_STEP_S: i64 = 86_400;
/// What an expired link is answered with when nothing else is said.
pub const EXPIRED_STATUS: u16 = 403;

/// How often the links to files were renewed.
#[derive(Debug, Clone, Default)]
pub struct Links {
    all: Renewals,
    own: BTreeMap<String, Renewals>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Renewals {
    times: u32,
    status: Option<u16>,
}

/// What a link is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The current link.
    Good,
    /// It was good until it was renewed; the answer has this status.
    Expired(u16),
    /// Never given out: another reader's, in another order, encoded anew, or made up.
    Forged,
}

impl Links {
    /// The query of the current link to private media, for one reader.
    pub fn private_query(&self, path: &str, owner: &str) -> String {
        private_query(path, owner, self.generation(path))
    }

    /// The query of the current link to a picture.
    pub fn picture_query(&self, path: &str) -> String {
        picture_query(path, self.generation(path))
    }

    /// When the current link to a picture says that it expires, in milliseconds since 1970.
    pub fn picture_expires_ms(&self, path: &str) -> i64 {
        picture_expires_s(self.generation(path)) * 1_000
    }

    /// Judges the query of a link to private media.
    pub fn judge_private(&self, path: &str, owner: &str, query: &str) -> Verdict {
        self.judge(path, query, |generation| private_query(path, owner, generation))
    }

    /// Judges the query of a link to a picture.
    pub fn judge_picture(&self, path: &str, query: &str) -> Verdict {
        self.judge(path, query, |generation| picture_query(path, generation))
    }

    /// Makes every link to this asset a thing of the past; from now on it is answered with this status. `false` when
    /// too many are remembered already.
    pub fn renew(&mut self, asset: &str, status: u16) -> bool {
        self.renew_path(&path_text(asset), status)
    }

    /// The same for an asset as it is written in a path.
    pub fn renew_path(&mut self, asset: &str, status: u16) -> bool {
        let asset = asset.to_owned();
        if !self.own.contains_key(&asset) && self.own.len() >= RENEWED_MAX {
            return false;
        }
        let own = self.own.entry(asset).or_default();
        *own = Renewals { times: own.times.saturating_add(1), status: Some(status) };
        true
    }

    /// Makes every link to anything a thing of the past.
    pub fn renew_all(&mut self, status: u16) {
        self.all = Renewals { times: self.all.times.saturating_add(1), status: Some(status) };
    }

    fn judge(&self, path: &str, query: &str, link: impl Fn(u32) -> String) -> Verdict {
        let current = self.generation(path);
        if query == link(current) {
            return Verdict::Good;
        }
        let mut earlier = (current.saturating_sub(EARLIER_MAX)..current).rev();
        match earlier.find(|generation| query == link(*generation)) {
            Some(_) => {
                let own = self.renewals(path).and_then(|own| own.status);
                Verdict::Expired(own.or(self.all.status).unwrap_or(EXPIRED_STATUS))
            }
            None => Verdict::Forged,
        }
    }

    fn generation(&self, path: &str) -> u32 {
        self.all.times.saturating_add(self.renewals(path).map_or(0, |own| own.times))
    }

    fn renewals(&self, path: &str) -> Option<&Renewals> {
        if self.own.is_empty() {
            return None;
        }
        self.own.get(asset_in(path)?)
    }
}

/// The asset that a path names, as it is written there.
pub fn asset_in(path: &str) -> Option<&str> {
    path.split('/').skip_while(|part| *part != "v2").nth(1)
}

/// A name as it may stand in a path.
pub fn path_text(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// The path of a file in a message: `kind` is what stands around the asset.
pub fn private_path(asset: &str, (folder, recipe): (&str, &str)) -> String {
    let mark = stable_hash(asset);
    let made_ms = FIRST_UPLOAD_MS + i64::try_from(mark % UPLOAD_SPAN_MS).unwrap_or(0);
    let mark = URL_SAFE_NO_PAD.encode(mark.to_be_bytes());
    format!("{PRIVATE_PREFIX}{folder}/v2/{}/{recipe}/B4DZ{mark}-/0/{made_ms}", path_text(asset))
}

/// The path of a picture of somebody, without its size.
pub fn picture_root(id: &str, recipe: &str) -> String {
    format!("{PICTURE_PREFIX}v2/{}/{recipe}_", picture_asset(id))
}

/// The asset of somebody's picture.
pub fn picture_asset(id: &str) -> String {
    format!("D4E03{:016x}", stable_hash(id))
}

/// What follows the root of a picture in this size, before the query.
pub fn picture_size(side: i64) -> String {
    format!("{side}_{side}/0/{FIRST_UPLOAD_MS}")
}

const FIRST_UPLOAD_MS: i64 = 1_700_000_000_000;
const UPLOAD_SPAN_MS: u64 = 1_000_000_000;

/// The mark `~` shows whether somebody encodes a query anew, and the order of the keys whether somebody sorts it.
fn private_query(path: &str, owner: &str, generation: u32) -> String {
    let reader = URL_SAFE_NO_PAD.encode(stable_hash(&format!("reader {owner}")).to_be_bytes());
    let signature = signature(&format!("{path} {owner} {generation}"));
    format!("m=AQI~{reader}&ne=1&v=beta&t={signature}")
}

fn picture_query(path: &str, generation: u32) -> String {
    let signature = signature(&format!("{path} {generation}"));
    format!("e={}&v=beta&t={signature}", picture_expires_s(generation))
}

fn picture_expires_s(generation: u32) -> i64 {
    PICTURE_EXPIRES_S + i64::from(generation) * PICTURE_STEP_S
}

/// 43 characters, as LinkedIn's are.
fn signature(text: &str) -> String {
    let first = stable_hash(text);
    let halves = [first, first.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15), !first, first.swap_bytes()];
    let bytes: Vec<u8> = halves.into_iter().flat_map(u64::to_be_bytes).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_until_it_is_renewed_and_only_as_it_was_written() {
        let mut links = Links::default();
        let path = private_path("D4E0x", ("image", "messaging-image-720"));
        let old = links.private_query(&path, "ACoAAone");
        assert_eq!(links.judge_private(&path, "ACoAAone", &old), Verdict::Good);
        assert_eq!(links.judge_private(&path, "ACoAAtwo", &old), Verdict::Forged);
        let mut sorted: Vec<&str> = old.split('&').collect();
        sorted.sort_unstable();
        assert_eq!(links.judge_private(&path, "ACoAAone", &sorted.join("&")), Verdict::Forged);
        assert_eq!(links.judge_private(&path, "ACoAAone", &old.replace('~', "%7E")), Verdict::Forged);
        assert!(links.renew("D4E0x", 410));
        assert_eq!(links.judge_private(&path, "ACoAAone", &old), Verdict::Expired(410));
        let new = links.private_query(&path, "ACoAAone");
        assert_eq!(links.judge_private(&path, "ACoAAone", &new), Verdict::Good);
        links.renew_all(404);
        assert_eq!(links.judge_private(&path, "ACoAAone", &new), Verdict::Expired(410));
        assert_eq!(new.len(), old.len());
    }

    #[test]
    fn a_picture_expires_later_with_every_renewal() {
        let mut links = Links::default();
        let path = format!("{}{}", picture_root("ACoAAone", "profile-displayphoto-shrink"), picture_size(100));
        let (old, first_ms) = (links.picture_query(&path), links.picture_expires_ms(&path));
        links.renew_all(404);
        assert_eq!(links.judge_picture(&path, &old), Verdict::Expired(404));
        assert!(links.picture_expires_ms(&path) > first_ms);
        assert_eq!(links.judge_picture(&path, &links.picture_query(&path)), Verdict::Good);
    }

    #[test]
    fn a_strange_name_still_makes_a_path() {
        let path = private_path("a b/ü?", ("image", "messaging-image-720"));
        assert!(path.contains("/v2/a%20b%2F%C3%BC%3F/"));
        assert_eq!(asset_in(&path), Some("a%20b%2F%C3%BC%3F"));
    }
}
