//! Answers a request for a file: who may have it, what it is, and what a browser is told about it (upstream protocol 6.2).
//!
//! A range is never honoured. The order of the query is a part of the signature, so it is compared byte for byte.

use crate::request::{Answer, Request};
use crate::sessions::{Sessions, Shown};
use crate::switches::Switches;
use crate::walls;
use crate::world::World;
use crate::world::links::{PRIVATE_PREFIX, Verdict, path_text};
use crate::world::model::Ms;

use super::bytes::bytes_of;
use super::catalog::{Catalog, Host, Upload};

/// What an answer depends on.
pub struct Hall<'a> {
    /// What is true.
    pub world: &'a World,
    /// Every file.
    pub catalog: &'a Catalog,
    /// Who may have private ones.
    pub sessions: &'a mut Sessions,
    /// How this LinkedIn behaves.
    pub switches: &'a Switches,
}

/// The answer to a request for a file.
pub fn answer(hall: Hall<'_>, request: &Request, shown: &Shown, now_ms: Ms) -> Answer {
    let path = request.path();
    let owner = match (path.starts_with(PRIVATE_PREFIX), request.listener.is_media()) {
        (true, true) => return missing(),
        (true, false) => match hall.sessions.accept_cookie(shown, hall.switches, now_ms) {
            Ok(owner) => owner,
            Err(form) => return walls::dead(form, request),
        },
        (false, _) => String::new(),
    };
    let Some(upload) = hall.catalog.upload(path) else { return missing() };
    let verdict = match upload.host {
        Host::Site => hall.world.links.judge_private(path, &owner, request.query()),
        Host::Pictures => hall.world.links.judge_picture(path, request.query()),
        Host::Gifs => Verdict::Good,
    };
    match verdict {
        Verdict::Good => handed_out(upload),
        Verdict::Expired(status) => expired(status),
        Verdict::Forged => Answer::text(403, "Access denied."),
    }
}

/// The answer to a link that was good once.
pub fn expired(status: u16) -> Answer {
    Answer::text(status, "The link has expired.")
}

fn missing() -> Answer {
    Answer::text(404, "Not found.")
}

fn handed_out(upload: &Upload) -> Answer {
    let mut answer = Answer { status: 200, body: bytes_of(upload), ..Answer::default() };
    answer = answer
        .with_header("content-type", upload.content_type.as_str())
        .with_header("accept-ranges", "none")
        .with_header("cache-control", "max-age=31536000");
    match &upload.file_name {
        Some(name) => answer.with_header("content-disposition", disposition(name)),
        None => answer,
    }
}

/// The name as plain ASCII, and as it is.
fn disposition(name: &str) -> String {
    let is_plain = |letter: char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", path_text(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_breaks_its_header() {
        assert_eq!(disposition("plan (2).pdf"), "attachment; filename=\"plan (2).pdf\"");
        let strange = disposition("a\"\\\r\nx: y/é.pdf");
        assert_eq!(
            strange,
            "attachment; filename=\"a____x: y/_.pdf\"; filename*=UTF-8''a%22%5C%0D%0Ax%3A%20y%2F%C3%A9.pdf"
        );
    }
}
