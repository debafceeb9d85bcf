//! Conversations on the wire (upstream protocol 3.4).
//!
//! A poisoned thread looks healthy here: only its messages cannot be read.

use crate::chance::stable_hash;
use crate::world::model::{Entry, PersonKind, Thread};

use super::json::{Json, Member};
use super::kinds;
use super::urns;
use super::writer::{Form, Writer, member};

/// How much of a conversation an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// The newest message is embedded.
    pub embeds_message: bool,
    /// Search answers leave keys out.
    pub sparse: bool,
    /// Category answers have `draftMessages`.
    pub drafts: bool,
}

impl<'a> Writer<'a> {
    /// A conversation as the mailbox sees it; a reference in the normalized form.
    pub fn conversation(&mut self, thread: &'a Thread, entry: &'a Entry, detail: Detail) -> Json<'a> {
        let urn = urns::conversation(self.owner, &thread.id);
        if self.form == Form::Normalized && self.has_included(&urn) {
            return Json::from(urn);
        }
        let mut members = self.who_and_when(thread, entry, &urn);
        if !detail.sparse {
            let categories = entry.categories.iter().map(|one| Json::from(one.as_str())).collect();
            members.extend([
                member("categories", Json::List(categories)),
                member("unreadCount", entry.unread_count),
                member("notificationStatus", self.notification(entry)),
            ]);
            members.extend(self.labels(thread));
        }
        if detail.drafts {
            let drafts = self.object(kinds::COLLECTION, 4, vec![member("elements", Json::List(Vec::new()))]);
            members.push(member("draftMessages", drafts));
        }
        if detail.embeds_message {
            members.push(self.newest_message(thread));
        }
        let value = self.object(kinds::CONVERSATION, stable_hash(&thread.id), members);
        self.entity(urn, value)
    }

    fn who_and_when(&mut self, thread: &'a Thread, entry: &'a Entry, urn: &str) -> Vec<Member<'a>> {
        let people = thread.participants.iter().map(|id| self.person(id)).collect();
        let creator = thread.creator.as_ref().map_or(Json::Null, |id| self.person(id));
        vec![
            member("entityUrn", urn.to_owned()),
            member("backendUrn", format!("urn:li:messagingThread:{}", thread.id)),
            member("conversationUrl", format!("https://www.linkedin.com/messaging/thread/{}/", thread.id)),
            member("groupChat", thread.group),
            member("title", Json::optional(thread.title.as_deref())),
            member("state", Json::optional(entry.state.as_deref())),
            self.reference("conversationParticipants", "*conversationParticipants", Json::List(people)),
            self.reference("creator", "*creator", creator),
            member("createdAt", thread.created_at_ms),
            member("lastActivityAt", thread.last_activity_at_ms),
            member("lastReadAt", Json::optional_int(entry.last_read_at_ms)),
            member("read", entry.read),
        ]
    }

    fn labels(&self, thread: &'a Thread) -> [Member<'a>; 10] {
        let no_reply = Json::object([("disabledFeature", Json::from("REPLY")), ("reasonText", Json::Null)]);
        let advertisement = || {
            let content = Json::object([("adLabel", Json::from("Promoted"))]);
            self.object(kinds::OTHER, 1, vec![member("conversationAdContent", content)])
        };
        [
            member("conversationTypeText", self.optional_text(thread.label.as_deref())),
            member("headlineText", self.headline(thread)),
            member("shortHeadlineText", Json::Null),
            member("descriptionText", Json::Null),
            member("conversationVerificationLabel", Json::Null),
            member("conversationVerificationExplanation", Json::Null),
            member("contentMetadata", if thread.sponsored { advertisement() } else { Json::Null }),
            member("disabledFeatures", Json::List(if thread.sponsored { vec![no_reply] } else { Vec::new() })),
            member("hostConversationActions", Json::List(Vec::new())),
            member("incompleteRetriableData", false),
        ]
    }

    fn headline(&self, thread: &'a Thread) -> Json<'a> {
        let others = thread.participants.iter().filter(|id| id.as_str() != self.owner);
        let people = others.filter_map(|id| self.world.people.get(id)).filter(|one| !one.deleted);
        let named = people.filter(|one| one.kind != PersonKind::Agent).take(HEADLINE_NAMES);
        let names: Vec<&str> = named.map(|one| one.first_name.as_str()).collect();
        let members = vec![member("text", names.join(", ")), member("attributes", Json::List(Vec::new()))];
        self.object(kinds::TEXT, 0, members)
    }

    fn notification(&self, entry: &Entry) -> Json<'a> {
        if entry.muted { Json::from(self.switches.muted_word.as_str()) } else { Json::from("ACTIVE") }
    }

    fn newest_message(&mut self, thread: &'a Thread) -> Member<'a> {
        let newest = thread.newest_message().filter(|_| thread.poison.is_none());
        let elements = newest.map(|message| self.message(thread, message)).into_iter().collect();
        let elements = self.reference("elements", "*elements", Json::List(elements));
        member("messages", self.object(kinds::COLLECTION, 4, vec![elements]))
    }
}

/// Names in the headline of a group.
const HEADLINE_NAMES: usize = 3;
