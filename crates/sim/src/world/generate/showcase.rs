//! One message of each kind that exists: every attachment of upstream protocol 4.5, every format and span of 4.3, 4.4.
//!
//! A client that survives a conversation made of these survives the shapes that are known.

use rand::RngExt;
use serde_json::json;

use super::super::content::{Content, asset_id};
use super::super::id::WorldRng;
use super::super::model::{Attribute, Format, Message};
use super::messages::Scene;

/// Everything that can hang on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attachment {
    Image,
    TwoImages,
    File,
    ImageAsFile,
    NamelessFile,
    Video,
    VideoWithoutStreams,
    Audio,
    External,
    Forwarded,
    Reply,
    SharedPost,
    Away,
    ConversationAd,
    MessageAd,
    Meeting,
    Unavailable,
    Call,
    Unknown,
    AllNull,
    AllNullAndFile,
}

impl Attachment {
    pub(super) const ALL: [Self; 21] = [
        Self::Image,
        Self::TwoImages,
        Self::File,
        Self::ImageAsFile,
        Self::NamelessFile,
        Self::Video,
        Self::VideoWithoutStreams,
        Self::Audio,
        Self::External,
        Self::Forwarded,
        Self::Reply,
        Self::SharedPost,
        Self::Away,
        Self::ConversationAd,
        Self::MessageAd,
        Self::Meeting,
        Self::Unavailable,
        Self::Call,
        Self::Unknown,
        Self::AllNull,
        Self::AllNullAndFile,
    ];
}

/// Everything that can be special about a message itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    Edited,
    Recalled,
    System,
    OtherFormat,
    NullBody,
    EmptyBody,
    Mention,
    Hyperlink,
    List,
    Styles,
    NoDeliveredAt,
    OtherActor,
    Subject,
    Fallback,
}

impl Twist {
    pub(super) const ALL: [Self; 14] = [
        Self::Edited,
        Self::Recalled,
        Self::System,
        Self::OtherFormat,
        Self::NullBody,
        Self::EmptyBody,
        Self::Mention,
        Self::Hyperlink,
        Self::List,
        Self::Styles,
        Self::NoDeliveredAt,
        Self::OtherActor,
        Self::Subject,
        Self::Fallback,
    ];
}

/// Hangs something on a message; `before` is the message that a reply answers.
pub(super) fn attach(
    scene: &Scene,
    rng: &mut WorldRng,
    message: &mut Message,
    kind: Attachment,
    before: Option<&Message>,
) {
    let sender = scene.anybody(rng);
    let at_ms = message.delivered_at_ms;
    let parts = match kind {
        Attachment::Forwarded => {
            let text = "What somebody else wrote 🗣️".to_owned();
            vec![Content::Forwarded { sender, text, at_ms: at_ms - 86_400_000 }]
        }
        Attachment::Reply => {
            let Some(before) = before else { return };
            vec![Content::Reply {
                sender: before.sender.clone(),
                text: before.body.clone().unwrap_or_default(),
                at_ms: before.delivered_at_ms,
                message: before.id.clone(),
            }]
        }
        Attachment::Unknown => {
            message.fallback_text = Some("This message cannot be shown here.".to_owned());
            let value = json!({"pollUrn": "urn:li:fsd_poll:1", "options": [{"text": "yes"}, {"text": "no"}]});
            vec![Content::Unknown { member: "pollContent".to_owned(), value }]
        }
        Attachment::Image | Attachment::TwoImages | Attachment::File | Attachment::ImageAsFile => media(rng, kind),
        _ => rare(rng, kind),
    };
    if rng.random_bool(0.5) && kind != Attachment::AllNull {
        message.body = Some(String::new());
    }
    message.content = parts.into_iter().map(Content::into_wire).collect();
}

fn media(rng: &mut WorldRng, kind: Attachment) -> Vec<Content> {
    let asset = asset_id(rng);
    let file = |asset, name: &str, media_type: &str, byte_size| Content::File {
        asset,
        name: Some(name.to_owned()),
        media_type: Some(media_type.to_owned()),
        byte_size: Some(byte_size),
    };
    match kind {
        Attachment::TwoImages => vec![Content::Image { asset }, Content::Image { asset: asset_id(rng) }],
        Attachment::File => vec![file(asset, "Résumé – \"final\" (2).pdf", "application/pdf", 182_044)],
        Attachment::ImageAsFile => vec![file(asset, "../../photo 📷.png", "image/png", 5_000_000_000)],
        _ => vec![Content::Image { asset }],
    }
}

fn rare(rng: &mut WorldRng, kind: Attachment) -> Vec<Content> {
    let asset = asset_id(rng);
    let activity = rng.random_range(7_000_000_000_000_000_000..7_300_000_000_000_000_000_u64);
    let empty = |member| vec![Content::Empty { member }];
    let nameless = |asset| Content::File { asset, name: None, media_type: None, byte_size: None };
    match kind {
        Attachment::Video => vec![Content::Video { asset, duration_ms: Some(12_345), streams: 2 }],
        Attachment::VideoWithoutStreams => vec![Content::Video { asset, duration_ms: None, streams: 0 }],
        Attachment::Audio => vec![Content::Audio { asset, duration_ms: Some(4_200) }],
        Attachment::External => {
            let title = Some("Dancing cat GIF".to_owned());
            vec![Content::External { asset, title, width: Some(498), height: Some(280) }]
        }
        Attachment::SharedPost => {
            let urn = format!("urn:li:fsd_update:(urn:li:activity:{activity},MESSAGING_RESHARE,EMPTY,DEFAULT,false)");
            vec![Content::HostUrn { kind: "FEED_UPDATE".to_owned(), urn }]
        }
        Attachment::Away => vec![Content::Away { text: Some("I am away until Monday.".to_owned()) }],
        Attachment::ConversationAd => {
            vec![Content::ConversationAd { urn: format!("urn:li:sponsoredMessageContent:{activity}") }]
        }
        Attachment::MessageAd => vec![Content::MessageAd { urn: format!("urn:li:sponsoredCampaign:{activity}") }],
        Attachment::Meeting => empty("videoMeeting"),
        Attachment::Unavailable => empty("unavailableContent"),
        Attachment::Call => empty("callMessageContent"),
        Attachment::AllNull => vec![Content::AllNull],
        Attachment::AllNullAndFile => vec![Content::AllNull, nameless(asset)],
        _ => vec![nameless(asset)],
    }
}

/// Makes a message special.
pub(super) fn twist(scene: &Scene, rng: &mut WorldRng, message: &mut Message, kind: Twist) {
    match kind {
        Twist::Edited => {
            message.format = Format::Edited;
            message.changed_at_ms = scene.later(message.delivered_at_ms, rng);
        }
        Twist::Recalled => {
            message.format = Format::Recalled;
            message.body = Some(String::new());
            message.changed_at_ms = scene.later(message.delivered_at_ms, rng);
        }
        Twist::System => {
            message.format = Format::System;
            message.body = Some("A member joined the conversation".to_owned());
        }
        Twist::OtherFormat => message.format = Format::Other("TRANSLATED".to_owned()),
        Twist::NullBody => message.body = None,
        Twist::EmptyBody => message.body = Some(String::new()),
        Twist::NoDeliveredAt => message.hides_delivered_at = true,
        Twist::OtherActor => message.actor = Some(scene.anybody(rng)),
        Twist::Subject => message.subject = Some("Re: an \"opportunity\" 🤝".to_owned()),
        Twist::Fallback => message.fallback_text = Some("Please update your app.".to_owned()),
        Twist::Mention => {
            let person = scene.anybody(rng);
            let name = scene.world.person(&person).map(|person| person.display_name()).unwrap_or_default();
            let start = Text::new(message, "👋🏽👩‍👩‍👧 hi ");
            start.span(message, &name, "entity", Some(person)).push(message, " 🙂, have a look");
        }
        Twist::Hyperlink => {
            let url = "https://example.com/?a=1&b=%20#top".to_owned();
            Text::new(message, "see 📎 ").span(message, "this page", "hyperlink", Some(url)).push(message, " please");
        }
        Twist::List => {
            let kind = if rng.random_bool(0.5) { "ordered" } else { "unordered" };
            let text = Text::new(message, "").span(message, "one\ntwo", "list", Some(kind.to_owned()));
            text.push(message, "\n");
        }
        Twist::Styles => {
            let mut text = Text::new(message, "");
            for kind in
                ["bold", "italic", "underline", "subscript", "superscript", "paragraph", "listItem", "lineBreak"]
            {
                text = text.span(message, kind, kind, None).push(message, " ");
            }
        }
    }
}

/// Builds a body with spans, counting code points (upstream protocol 4.4).
struct Text {
    chars: u32,
}

impl Text {
    fn new(message: &mut Message, text: &str) -> Self {
        message.body = Some(String::new());
        message.attributes.clear();
        Self { chars: 0 }.push(message, text)
    }

    fn push(self, message: &mut Message, text: &str) -> Self {
        if let Some(body) = &mut message.body {
            body.push_str(text);
        }
        Self { chars: self.chars + text.chars().count() as u32 }
    }

    fn span(self, message: &mut Message, text: &str, kind: &str, target: Option<String>) -> Self {
        let start = self.chars;
        let after = self.push(message, text);
        let length = after.chars - start;
        message.attributes.push(Attribute { start, length, kind: kind.to_owned(), target });
        after
    }
}
