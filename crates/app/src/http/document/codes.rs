//! The closed list of error codes with the status that each has, as documents need it.
//!
//! What decides an answer is `Refusal` and `Fault`; tests compare every answer with this list, so the two cannot differ.

/// An error that the API may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The stable code.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// When it is answered.
    pub what: &'static str,
}

/// All error codes, by status.
pub const CODES: [ErrorCode; 41] = [
    at(400, "invalid_parameter", "a parameter or field is wrong, repeated, or of another type; the text names it"),
    at(400, "unknown_field", "a parameter or field does not exist; the text names it"),
    at(400, "invalid_json", "the body is not a JSON object"),
    at(400, "bad_cookies", "what was pasted holds no usable session"),
    at(400, "invalid_cursor", "the cursor was not made for this question"),
    at(400, "invalid_query", "the search is not understood; the text and `position` tell where"),
    at(
        400,
        "query_too_complex",
        "the search asks for too much: too long, too many words, or a beginning that is too short",
    ),
    at(400, "credentials_in_url", "a key in the address"),
    at(401, "unauthorized", "no key"),
    at(401, "invalid_key", "a key that does not work: wrong, mistyped or revoked"),
    at(403, "scope_required", "the key may not do this"),
    at(403, "csrf", "a browser sends this for a page of another site, and it would change something"),
    at(404, "account_not_found", "no such account, or out of reach"),
    at(404, "conversation_not_found", "no such conversation, or out of reach"),
    at(404, "not_found", "no such path, message, run, import, key or person"),
    at(405, "method_not_allowed", "`Allow` lists the methods of the path"),
    at(408, "body_timeout", "the body did not come in time"),
    at(409, "needs_login", "LinkedIn does not accept the cookies"),
    at(409, "account_mismatch", "the cookies belong to another member"),
    at(409, "media_off", "attachments are not fetched for this account"),
    at(409, "conflict", "it does not fit the present state; the text says why"),
    at(410, "media_gone", "LinkedIn does not have the attachment any more"),
    at(413, "body_too_large", "the body is larger than allowed"),
    at(416, "invalid_range", "the range lies outside of the attachment"),
    at(421, "host_not_allowed", "the request is for a name that is not ours"),
    at(422, "media_host_not_allowed", "not an address that attachments are fetched from"),
    at(422, "media_refused", "what came is not kept: too large, or not what an attachment can be"),
    at(422, "archive_rejected", "no archive of LinkedIn's, damaged, or built to do harm; nothing was changed"),
    at(422, "archive_without_messages", "an archive without messages; the text says which one to wait for"),
    at(429, "too_many_requests", "the key, or the address without a working key, has asked too often"),
    at(500, "secret_unreadable", "a stored secret cannot be opened"),
    at(500, "storage_broken", "the database holds something unreadable"),
    at(500, "internal_error", "a mistake of ours"),
    at(501, "read_only_mirror", "it would write to LinkedIn, or reads what is not mirrored"),
    at(502, "upstream_unavailable", "LinkedIn did not answer properly while a login was proved"),
    at(502, "media_unavailable", "the attachment could not be fetched now"),
    at(503, "media_store_unavailable", "the place where attachments are kept does not work"),
    at(503, "storage_unavailable", "the database does not answer"),
    at(503, "timed_out", "the answer took too long"),
    at(504, "media_pending", "the attachment is on its way: ask again"),
    at(507, "storage_full", "the disk of the database is full; nothing was changed"),
];

const fn at(status: u16, code: &'static str, what: &'static str) -> ErrorCode {
    ErrorCode { code, status, what }
}

/// The error with this code.
pub(super) fn named(code: &str) -> Option<&'static ErrorCode> {
    CODES.iter().find(|one| one.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_api_lists_the_same_codes() {
        let page = include_str!("../../../../../docs/API.md");
        for one in &CODES {
            let line = format!("| `{}` | {} |", one.code, one.status);
            assert!(page.contains(&line), "docs/API.md lacks {line}");
        }
        let table = page.split("| code | status | |").nth(1).unwrap_or_default();
        let lines = table.lines().skip(2).take_while(|line| line.starts_with('|')).count();
        assert_eq!(lines, CODES.len());
    }
}
