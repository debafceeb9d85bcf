//! Faults of bodies: slow, endless, swollen, of another length or another kind than was promised.
//!
//! It only describes what is wrong; the server plays it. Every such body has an end.

use flate2::{Compress, Compression, Crc, FlushCompress};

use crate::faults::{Disguise, Fault, FaultKind, LengthLie, RedirectTarget};
use crate::request::{Answer, Pace, Request};
use crate::walls;

/// Bytes of a piece of a slow body when nothing else is said.
const PIECE_BYTES: usize = 256;
/// Pause before a piece when nothing else is said.
const PAUSE_MS: u64 = 50;
/// Bytes of an endless body and of an unpacked bomb when nothing else is said.
const TOTAL_BYTES: u64 = 256 * 1024 * 1024;
/// Zeros that are packed at once; the bomb repeats them.
const BOMB_STEP: usize = 1024 * 1024;
/// By how much a length is promised too long.
const OVERSTATED_BYTES: u64 = 1_000;
/// Where a redirect into this machine leads: a port of no service.
const LOOPBACK: &str = "http://127.0.0.1:9/";

/// Strikes a good answer; tells whether this kind is one of a body and made a difference.
pub fn strike((kind, fault): (FaultKind, &Fault), request: &Request, answer: &mut Answer) -> bool {
    if answer.status != 200 || answer.body.is_empty() {
        return false;
    }
    match kind {
        FaultKind::SlowBody => {
            answer.pace = Pace::Drip {
                piece_bytes: fault.piece_bytes.unwrap_or(PIECE_BYTES),
                pause_ms: fault.pause_ms.unwrap_or(PAUSE_MS),
            };
        }
        FaultKind::EndlessBody => {
            answer.may_compress = false;
            answer.pace = Pace::Repeat { total_bytes: fault.total_bytes.unwrap_or(TOTAL_BYTES) };
        }
        FaultKind::GzipBomb => {
            answer.may_compress = false;
            answer.body = bomb(&answer.body, fault.total_bytes.unwrap_or(TOTAL_BYTES));
            answer.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
        }
        FaultKind::WrongLength => {
            answer.may_compress = false;
            let length = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
            answer.claimed_bytes = Some(match fault.length.unwrap_or(LengthLie::Long) {
                LengthLie::Short => length / 2,
                LengthLie::Long => length.saturating_add(OVERSTATED_BYTES),
            });
        }
        FaultKind::WrongType => answer.body = disguised(fault.disguise.unwrap_or(Disguise::Html)),
        FaultKind::LoginPage => *answer = walls::login_page(),
        FaultKind::Redirect => *answer = Answer::empty(302).with_header("location", location(fault, request)),
        _ => return false,
    }
    true
}

fn location(fault: &Fault, request: &Request) -> String {
    let named = match fault.to.unwrap_or(RedirectTarget::Login) {
        RedirectTarget::Login => "/uas/login",
        RedirectTarget::Loopback => LOOPBACK,
        RedirectTarget::Itself => request.target.as_str(),
    };
    fault.location.clone().unwrap_or_else(|| named.to_owned())
}

fn disguised(disguise: Disguise) -> Vec<u8> {
    let text = match disguise {
        Disguise::Html => "<!DOCTYPE html><html><body><script>/* simulated */</script></body></html>",
        Disguise::Svg => {
            "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"><script>/* simulated */</script></svg>"
        }
    };
    text.as_bytes().to_vec()
}

/// The body, packed, and behind it so many zeros that it unpacks to the total. The zeros are packed once: each packed
/// step is complete in itself, so that it can be repeated.
fn bomb(body: &[u8], total_bytes: u64) -> Vec<u8> {
    let body = body.get(..usize::try_from(total_bytes).unwrap_or(usize::MAX)).unwrap_or(body);
    let rest = total_bytes.saturating_sub(u64::try_from(body.len()).unwrap_or(u64::MAX));
    let step = u64::try_from(BOMB_STEP).unwrap_or(u64::MAX);
    let mut sum = Crc::new();
    sum.update(body);
    let mut packed = GZIP_HEADER.to_vec();
    packed.extend(deflated(body));
    let zeros = vec![0; BOMB_STEP];
    let (packed_step, mut step_sum) = (deflated(&zeros), Crc::new());
    step_sum.update(&zeros);
    for _ in 0..rest / step {
        packed.extend_from_slice(&packed_step);
        sum.combine(&step_sum);
    }
    let last = zeros.get(..usize::try_from(rest % step).unwrap_or(0)).unwrap_or_default();
    packed.extend(deflated(last));
    sum.update(last);
    packed.extend_from_slice(&LAST_BLOCK);
    packed.extend_from_slice(&sum.sum().to_le_bytes());
    packed.extend_from_slice(&sum.amount().to_le_bytes());
    packed
}

/// Magic, method, no flags, no time, unknown system (RFC 1952 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block of deflate (RFC 1951 3.2.6).
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// Room for what deflate writes besides.
const DEFLATE_ROOM: usize = 64 * 1024;

/// Blocks of deflate that end at a whole byte and refer to nothing before them.
fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(plain.len() + DEFLATE_ROOM);
    let mut compress = Compress::new(Compression::best(), false);
    match compress.compress_vec(plain, &mut packed, FlushCompress::Full) {
        Ok(_) => packed,
        // Packing into memory with room enough does not fail.
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_bomb_is_one_good_stream_that_begins_as_the_body_does() {
        for total_bytes in [3, 5, 1_000, 5_000_000] {
            let packed = bomb(b"hello", total_bytes);
            assert!(packed.len() < 20_000);
            let mut plain = Vec::new();
            GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).unwrap();
            assert_eq!(plain.len() as u64, total_bytes);
            assert!(plain.starts_with(b"hel"));
        }
    }
}
