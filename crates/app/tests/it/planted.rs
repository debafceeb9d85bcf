//! Canaries: texts that were planted, and the search for them in whatever a run has left behind.
//!
//! Each is searched for as it is and in the forms in which a text hides: percent-encoded, escaped as in JSON, in hex, and
//! in base64 at any position.

use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter texts are found by chance.
const LENGTH_MIN: usize = 8;

/// What was planted: a name for each, and the forms that are searched for.
#[derive(Default)]
pub struct Planted {
    needles: Vec<(String, Vec<Vec<u8>>)>,
    artefacts: usize,
    found: Vec<String>,
}

impl Planted {
    /// One more.
    pub fn plant(&mut self, name: &str, text: &str) {
        assert!(text.len() >= LENGTH_MIN, "{name} is too short to be searched for");
        self.needles.push((name.to_owned(), forms(text)));
    }

    /// Searches in something that the run has left behind.
    pub fn search(&mut self, artefact: &str, bytes: &[u8]) {
        self.artefacts += 1;
        let lower = bytes.to_ascii_lowercase();
        for (name, forms) in &self.needles {
            let is_in = |form: &Vec<u8>| contains(bytes, form) || contains(&lower, form);
            if let Some(form) = forms.iter().find(|form| is_in(form)) {
                self.found.push(format!("{name} in {artefact}, as {}", String::from_utf8_lossy(form)));
            }
        }
    }

    /// Searches in every file below a folder.
    pub fn search_folder(&mut self, folder: &Path) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => self.search_folder(&path)?,
                false => self.search(&path.display().to_string(), &std::fs::read(&path)?),
            }
        }
        Ok(())
    }

    /// Fails if anything was found, or if nothing was searched.
    pub fn assert_unseen(&self, artefacts_min: usize) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
        assert!(self.artefacts >= artefacts_min, "only {} artefacts were searched", self.artefacts);
        assert!(!self.needles.is_empty());
    }
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|part| part == form)
}

fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let every: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let needed: String = url::form_urlencoded::byte_serialize(bytes).collect();
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let twice = serde_json::to_string(&quoted).unwrap_or_default();
    let mut forms: Vec<Vec<u8>> = [text, &hex, &every, &needed, quoted.trim_matches('"'), &twice[3..twice.len() - 3]]
        .into_iter()
        .map(|form| form.as_bytes().to_vec())
        .collect();
    for shift in 0..3 {
        // What stands before and after decides the first and last digits: only those between are the text's own.
        let padded = [&vec![0; shift][..], bytes].concat();
        let whole = padded.len() / 3 * 3;
        let begin = if shift == 0 { 0 } else { 4 };
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.push(engine.encode(&padded[..whole]).as_bytes()[begin..].to_vec());
        }
    }
    forms.retain(|form| form.len() >= LENGTH_MIN);
    forms.sort();
    forms.dedup();
    forms
}

#[test]
fn a_canary_is_found_in_every_form() {
    let secret = "li_at=AQED canary\"7\n";
    let hidden: Vec<String> = vec![
        format!("x{secret}y"),
        STANDARD_NO_PAD.encode(format!("{secret}yz")),
        STANDARD_NO_PAD.encode(format!("x{secret}y")),
        URL_SAFE_NO_PAD.encode(format!("xy{secret}")),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        serde_json::json!({ "a": secret }).to_string(),
        serde_json::json!({ "a": serde_json::json!({ "b": secret }).to_string() }).to_string(),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for text in hidden {
        let mut planted = Planted::default();
        planted.plant("cookie", secret);
        planted.search("nothing", b"li_at=AQED canary 8");
        planted.search("text", text.as_bytes());
        assert_eq!(planted.found.len(), 1, "{text}");
    }
}
