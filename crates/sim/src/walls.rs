//! What a client meets when it is not let in: every form of a dead or doubtful session (upstream protocol 1.5).
//!
//! These answers look alike for everybody; none of them tells anything about the account.

use crate::request::{Answer, Request};
use crate::switches::DeadForm;

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action=\"/checkpoint/lg/login-submit\"></form></body></html>";

/// The answer of a session that is not accepted.
pub fn dead(form: DeadForm, request: &Request) -> Answer {
    match form {
        DeadForm::RevokedRedirect => Answer::empty(302).with_header("location", request.target.clone()).with_header(
            "set-cookie",
            "li_at=delete me; Expires=Thu, 01 Jan 1970 00:00:10 GMT; Path=/; Domain=.www.linkedin.com; Secure",
        ),
        DeadForm::Unauthorized => Answer::bare_status(401),
        DeadForm::HtmlWall => login_page(),
        DeadForm::Checkpoint => {
            Answer::empty(302).with_header("location", "/checkpoint/challenge/simulated?ut=simulated")
        }
        DeadForm::BotWall => bot_wall(),
    }
}

/// The login page in place of what was asked for, with a good status.
pub fn login_page() -> Answer {
    Answer::html(200, LOGIN_PAGE)
}

/// The answer to a token that does not fit its cookie.
pub fn csrf_failed() -> Answer {
    Answer::text(403, "CSRF check failed.")
}

/// The answer to a client that is taken for a robot.
pub fn bot_wall() -> Answer {
    Answer::html(999, "<html><head><script>/* simulated */</script></head></html>")
}

/// The answer to a client that asks too often.
pub fn rate_limited(retry_after: Option<String>) -> Answer {
    let answer = Answer::bare_status(429);
    match retry_after {
        Some(text) => answer.with_header("retry-after", text),
        None => answer,
    }
}
