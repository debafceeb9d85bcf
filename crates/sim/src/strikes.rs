//! Turns a drawn fault into what the client gets: before the request is answered, or on the finished answer.
//!
//! Each function says whether it made a difference, so that the ledger names only faults that a client really met.

use crate::chance::Chance;
use crate::faults::{Fault, FaultKind, Malformation};
use crate::request::{Answer, Outcome, Request};
use crate::sessions::{Sessions, Shown};
use crate::spoiled_bodies;
use crate::switches::DeadForm;
use crate::voyager::desk::Trouble;
use crate::voyager::sequence::PageTrouble;
use crate::walls;

/// How far a replica lags behind when nothing else is said.
const LAG_DEFAULT_MS: i64 = 2_000;
/// By how many items a page begins too early, at most, when nothing else is said.
const SHIFT_DEFAULT: u64 = 5;
/// Levels of the deeply nested body.
const NESTING: usize = 100_000;

/// A fault that strikes before the request is looked at.
pub fn before(
    (kind, fault): (FaultKind, &Fault),
    request: &Request,
    shown: &Shown,
    sessions: &mut Sessions,
    chance: &mut Chance,
) -> Option<Outcome> {
    let has_session = sessions.owner(shown).is_some();
    let answer = match kind {
        FaultKind::Reset => return Some(Outcome::Reset),
        FaultKind::RateLimited => walls::rate_limited(retry_after(fault)),
        FaultKind::ServerError => {
            let statuses = [500, 502, 503, 504];
            let drawn = statuses.get(chance.index(statuses.len())).copied().unwrap_or(500);
            Answer::bare_status(fault.status.unwrap_or(drawn))
        }
        FaultKind::BotWall => walls::bot_wall(),
        FaultKind::CsrfFailed if has_session => {
            if fault.kills(kind) {
                sessions.kill(shown, DeadForm::Unauthorized);
            }
            walls::csrf_failed()
        }
        _ => {
            let form = dead_form(kind).filter(|_| has_session)?;
            if fault.kills(kind) {
                // After the deletion of its cookie a session shows as 401 (upstream protocol 1.5).
                let later = if form == DeadForm::RevokedRedirect { DeadForm::Unauthorized } else { form };
                sessions.kill(shown, later);
            }
            walls::dead(form, request)
        }
    };
    Some(Outcome::Answer(answer))
}

/// What a fault means to the answer of a stored query.
pub fn trouble(kind: FaultKind, fault: &Fault, nonce: u64, chance: &mut Chance) -> Trouble {
    let mut trouble = Trouble { nonce, ..Trouble::default() };
    match kind {
        FaultKind::RepeatedPage => trouble.page = Some(PageTrouble::Repeated),
        FaultKind::ShiftedPage => {
            let most = fault.items.and_then(|items| u64::try_from(items).ok()).unwrap_or(SHIFT_DEFAULT);
            let items = usize::try_from(chance.between(1, most)).unwrap_or(1);
            trouble.page = Some(PageTrouble::Shifted(items));
        }
        FaultKind::EmptyPage => trouble.page = Some(PageTrouble::Empty),
        FaultKind::EndlessPage => trouble.page = Some(PageTrouble::Endless),
        FaultKind::CursorCycle => trouble.page = Some(PageTrouble::Cycle),
        FaultKind::ClearCache => trouble.clears_cache = true,
        FaultKind::StaleAnswer => trouble.lag_ms = Some(fault.lag_ms.unwrap_or(LAG_DEFAULT_MS)),
        FaultKind::OddRecord => trouble.odd_record = true,
        FaultKind::ReorderedPage => trouble.reorders = true,
        _ => {}
    }
    trouble
}

/// A fault that strikes the finished answer.
pub fn after(
    (kind, fault): (FaultKind, &Fault),
    request: &Request,
    answer: &mut Answer,
    (shown, sessions): (&Shown, &mut Sessions),
    chance: &mut Chance,
) -> bool {
    if spoiled_bodies::strike((kind, fault), request, answer) {
        return true;
    }
    let cookie = match kind {
        FaultKind::MalformedBody if answer.status == 200 => {
            malform(fault.form, &mut answer.body, chance);
            return true;
        }
        FaultKind::ErrorsAnswer if answer.status == 200 => {
            answer.body =
                br#"{"data":null,"errors":[{"message":"Internal error while resolving","extensions":{"status":500}}]}"#
                    .to_vec();
            return true;
        }
        FaultKind::CutBody if !answer.body.is_empty() => {
            let last = answer.body.len() - 1;
            let drawn = chance.index(answer.body.len());
            answer.cut_after = Some(fault.after_bytes.unwrap_or(drawn).min(last));
            return true;
        }
        FaultKind::RotateSessionCookie if answer.status == 200 => {
            sessions.rotate_session(shown, fault.overlap.unwrap_or(false), chance)
        }
        FaultKind::RotateRoutingCookie if answer.status == 200 => sessions.rotate_routing(shown, chance),
        FaultKind::RotateLoginCookie if answer.status == 200 => sessions.rotate_login(shown, chance),
        _ => None,
    };
    let strikes = cookie.is_some();
    answer.headers.extend(cookie.map(|value| ("set-cookie".to_owned(), value)));
    strikes
}

fn retry_after(fault: &Fault) -> Option<String> {
    fault.retry_after_text.clone().or_else(|| fault.retry_after_s.map(|seconds| seconds.to_string()))
}

fn dead_form(kind: FaultKind) -> Option<DeadForm> {
    match kind {
        FaultKind::RevokedRedirect => Some(DeadForm::RevokedRedirect),
        FaultKind::Unauthorized => Some(DeadForm::Unauthorized),
        FaultKind::HtmlWall => Some(DeadForm::HtmlWall),
        FaultKind::Checkpoint => Some(DeadForm::Checkpoint),
        _ => None,
    }
}

fn malform(form: Option<Malformation>, body: &mut Vec<u8>, chance: &mut Chance) {
    let usual = [Malformation::BadJson, Malformation::WrongShape, Malformation::HtmlEntities];
    let drawn = usual.get(chance.index(usual.len())).copied().unwrap_or(Malformation::BadJson);
    match form.unwrap_or(drawn) {
        Malformation::BadJson => body.truncate(chance.index(body.len().max(1))),
        Malformation::WrongShape => *body = br#"{"data":{"elements":"none","status":"OK"}}"#.to_vec(),
        Malformation::HtmlEntities => {
            let quoted = body.iter().flat_map(|byte| match byte {
                b'"' => b"&quot;".to_vec(),
                other => vec![*other],
            });
            *body = quoted.collect();
        }
        Malformation::InvalidUtf8 => {
            let middle = body.len() / 2;
            body.splice(middle..middle, [0xff, 0xfe, 0xc0]);
        }
        Malformation::DeepNesting => *body = [b"[".repeat(NESTING), b"]".repeat(NESTING)].concat(),
    }
}
