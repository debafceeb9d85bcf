//! What a message carries besides its text: spans with a meaning, attachments and other contents, reactions.
//!
//! Unknown kinds are kept with their raw form and must never make a message unreadable (invariant I5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{MessageId, PersonId};
use crate::time::Timestamp;

/// A span of the text with a meaning (upstream protocol 4.4). Offsets are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attribute {
    /// First character.
    pub start: u32,
    /// Number of characters.
    pub length: u32,
    /// `mention`, `hyperlink`, `list`, or the upstream name of another kind.
    pub kind: String,
    /// Person id of a mention, url of a hyperlink, `ordered` or `unordered` of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// One emoji and who is known to have chosen it (upstream protocol 4.3, `reactionSummaries`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// How many people chose it.
    pub count: u32,
    /// When the first of them did.
    pub first_reacted_at: Option<Timestamp>,
    /// Whether the member is one of them.
    pub viewer_reacted: bool,
}

/// One member of the `renderContent` union (upstream protocol 4.5). Links are temporary; everything else is stable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Content {
    /// A photo.
    Image {
        /// URN of the media asset.
        asset: Option<String>,
        /// Temporary link.
        url: Option<String>,
    },
    /// A file, which may itself be an image, a video or a sound.
    File {
        /// URN of the media asset.
        asset: Option<String>,
        /// Size in bytes.
        byte_size: Option<i64>,
        /// Media type, as the sender's client gave it.
        media_type: Option<String>,
        /// File name, as the sender gave it; hostile.
        name: Option<String>,
        /// Temporary link.
        url: Option<String>,
    },
    /// A video; without a link while it is being processed.
    Video {
        /// URN of the media.
        asset: Option<String>,
        /// Length in milliseconds.
        duration_ms: Option<i64>,
        /// Media type of the linked stream.
        media_type: Option<String>,
        /// Temporary link to the largest progressive stream.
        url: Option<String>,
    },
    /// A voice message.
    Audio {
        /// Length in milliseconds.
        duration_ms: Option<i64>,
        /// Temporary link.
        url: Option<String>,
    },
    /// A picture from elsewhere, usually an animation.
    External {
        /// Title.
        title: Option<String>,
        /// Link to another site.
        url: Option<String>,
        /// Width in pixels.
        width: Option<i64>,
        /// Height in pixels.
        height: Option<i64>,
    },
    /// A message from another conversation.
    Forwarded {
        /// Its text.
        body: String,
        /// Who wrote it.
        sender: Option<PersonId>,
        /// When it was sent.
        sent_at: Option<Timestamp>,
    },
    /// The message that this one answers.
    Reply {
        /// Its text.
        body: String,
        /// Which message.
        message: Option<MessageId>,
        /// Who wrote it.
        sender: Option<PersonId>,
        /// When it was sent.
        sent_at: Option<Timestamp>,
    },
    /// Something of LinkedIn's, such as a shared post, or the way a message was delivered.
    HostUrn {
        /// `FEED_UPDATE`, `PREMIUM_INMAIL`, …
        type_name: Option<String>,
        /// Its URN.
        urn: Option<String>,
    },
    /// An automatic reply.
    Away {
        /// Its text, where there is one.
        text: Option<String>,
    },
    /// An advertisement.
    Ad {
        /// URN of the sponsored message or campaign.
        urn: Option<String>,
    },
    /// A link to a video meeting, kept as it came.
    Meeting {
        /// The upstream object.
        raw: Value,
    },
    /// Content that is gone.
    Unavailable,
    /// A call, kept as it came.
    Call {
        /// The upstream object.
        raw: Value,
    },
    /// A kind that we do not know, kept as it came.
    Unknown {
        /// Name of the union member.
        key: String,
        /// The upstream object.
        raw: Value,
    },
}

impl Content {
    /// The same content without its temporary links.
    pub(crate) fn without_links(&self) -> Self {
        let mut content = self.clone();
        match &mut content {
            Self::Image { url, .. } | Self::File { url, .. } | Self::Video { url, .. } | Self::Audio { url, .. } => {
                *url = None;
            }
            _ => {}
        }
        content
    }
}

/// Whether two lists of contents differ in nothing but temporary links.
pub fn same_content(a: &[Content], b: &[Content]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || a.without_links() == b.without_links())
}
