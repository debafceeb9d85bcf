//! A request copied from the browser's network panel with "Copy as cURL", in the forms for bash and for Windows.
//!
//! The words are only taken apart, never run. Of all options only headers, cookies and the user agent are used.

use url::{Host, Url};

use super::super::cookies::is_own_domain;
use super::{ImportError, Taken};

/// Most words of a command that are read.
const WORDS_MAX: usize = 1_000;

/// Takes the headers and cookies of a copied command.
pub(super) fn read(text: &str, taken: &mut Taken) -> Result<(), ImportError> {
    let text = text.strip_prefix('$').unwrap_or(text).trim_start();
    let words = if is_windows(text) { Words::windows(text)? } else { Words::bash(text)? };
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| damaged("it ends after an option"));
        match word.as_str() {
            "-H" | "--header" => header(&value()?, taken)?,
            "-b" | "--cookie" => cookies(&value()?, taken)?,
            "-A" | "--user-agent" => taken.header("user-agent", &value()?)?,
            "--url" => address(&value()?)?,
            _ => glued(&word, taken)?,
        }
    }
    Ok(())
}

/// A word that is an option with its value, or the address.
fn glued(word: &str, taken: &mut Taken) -> Result<(), ImportError> {
    if let Some(value) = word.strip_prefix("--header=").or_else(|| word.strip_prefix("-H")) {
        header(value, taken)
    } else if let Some(value) = word.strip_prefix("--cookie=").or_else(|| word.strip_prefix("-b")) {
        cookies(value, taken)
    } else if let Some(value) = word.strip_prefix("--user-agent=").or_else(|| word.strip_prefix("-A")) {
        taken.header("user-agent", value)
    } else if word.starts_with("http://") || word.starts_with("https://") {
        address(word)
    } else {
        Ok(())
    }
}

fn header(line: &str, taken: &mut Taken) -> Result<(), ImportError> {
    match line.split_once(':') {
        Some((name, value)) => taken.header(name, value.trim()),
        // `-H 'name;'` sends an empty header.
        None => Ok(()),
    }
}

fn cookies(value: &str, taken: &mut Taken) -> Result<(), ImportError> {
    if value.starts_with('@') || !value.contains('=') {
        return Err(damaged("its cookies are in a file; give that file instead"));
    }
    taken.cookie_header(value)
}

fn address(text: &str) -> Result<(), ImportError> {
    let url = Url::parse(text).map_err(|_| damaged("its address is not a URL"))?;
    let is_ours = match url.host() {
        Some(Host::Domain(name)) => is_own_domain(name) || name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_ours { Ok(()) } else { Err(ImportError::OtherSite) }
}

/// Windows' `cmd` quotes with carets; its first word after the name or its line ends show it.
fn is_windows(text: &str) -> bool {
    let rest = text.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    match rest.as_bytes() {
        [b'^', ..] => true,
        [b'\'' | b'$', ..] => false,
        _ => text.lines().any(|line| line.ends_with(" ^")),
    }
}

fn damaged(what: &str) -> ImportError {
    ImportError::Damaged { form: "cURL command", what: what.to_owned() }
}

/// Takes a command line apart into words.
struct Words {
    words: Vec<String>,
    word: String,
    in_word: bool,
}

impl Words {
    fn new() -> Self {
        Self { words: Vec::new(), word: String::new(), in_word: false }
    }

    fn push(&mut self, one: char) {
        self.in_word = true;
        self.word.push(one);
    }

    fn end_word(&mut self) -> Result<(), ImportError> {
        if std::mem::take(&mut self.in_word) {
            if self.words.len() >= WORDS_MAX {
                return Err(damaged("it has too many words"));
            }
            self.words.push(std::mem::take(&mut self.word));
        }
        Ok(())
    }

    /// The words of a command for a Unix shell.
    fn bash(text: &str) -> Result<Vec<String>, ImportError> {
        let mut words = Self::new();
        let mut rest = text.chars().peekable();
        while let Some(one) = rest.next() {
            match one {
                '\'' => words.single_quoted(&mut rest)?,
                '"' => words.double_quoted(&mut rest, false)?,
                '$' if rest.peek() == Some(&'\'') => {
                    rest.next();
                    words.ansi_quoted(&mut rest)?;
                }
                '\\' => words.escaped(&mut rest),
                _ if one.is_whitespace() => words.end_word()?,
                _ => words.push(one),
            }
        }
        words.end_word()?;
        Ok(words.words)
    }

    /// The words of a command for Windows' `cmd`: first the carets go, then the quotes.
    fn windows(text: &str) -> Result<Vec<String>, ImportError> {
        let mut plain = String::with_capacity(text.len());
        let mut carets = text.chars();
        while let Some(one) = carets.next() {
            match one {
                '^' => match carets.next() {
                    Some('\r') => {
                        carets.next();
                    }
                    Some('\n') | None => {}
                    Some(other) => plain.push(other),
                },
                _ => plain.push(one),
            }
        }
        let mut words = Self::new();
        let mut rest = plain.chars().peekable();
        while let Some(one) = rest.next() {
            match one {
                '"' => words.double_quoted(&mut rest, true)?,
                _ if one.is_whitespace() => words.end_word()?,
                _ => words.push(one),
            }
        }
        words.end_word()?;
        Ok(words.words)
    }

    /// A backslash outside quotes: a line goes on, or the next character is itself.
    fn escaped(&mut self, rest: &mut Rest<'_>) {
        match rest.next() {
            Some('\r') if rest.peek() == Some(&'\n') => {
                rest.next();
            }
            Some('\n') | None => {}
            Some(other) => self.push(other),
        }
    }

    fn single_quoted(&mut self, rest: &mut Rest<'_>) -> Result<(), ImportError> {
        self.in_word = true;
        for one in rest.by_ref() {
            match one {
                '\'' => return Ok(()),
                _ => self.word.push(one),
            }
        }
        Err(damaged("a quote is not closed"))
    }

    /// In the Windows form a doubled quote is a quote.
    fn double_quoted(&mut self, rest: &mut Rest<'_>, doubled: bool) -> Result<(), ImportError> {
        self.in_word = true;
        while let Some(one) = rest.next() {
            match one {
                '"' if doubled && rest.peek() == Some(&'"') => {
                    rest.next();
                    self.word.push('"');
                }
                '"' => return Ok(()),
                '\\' => match rest.next() {
                    Some(quoted @ ('"' | '\\' | '$' | '`')) => self.word.push(quoted),
                    Some('\n') => {}
                    Some(other) => self.word.extend(['\\', other]),
                    None => {}
                },
                _ => self.word.push(one),
            }
        }
        Err(damaged("a quote is not closed"))
    }

    /// `$'…'`
    fn ansi_quoted(&mut self, rest: &mut Rest<'_>) -> Result<(), ImportError> {
        self.in_word = true;
        while let Some(one) = rest.next() {
            let read = match one {
                '\'' => return Ok(()),
                '\\' => match rest.next() {
                    Some('n') => Some('\n'),
                    Some('r') => Some('\r'),
                    Some('t') => Some('\t'),
                    Some('x') => number(rest, 16, 2),
                    Some('u') => number(rest, 16, 4),
                    Some('U') => number(rest, 16, 8),
                    Some('0'..='7') => return Err(damaged("it has an octal escape")),
                    other => other,
                },
                _ => Some(one),
            };
            self.word.push(read.ok_or_else(|| damaged("an escape is not complete"))?);
        }
        Err(damaged("a quote is not closed"))
    }
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn number(rest: &mut Rest<'_>, radix: u32, digits_max: u32) -> Option<char> {
    let mut value = 0_u32;
    for _ in 0..digits_max {
        let Some(digit) = rest.peek().and_then(|one| one.to_digit(radix)) else {
            break;
        };
        value = value * radix + digit;
        rest.next();
    }
    char::from_u32(value)
}
