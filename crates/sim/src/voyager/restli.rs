//! Reads the Rest.li 2.0 text of `variables=` as strictly as LinkedIn does (upstream protocol 2.3).
//!
//! The structure is read on the raw text and leaves are percent-decoded last. A form decoder must never touch this
//! text: it would turn `+` into a blank and encoded parentheses into structure.

/// A value of `variables=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restli {
    /// `(key:value,key:value)`
    Record(Vec<(String, Restli)>),
    /// `List(value,value)`
    List(Vec<Restli>),
    /// Everything else, decoded.
    Leaf(String),
}

/// Why a text is not Rest.li 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The text does not follow the grammar at this byte.
    #[error("unexpected text at byte {0}")]
    Unexpected(usize),
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("bad percent-encoding in the value that ends at byte {0}")]
    Encoding(usize),
    /// More levels than [`DEPTH_MAX`].
    #[error("nested too deeply")]
    TooDeep,
    /// The same key twice in one record.
    #[error("a key is given twice, the second time before byte {0}")]
    DuplicateKey(usize),
}

/// Levels of nesting that are read; LinkedIn's own queries have five.
pub const DEPTH_MAX: usize = 12;

impl Restli {
    /// Reads a whole text, which must be a record.
    pub fn parse_record(raw: &str) -> Result<Self, SyntaxError> {
        let mut reader = Reader { raw: raw.as_bytes(), at: 0 };
        if reader.peek() != Some(b'(') {
            return Err(SyntaxError::Unexpected(0));
        }
        let record = reader.value(0)?;
        if reader.at == raw.len() { Ok(record) } else { Err(SyntaxError::Unexpected(reader.at)) }
    }

    /// The member of that name, when this is a record that has one.
    pub fn member(&self, name: &str) -> Option<&Restli> {
        match self {
            Restli::Record(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a leaf.
    pub fn leaf(&self) -> Option<&str> {
        match self {
            Restli::Leaf(text) => Some(text),
            _ => None,
        }
    }

    /// The values of a list.
    pub fn items(&self) -> Option<&[Restli]> {
        match self {
            Restli::List(items) => Some(items),
            _ => None,
        }
    }
}

/// Decodes `%XX`; a plus sign stays a plus sign.
pub fn percent_decode(raw: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = tail.get(..2)?;
            out.push(hex_digit(digits[0])? * 16 + hex_digit(digits[1])?);
            rest = &tail[2..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    String::from_utf8(out).ok()
}

struct Reader<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += 1;
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Restli, SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(SyntaxError::TooDeep);
        }
        if self.take(b'(') {
            return self.record(depth);
        }
        if self.raw[self.at..].starts_with(b"List(") {
            self.at += b"List(".len();
            return self.list(depth);
        }
        self.leaf().map(Restli::Leaf)
    }

    fn record(&mut self, depth: usize) -> Result<Restli, SyntaxError> {
        let mut members: Vec<(String, Restli)> = Vec::new();
        if self.take(b')') {
            return Ok(Restli::Record(members));
        }
        loop {
            let key = self.leaf()?;
            if !self.take(b':') {
                return Err(SyntaxError::Unexpected(self.at));
            }
            if members.iter().any(|(known, _)| *known == key) {
                return Err(SyntaxError::DuplicateKey(self.at));
            }
            members.push((key, self.value(depth + 1)?));
            if self.take(b')') {
                return Ok(Restli::Record(members));
            }
            if !self.take(b',') {
                return Err(SyntaxError::Unexpected(self.at));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Restli, SyntaxError> {
        let mut items = Vec::new();
        if self.take(b')') {
            return Ok(Restli::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b')') {
                return Ok(Restli::List(items));
            }
            if !self.take(b',') {
                return Err(SyntaxError::Unexpected(self.at));
            }
        }
    }

    fn leaf(&mut self) -> Result<String, SyntaxError> {
        if self.raw[self.at..].starts_with(b"''") {
            self.at += 2;
            return Ok(String::new());
        }
        let start = self.at;
        while let Some(byte) = self.peek() {
            if is_structure(byte) {
                break;
            }
            if !is_query_byte(byte) {
                return Err(SyntaxError::Unexpected(self.at));
            }
            self.at += 1;
        }
        if self.at == start {
            return Err(SyntaxError::Unexpected(start));
        }
        percent_decode(&self.raw[start..self.at]).ok_or(SyntaxError::Encoding(self.at))
    }
}

fn is_structure(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b',' | b':' | b'\'')
}

fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$*+;=@/?%".contains(&byte)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records_lists_and_leaves() {
        let raw = "(query:(predicateUnions:List((p:(category:INBOX)))),count:20,u:urn%3Ali%3Aa%28b%2Cc%3D%3D%29,e:'',t:a+b==)";
        let read = Restli::parse_record(raw).unwrap();
        assert_eq!(read.member("count").unwrap().leaf(), Some("20"));
        assert_eq!(read.member("u").unwrap().leaf(), Some("urn:li:a(b,c==)"));
        assert_eq!(read.member("e").unwrap().leaf(), Some(""));
        assert_eq!(read.member("t").unwrap().leaf(), Some("a+b=="));
        let unions = read.member("query").unwrap().member("predicateUnions").unwrap();
        let category = unions.items().unwrap()[0].member("p").unwrap().member("category").unwrap();
        assert_eq!(category.leaf(), Some("INBOX"));
        assert_eq!(Restli::parse_record("()"), Ok(Restli::Record(Vec::new())));
    }

    #[test]
    fn refuses_what_linkedin_refuses() {
        let bad = [
            "",
            "x",
            "%28a:b%29",
            "(a%3Ab)",
            "(a:b",
            "(a:b))",
            "(a:)",
            "(a:b,)",
            "(a:urn:li:x)",
            "(a:it's)",
            "(a:%2)",
            "(a:%zz)",
            "(a:%ff)",
            "(a:b,a:c)",
            "(a:b c)",
            "(a:\"b\")",
            "(a:List(b)",
            "(:b)",
            "List(a)",
        ];
        for raw in bad {
            assert!(Restli::parse_record(raw).is_err(), "{raw}");
        }
        let deep = format!("{}a:b{}", "(a:".repeat(40), ")".repeat(40));
        assert_eq!(Restli::parse_record(&deep), Err(SyntaxError::TooDeep));
    }
}
