//! Reads a session from what a browser gives away: a `Cookie` header, a Netscape cookies file, a JSON cookie export or a
//! pasted "copy as cURL".
//!
//! Only LinkedIn's cookies and the few known headers are kept. Errors say what is wrong and what to do; they never repeat
//! any part of a value (invariant I8).

mod curl;
mod expiry;
mod json;
mod netscape;

use threadkeep_core::time::Timestamp;

use super::cookies::{CSRF_COOKIE, CookieRefused, Cookies, SESSION_COOKIE};
use super::session::{BrowserHeaders, HeaderRefused, Session};

/// Longest text that is read, in bytes.
pub const IMPORT_MAX: usize = 256 * 1024;

/// Why a text gives no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing but blanks.
    #[error("there is nothing to import; paste the request as copied from the browser (docs/CONNECT.md)")]
    Empty,
    /// More than [`IMPORT_MAX`] bytes, or a value beyond its limit.
    #[error("{what} is larger than any browser makes it; copy a single request to www.linkedin.com and try again")]
    TooLarge {
        /// Name of what is too large.
        what: String,
    },
    /// None of the known forms.
    #[error(
        "this is no form that is understood: give a `Cookie` header, a Netscape cookies file, a JSON cookie export, or a \
         request copied with \"Copy as cURL\" (docs/CONNECT.md)"
    )]
    Unrecognised,
    /// A known form that is damaged.
    #[error("the {form} is damaged: {what}; export or copy it again")]
    Damaged {
        /// Which form.
        form: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A line end or another control character inside a value.
    #[error("{what} contains a line end or another control character; copy it again as one line")]
    ControlCharacter {
        /// Name of the cookie or header.
        what: String,
    },
    /// A character outside ASCII inside a value.
    #[error("{what} contains a character that no browser sends (not ASCII); copy it again without changing it")]
    NotAscii {
        /// Name of the cookie or header.
        what: String,
    },
    /// The request was made to another site.
    #[error("this request went to another site; copy one that went to www.linkedin.com")]
    OtherSite,
    /// Required cookies are not there.
    #[error(
        "missing {}: sign in to www.linkedin.com in a private window, open the messaging page and copy a request from \
         there (docs/CONNECT.md)", .names.join(" and ")
    )]
    Missing {
        /// Names of the cookies.
        names: Vec<&'static str>,
    },
}

impl Session {
    /// Reads a session from any of the known forms.
    pub fn import(text: &str) -> Result<Self, ImportError> {
        if text.len() > IMPORT_MAX {
            return Err(ImportError::TooLarge { what: "the text".to_owned() });
        }
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut taken = Taken::default();
        match form_of(text)? {
            Form::Json => json::read(text, &mut taken)?,
            Form::Curl => curl::read(text, &mut taken)?,
            Form::Netscape => netscape::read(text, &mut taken)?,
            Form::Header => taken.cookie_header(header_value(text))?,
        }
        taken.finish()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Taken {
    cookies: Cookies,
    browser: BrowserHeaders,
}

impl Taken {
    fn cookie(&mut self, name: &str, value: &str, expires_at: Option<Timestamp>) -> Result<(), ImportError> {
        self.cookies.put_imported_until(name, value, expires_at).map_err(|refused| {
            let what = format!("the cookie {}", shown_name(name));
            match refused {
                CookieRefused::ControlCharacter => ImportError::ControlCharacter { what },
                CookieRefused::NotAscii => ImportError::NotAscii { what },
                CookieRefused::TooLarge => ImportError::TooLarge { what },
                CookieRefused::Malformed => {
                    ImportError::Damaged { form: "list of cookies", what: format!("{what} is malformed") }
                }
            }
        })
    }

    /// Takes the value of a `Cookie` header.
    fn cookie_header(&mut self, value: &str) -> Result<(), ImportError> {
        for pair in value.split(';').map(|pair| pair.trim_matches([' ', '\t'])).filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                let what = "a part of it is not of the form name=value".to_owned();
                return Err(ImportError::Damaged { form: "Cookie header", what });
            };
            self.cookie(name.trim_end(), value.trim_start(), None)?;
        }
        Ok(())
    }

    fn header(&mut self, name: &str, value: &str) -> Result<(), ImportError> {
        if name.trim().eq_ignore_ascii_case("cookie") {
            return self.cookie_header(value);
        }
        self.browser.put(name, value).map_err(|refused| {
            let what = format!("the header {}", shown_name(name));
            match refused {
                HeaderRefused::ControlCharacter => ImportError::ControlCharacter { what },
                HeaderRefused::NotAscii => ImportError::NotAscii { what },
                HeaderRefused::TooLarge => ImportError::TooLarge { what },
            }
        })
    }

    fn finish(self) -> Result<Session, ImportError> {
        let required = [SESSION_COOKIE, CSRF_COOKIE];
        let names: Vec<_> = required.into_iter().filter(|name| self.cookies.get(name).is_none()).collect();
        if !names.is_empty() {
            return Err(ImportError::Missing { names });
        }
        if self.cookies.csrf_token().is_none() {
            return Err(ImportError::Missing { names: vec![CSRF_COOKIE] });
        }
        Ok(Session { cookies: self.cookies, browser: self.browser })
    }
}

#[derive(Clone, Copy)]
enum Form {
    Json,
    Curl,
    Netscape,
    Header,
}

fn form_of(text: &str) -> Result<Form, ImportError> {
    let first_word = text.split_whitespace().next().ok_or(ImportError::Empty)?;
    let is_curl = matches!(first_word.to_ascii_lowercase().as_str(), "curl" | "curl.exe" | "$");
    if text.starts_with(['[', '{']) {
        Ok(Form::Json)
    } else if is_curl {
        Ok(Form::Curl)
    } else if netscape::looks_like(text) {
        Ok(Form::Netscape)
    } else if first_word.contains('=') || starts_with_cookie(text) {
        Ok(Form::Header)
    } else {
        Err(ImportError::Unrecognised)
    }
}

fn starts_with_cookie(text: &str) -> bool {
    text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("cookie:"))
}

fn header_value(text: &str) -> &str {
    if starts_with_cookie(text) { text.get(7..).unwrap_or_default().trim() } else { text }
}

/// Names of ours are shown; any other text could be a misplaced value.
fn shown_name(name: &str) -> &str {
    const KNOWN: [&str; 16] = [
        "li_at",
        "JSESSIONID",
        "bcookie",
        "bscookie",
        "lidc",
        "li_rm",
        "user-agent",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "sec-ch-prefers-color-scheme",
        "accept-language",
        "x-li-track",
        "x-li-page-instance",
        "x-li-lang",
        "cookie",
    ];
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim())).unwrap_or("of another name")
}

#[cfg(test)]
mod tests;
