//! Rows of exports that name no thread and whose people do not tell it either, and messages that a sync has brought.
//!
//! The counterpart of the step's own search (`commit/adopt_alone.rs`), for an export that comes after a sync. Bounded by
//! the messages in the time of the batch: an export is sorted by time, so that these are about as many as its rows.

use std::collections::HashMap;

use threadkeep_core::archived::ArchivedMessage;
use threadkeep_core::identity::{ARCHIVE_PREFIX, Trace, match_alone};

use super::Importing;
use super::found::{Found, Near, read_near};
use crate::store::dialect::Dialect;
use crate::store::statement::sql;
use crate::store::{SqlStore, StoreResult};

/// Messages of a time that are looked at; where there are more, a row stays in the conversation that the import makes.
const MESSAGES_MAX: usize = 20_000;
/// How far around the seconds of rows is looked, in seconds.
const AROUND_SECONDS: i64 = 3;

impl<D: Dialect> SqlStore<D> {
    /// The messages that these rows are, by the places of the rows.
    pub(in crate::store) async fn find_alone(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        rows: &[ArchivedMessage],
        (left, found): (&[usize], &Found),
    ) -> StoreResult<HashMap<usize, Near>> {
        let seconds = || left.iter().filter_map(|at| rows.get(*at)).filter_map(|row| row.second);
        let (Some(first), Some(last)) = (seconds().min(), seconds().max()) else { return Ok(HashMap::new()) };
        let text = format!(
            "SELECT m.conversation_pk, c.id, m.id, m.delivered_at, m.sender_id, m.body, \
             CASE WHEN m.content IS NULL THEN 0 ELSE 1 END, p.first_name, p.last_name \
             FROM conversations c JOIN messages m ON m.conversation_pk = c.pk AND m.delivered_at BETWEEN ? AND ? \
             LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id \
             WHERE c.account_pk = ? AND c.is_deleted = 0 AND m.is_deleted = 0 \
             AND (c.id < '{ARCHIVE_PREFIX}' OR c.id >= 'csv.') AND NOT EXISTS (SELECT 1 FROM archived_messages a \
             WHERE a.conversation_pk = c.pk AND a.second BETWEEN m.delivered_at / 1000 - 3 AND m.delivered_at / 1000 + 3 \
             AND a.message_id = m.id) LIMIT ?"
        );
        let from = first.saturating_sub(AROUND_SECONDS).saturating_mul(1_000);
        let to = last.saturating_add(AROUND_SECONDS).saturating_mul(1_000);
        let limit = i64::try_from(MESSAGES_MAX).unwrap_or(i64::MAX).saturating_add(1);
        let answers = self.db.run(tx, vec![sql!(text, from, to, import.account_pk, limit)]).await?;
        let messages: Vec<Near> = read_near(answers, &HashMap::new())?.into_values().flatten().collect();
        if messages.len() > MESSAGES_MAX {
            return Ok(HashMap::new());
        }
        Ok(alone(import, rows, left, messages, found))
    }
}

fn alone(
    import: &Importing,
    rows: &[ArchivedMessage],
    left: &[usize],
    mut messages: Vec<Near>,
    found: &Found,
) -> HashMap<usize, Near> {
    messages.sort_by(|a, b| (a.delivered_at, &a.message).cmp(&(b.delivered_at, &b.message)));
    let told: Vec<Trace> = left.iter().filter_map(|at| rows.get(*at)).map(|row| found.trace(row)).collect();
    let traces: Vec<Trace> = messages.iter().map(Near::trace).collect();
    let is_mine = |trace: &Trace| trace.who.id.as_ref() == Some(&import.member);
    let pairs = match_alone(&told, &traces, |row, message| is_mine(&told[row]) == is_mine(&traces[message]));
    pairs.into_iter().filter_map(|pair| Some((*left.get(pair.row)?, messages.get(pair.message)?.clone()))).collect()
}
