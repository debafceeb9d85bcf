//! The table of stored queries: which query id runs which variant (upstream protocol 3.2, 4.1).
//!
//! Only ids whose variant is known are here; every other id is unknown and gets 400. The hashes are public facts seen in
//! LinkedIn's own web bundles and in public clients.

use serde::{Deserialize, Serialize};

use crate::switches::Switches;

/// A stored query, named by the field it answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// `messengerConversationsBySyncToken`
    ConversationsBySyncToken,
    /// `messengerConversationsByCategoryQuery`
    ConversationsByCategoryQuery,
    /// `messengerConversationsByCategory`
    ConversationsByCategory,
    /// `messengerConversationsBySearchCriteria`
    ConversationsBySearchCriteria,
    /// `messengerConversationsByRecipients`
    ConversationsByRecipients,
    /// `messengerConversationsByIds`
    ConversationsByIds,
    /// `messengerConversationsById`
    ConversationsById,
    /// `messengerMailboxCountsByMailbox`
    MailboxCounts,
    /// `messengerSeenReceiptsByConversation`
    SeenReceipts,
    /// `messengerQuickRepliesByConversation`
    QuickReplies,
    /// `messengerMessagesBySyncToken`
    MessagesBySyncToken,
    /// `messengerMessagesByAnchorTimestamp`
    MessagesByAnchorTimestamp,
    /// `messengerMessagesByConversation`
    MessagesByConversation,
    /// `messengerMessagingParticipantsByMessageAndEmoji`
    Reactors,
}

/// The prefix of each stored query with its variants by hash.
const TABLE: &[(&str, &[(&str, Variant)])] = &[
    ("messengerConversations", CONVERSATIONS),
    ("messengerMessages", MESSAGES),
    ("messengerMailboxCounts", &[("fc528a5a81a76dff212a4a3d2d48e84b", Variant::MailboxCounts)]),
    (
        "messengerSeenReceipts",
        &[
            ("dc29d9bcecad524b9dd264acbbde3b5c", Variant::SeenReceipts),
            ("f0584c34fe9377608527e1507a1204a2", Variant::SeenReceipts),
        ],
    ),
    ("messengerQuickReplies", &[("4338d226319203b5b08920ab7621fa45", Variant::QuickReplies)]),
    (
        "messengerMessagingParticipants",
        &[
            ("6bedbcf9406fa19045dc627ffc51f286", Variant::Reactors),
            ("3d2e0e93494e9dbf4943dc19da98bdf6", Variant::Reactors),
            ("d8df65a2f55f270ced7e37ff2fafc8c8", Variant::Reactors),
            ("b0e19e57faf7a9bddf344c242c596c13", Variant::Reactors),
        ],
    ),
];

const CONVERSATIONS: &[(&str, Variant)] = &[
    ("0d5e6781bbee71c3e51c8843c6519f48", Variant::ConversationsBySyncToken),
    ("f0873b936b43ed663997b215b2c28359", Variant::ConversationsBySyncToken),
    ("74c17e85611b60b7ba2700481151a316", Variant::ConversationsBySyncToken),
    ("b7affb08320b28f0d8bf883fe8590337", Variant::ConversationsBySyncToken),
    ("277103fa0741e804ec5f21e6f64cb598", Variant::ConversationsBySyncToken),
    ("be2479ed77df3dd407dd90efc8ac41de", Variant::ConversationsBySyncToken),
    ("8656fb361a8ad0c178e8d3ff1a84ce26", Variant::ConversationsByCategoryQuery),
    ("9501074288a12f3ae9e3c7ea243bccbf", Variant::ConversationsByCategoryQuery),
    ("18240d6a3ac199067a703996eeb4b163", Variant::ConversationsByCategoryQuery),
    ("737b27144cf922499202658a5345016f", Variant::ConversationsBySearchCriteria),
    ("33c5bfbf15b112da638fee15f77f5e33", Variant::ConversationsBySearchCriteria),
    ("9c3ab648b616451570c715e4a184465e", Variant::ConversationsByRecipients),
    ("395d9022591a61de801254af1334a059", Variant::ConversationsByRecipients),
    ("c6e2778ef6f5c2b617c06261738cd193", Variant::ConversationsByRecipients),
    ("0e6384758dbe98769dd964f463fcdbeb", Variant::ConversationsByCategory),
    ("db23ac94a546670956b37f89cf64a070", Variant::ConversationsByCategory),
    ("14df23fcfbc2bacf529fc58e63a4ab5e", Variant::ConversationsByCategory),
    ("95e0a4b80fbc6bc53550e670d34d05d9", Variant::ConversationsByCategory),
    ("45338e053010d1c19147f92de6de3ae6", Variant::ConversationsByCategory),
    ("766c30b60a40d2035453432f30aa03ce", Variant::ConversationsById),
];

const MESSAGES: &[(&str, Variant)] = &[
    ("5846eeb71c981f11e0134cb6626cc314", Variant::MessagesBySyncToken),
    ("0c1bd47e37c67578e99250a711f0c18e", Variant::MessagesBySyncToken),
    ("d1b494ac18c24c8be71ea07b5bd1f831", Variant::MessagesBySyncToken),
    ("d8ea76885a52fd5dc5c317078ab7c977", Variant::MessagesByAnchorTimestamp),
    ("4088d03bc70c91c3fa68965cb42336de", Variant::MessagesByAnchorTimestamp),
    ("b52340f92136e74c2aab21dac7cf7ff2", Variant::MessagesByAnchorTimestamp),
    ("8078e691076ceb6cef7a35504dae2390", Variant::MessagesByAnchorTimestamp),
    ("41f713c7de5635f9e81d2b0dfc65df1b", Variant::MessagesByAnchorTimestamp),
    ("060b8b4d7dee63b8227028ebd88572a7", Variant::MessagesByAnchorTimestamp),
    ("34c9888be71c8010fecfb575cb38308f", Variant::MessagesByConversation),
    ("1561582483b8a511147478d8c099b03d", Variant::MessagesByConversation),
    ("86ca573adc64110d94d8bce89c5b2f3b", Variant::MessagesByConversation),
    ("377636847892a71d7e915107d5b4abc1", Variant::MessagesByConversation),
];

/// An invented id of this simulator for the one variant whose real id nobody has published.
pub const BY_IDS_QUERY_ID: &str = "messengerConversations.51aab1d5000000000000000000000001";

impl Variant {
    /// The variant that a query id runs, under these switches.
    pub fn of(query_id: &str, switches: &Switches) -> Option<Self> {
        if switches.retired_query_ids.iter().any(|retired| retired == query_id) {
            return None;
        }
        if let Some(variant) = switches.extra_query_ids.get(query_id) {
            return Some(*variant);
        }
        if query_id == BY_IDS_QUERY_ID {
            return Some(Self::ConversationsByIds);
        }
        let (name, hash) = query_id.split_once('.')?;
        let (_, variants) = TABLE.iter().find(|(known, _)| *known == name)?;
        variants.iter().find(|(known, _)| *known == hash).map(|(_, variant)| *variant)
    }

    /// Every known query id with its variant.
    pub fn table() -> Vec<(String, Self)> {
        let rows = TABLE.iter().flat_map(|(name, variants)| {
            variants.iter().map(move |(hash, variant)| (format!("{name}.{hash}"), *variant))
        });
        rows.chain([(BY_IDS_QUERY_ID.to_owned(), Self::ConversationsByIds)]).collect()
    }

    /// The field under `data` that this variant answers with.
    pub fn answer_field(self) -> &'static str {
        match self {
            Self::ConversationsBySyncToken => "messengerConversationsBySyncToken",
            Self::ConversationsByCategoryQuery => "messengerConversationsByCategoryQuery",
            Self::ConversationsByCategory => "messengerConversationsByCategory",
            Self::ConversationsBySearchCriteria => "messengerConversationsBySearchCriteria",
            Self::ConversationsByRecipients => "messengerConversationsByRecipients",
            Self::ConversationsByIds => "messengerConversationsByIds",
            Self::ConversationsById => "messengerConversationsById",
            Self::MailboxCounts => "messengerMailboxCountsByMailbox",
            Self::SeenReceipts => "messengerSeenReceiptsByConversation",
            Self::QuickReplies => "messengerQuickRepliesByConversation",
            Self::MessagesBySyncToken => "messengerMessagesBySyncToken",
            Self::MessagesByAnchorTimestamp => "messengerMessagesByAnchorTimestamp",
            Self::MessagesByConversation => "messengerMessagesByConversation",
            Self::Reactors => "messengerMessagingParticipantsByMessageAndEmoji",
        }
    }
}
