//! A JSON export of cookies: a list of objects with `name`, `value` and `domain`, bare or under `cookies`.
//!
//! Cookies of other sites are passed over silently. Unknown keys are passed over too: every extension has its own.

use serde::Deserialize;
use serde_json::Value;

use super::super::cookies::is_own_domain;
use super::{ImportError, Taken, expiry};

#[derive(Deserialize)]
#[serde(untagged)]
enum Export {
    Bare(Vec<Cookie>),
    Wrapped {
        cookies: Vec<Cookie>,
        #[serde(default, alias = "user_agent", alias = "userAgent")]
        user_agent: Option<String>,
    },
}

#[derive(Deserialize)]
struct Cookie {
    #[serde(alias = "Name raw")]
    name: String,
    #[serde(alias = "Content raw")]
    value: String,
    #[serde(default, alias = "Host raw", alias = "host")]
    domain: Option<String>,
    // Every extension and tool has a name and a form of its own for when a cookie ends.
    #[serde(default, rename = "expirationDate")]
    expiration_date: Option<Value>,
    #[serde(default)]
    expires: Option<Value>,
    #[serde(default)]
    expiry: Option<Value>,
    #[serde(default, rename = "Expires raw")]
    expires_raw: Option<Value>,
}

/// Takes the cookies of an export.
pub(super) fn read(text: &str, taken: &mut Taken) -> Result<(), ImportError> {
    let export: Export = serde_json::from_str(text).map_err(|error| {
        let what = match error.is_syntax() || error.is_eof() {
            true => format!("it is not JSON (line {})", error.line()),
            false => "it is not a list of cookies with name, value and domain".to_owned(),
        };
        ImportError::Damaged { form: "JSON cookie export", what }
    })?;
    let (cookies, user_agent) = match export {
        Export::Bare(cookies) => (cookies, None),
        Export::Wrapped { cookies, user_agent } => (cookies, user_agent),
    };
    if let Some(user_agent) = user_agent {
        taken.header("user-agent", &user_agent)?;
    }
    for cookie in cookies {
        let domain = cookie.domain.as_deref().map(bare_domain);
        if domain.is_none_or(is_own_domain) {
            let told = [&cookie.expiration_date, &cookie.expires, &cookie.expiry, &cookie.expires_raw];
            let expires_at = told.into_iter().flatten().find_map(expiry::of_json);
            taken.cookie(&cookie.name, &cookie.value, expires_at)?;
        }
    }
    Ok(())
}

/// Some exports write the domain as a URL.
fn bare_domain(domain: &str) -> &str {
    let rest = domain.split_once("://").map_or(domain, |(_, rest)| rest);
    rest.trim_end_matches('/')
}
