//! The presets `none`, `light` and `heavy`.
//!
//! Whatever a preset does must be survivable: no preset kills a session or hides a record for good.

use super::{Fault, FaultKind, Faults};

/// A preset by name.
pub(super) fn preset(name: &str) -> Option<Faults> {
    match name {
        "none" => Some(Faults::default()),
        "light" => Some(light()),
        "heavy" => Some(heavy()),
        _ => None,
    }
}

/// What an ordinary day brings.
fn light() -> Faults {
    Faults::default()
        .with(FaultKind::Latency, latency(1.0, 1, 4))
        .with(FaultKind::ServerError, Fault { burst: Some(2), ..Fault::rate(0.01) })
        .with(FaultKind::RateLimited, Fault { retry_after_s: Some(1), ..Fault::rate(0.005) })
        .with(FaultKind::Reset, Fault::rate(0.01))
        .with(FaultKind::RotateSessionCookie, rotation(0.01))
        .with(FaultKind::RotateRoutingCookie, Fault::rate(0.02))
}

/// Everything from which a client can recover, a few percent of each.
fn heavy() -> Faults {
    Faults::default()
        .with(FaultKind::Latency, latency(0.5, 1, 20))
        .with(FaultKind::ServerError, Fault { burst: Some(3), ..Fault::rate(0.02) })
        .with(FaultKind::RateLimited, Fault { retry_after_s: Some(1), ..Fault::rate(0.02) })
        .with(FaultKind::Reset, Fault::rate(0.03))
        .with(FaultKind::CutBody, Fault::rate(0.03))
        .with(FaultKind::MalformedBody, Fault::rate(0.02))
        .with(FaultKind::ErrorsAnswer, Fault::rate(0.02))
        .with(FaultKind::CsrfFailed, Fault::rate(0.01))
        .with(FaultKind::RotateSessionCookie, rotation(0.03))
        .with(FaultKind::RotateRoutingCookie, Fault::rate(0.05))
        .with(FaultKind::RotateLoginCookie, Fault::rate(0.01))
        .with(FaultKind::RepeatedPage, Fault::rate(0.03))
        .with(FaultKind::ShiftedPage, Fault::rate(0.05))
        .with(FaultKind::EmptyPage, Fault::rate(0.03))
        .with(FaultKind::EndlessPage, Fault::rate(0.03))
        .with(FaultKind::CursorCycle, Fault::rate(0.03))
        .with(FaultKind::ClearCache, Fault::rate(0.02))
        .with(FaultKind::StaleAnswer, Fault::rate(0.03))
        .with(FaultKind::ExpiredLink, Fault::rate(0.05))
        .with(FaultKind::WrongLength, Fault::rate(0.03))
}

fn latency(rate: f64, min_ms: u64, max_ms: u64) -> Fault {
    Fault { min_ms: Some(min_ms), max_ms: Some(max_ms), ..Fault::rate(rate) }
}

/// With overlap: a client that is killed between the answer and its commit must not be locked out.
fn rotation(rate: f64) -> Fault {
    Fault { overlap: Some(true), ..Fault::rate(rate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_pass_their_own_check_and_survive_json() {
        for name in ["none", "light", "heavy"] {
            let faults = preset(name).unwrap();
            faults.check().unwrap();
            let text = serde_json::to_vec(&faults).unwrap();
            assert_eq!(Faults::from_json(&text).unwrap().kinds.len(), faults.kinds.len());
        }
        assert!(preset("medium").is_none());
    }
}
