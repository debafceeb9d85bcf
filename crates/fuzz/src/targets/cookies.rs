//! Cookies: pasted by a person in any form, and set by an answer.

use threadkeep::seal::MasterKey;
use threadkeep::source::voyager::Session;
use threadkeep::source::voyager::cookies::{COOKIES_MAX, CookieChange, Cookies, JAR_MAX};

use crate::findings::{CANARY, Outcome, Shape, holds, is_discreet};

/// Words of `Set-Cookie`.
pub const SET_COOKIE_WORDS: &[&str] = &[
    "li_at=",
    "JSESSIONID=\"ajax:1\"",
    "; Domain=.linkedin.com",
    "; Domain=.www.linkedin.com",
    "; Path=/",
    "; Max-Age=0",
    "; Expires=Thu, 01 Jan 1970 00:00:10 GMT",
    "; Secure; HttpOnly",
    "delete me",
    "\n",
];
/// Words of what people paste.
pub const IMPORT_WORDS: &[&str] = &[
    "curl 'https://www.linkedin.com/voyager/api/me'",
    " -H 'cookie: ",
    " -b $'",
    " \\\n",
    " ^\r\n",
    "\"name\":\"li_at\"",
    "\"value\":",
    "# Netscape HTTP Cookie File\n",
    "\tTRUE\t/\tTRUE\t0\t",
    "li_at=",
    "JSESSIONID=",
    "\\x41",
    "\\u0041",
];
/// The time at which answers come.
const NOW_MS: i64 = 1_790_000_000_000;

/// Merges each line as a `Set-Cookie` into a jar.
pub fn set_cookie(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let mut jar = Cookies::default();
    let _ = jar.put_imported("li_at", "invented");
    let mut changes = Vec::new();
    for line in text.lines().take(300) {
        let before = jar.clone();
        let change = jar.merge_set_cookie(line, "www.linkedin.com", NOW_MS);
        let is_changed = before != jar;
        holds(is_changed == (change == CookieChange::Changed), "a jar changes otherwise than it tells")?;
        changes.push(format!("{change:?}"));
    }
    is_sound(&jar)?;
    holds(jar.get("li_at").is_some(), "the session is taken away by a cookie")?;
    changes.dedup();
    changes.truncate(16);
    Ok(Shape::of(&(changes, jar.len().min(8))))
}

/// Imports the text as a session, and as a master key.
pub fn import(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    if let Err(error) = MasterKey::from_text(&text) {
        is_discreet(&error.to_string())?;
        is_discreet(&format!("{error:?}"))?;
    }
    match Session::import(&text) {
        Ok(session) => {
            is_sound(&session.cookies)?;
            is_discreet(&format!("{session:?}"))?;
            holds(session.is_usable(), "a session was imported that cannot be used")?;
            let kept = session.to_secret_bytes();
            let kept = kept.ok().and_then(|bytes| Session::from_secret_bytes(&bytes).ok());
            holds(kept.is_some_and(|kept| kept == session), "a session is not kept as it was imported")?;
            Ok(Shape::of(&(session.cookies.len(), session.lacks_browser())))
        }
        Err(error) => {
            is_discreet(&error.to_string())?;
            is_discreet(&format!("{error:?}"))?;
            Ok(Shape::of(&error.to_string()))
        }
    }
}

fn is_sound(jar: &Cookies) -> Result<(), crate::findings::Breach> {
    let header = jar.header();
    holds(jar.check().is_ok(), "a jar is not one that may be kept")?;
    holds(jar.len() <= COOKIES_MAX && header.len() <= JAR_MAX * 2, "a jar has no bound")?;
    holds(header.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "a cookie can break a header")?;
    holds(!format!("{jar:?}").contains(CANARY), "a jar shows what is in it")
}
