//! The body of an answer as the server plays it: whole, broken off, in drips, or over and over again.
//!
//! It knows nothing of what the bytes mean, and every body has an end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::request::Pace;
use crate::server::{Broken, wait};

/// Longest time that the pauses of one body take together; what is left then comes at once.
const PAUSES_MAX_MS: u64 = 600_000;
/// Bytes of a frame of a body that is repeated.
const REPEATED_FRAME: usize = 64 * 1024;

/// A body at work.
pub(crate) struct Payload {
    bytes: Bytes,
    ending: Ending,
    promised: Option<u64>,
    course: Course,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// As it should.
    Clean,
    /// It breaks off, after what was written had a chance to go out.
    BreaksLater,
    /// It breaks off now.
    Breaks,
}

enum Course {
    AtOnce,
    Drip { piece_bytes: usize, pause_ms: u64, left_ms: u64, pause: Option<Pause> },
    Repeat { left_bytes: u64 },
}

type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Payload {
    /// No body at all.
    pub(crate) fn nothing() -> Self {
        Self { bytes: Bytes::new(), ending: Ending::Clean, promised: Some(0), course: Course::AtOnce }
    }

    /// A body of which so many bytes were promised.
    pub(crate) fn of(body: Vec<u8>, cut_after: Option<usize>, pace: Pace, promised: Option<u64>) -> Self {
        let mut bytes = Bytes::from(body);
        let cut = cut_after.filter(|cut| *cut < bytes.len());
        let promised_len = promised.and_then(|length| usize::try_from(length).ok());
        if let Some(end) = cut.or(promised_len).filter(|end| *end < bytes.len()) {
            bytes.truncate(end);
        }
        let lacks = promised_len.is_some_and(|length| length > bytes.len());
        let course = match pace {
            Pace::AtOnce => Course::AtOnce,
            Pace::Drip { piece_bytes, pause_ms } => {
                Course::Drip { piece_bytes: piece_bytes.max(1), pause_ms, left_ms: PAUSES_MAX_MS, pause: None }
            }
            Pace::Repeat { total_bytes } => {
                let whole = (REPEATED_FRAME / bytes.len().max(1)).max(1);
                bytes = Bytes::from(bytes.repeat(whole));
                Course::Repeat { left_bytes: total_bytes }
            }
        };
        let ending = if cut.is_some() || lacks { Ending::BreaksLater } else { Ending::Clean };
        Self { bytes, ending, promised, course }
    }

    /// What goes out next, if it is time.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        match &mut self.course {
            Course::AtOnce => Poll::Ready(Some(std::mem::take(&mut self.bytes))),
            Course::Drip { piece_bytes, pause_ms, left_ms, pause } => {
                if *left_ms < *pause_ms {
                    return Poll::Ready(Some(std::mem::take(&mut self.bytes)));
                }
                let waiting = pause.get_or_insert_with(|| Box::pin(wait(*pause_ms)));
                if waiting.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                (*pause, *left_ms) = (None, left_ms.saturating_sub(*pause_ms));
                let end = (*piece_bytes).min(self.bytes.len());
                Poll::Ready(Some(self.bytes.split_to(end)))
            }
            Course::Repeat { left_bytes } => {
                let length = usize::try_from(*left_bytes).unwrap_or(usize::MAX).min(self.bytes.len());
                if length == 0 {
                    return Poll::Ready(None);
                }
                *left_bytes = left_bytes.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                Poll::Ready(Some(self.bytes.slice(..length)))
            }
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Poll::Ready(None) => match self.ending {
                Ending::Clean => Poll::Ready(None),
                Ending::BreaksLater => {
                    self.ending = Ending::Breaks;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Ending::Breaks => {
                    self.ending = Ending::Clean;
                    Poll::Ready(Some(Err(Broken)))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.ending == Ending::Clean
    }

    fn size_hint(&self) -> SizeHint {
        self.promised.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
