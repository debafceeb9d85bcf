//! One member's web session: its cookies and the headers of the browser that made it.
//!
//! Both are stored sealed and replayed as they came, because a session is bound to its browser (upstream protocol 1.6).
//! Nothing of it may show in a log, an error or a `Debug` output, and it is wiped from memory when dropped.

use std::fmt;

use serde::{Deserialize, Serialize};
use threadkeep_core::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::cookies::{CSRF_COOKIE, Cookies, SESSION_COOKIE};

/// Longest value of a browser's header, in bytes.
pub const HEADER_VALUE_MAX: usize = 4 * 1024;

/// What the browser said about itself; `None` was not imported and is not sent.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct BrowserHeaders {
    /// `User-Agent`
    #[serde(default)]
    pub user_agent: Option<String>,
    /// `sec-ch-ua`
    #[serde(default)]
    pub sec_ch_ua: Option<String>,
    /// `sec-ch-ua-mobile`
    #[serde(default)]
    pub sec_ch_ua_mobile: Option<String>,
    /// `sec-ch-ua-platform`
    #[serde(default)]
    pub sec_ch_ua_platform: Option<String>,
    /// `sec-ch-prefers-color-scheme`
    #[serde(default)]
    pub sec_ch_prefers_color_scheme: Option<String>,
    /// `Accept-Language`
    #[serde(default)]
    pub accept_language: Option<String>,
    /// `X-LI-Track`
    #[serde(default)]
    pub x_li_track: Option<String>,
    /// `X-LI-Page-Instance`
    #[serde(default)]
    pub x_li_page_instance: Option<String>,
    /// `x-li-lang`
    #[serde(default)]
    pub x_li_lang: Option<String>,
}

/// Why a browser's header cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderRefused {
    /// A control character, such as a line end.
    ControlCharacter,
    /// A character outside ASCII.
    NotAscii,
    /// Longer than [`HEADER_VALUE_MAX`].
    TooLarge,
}

impl BrowserHeaders {
    /// Every header that is known, by its name on the wire.
    pub fn entries(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("user-agent", self.user_agent.as_deref()),
            ("sec-ch-ua", self.sec_ch_ua.as_deref()),
            ("sec-ch-ua-mobile", self.sec_ch_ua_mobile.as_deref()),
            ("sec-ch-ua-platform", self.sec_ch_ua_platform.as_deref()),
            ("sec-ch-prefers-color-scheme", self.sec_ch_prefers_color_scheme.as_deref()),
            ("accept-language", self.accept_language.as_deref()),
            ("x-li-track", self.x_li_track.as_deref()),
            ("x-li-page-instance", self.x_li_page_instance.as_deref()),
            ("x-li-lang", self.x_li_lang.as_deref()),
        ]
    }

    /// Keeps a header when it is one of ours; any other name is passed over.
    pub fn put(&mut self, name: &str, value: &str) -> Result<(), HeaderRefused> {
        let value = value.trim();
        let Some(slot) = self.slot(&name.trim().to_ascii_lowercase()) else {
            return Ok(());
        };
        check_header(value)?;
        *slot = Some(value.to_owned()).filter(|value| !value.is_empty());
        self.drop_foreign_track();
        Ok(())
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "user-agent" => Some(&mut self.user_agent),
            "sec-ch-ua" => Some(&mut self.sec_ch_ua),
            "sec-ch-ua-mobile" => Some(&mut self.sec_ch_ua_mobile),
            "sec-ch-ua-platform" => Some(&mut self.sec_ch_ua_platform),
            "sec-ch-prefers-color-scheme" => Some(&mut self.sec_ch_prefers_color_scheme),
            "accept-language" => Some(&mut self.accept_language),
            "x-li-track" => Some(&mut self.x_li_track),
            "x-li-page-instance" => Some(&mut self.x_li_page_instance),
            "x-li-lang" => Some(&mut self.x_li_lang),
            _ => None,
        }
    }

    /// A track of another front end than the one that asks these questions is not replayed (upstream protocol 1.2).
    fn drop_foreign_track(&mut self) {
        #[derive(Deserialize)]
        struct Track {
            #[serde(rename = "mpName")]
            front_end: String,
        }
        let is_ours =
            |track: &String| serde_json::from_str::<Track>(track).is_ok_and(|track| track.front_end == "voyager-web");
        self.x_li_track = self.x_li_track.take().filter(is_ours);
    }
}

/// A member's web session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The cookies.
    pub cookies: Cookies,
    /// The headers of the browser.
    #[serde(default)]
    pub browser: BrowserHeaders,
}

/// A stored session that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored session cannot be read; connect the account again")]
pub struct SessionBroken;

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}

impl fmt::Debug for BrowserHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserHeaders(…)")
    }
}

impl Session {
    /// Whether the browser's own `User-Agent` is missing, which gets a session ended soon (upstream protocol 1.6).
    pub fn lacks_browser(&self) -> bool {
        self.browser.user_agent.is_none()
    }

    /// Whether both cookies without which nothing answers are there.
    pub fn is_usable(&self) -> bool {
        self.cookies.get(SESSION_COOKIE).is_some() && self.cookies.get(CSRF_COOKIE).is_some()
    }

    /// When its login ends, by the date of its cookie, where one was told. No secret.
    pub fn login_expires_at(&self) -> Option<Timestamp> {
        self.cookies.login_expires_at()
    }

    /// The session as bytes, for sealing and for nothing else.
    pub fn to_secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, SessionBroken> {
        serde_json::to_vec(self).map(Zeroizing::new).map_err(|_| SessionBroken)
    }

    /// The session from unsealed bytes.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, SessionBroken> {
        let session: Self = serde_json::from_slice(bytes).map_err(|_| SessionBroken)?;
        session.cookies.check().map_err(|_| SessionBroken)?;
        for value in session.browser.entries().into_iter().filter_map(|(_, value)| value) {
            check_header(value).map_err(|_| SessionBroken)?;
        }
        Ok(session)
    }
}

fn check_header(value: &str) -> Result<(), HeaderRefused> {
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        Err(HeaderRefused::ControlCharacter)
    } else if !value.is_ascii() {
        Err(HeaderRefused::NotAscii)
    } else if value.len() > HEADER_VALUE_MAX {
        Err(HeaderRefused::TooLarge)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_survives_its_bytes_and_shows_nothing() {
        let mut cookies = Cookies::default();
        cookies.put_imported("li_at", "AQEDsecret").unwrap();
        cookies.put_imported("JSESSIONID", "\"ajax:1\"").unwrap();
        let mut browser = BrowserHeaders::default();
        browser.put("User-Agent", "Mozilla/5.0 (Invented)").unwrap();
        browser.put("X-LI-Track", "{\"mpName\":\"voyager-web\"}").unwrap();
        browser.put("X-Other", "x").unwrap();
        let session = Session { cookies, browser };
        let bytes = session.to_secret_bytes().unwrap();
        assert!(Session::from_secret_bytes(&bytes).unwrap() == session);
        assert!(session.is_usable() && !session.lacks_browser());
        let shown = format!("{session:?} {:?} {:?}", session.cookies, session.browser);
        assert!(!shown.contains("secret") && !shown.contains("Mozilla") && !shown.contains("ajax"), "{shown}");
        assert_eq!(Session::from_secret_bytes(b"{}").err(), Some(SessionBroken));
        let hostile = br#"{"cookies":[{"name":"a","value":"b\r\nX: y"}]}"#;
        assert_eq!(Session::from_secret_bytes(hostile).err(), Some(SessionBroken));
    }

    #[test]
    fn headers_are_checked_and_a_foreign_track_is_dropped() {
        let mut browser = BrowserHeaders::default();
        browser.put("x-li-track", "{\"mpName\":\"other-web\"}").unwrap();
        assert_eq!(browser.x_li_track, None);
        assert_eq!(browser.put("user-agent", "a\r\nb"), Err(HeaderRefused::ControlCharacter));
        assert_eq!(browser.put("user-agent", "é"), Err(HeaderRefused::NotAscii));
        assert_eq!(browser.put("user-agent", &"a".repeat(HEADER_VALUE_MAX + 1)), Err(HeaderRefused::TooLarge));
    }
}
