//! LinkedIn's web session as a source: one GET for one step, nothing else.
//!
//! It only reads (invariant I10), never follows a redirect, and asks twice only when the CSRF secret was refused. A fatal
//! answer leaves the session as it was before it (upstream protocol 1.5, 1.6).

use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use threadkeep_core::id::{ACCOUNT_ID_LENGTH, AccountId, InvalidId, PersonId};
use threadkeep_core::page::Trouble;
use threadkeep_core::sync::Step;
use url::Url;

use super::egress::{Egress, Upstream};
use super::{Always, FetchFailed, Fetched, Leave, Source};
use crate::planted::{self, Bug};
use request::{Accept, Unaskable};
use verdict::Verdict;

pub mod cookies;
mod http_date;
pub mod import;
mod me;
mod parse;
pub mod request;
pub mod session;
mod set_cookie;
pub(in crate::source) mod verdict;
mod wire;

pub use import::ImportError;
pub use me::{Member, parse_me};
pub use parse::parse_reply;
pub use request::QueryIds;
pub use session::Session;

/// Requests for one step: the question, and once more when the CSRF secret was refused.
pub const REQUESTS_MAX: u32 = 2;

/// The present time in milliseconds since 1970; time enters from outside (invariant I7).
pub type NowMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// One member's web session at LinkedIn.
pub struct Voyager {
    egress: Egress,
    upstream: Upstream,
    query_ids: QueryIds,
    session: Session,
    member: Option<PersonId>,
    now_ms: NowMs,
}

/// The account of a member: the same after every new login, and nothing that the member could be found by.
pub fn account_id(member: &PersonId) -> Result<AccountId, InvalidId> {
    let digest = Sha256::digest(format!("linkedin:{member}"));
    let hex: String = digest.iter().take(ACCOUNT_ID_LENGTH / 2).map(|byte| format!("{byte:02x}")).collect();
    AccountId::new(&hex)
}

impl Voyager {
    /// A session of somebody not known yet: only [`Voyager::me`] can be asked.
    pub fn new(egress: Egress, upstream: Upstream, query_ids: QueryIds, session: Session, now_ms: NowMs) -> Self {
        Self { egress, upstream, query_ids, session, member: None, now_ms }
    }

    /// The same session, of this member.
    pub fn of_member(self, member: PersonId) -> Self {
        Self { member: Some(member), ..self }
    }

    /// The session as it is now; to be stored when an answer changed it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Asks whose session it is. The caller must refuse a member who is not the one of the account.
    pub async fn me(&mut self) -> Result<Member, FetchFailed> {
        let (body, asked) = self.ask(request::me_url(&self.upstream), Accept::Json, &Always).await?;
        parse_me(&body).map_err(|trouble| asked.failed(trouble))
    }

    /// Sends one question, and once more, with leave, when the CSRF secret was refused.
    async fn ask(
        &mut self,
        url: Result<Url, Unaskable>,
        accept: Accept,
        leave: &dyn Leave,
    ) -> Result<(Vec<u8>, Asked), FetchFailed> {
        let mut asked = Asked::default();
        let url = url.map_err(|unaskable| asked.failed(refused(unaskable)))?;
        let before = self.session.clone();
        loop {
            let headers = request::headers(&self.upstream, &self.session, accept);
            let headers = headers.map_err(|unaskable| asked.failed(refused(unaskable)))?;
            asked.requests += 1;
            let answer = self.egress.get(url.clone(), headers).await;
            let answer = answer.map_err(|fault| asked.failed(verdict::of_fault(fault)))?;
            let now_ms = (self.now_ms)();
            let mut session = self.session.clone();
            let is_revoked = verdict::merge_cookies(&mut session, &answer.headers, self.upstream.host(), now_ms);
            let verdict = match verdict::verdict(&answer, now_ms) {
                Verdict::Bad(Trouble::Challenged { what }) => Verdict::Bad(Trouble::Challenged { what }),
                _ if is_revoked && !planted::is(Bug::RevokedSessionOverlooked) => {
                    needs_login("LinkedIn ended the session")
                }
                Verdict::CsrfRefused if asked.requests >= REQUESTS_MAX && !planted::is(Bug::CsrfAskedForEver) => {
                    needs_login("the CSRF check failed twice (403)")
                }
                verdict => verdict,
            };
            if verdict.is_fatal() && !planted::is(Bug::FatalAnswerKeepsCookies) {
                self.session = before.clone();
                asked.renewed = None;
            } else {
                let is_new = session != before && !planted::is(Bug::RotatedCookieNotKept);
                asked.renewed = is_new.then(|| session.clone());
                self.session = session;
            }
            match verdict {
                Verdict::Good => return Ok((answer.body, asked)),
                Verdict::CsrfRefused if leave.is_given().await || planted::is(Bug::SecondTryWithoutLease) => {}
                Verdict::CsrfRefused => {
                    let what = "the CSRF secret was refused, and somebody else may be asking by now".to_owned();
                    return Err(asked.failed(Trouble::Unavailable { what }));
                }
                Verdict::Bad(trouble) => return Err(asked.failed(trouble)),
            }
        }
    }
}

#[async_trait]
impl Source for Voyager {
    async fn fetch(&mut self, step: &Step, leave: &dyn Leave) -> Result<Fetched, FetchFailed> {
        let url = match &self.member {
            Some(member) => request::url(&self.upstream, &self.query_ids, member, step),
            None => Err(Unaskable::BadSession),
        };
        let (body, asked) = self.ask(url, Accept::Graphql, leave).await?;
        match parse_reply(step, &body) {
            Ok(reply) => Ok(Fetched { reply, renewed: asked.renewed, requests: asked.requests }),
            Err(trouble) => Err(asked.failed(trouble)),
        }
    }

    fn session(&self) -> &Session {
        &self.session
    }

    fn renew(&mut self, session: Session) {
        self.session = session;
    }
}

/// What asking has done so far.
#[derive(Default)]
struct Asked {
    requests: u32,
    renewed: Option<Session>,
}

impl Asked {
    fn failed(&self, trouble: Trouble) -> FetchFailed {
        FetchFailed { trouble, renewed: self.renewed.clone(), requests: self.requests }
    }
}

fn refused(unaskable: Unaskable) -> Trouble {
    let what = unaskable.to_string();
    match unaskable {
        Unaskable::BadSession => Trouble::NeedsLogin { what },
        Unaskable::NoQuestion | Unaskable::TooLong => Trouble::Refused { what },
    }
}

fn needs_login(what: &str) -> Verdict {
    Verdict::Bad(Trouble::NeedsLogin { what: what.to_owned() })
}

#[cfg(test)]
mod tests;
