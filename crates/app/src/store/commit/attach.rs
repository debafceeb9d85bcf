//! The attachments of messages that a step wrote: rows that appear, links that are renewed, places that are empty now.
//!
//! A message that carries nothing costs nothing here. A renewed link keeps what was fetched by the old one; another
//! thing at the same place does not. Bytes are never removed here: what lost its last row is marked as loose.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep_core::attachment::{Attachment, attachments};
use threadkeep_core::id::MessageId;
use threadkeep_core::message::Message;

use crate::planted::{self, Bug};
use crate::store::media_values::{NewAttachment, url_digest};
use crate::store::statement::{Statement, Value, insert_rows};

/// Inserts attachments.
const HEAD: &str = "INSERT INTO attachments (account_pk, message_id, ordinal, url, url_digest, kind, name, \
     declared_type, declared_size_bytes, state) VALUES";
/// A new link lets what was given up be tried again.
const TAIL: &str = "ON CONFLICT (account_pk, message_id, ordinal) DO UPDATE SET url = excluded.url, \
     url_digest = excluded.url_digest, \
     state = CASE WHEN attachments.state IN ('gone', 'refused') THEN 'remote' ELSE attachments.state END, \
     failure_code = CASE WHEN attachments.state IN ('gone', 'refused') THEN NULL ELSE attachments.failure_code END, \
     tries = CASE WHEN attachments.state IN ('gone', 'refused', 'failed') THEN 0 ELSE attachments.tries END, \
     not_before = CASE WHEN attachments.state = 'failed' THEN 0 ELSE attachments.not_before END";
const WIDTH: usize = 10;

/// What a step did to attachments.
#[derive(Default)]
pub(super) struct AttachmentChanges {
    known: BTreeMap<(MessageId, u32), NewAttachment>,
    empty: BTreeSet<(MessageId, u32)>,
}

impl AttachmentChanges {
    /// Notes what became of a message.
    pub(super) fn note(&mut self, old: Option<&Message>, new: &Message) {
        if new.content.is_empty() && old.is_none_or(|old| old.content.is_empty()) {
            return;
        }
        let before: Vec<Attachment<'_>> = old.filter(|old| !old.deleted).map_or_else(Vec::new, of);
        let after: Vec<Attachment<'_>> = if new.deleted { Vec::new() } else { of(new) };
        let is_same = |a: &Attachment<'_>, b: &Attachment<'_>| match planted::is(Bug::RenewedLinkForgets) {
            true => a == b,
            false => a.is_same_as(b),
        };
        for one in &before {
            if !after.iter().any(|other| other.ordinal == one.ordinal && is_same(other, one)) {
                let place = (new.id.clone(), one.ordinal);
                self.known.remove(&place);
                self.empty.insert(place);
            }
        }
        for one in after.iter().filter(|one| !before.contains(one)) {
            self.known.insert((new.id.clone(), one.ordinal), NewAttachment::of(&new.id, one));
        }
    }

    /// The statements that write it.
    pub(super) fn write(self, script: &mut Vec<Statement>, account_pk: i64) {
        for (message, ordinal) in &self.empty {
            script.extend(dropped(
                "account_pk = ? AND message_id = ? AND ordinal = ?",
                &[account_pk.into(), message.into(), (*ordinal).into()],
            ));
        }
        rows(script, account_pk, self.known.into_values());
    }
}

/// Removes the attachments of all messages of a conversation.
pub(super) fn drop_conversation(script: &mut Vec<Statement>, account_pk: i64, conversation_pk: i64) {
    let of_conversation = "account_pk = ? AND message_id IN (SELECT m.id FROM messages m WHERE m.conversation_pk = ?)";
    script.extend(dropped(of_conversation, &[account_pk.into(), conversation_pk.into()]));
}

/// Removes the attachments of a message that is another one now.
pub(super) fn drop_message(script: &mut Vec<Statement>, account_pk: i64, message: &MessageId) {
    script.extend(dropped("account_pk = ? AND message_id = ?", &[account_pk.into(), message.into()]));
}

/// Rows of attachments, new ones or ones with a new link.
pub(in crate::store) fn rows(
    script: &mut Vec<Statement>,
    account_pk: i64,
    attachments: impl Iterator<Item = NewAttachment>,
) {
    let values = attachments.flat_map(|one| row(account_pk, one)).collect();
    insert_rows(script, HEAD, TAIL, WIDTH, values);
}

fn row(account_pk: i64, one: NewAttachment) -> [Value; WIDTH] {
    [
        account_pk.into(),
        one.message.as_ref().map(MessageId::as_str).into(),
        one.ordinal.into(),
        one.url.as_deref().into(),
        one.url.as_deref().map(url_digest).into(),
        one.kind.into(),
        one.name.into(),
        one.declared_type.into(),
        one.declared_size_bytes.into(),
        "remote".into(),
    ]
}

fn of(message: &Message) -> Vec<Attachment<'_>> {
    attachments(&message.content).collect()
}

fn dropped(which: &str, values: &[Value]) -> [Statement; 2] {
    let loosened = format!(
        "UPDATE media_objects SET is_loose = 1 WHERE hash IN (SELECT t.object_hash FROM attachments t WHERE {which})"
    );
    let removed = format!("DELETE FROM attachments WHERE {which}");
    [Statement::new(loosened, values.to_vec()), Statement::new(removed, values.to_vec())]
}
