//! A store in memory that applies batches by the core's own rules, with an event log.
//!
//! It is what the real store does in one transaction, without SQL; the contract suite ties the real one to it.

use std::collections::BTreeMap;

use threadkeep_core::conversation::{Conversation, delete_conversation, merge_conversation};
use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_core::message::{Merged, Message, delete_message, merge_message};
use threadkeep_core::sync::track::{ConversationTrack, InboxTrack, RunId, leave, revive, sight, sweep};
use threadkeep_core::sync::{Batch, Hold, SyncState};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::{Verdict, Verification};

#[derive(Default)]
pub struct Mirror {
    pub inbox: InboxTrack,
    pub hold: Option<Hold>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub messages: BTreeMap<MessageId, Message>,
    pub tracks: BTreeMap<ConversationId, ConversationTrack>,
    /// The verification that goes on, and what it found.
    pub verification: Option<Verification>,
    pub verdicts: Vec<Verdict>,
    /// Conversations by the last pass of the lists that showed them.
    pub shown: BTreeMap<ConversationId, i64>,
    /// (object, version) of each change, in order.
    pub events: Vec<(String, u32)>,
}

impl Mirror {
    pub fn state(&self, run_started_at: Timestamp) -> SyncState {
        let due = self
            .tracks
            .values()
            .filter_map(|track| track.due_rank().map(|rank| (rank, std::cmp::Reverse(track.activity), track)))
            .min_by(|a, b| (a.0, a.1, &a.2.conversation).cmp(&(b.0, b.1, &b.2.conversation)));
        SyncState {
            scope: vec!["INBOX".into(), "ARCHIVE".into()],
            inbox: self.inbox.clone(),
            due: due.map(|(_, _, track)| track.clone()),
            hold: self.hold.clone(),
            run: RunId { job: 1, started_at: run_started_at },
        }
    }

    pub fn commit(&mut self, batch: Batch, now: Timestamp) {
        for seen in &batch.conversations {
            if let Some(new) = merge_conversation(self.conversations.get(&seen.id), seen, batch.origin) {
                self.events.push((seen.id.to_string(), new.version));
                self.conversations.insert(seen.id.clone(), new);
            }
        }
        for seen in &batch.messages {
            match merge_message(self.messages.get(&seen.id), seen, batch.origin, now) {
                Merged::Unchanged => {}
                Merged::Refreshed(new) => drop(self.messages.insert(seen.id.clone(), new)),
                Merged::Changed(new, _) => {
                    self.events.push((seen.id.to_string(), new.version));
                    self.messages.insert(seen.id.clone(), new);
                }
            }
        }
        for id in &batch.deleted_messages {
            if let Some(gone) = self.messages.get(id).and_then(delete_message) {
                self.events.push((id.to_string(), gone.version));
                self.messages.insert(id.clone(), gone);
            }
        }
        for sighting in &batch.sightings {
            let track = sight(self.tracks.get(&sighting.conversation), sighting);
            self.tracks.insert(sighting.conversation.clone(), track);
        }
        for id in &batch.deleted_conversations {
            if let Some(gone) = self.conversations.get(id).and_then(delete_conversation) {
                self.events.push((id.to_string(), gone.version));
                self.conversations.insert(id.clone(), gone);
            }
            if let Some(track) = self.tracks.get(id).map(leave) {
                self.tracks.insert(id.clone(), track);
            }
        }
        if let Some(written) = batch.verification {
            let pass = written.state.pass_number();
            self.shown.extend(written.shown.into_iter().map(|id| (id, pass)));
            self.verdicts.extend(written.verdicts);
            for id in written.sweeps {
                if let Some(track) = self.tracks.get(&id).and_then(sweep) {
                    self.tracks.insert(id, track);
                }
            }
            self.verification = Some(written.state);
        }
        if let Some(track) = batch.track {
            self.tracks.insert(track.conversation.clone(), track);
        }
        self.inbox = batch.inbox;
        self.hold = batch.hold;
    }

    /// What a forced run does.
    pub fn revive(&mut self) {
        for track in self.tracks.values_mut() {
            *track = revive(track).unwrap_or_else(|| track.clone());
        }
    }
}
