//! The mirror against the truth: the same bytes or not, and where not.
//!
//! Differences are named by kind and id alone; texts stay out of what is printed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::failure::{Ended, OK, OTHER};

/// Items of a page of lists and of messages (upstream protocol 3.6, 4.2).
const PAGE_ITEMS: u64 = 20;
/// Differences that are named.
const DIFFERENCES_MAX: usize = 10;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Whether both are the same to the byte.
    pub(super) is_equal: bool,
    /// Lines of the truth.
    pub(super) lines: usize,
    /// The first differences, by kind and id.
    pub(super) differences: Vec<String>,
    /// Requests that a whole copy needs at least.
    pub(super) requests_min: u64,
}

impl Comparison {
    /// Compares an export with the truth.
    pub(super) fn of(mirror: &str, truth: &str, categories: &[String]) -> Self {
        let is_equal = mirror == truth;
        let differences = if is_equal { Vec::new() } else { differences(mirror, truth) };
        Self { is_equal, lines: truth.lines().count(), differences, requests_min: requests_min(truth, categories) }
    }

    /// The result in words.
    pub(super) fn verdict(&self) -> String {
        match self.is_equal {
            true => format!("equal in all {} lines", self.lines),
            false => "DIFFERENT".to_owned(),
        }
    }

    /// The exit code.
    pub(super) fn ended(&self) -> Ended {
        Ok(if self.is_equal { OK } else { OTHER })
    }
}

/// The safe minimum of a whole copy: one request for the mark, then every page of every list and of all messages; an
/// empty list or conversation has one page, too.
fn requests_min(truth: &str, categories: &[String]) -> u64 {
    let mut listed: BTreeMap<&str, u64> = categories.iter().map(|name| (name.as_str(), 0)).collect();
    let mut messages: BTreeMap<String, u64> = BTreeMap::new();
    for line in truth.lines().filter_map(parsed) {
        match line["kind"].as_str() {
            Some("conversation") => {
                messages.entry(text(&line, "id")).or_default();
                for name in line["categories"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    listed.get_mut(name).into_iter().for_each(|count| *count += 1);
                }
            }
            Some("message") => *messages.entry(text(&line, "conversation")).or_default() += 1,
            _ => {}
        }
    }
    let pages = |count: &u64| count.div_ceil(PAGE_ITEMS).max(1);
    1 + listed.values().map(pages).sum::<u64>() + messages.values().map(pages).sum::<u64>()
}

fn differences(mirror: &str, truth: &str) -> Vec<String> {
    let (mirror, truth) = (by_name(mirror), by_name(truth));
    let lacking =
        truth.iter().filter(|(name, _)| !mirror.contains_key(*name)).map(|(name, _)| format!("{name} is missing"));
    let extra =
        mirror.iter().filter(|(name, _)| !truth.contains_key(*name)).map(|(name, _)| format!("{name} is too much"));
    let other = truth.iter().filter_map(|(name, line)| {
        let kept = mirror.get(name)?;
        (kept != line).then(|| format!("{name} has other {}", other_keys(kept, line)))
    });
    let named: Vec<String> = lacking.chain(extra).chain(other).take(DIFFERENCES_MAX).collect();
    match named.is_empty() {
        true => vec!["the same lines in another order".to_owned()],
        false => named,
    }
}

fn by_name(text: &str) -> BTreeMap<String, &str> {
    text.lines().map(|line| (name(line), line)).collect()
}

fn name(line: &str) -> String {
    match parsed(line) {
        Some(one) => format!("{} {}", text(&one, "kind"), text(&one, "id")),
        None => "a line that is no JSON".to_owned(),
    }
}

fn other_keys(kept: &str, line: &str) -> String {
    let (Some(Value::Object(kept)), Some(Value::Object(line))) = (parsed(kept), parsed(line)) else {
        return "form".to_owned();
    };
    let keys: Vec<&str> =
        line.iter().filter(|(key, value)| kept.get(*key) != Some(value)).map(|(key, _)| key.as_str()).collect();
    match keys.is_empty() {
        true => "form".to_owned(),
        false => keys.join(", "),
    }
}

fn parsed(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

fn text(one: &Value, key: &str) -> String {
    one[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: &str = "{\"categories\":[\"INBOX\"],\"id\":\"2-a\",\"kind\":\"conversation\"}\n\
                         {\"body\":\"secret text\",\"conversation\":\"2-a\",\"id\":\"2-m\",\"kind\":\"message\"}\n";

    fn categories() -> Vec<String> {
        vec!["INBOX".into(), "ARCHIVE".into()]
    }

    #[test]
    fn equal_bytes_are_equal() {
        let comparison = Comparison::of(TRUTH, TRUTH, &categories());
        // The mark, one page of each list, one page of messages.
        assert_eq!((comparison.is_equal, comparison.requests_min, comparison.lines), (true, 4, 2));
        assert_eq!(comparison.ended().unwrap(), OK);
    }

    #[test]
    fn differences_are_named_without_their_texts() {
        let mirror = TRUTH.replace("secret text", "another text");
        let comparison = Comparison::of(&mirror, TRUTH, &categories());
        assert_eq!(comparison.differences, ["message 2-m has other body"]);
        assert_eq!(comparison.ended().unwrap(), OTHER);
        let empty = Comparison::of("", TRUTH, &categories());
        assert_eq!(empty.differences, ["conversation 2-a is missing", "message 2-m is missing"]);
    }
}
