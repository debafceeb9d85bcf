//! Advertisements are the one kind of message whose text is HTML in an export (official sources B3).
//!
//! Everything else that looks like HTML was written so by somebody and stays as it is. What comes out of here is text
//! for people and is escaped like any other wherever it is shown.

/// What the text of an advertisement begins with.
const BEGINNINGS: [&str; 2] = ["<p class=\"spinmail-quill-editor", "<p class='spinmail-quill-editor"];
/// Longest entity, in letters.
const ENTITY_LENGTH_MAX: usize = 10;

/// Whether a text without a sender's link is an advertisement.
pub(super) fn is_sponsored(body: &str) -> bool {
    let begin = body.trim_start().get(..40).unwrap_or_default().to_ascii_lowercase();
    BEGINNINGS.iter().any(|known| begin.starts_with(known))
}

/// The text of an advertisement without its marks.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (shown, taken) = if rest.starts_with('<') { mark(rest) } else { entity(rest) };
        text.push_str(&shown);
        rest = &rest[taken..];
    }
    text.push_str(rest);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// What stands for a mark, and how many bytes it has.
fn mark(text: &str) -> (String, usize) {
    let Some(end) = text.find('>') else { return ("<".to_owned(), 1) };
    let name: String = text[1..end]
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let is_end = text.starts_with("</");
    let shown = match name.as_str() {
        "br" => "\n",
        "p" | "div" | "li" | "ul" | "ol" | "h1" | "h2" | "h3" | "tr" if is_end => "\n",
        _ => "",
    };
    (shown.to_owned(), end + 1)
}

/// What an entity stands for, and how many bytes it has.
fn entity(text: &str) -> (String, usize) {
    let end = text.bytes().take(ENTITY_LENGTH_MAX).position(|byte| byte == b';');
    let Some((end, name)) = end.and_then(|end| Some((end, text.get(1..end)?))) else {
        return ("&".to_owned(), 1);
    };
    let named = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => None,
    };
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    match named.or_else(|| number.and_then(char::from_u32)) {
        Some(letter) => (letter.to_string(), end + 1),
        None => ("&".to_owned(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertisement_becomes_plain_text() {
        let html = "<p class=\"spinmail-quill-editor__spin-break\">Hi %FIRSTNAME%,</p><p>Tom &amp; Eva&#39;s &lt;b&gt;<br>x &unknown; 1 < 2</p>";
        assert!(is_sponsored(html));
        assert_eq!(plain(html), "Hi %FIRSTNAME%,\nTom & Eva's <b>\nx &unknown; 1");
        assert_eq!(plain("a & b < c"), "a & b < c");
    }

    #[test]
    fn what_somebody_has_written_stays() {
        assert!(!is_sponsored("<p>hello</p>"));
        assert!(!is_sponsored("see <p class=\"spinmail-quill-editor\">"));
        assert!(!is_sponsored(""));
    }
}
