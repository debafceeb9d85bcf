//! Forms with a file as browsers send them without a script (RFC 7578), read as they come.
//!
//! A file passes through and is never held; every other part is small. What is no such form is refused, and so is one
//! that is cut off. Our own, because the library for it takes in whatever has come and heads of any length: its memory
//! grows with the upload.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};

use crate::http::{Fault, invalid};

/// Longest boundary (RFC 2046 5.1.1).
const BOUNDARY_MAX: usize = 70;
/// Largest head of a part, in bytes.
const HEAD_MAX: usize = 4_096;
/// Largest part that is no file, in bytes.
const TEXT_MAX: usize = 4_096;

/// The parts that were not read yet.
pub(super) struct Multipart {
    body: BodyDataStream,
    /// How long somebody may send nothing.
    stall: Duration,
    /// What stands between two parts.
    delimiter: Vec<u8>,
    /// What has come and was not read.
    held: BytesMut,
}

impl Multipart {
    /// The parts of a body with these headers.
    pub(super) fn of(headers: &HeaderMap, body: Body, stall: Duration) -> Result<Self, Fault> {
        let told = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(boundary);
        let boundary = told.ok_or_else(broken)?;
        // The first delimiter has no line before it.
        let held = BytesMut::from(&b"\r\n"[..]);
        Ok(Self { body: body.into_data_stream(), stall, delimiter: format!("\r\n--{boundary}").into_bytes(), held })
    }

    /// Goes on to the next part, past what is left of this one; its name, or nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Fault> {
        while self.piece().await?.is_some() {}
        self.held.advance(self.delimiter.len());
        while self.held.len() < 2 {
            self.fill().await?;
        }
        match self.held.get(..2) {
            Some(b"--") => return Ok(None),
            Some(b"\r\n") => {}
            _ => return Err(broken()),
        }
        let end = loop {
            match self.held.windows(4).take(HEAD_MAX).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at,
                None if self.held.len() > HEAD_MAX => return Err(broken()),
                None => self.fill().await?,
            }
        };
        let head = self.held.split_to(end);
        self.held.advance(4);
        let head = std::str::from_utf8(&head).map_err(|_| broken())?;
        head.lines().find_map(name).map(Some).ok_or_else(broken)
    }

    /// The text of this part.
    pub(super) async fn text(&mut self) -> Result<String, Fault> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
            if all.len() > TEXT_MAX {
                return Err(Fault::TooLarge(TEXT_MAX));
            }
        }
        String::from_utf8(all).map_err(|_| broken())
    }

    /// The bytes of this part, as they come.
    pub(super) fn bytes(&mut self) -> impl Stream<Item = Result<Bytes, Fault>> {
        stream::try_unfold(self, async |part| Ok(part.piece().await?.map(|piece| (piece, part))))
    }

    /// Some of this part; nothing at its end, where the delimiter is.
    async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let (sure, is_end) = self.sure();
            match (sure, is_end) {
                (0, true) => return Ok(None),
                (0, false) => self.fill().await?,
                _ => return Ok(Some(self.held.split_to(sure).freeze())),
            }
        }
    }

    /// How much of what is held belongs to this part for certain, and whether a delimiter follows.
    fn sure(&self) -> (usize, bool) {
        let mut at = 0;
        while let Some(rest) = self.held.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(found) = rest.iter().position(|byte| *byte == b'\r') else { break };
            at += found;
            let rest = rest.get(found..).unwrap_or_default();
            if rest.starts_with(&self.delimiter) {
                return (at, true);
            }
            if self.delimiter.starts_with(rest) {
                return (at, false);
            }
            at += 1;
        }
        (self.held.len(), false)
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        let more = tokio::time::timeout(self.stall, self.body.next()).await.map_err(|_| Fault::SlowBody)?;
        let more = more.and_then(Result::ok).ok_or_else(broken)?;
        self.held.extend_from_slice(&more);
        Ok(())
    }
}

fn broken() -> Fault {
    invalid("the form", "it is none with a file, or was cut off: send it again")
}

/// The boundary that a content type tells.
fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';');
    let is_form = parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data");
    let told = parts.find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"'))
    })?;
    let is_sound = (1..=BOUNDARY_MAX).contains(&told.len()) && told.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (is_form && is_sound).then_some(told)
}

/// The name that a line of a part's head tells.
fn name(line: &str) -> Option<String> {
    let (header, value) = line.split_once(':')?;
    let (kind, rest) = value.trim().split_once(';')?;
    if !header.eq_ignore_ascii_case("content-disposition") || !kind.eq_ignore_ascii_case("form-data") {
        return None;
    }
    // Only the names of our own form are asked for, and none of them has anything to escape.
    let (name, _) = rest.trim().strip_prefix("name=\"")?.split_once('"')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::pin;

    use axum::http::HeaderValue;

    use super::*;

    const BODY: &[u8] = b"--b-1\r\nContent-Disposition: form-data; name=\"secret\"\r\n\r\ns3\r\n--b-1\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a; name=\\\"x.zip\"\r\ncontent-type: application/zip\r\n\r\n\
        \r\nPK\r\n--b-\r\n--b-2\r\r\n\r\n--b-1\r\ncontent-disposition: form-data; name=\"me\"\r\n\r\n\r\n--b-1--\r\n";
    const FILE: &[u8] = b"\r\nPK\r\n--b-\r\n--b-2\r\r\n";

    fn form(body: &[u8], chunk: usize) -> Result<Multipart, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=\"b-1\""));
        let chunks: Vec<_> =
            body.chunks(chunk).map(|chunk| Ok::<_, io::Error>(Bytes::copy_from_slice(chunk))).collect();
        Multipart::of(&headers, Body::from_stream(stream::iter(chunks)), Duration::from_secs(60))
    }

    async fn read(body: &[u8], chunk: usize) -> Result<(String, Vec<u8>, String), Fault> {
        let mut form = form(body, chunk)?;
        assert_eq!(form.next().await?.as_deref(), Some("secret"));
        let secret = form.text().await?;
        assert_eq!(form.next().await?.as_deref(), Some("file"));
        let mut file = Vec::new();
        {
            let mut bytes = pin!(form.bytes());
            while let Some(piece) = bytes.next().await {
                file.extend_from_slice(&piece?);
            }
        }
        assert_eq!(form.next().await?.as_deref(), Some("me"));
        let me = form.text().await?;
        assert_eq!(form.next().await?, None);
        Ok((secret, file, me))
    }

    #[tokio::test]
    async fn parts_are_read_however_they_come_in_pieces() {
        for chunk in 1..=BODY.len() {
            let (secret, file, me) = read(BODY, chunk).await.map_err(|fault| fault.text()).unwrap();
            assert_eq!((secret.as_str(), file.as_slice(), me.as_str()), ("s3", FILE, ""), "by {chunk}");
        }
    }

    #[tokio::test]
    async fn a_form_that_is_cut_off_anywhere_is_refused() {
        // The last line may be missing.
        let needed = BODY.len() - "\r\n".len();
        for length in 0..needed {
            assert!(read(BODY.get(..length).unwrap_or_default(), 7).await.is_err(), "{length}");
        }
    }

    #[tokio::test]
    async fn parts_that_are_too_large_or_none_are_refused() {
        let head = "--b-1\r\ncontent-disposition: form-data; name=\"secret\"\r\n";
        let long = format!("{head}\r\n{}\r\n--b-1--", "x".repeat(TEXT_MAX + 1));
        let mut parts = form(long.as_bytes(), 1_000).map_err(|fault| fault.text()).unwrap();
        assert!(parts.next().await.is_ok_and(|name| name.is_some()));
        assert!(matches!(parts.text().await, Err(Fault::TooLarge(TEXT_MAX))));
        let swollen = format!("{head}x: {}\r\n\r\n\r\n--b-1--", "x".repeat(HEAD_MAX));
        for body in [swollen.as_str(), "--b-1x", "--b-1\r\n\r\n\r\n--b-1--", "no form at all"] {
            assert!(
                form(body.as_bytes(), 1_000).map_err(|fault| fault.text()).unwrap().next().await.is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn the_boundary_is_told_by_the_content_type() {
        assert_eq!(
            boundary("multipart/form-data; boundary=----WebKitFormBoundary1a"),
            Some("----WebKitFormBoundary1a")
        );
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), Some("a b"));
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for wrong in ["multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=a", long.as_str()]
        {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }
}
