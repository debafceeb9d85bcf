//! The marks that every object carries on the wire: `_type`, and an invented but stable `_recipeType`.
//!
//! Clients are expected to ignore both. Type names are those seen in captures (upstream protocol 12.1), where one was seen.

/// A type of object on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Value of `_type` or `$type`.
    pub name: &'static str,
    /// Value of `_recipeType`, or the one item of `$recipeTypes`.
    pub recipe: &'static str,
}

/// A collection of elements.
pub const COLLECTION: Kind = Kind {
    name: "com.linkedin.restli.common.CollectionResponse",
    recipe: "com.linkedin.9429480af410bcfac91b1e4abecbbd55",
};
/// The answer to an action.
pub const ACTION: Kind =
    Kind { name: "com.linkedin.restli.common.ActionResponse", recipe: "com.linkedin.9ca8a7c97089f3d88b935eb640c0feca" };
/// A conversation.
pub const CONVERSATION: Kind =
    Kind { name: "com.linkedin.messenger.Conversation", recipe: "com.linkedin.1f3435a0d0c8c005ddd5d23fee8212fb" };
/// Metadata of a page of conversations.
pub const CONVERSATION_CURSOR: Kind = Kind {
    name: "com.linkedin.messenger.ConversationCursorMetadata",
    recipe: "com.linkedin.0ce7342b984ce9bc5aad3c66421a3db6",
};
/// Metadata of an answer by sync token.
pub const SYNC: Kind =
    Kind { name: "com.linkedin.messenger.SyncMetadata", recipe: "com.linkedin.437922a1fd15fe0ddb50ce06e075f31f" };
/// Metadata of a page of messages.
pub const MESSAGE_METADATA: Kind =
    Kind { name: "com.linkedin.messenger.MessageMetadata", recipe: "com.linkedin.a85ed6e563f4436157ee64dffc50d8d6" };
/// Somebody who takes part.
pub const PARTICIPANT: Kind = Kind {
    name: "com.linkedin.messenger.MessagingParticipant",
    recipe: "com.linkedin.99e5037a2b8bdb91d7322a06ca8f3221",
};
/// The union of kinds of participants.
pub const PARTICIPANT_TYPE: Kind =
    Kind { name: "com.linkedin.messenger.ParticipantType", recipe: "com.linkedin.687c845815accfc2f717466ac540c390" };
/// A member.
pub const MEMBER: Kind = Kind {
    name: "com.linkedin.messenger.MemberParticipantInfo",
    recipe: "com.linkedin.bda854aac0d319a5aec7262cafa9dbee",
};
/// A company page.
pub const ORGANIZATION: Kind = Kind {
    name: "com.linkedin.messenger.OrganizationParticipantInfo",
    recipe: "com.linkedin.d867dec5973a1ff37b02c07e1237e64b",
};
/// A sender that LinkedIn made up.
pub const CUSTOM: Kind = Kind {
    name: "com.linkedin.messenger.CustomParticipantInfo",
    recipe: "com.linkedin.00017abe7856dceded4bfa58c45bcd2d",
};
/// An automation.
pub const AGENT: Kind = Kind {
    name: "com.linkedin.messenger.AgentParticipantInfo",
    recipe: "com.linkedin.b8d097645fc65f24fd8e9fe0da737e71",
};
/// A message.
pub const MESSAGE: Kind =
    Kind { name: "com.linkedin.messenger.Message", recipe: "com.linkedin.07980583cb43409d2b4ac02a41c492e3" };
/// An emoji and how many chose it.
pub const REACTION: Kind =
    Kind { name: "com.linkedin.messenger.ReactionSummary", recipe: "com.linkedin.4cd30309b2ead5b0cc9cdb9d64e94315" };
/// Who has seen what.
pub const RECEIPT: Kind =
    Kind { name: "com.linkedin.messenger.SeenReceipt", recipe: "com.linkedin.4b056759a2bbc3e1fcd6ee932c7f716f" };
/// Unread conversations of a category.
pub const COUNT: Kind =
    Kind { name: "com.linkedin.messenger.MailboxCount", recipe: "com.linkedin.ce3f919bc24e98a99f91b8f7f68680df" };
/// The union of attachments.
pub const CONTENT: Kind =
    Kind { name: "com.linkedin.messenger.RenderContent", recipe: "com.linkedin.3d70bb9480848645f4cd01cb5e980398" };
/// A file.
pub const FILE: Kind =
    Kind { name: "com.linkedin.messenger.FileAttachment", recipe: "com.linkedin.93faaa4986c85ca8f51e3361da540d6b" };
/// A voice message.
pub const AUDIO: Kind =
    Kind { name: "com.linkedin.messenger.AudioMetadata", recipe: "com.linkedin.1aa5fd0ac8b79fcaf389bd076f19e402" };
/// A GIF.
pub const EXTERNAL: Kind =
    Kind { name: "com.linkedin.messenger.ExternalMedia", recipe: "com.linkedin.c3ff6ca3c4c77407d9c11842a4136587" };
/// An image elsewhere.
pub const PROXY_IMAGE: Kind =
    Kind { name: "com.linkedin.messenger.ExternalProxyImage", recipe: "com.linkedin.c17ad5f8f970a5b282c1804e0c9dde4c" };
/// A quoted message.
pub const REPLIED: Kind =
    Kind { name: "com.linkedin.messenger.RepliedMessage", recipe: "com.linkedin.559bae3b976c78adf0b5e1cc7af6c7b1" };
/// A forwarded message.
pub const FORWARDED: Kind =
    Kind { name: "com.linkedin.messenger.ForwardedMessage", recipe: "com.linkedin.e5fa4b506931ded9bf3c33354f743895" };
/// A reference to something shared.
pub const HOST_URN: Kind =
    Kind { name: "com.linkedin.messenger.HostUrnData", recipe: "com.linkedin.ce9715bf99e85cabe7ffcc5c335311b1" };
/// An advertisement.
pub const AD: Kind = Kind {
    name: "com.linkedin.messenger.ConversationAdsMessageContent",
    recipe: "com.linkedin.58420d2af0fd9723119381649fcdd05b",
};
/// A video.
pub const VIDEO: Kind = Kind {
    name: "com.linkedin.videocontent.VideoPlayMetadata",
    recipe: "com.linkedin.025e9e697b13a3252a2bd973ad5bed40",
};
/// One form of a video.
pub const STREAM: Kind = Kind {
    name: "com.linkedin.videocontent.ProgressiveDownloadMetadata",
    recipe: "com.linkedin.1e0a3895b758900802a1ca8491bcc30f",
};
/// Where a form of a video lies.
pub const LOCATION: Kind = Kind {
    name: "com.linkedin.videocontent.StreamingLocation",
    recipe: "com.linkedin.65bca49c9389a8b80cb8ccc4c589fde2",
};
/// A picture.
pub const VECTOR_IMAGE: Kind =
    Kind { name: "com.linkedin.common.VectorImage", recipe: "com.linkedin.71f983b7d44bbaf65500c792b2f95ca9" };
/// One size of a picture.
pub const VECTOR_ARTIFACT: Kind =
    Kind { name: "com.linkedin.common.VectorArtifact", recipe: "com.linkedin.cb25b8f3853af76ba48ab9a713898c44" };
/// A text with attributes.
pub const TEXT: Kind =
    Kind { name: "com.linkedin.pemberly.text.AttributedText", recipe: "com.linkedin.34be2ed15165a4b109967a39628eb72d" };
/// A span of a text.
pub const ATTRIBUTE: Kind =
    Kind { name: "com.linkedin.pemberly.text.Attribute", recipe: "com.linkedin.0612fd2858858b3499304bf0b7ae4383" };
/// The union of meanings of a span.
pub const ATTRIBUTE_KIND: Kind =
    Kind { name: "com.linkedin.pemberly.text.AttributeKind", recipe: "com.linkedin.ec195914e76fc71c6b5480d4ff9da721" };
/// A mention.
pub const ENTITY: Kind =
    Kind { name: "com.linkedin.pemberly.text.Entity", recipe: "com.linkedin.3d8425e25995e5a8a8b577d6e656c2b3" };
/// A link.
pub const HYPERLINK: Kind =
    Kind { name: "com.linkedin.pemberly.text.Hyperlink", recipe: "com.linkedin.04cdb52123ad7a3461b70b52128ace0d" };
/// A list in a text.
pub const TEXT_LIST: Kind =
    Kind { name: "com.linkedin.pemberly.text.List", recipe: "com.linkedin.8dce92a428ab78d9ae52a36c90f4eb40" };
/// Any other span.
pub const TEXT_STYLE: Kind =
    Kind { name: "com.linkedin.pemberly.text.Bold", recipe: "com.linkedin.1b4b803f5cf4e96b777a99f932c55405" };
/// Anything without a type of its own.
pub const OTHER: Kind =
    Kind { name: "com.linkedin.messenger.OtherRecord", recipe: "com.linkedin.7f82fb690d6b0189555b8d8da93b6ae7" };
