//! The targets: what reads bytes that somebody else has written, each with the properties that hold for any bytes.
//!
//! A target is a plain function of bytes. It may not keep anything between two inputs that changes a result.

mod cookies;
mod http;
mod ids;
mod links;
mod wire;

use anyhow::Result;

use crate::findings::Outcome;

/// One target.
#[derive(Clone)]
pub struct Target {
    /// Its name, which is also that of its corpus.
    pub name: &'static str,
    /// Words that mean something to it.
    pub words: &'static [&'static str],
    /// Inputs that are made, besides those of the corpus.
    pub more: fn() -> Result<Vec<Vec<u8>>>,
    /// Tries an input.
    pub run: fn(&[u8]) -> Outcome,
}

/// All targets.
pub fn all() -> Vec<Target> {
    let none = || Ok(Vec::new());
    vec![
        Target { name: "wire", words: wire::WORDS, more: wire::small_pages, run: wire::run },
        Target { name: "set_cookie", words: cookies::SET_COOKIE_WORDS, more: none, run: cookies::set_cookie },
        Target { name: "import", words: cookies::IMPORT_WORDS, more: none, run: cookies::import },
        Target { name: "media_address", words: links::WORDS, more: none, run: links::media_address },
        Target { name: "upstream", words: links::WORDS, more: none, run: links::upstream },
        Target { name: "question", words: links::WORDS, more: none, run: links::question },
        Target { name: "ids", words: ids::WORDS, more: none, run: ids::run },
        Target { name: "query", words: http::QUERY_WORDS, more: none, run: http::query },
        Target { name: "cursor", words: http::CURSOR_WORDS, more: http::cursors, run: http::cursor },
        Target { name: "key", words: http::KEY_WORDS, more: http::keys, run: http::key },
        Target { name: "body", words: http::BODY_WORDS, more: none, run: http::body },
    ]
}
