//! What the doctor says of the address of the API and of the certificate that it speaks TLS with.
//!
//! Reads the two files as `serve` does, opens no socket, and shows nothing of a key.

use threadkeep_core::time::Timestamp;

use crate::config::{Config, TlsFiles};
use crate::http::{Tls, TlsRefused, Validity};

use super::doctor_checks::{Check, Finding};
use super::table::{span, time};

/// A certificate with less left than this is told, unless that is much of the time for which it was made.
const SOON_MS: i64 = 14 * 24 * 3_600_000;
/// The part of its time that is left when it is told at the latest: whoever renews by a clock has done so by then.
const SHARE_LEFT: i64 = 3;
const RENEW: &str = "renew it; a running `threadkeep serve` takes up the new files by itself";

/// All lines about the API.
pub(super) fn all(config: &Config, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![listen(config)];
    checks.extend(config.tls.as_ref().map(|files| certificate(files, now)));
    checks
}

fn listen(config: &Config) -> Check {
    let address = config.listen;
    match (address.ip().is_loopback(), &config.tls) {
        (true, _) => Check::ok("api", format!("{address}, this machine only")),
        (false, Some(_)) => Check::ok("api", format!("{address}, over TLS")),
        (false, None) => Check::new(
            "api",
            Finding::Warn,
            format!("{address} can be reached by other machines"),
            "give --tls-cert and --tls-key, or put a proxy with TLS in front and run `threadkeep serve --behind-proxy`",
        ),
    }
}

fn certificate(files: &TlsFiles, now: Timestamp) -> Check {
    match Tls::load(&files.cert, &files.key).and_then(|_| Tls::validity(&files.cert)) {
        Ok(found) => judged(found, now),
        Err(refused) => unusable(&refused),
    }
}

fn unusable(refused: &TlsRefused) -> Check {
    Check::new("certificate", Finding::Fail, refused.to_string(), refused.remedy())
}

fn judged(found: Option<Validity>, now: Timestamp) -> Check {
    let subject = "certificate";
    let Some(Validity { begins_at, ends_at }) = found else {
        return Check::ok(subject, "usable; it tells no end");
    };
    let left_ms = ends_at.since_ms(now);
    if begins_at > now {
        let found = format!("holds only from {}, and it is {}", time(begins_at), time(now));
        return Check::new(subject, Finding::Fail, found, "set the clock of this machine, or wait until then");
    }
    match left_ms {
        ..=0 => Check::new(subject, Finding::Fail, format!("ended at {}", time(ends_at)), RENEW),
        _ if left_ms < SOON_MS.min(ends_at.since_ms(begins_at) / SHARE_LEFT) => {
            Check::new(subject, Finding::Warn, format!("ends at {}, in {}", time(ends_at), span(left_ms)), RENEW)
        }
        _ => Check::ok(subject, format!("ends at {}", time(ends_at))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;
    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_certificate_that_ends_soon_has_ended_or_has_not_begun_is_told() {
        let of_days = |begun: i64, left: i64| {
            let found = Validity { begins_at: NOW.plus_ms(-begun * DAY_MS), ends_at: NOW.plus_ms(left * DAY_MS) };
            judged(Some(found), NOW)
        };
        let cases = [
            ((60, 30), Finding::Ok),
            ((77, 13), Finding::Warn),
            ((90, 0), Finding::Fail),
            ((-1, 90), Finding::Fail),
            // Made for six days, and renewed after four.
            ((1, 5), Finding::Ok),
            ((5, 1), Finding::Warn),
        ];
        for ((begun, left), expected) in cases {
            let check = of_days(begun, left);
            assert_eq!((check.finding, check.remedy.is_some()), (expected, expected != Finding::Ok), "{begun} {left}");
        }
        assert_eq!(judged(None, NOW).finding, Finding::Ok);
        let extreme = Validity { begins_at: Timestamp(i64::MIN), ends_at: Timestamp(i64::MAX) };
        assert_eq!(judged(Some(extreme), NOW).finding, Finding::Ok);
    }
}
