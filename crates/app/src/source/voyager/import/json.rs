//! A JSON export of cookies: a list of objects with `name`, `value` and `domain`, bare or under `cookies`.
//!
//! Cookies of other sites are passed over silently. Unknown keys are passed over too: every extension has its own.

use serde::Deserialize;

use super::super::cookies::is_own_domain;
use super::{ImportError, Taken};

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
            taken.cookie(&cookie.name, &cookie.value)?;
        }
    }
    Ok(())
}

/// Some exports write the domain as a URL.
fn bare_domain(domain: &str) -> &str {
    let rest = domain.split_once("://").map_or(domain, |(_, rest)| rest);
    rest.trim_end_matches('/')
}
