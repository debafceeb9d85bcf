//! Sessions: who a cookie belongs to, what makes it good, and how it dies (upstream protocol 1.1 to 1.6).
//!
//! Cookie values are made up from the seed and are never shown outside `/_sim/credentials` and `Set-Cookie`.

use std::collections::BTreeMap;

use crate::chance::{Chance, stable_hash};
use crate::request::Request;
use crate::switches::{BrowserBinding, DeadForm, Switches};
use crate::world::model::{Ms, PersonId};

/// What a request shows of its session.
#[derive(Default)]
pub struct Shown {
    /// `li_at`.
    pub login: Option<String>,
    /// `JSESSIONID` without quotes and backslashes.
    pub session: Option<String>,
    /// The header `csrf-token` as it came: quotes left in it are a fault of the client.
    pub csrf: Option<String>,
    /// `User-Agent` and `sec-ch-ua-platform`.
    pub browser: String,
}

/// Why a request is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such session, or one that is dead, with the form in which it shows.
    Dead(DeadForm),
    /// The token does not fit the cookie.
    Csrf,
}

/// All sessions, living and dead.
#[derive(Default)]
pub struct Sessions {
    by_login: BTreeMap<String, Session>,
    current: BTreeMap<PersonId, String>,
}

/// One session.
struct Session {
    owner: PersonId,
    session: String,
    /// The value before the last rotation, as long as it is still good.
    old_session: Option<String>,
    browser_id: String,
    routing: String,
    browser: Option<String>,
    dies_at_ms: Option<Ms>,
    dead: Option<DeadForm>,
}

/// The browser that `/_sim/credentials` names.
pub const ISSUED_USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
/// Sessions that are remembered; the simulator refuses to make more.
pub const SESSIONS_MAX: usize = 100_000;

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Shown {
    /// Reads the cookies and headers of a request.
    pub fn of(request: &Request) -> Self {
        let mut shown =
            Self { csrf: request.header_value("csrf-token").map(|text| text.trim().to_owned()), ..Self::default() };
        let headers = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        for pair in headers.flat_map(|(_, value)| value.split(';')) {
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            match name {
                "li_at" => shown.login = Some(bare(value)),
                "JSESSIONID" => shown.session = Some(bare(value)),
                _ => {}
            }
        }
        let part = |name| request.header_value(name).unwrap_or_default();
        shown.browser = format!("{}\n{}", part("user-agent"), part("sec-ch-ua-platform"));
        shown
    }
}

impl Sessions {
    /// The owner of the session that a request shows, dead or alive.
    pub fn owner(&self, shown: &Shown) -> Option<&PersonId> {
        let session = self.by_login.get(shown.login.as_ref()?)?;
        Some(&session.owner)
    }

    /// Whether a request is accepted, and for whom.
    pub fn accept(&mut self, shown: &Shown, switches: &Switches, now_ms: Ms) -> Result<PersonId, Refusal> {
        let session = self.living(shown, switches, now_ms).map_err(Refusal::Dead)?;
        let value = shown.session.as_ref().ok_or(Refusal::Csrf)?;
        if shown.csrf.as_ref() != Some(value) {
            return Err(Refusal::Csrf);
        }
        if *value == session.session {
            session.old_session = None;
        } else if session.old_session.as_ref() != Some(value) {
            return Err(Refusal::Csrf);
        }
        Ok(session.owner.clone())
    }

    /// Whether a request for a file is accepted, which needs no token, and for whom (upstream protocol 6.2).
    pub fn accept_cookie(&mut self, shown: &Shown, switches: &Switches, now_ms: Ms) -> Result<PersonId, DeadForm> {
        self.living(shown, switches, now_ms).map(|session| session.owner.clone())
    }

    /// The `Cookie` header of the living session of a member; makes a new one when there is none.
    pub fn credentials(&mut self, owner: &str, chance: &mut Chance) -> Option<String> {
        let living = self.current.get(owner).filter(|login| self.is_alive(login)).cloned();
        let login = match living {
            Some(login) => login,
            None => self.open(owner, chance)?,
        };
        let session = self.by_login.get(&login)?;
        Some(session.cookie_header(&login))
    }

    /// Ends the session that a request shows; it shows as dead in this form, and after a deletion of its cookie as 401.
    pub fn kill(&mut self, shown: &Shown, form: DeadForm) {
        let login = shown.login.as_ref();
        if let Some(session) = login.and_then(|login| self.by_login.get_mut(login)) {
            session.dead = Some(form);
        }
    }

    /// Ends all sessions of a member; returns how many were alive.
    pub fn kill_all(&mut self, owner: &str, form: DeadForm) -> usize {
        let living = self.by_login.values_mut().filter(|one| one.owner == owner && one.dead.is_none());
        living.map(|session| session.dead = Some(form)).count()
    }

    /// Gives the session a new `JSESSIONID`; returns its `Set-Cookie`.
    pub fn rotate_session(&mut self, shown: &Shown, overlap: bool, chance: &mut Chance) -> Option<String> {
        let session = self.by_login.get_mut(shown.login.as_ref()?)?;
        let old = std::mem::replace(&mut session.session, new_session(chance));
        session.old_session = overlap.then(|| shown.session.clone().unwrap_or(old));
        Some(format!("JSESSIONID=\"{}\"; Path=/; Domain=.www.linkedin.com; Secure; SameSite=None", session.session))
    }

    /// Gives the session a new `lidc`; returns its `Set-Cookie`.
    pub fn rotate_routing(&mut self, shown: &Shown, chance: &mut Chance) -> Option<String> {
        let session = self.by_login.get_mut(shown.login.as_ref()?)?;
        session.routing = new_routing(chance);
        Some(format!("lidc={}; Max-Age=86400; Path=/; Domain=.linkedin.com; Secure", session.routing))
    }

    /// Gives the session a new `li_at` beside the old one; returns its `Set-Cookie`.
    pub fn rotate_login(&mut self, shown: &Shown, chance: &mut Chance) -> Option<String> {
        let session = self.by_login.get(shown.login.as_ref()?)?.again();
        if self.by_login.len() >= SESSIONS_MAX {
            return None;
        }
        let login = new_login(chance);
        self.current.insert(session.owner.clone(), login.clone());
        self.by_login.insert(login.clone(), session);
        Some(format!(
            "li_at={login}; Max-Age=31536000; Path=/; Domain=.www.linkedin.com; Secure; HttpOnly; SameSite=None"
        ))
    }

    fn living(&mut self, shown: &Shown, switches: &Switches, now_ms: Ms) -> Result<&mut Session, DeadForm> {
        let unknown = switches.unknown_session;
        let login = shown.login.as_ref().ok_or(unknown)?;
        let session = self.by_login.get_mut(login).ok_or(unknown)?;
        session.mind_browser(&shown.browser, switches, now_ms);
        if let Some(form) = session.dead {
            if form == DeadForm::RevokedRedirect {
                session.dead = Some(DeadForm::Unauthorized);
            }
            return Err(form);
        }
        Ok(session)
    }

    fn is_alive(&self, login: &str) -> bool {
        self.by_login.get(login).is_some_and(|session| session.dead.is_none())
    }

    fn open(&mut self, owner: &str, chance: &mut Chance) -> Option<String> {
        if self.by_login.len() >= SESSIONS_MAX {
            return None;
        }
        let login = new_login(chance);
        let session = Session {
            owner: owner.to_owned(),
            session: new_session(chance),
            old_session: None,
            browser_id: uuid(chance),
            routing: new_routing(chance),
            browser: None,
            dies_at_ms: None,
            dead: None,
        };
        self.by_login.insert(login.clone(), session);
        self.current.insert(owner.to_owned(), login.clone());
        Some(login)
    }
}

impl Session {
    fn again(&self) -> Self {
        Self {
            owner: self.owner.clone(),
            session: self.session.clone(),
            old_session: self.old_session.clone(),
            browser_id: self.browser_id.clone(),
            routing: self.routing.clone(),
            browser: self.browser.clone(),
            dies_at_ms: self.dies_at_ms,
            dead: self.dead,
        }
    }

    fn cookie_header(&self, login: &str) -> String {
        format!(
            "li_at={login}; JSESSIONID=\"{}\"; bcookie=\"v=2&{id}\"; bscookie=\"v=1&{id}\"; lidc={}; li_rm={}; lang=v=2&lang=en-us",
            self.session,
            self.routing,
            format_args!("AQ{:016x}", stable_hash(login)),
            id = self.browser_id,
        )
    }

    /// A session used from another browser dies a little later (upstream protocol 1.6).
    fn mind_browser(&mut self, browser: &str, switches: &Switches, now_ms: Ms) {
        if self.dies_at_ms.is_some_and(|at| now_ms >= at) && self.dead.is_none() {
            self.dead = Some(DeadForm::RevokedRedirect);
        }
        let stranger = match switches.browser_binding {
            BrowserBinding::Off => false,
            BrowserBinding::Issued => !browser.starts_with(ISSUED_USER_AGENT),
            BrowserBinding::FirstUse => self.browser.get_or_insert_with(|| browser.to_owned()) != browser,
        };
        if stranger && self.dies_at_ms.is_none() {
            self.dies_at_ms = Some(now_ms.saturating_add(switches.browser_grace_ms));
        }
    }
}

/// A cookie value without quotes and backslashes.
fn bare(value: &str) -> String {
    value.chars().filter(|letter| !matches!(letter, '"' | '\\')).collect::<String>().trim().to_owned()
}

fn new_login(chance: &mut Chance) -> String {
    format!("AQED{}", chance.text(LETTERS, 148))
}

fn new_session(chance: &mut Chance) -> String {
    format!("ajax:{}{}", chance.between(1, 9), chance.text(DIGITS, 18))
}

fn new_routing(chance: &mut Chance) -> String {
    let number = chance.text(DIGITS, 10);
    format!(
        "\"b=VB{}:s=V:r=V:a=V:p=V:g=1:u=1:i=1{number}:t=1{number}:v=2:sig=AQ{}\"",
        chance.text(DIGITS, 2),
        chance.text(LETTERS, 30)
    )
}

fn uuid(chance: &mut Chance) -> String {
    let mut part = |length| chance.text(HEX, length);
    format!("{}-{}-4{}-8{}-{}", part(8), part(4), part(3), part(3), part(12))
}
