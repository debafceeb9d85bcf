//! What a verification finds, in a closed set of words with counts.
//!
//! No finding carries a text, a name or an id of a message.

use serde::{Deserialize, Serialize};

use crate::id::ConversationId;

/// How far a verification goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// The lists: each conversation as it is shown there, with its newest message.
    Lists,
    /// Every page of messages of every conversation, too.
    Messages,
}

/// What is asked of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// How far it goes.
    pub depth: Depth,
    /// Whether what is missing or older here is written.
    pub repairs: bool,
}

impl Ask {
    /// All that can be asked.
    const ALL: [Self; 4] = [
        Self { depth: Depth::Lists, repairs: false },
        Self { depth: Depth::Lists, repairs: true },
        Self { depth: Depth::Messages, repairs: false },
        Self { depth: Depth::Messages, repairs: true },
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match (self.depth, self.repairs) {
            (Depth::Lists, false) => "lists",
            (Depth::Lists, true) => "lists_repair",
            (Depth::Messages, false) => "deep",
            (Depth::Messages, true) => "deep_repair",
        }
    }

    /// The one with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// What serves both who asked.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), repairs: self.repairs || other.repairs }
    }
}

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Missing or older here: a repair brings it.
    Drift,
    /// Here, and not shown there: it is kept.
    Kept,
    /// Could not be judged.
    Unsure,
}

/// The kinds of findings; their names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A list shows a conversation that is not here.
    ConversationMissing,
    /// A list shows newer activity than is here.
    ActivityOlder,
    /// Read mark or count of unread messages.
    ReadState,
    /// Name of a group.
    Title,
    /// Who takes part.
    Participants,
    /// Folders, the archive among them.
    Categories,
    /// Anything else that a list shows of a conversation.
    Details,
    /// A message that is not here.
    MessageMissing,
    /// A message with another text, content or edit state.
    MessageOlder,
    /// Reactions or other marks of a message.
    Reactions,
    /// Messages that are here and not shown there.
    HereOnly,
    /// The conversation is in no list that was walked to its end.
    NotListed,
    /// A tombstone said that it is gone, and it is shown.
    DeletedHere,
    /// The activity that is kept is newer than the one that is shown.
    ActivityNewer,
    /// It changed while it was looked at, each time.
    Moved,
    /// It could not be read.
    Unreadable,
    /// The end of what is shown could not be proved.
    EndUnproven,
}

impl Kind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationMissing => "conversation_missing",
            Self::ActivityOlder => "activity_older",
            Self::ReadState => "read_state",
            Self::Title => "title",
            Self::Participants => "participants",
            Self::Categories => "categories",
            Self::Details => "details",
            Self::MessageMissing => "message_missing",
            Self::MessageOlder => "message_older",
            Self::Reactions => "reactions",
            Self::HereOnly => "here_only",
            Self::NotListed => "not_listed",
            Self::DeletedHere => "deleted_here",
            Self::ActivityNewer => "activity_newer",
            Self::Moved => "moved",
            Self::Unreadable => "unreadable",
            Self::EndUnproven => "end_unproven",
        }
    }

    /// What it means.
    pub fn weight(self) -> Weight {
        match self {
            Self::ConversationMissing
            | Self::ActivityOlder
            | Self::ReadState
            | Self::Title
            | Self::Participants
            | Self::Categories
            | Self::Details
            | Self::MessageMissing
            | Self::MessageOlder
            | Self::Reactions => Weight::Drift,
            Self::HereOnly | Self::NotListed | Self::DeletedHere | Self::ActivityNewer => Weight::Kept,
            Self::Moved | Self::Unreadable | Self::EndUnproven => Weight::Unsure,
        }
    }

    /// Whether it is about messages, so that a list has shown only the first of them.
    pub fn is_of_messages(self) -> bool {
        matches!(self, Self::MessageMissing | Self::MessageOlder | Self::Reactions)
    }
}

/// One kind of finding about one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Of which kind.
    pub kind: Kind,
    /// How often.
    pub count: u32,
}

impl Finding {
    /// One of a kind.
    pub fn one(kind: Kind) -> Self {
        Self { kind, count: 1 }
    }
}

/// What a look at a conversation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which conversation.
    pub conversation: ConversationId,
    /// How deep the look went.
    pub depth: Depth,
    /// What was found; nothing when all is as it is there.
    pub findings: Vec<Finding>,
    /// Messages that were shown, when they were read to the end.
    pub upstream_messages: Option<u32>,
    /// Whether drift of it was repaired.
    #[serde(default)]
    pub is_repaired: bool,
}

/// How much of these findings is drift.
pub fn drift_of(findings: &[Finding]) -> u32 {
    let drift = findings.iter().filter(|one| one.kind.weight() == Weight::Drift);
    drift.fold(0, |sum, one| sum.saturating_add(one.count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_come_back() {
        for ask in Ask::ALL {
            assert_eq!(Ask::from_name(ask.as_str()), Some(ask));
        }
        assert_eq!(Ask::from_name("all"), None);
        let kind = Kind::MessageMissing;
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
    }

    #[test]
    fn an_ask_serves_both_who_asked() {
        let lists_repair = Ask { depth: Depth::Lists, repairs: true };
        let deep = Ask { depth: Depth::Messages, repairs: false };
        assert_eq!(lists_repair.with(deep).as_str(), "deep_repair");
        assert_eq!(deep.with(deep), deep);
    }

    #[test]
    fn only_what_a_repair_brings_is_drift() {
        let found = [Kind::MessageMissing, Kind::HereOnly, Kind::Moved].map(Finding::one);
        assert_eq!(drift_of(&found), 1);
        assert_eq!(drift_of(&found[1..]), 0);
    }
}
