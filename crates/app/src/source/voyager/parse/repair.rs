//! Mends the one fault that JavaScript clients put into texts: half of a surrogate pair.
//!
//! Only such halves are replaced, each by U+FFFD; everything else stays byte for byte.

/// The JSON text with each lone surrogate escape replaced, or `None` when there is none.
pub(super) fn without_lone_surrogates(raw: &str) -> Option<String> {
    let mut mended = String::with_capacity(raw.len());
    let mut found = false;
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let length = match surrogate(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) => 12,
            Some(_) => {
                found = true;
                mended.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // The escape with its next character, which may be a backslash of its own.
            None => escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end),
        };
        let (taken, left) = escape.split_at(length);
        mended.push_str(taken);
        rest = left;
    }
    mended.push_str(rest);
    found.then_some(mended)
}

/// The surrogate that an escape at the start of the text names.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xD800..=0xDFFF).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::without_lone_surrogates;

    #[test]
    fn only_halves_are_mended() {
        let cases = [
            (r#"{"a":"x\ud83dy"}"#, Some(r#"{"a":"x\ufffdy"}"#)),
            (r#"{"a":"\udc4d\ud83d"}"#, Some(r#"{"a":"\ufffd\ufffd"}"#)),
            (r#"{"a":"\ud83d\ud83d\udc4d"}"#, Some(r#"{"a":"\ufffd\ud83d\udc4d"}"#)),
            (r#"{"a":"\ud83d\udc4d"}"#, None),
            (r#"{"a":"\\ud83d"}"#, None),
            (r#"{"a":"\n\\"}"#, None),
            (r#"\"#, None),
            (r#"\é"#, None),
        ];
        for (raw, expected) in cases {
            assert_eq!(without_lone_surrogates(raw).as_deref(), expected, "{raw}");
        }
    }
}
