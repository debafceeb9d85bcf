//! The completeness ledger: for each conversation how much of it is here, and if that is not all, why and what to do.
//!
//! Reads rows only. Its words are explained in docs/COMPLETENESS.md.

use threadkeep_core::id::AccountId;
use threadkeep_core::sync::track::Completeness;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{LedgerFilter, Ledgered, OddityRow};

/// Largest page of the ledger.
pub const LEDGER_PAGE_MAX: u32 = 500;

/// Why a conversation is not known to be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What is the matter.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

/// A page of the ledger of an account, by conversation id, and whether there are more.
pub async fn page(
    app: &App,
    account: &AccountId,
    filter: &LedgerFilter,
    limit: u32,
) -> Result<(Vec<Ledgered>, bool), Refusal> {
    let limit = limit.clamp(1, LEDGER_PAGE_MAX);
    let mut rows = app.store.ledgered(account, filter, limit + 1).await?;
    let limit = usize::try_from(limit).unwrap_or(1);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, has_more))
}

/// A page of the records of an account that could not be read, by digest.
pub async fn oddities(
    app: &App,
    account: &AccountId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<OddityRow>, Refusal> {
    Ok(app.store.oddities(account, after, limit).await?)
}

/// Why a conversation is not known to be complete; `None` when it is, as far as anybody can know.
pub fn why(one: &Ledgered) -> Option<Why> {
    let detail = &one.track.detail;
    let why = |what: String, remedy| Some(Why { what, remedy });
    if one.is_deleted {
        return None;
    }
    match detail.completeness {
        Completeness::Listed => why("no message was asked for yet".into(), "the next sync fills it"),
        Completeness::Partial => why("filled from the top, going on".into(), "the next sync goes on"),
        Completeness::EndUnproven => {
            why("its beginning could not be proved".into(), "`threadkeep sync --force` walks it again")
        }
        Completeness::SetAside => {
            let trouble = detail.trouble.as_deref().unwrap_or("it failed again and again");
            let what = format!("set aside after {} failures: {trouble}", detail.attempts);
            why(what, "`threadkeep sync --force` tries once more")
        }
        Completeness::OutOfScope => None,
        Completeness::Complete if one.verdict.drift() > 0 => {
            let what = format!("a verification found {} differences", one.verdict.drift());
            why(what, "`threadkeep verify --repair` brings them")
        }
        Completeness::Complete if one.oddities > 0 => {
            let what = format!("{} records could not be read", one.oddities);
            why(what, "`threadkeep oddities` shows them; a newer version may read them")
        }
        Completeness::Complete => None,
    }
}

#[cfg(test)]
mod tests {
    use threadkeep_core::id::ConversationId;
    use threadkeep_core::sync::track::ConversationTrack;

    use crate::store::VerdictRow;

    use super::*;

    fn row(completeness: Completeness) -> Ledgered {
        let conversation = ConversationId::new("2-a").unwrap();
        let mut track = ConversationTrack::new(conversation.clone());
        track.detail.completeness = completeness;
        track.detail.attempts = 8;
        let verdict = VerdictRow {
            conversation,
            listed_at: None,
            listed_drift: 0,
            listed_findings: Vec::new(),
            read_at: None,
            read_drift: 0,
            read_findings: Vec::new(),
            upstream_messages: None,
            repaired_at: None,
        };
        Ledgered { track, messages: 0, newest_at: None, oldest_at: None, is_deleted: false, oddities: 0, verdict }
    }

    #[test]
    fn whatever_is_not_complete_says_why_and_what_to_do() {
        use Completeness::{Complete, EndUnproven, Listed, OutOfScope, Partial, SetAside};
        for completeness in [Listed, Partial, EndUnproven, SetAside] {
            let why = why(&row(completeness)).unwrap();
            assert!(!why.what.is_empty() && why.remedy.contains("sync"), "{why:?}");
        }
        assert!(why(&row(SetAside)).unwrap().what.contains("8 failures"));
        assert_eq!((why(&row(Complete)), why(&row(OutOfScope))), (None, None));
        assert_eq!(why(&Ledgered { is_deleted: true, ..row(Partial) }), None);
    }

    #[test]
    fn a_complete_one_with_drift_or_odd_records_says_so() {
        let mut drifted = row(Completeness::Complete);
        drifted.verdict.read_drift = 2;
        assert!(why(&drifted).unwrap().remedy.contains("verify --repair"));
        let odd = Ledgered { oddities: 1, ..row(Completeness::Complete) };
        assert!(why(&odd).unwrap().remedy.contains("oddities"));
    }
}
