//! A small JSON tree that borrows from the world, so that a page of messages is written without copying its texts.
//!
//! Object members keep the order in which they were added, and every string is escaped here and nowhere else. Nothing
//! in this file knows what the JSON means.

use std::borrow::Cow;

use serde_json::Value;

/// A JSON value that may borrow its texts.
#[derive(Debug, Clone)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order of writing.
    Object(Vec<Member<'a>>),
    /// A value that already is JSON, written as it is.
    Ready(&'a Value),
}

/// One member of an object.
pub type Member<'a> = (Cow<'a, str>, Json<'a>);

impl<'a> Json<'a> {
    /// A string or `null`.
    pub fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Json::Null, Json::from)
    }

    /// A number or `null`.
    pub fn optional_int(number: Option<i64>) -> Self {
        number.map_or(Json::Null, Json::Int)
    }

    /// An object of the given members.
    pub fn object<const N: usize>(members: [(&'a str, Json<'a>); N]) -> Self {
        Json::Object(members.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect())
    }

    /// The member of that name, when this is an object that has one.
    pub fn member_mut(&mut self, name: &str) -> Option<&mut Json<'a>> {
        match self {
            Json::Object(members) => members.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The bytes of this value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIRST_CAPACITY);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Json::Text(text) => write_text(text, out),
            Json::List(items) => write_list(items, out),
            Json::Object(members) => write_object(members, out),
            Json::Ready(value) => out.extend_from_slice(value.to_string().as_bytes()),
        }
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Json::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Json::Text(Cow::Owned(text))
    }
}

impl From<bool> for Json<'_> {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<i64> for Json<'_> {
    fn from(value: i64) -> Self {
        Json::Int(value)
    }
}

impl From<u32> for Json<'_> {
    fn from(value: u32) -> Self {
        Json::Int(i64::from(value))
    }
}

/// Most answers of one page fit without growing.
const FIRST_CAPACITY: usize = 16 * 1024;

fn write_list(items: &[Json<'_>], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        item.write(out);
    }
    out.push(b']');
}

fn write_object(members: &[Member<'_>], out: &mut Vec<u8>) {
    out.push(b'{');
    for (position, (key, value)) in members.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        value.write(out);
    }
    out.push(b'}');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[clean_from..position]);
        clean_from = position + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_json_demands() {
        let nasty = "a\"b\\c\n\r\t\u{1}\u{1f600}é";
        let bytes = Json::object([("k", Json::from(nasty))]).to_bytes();
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read["k"], nasty);
    }
}
