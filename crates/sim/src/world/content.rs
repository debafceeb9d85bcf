//! Attachments as LinkedIn shows them: the members of the `renderContent` union (upstream protocol 4.5).
//!
//! The ground truth stores the wire form, because the canonical export is defined from it. Only `_type`, `_recipeType`
//! and the signatures of links are left to the wire. Nothing here may depend on who reads the message; what does is marked.

use serde_json::{Value, json};

use super::id::{WorldRng, person_urn, uuid};
use super::links::{GIF_ROOT, SITE_ROOT, path_text, private_path};
use super::model::{Message, MessageId, Ms, PersonId};

/// Stands in stored content wherever the wire names the owner of the mailbox in which the message is read.
pub const OWNER_MARK: &str = "{owner}";

/// Every member of the union that clients know, in no meaningful order; the wire shows all of them, all but one null.
pub const UNION_MEMBERS: [&str; 14] = [
    "vectorImage",
    "file",
    "video",
    "audio",
    "externalMedia",
    "forwardedMessageContent",
    "repliedMessageContent",
    "hostUrnData",
    "awayMessage",
    "conversationAdsMessageContent",
    "messageAdRenderContent",
    "videoMeeting",
    "unavailableContent",
    "callMessageContent",
];

/// What stands around the asset in the path of a photo, a file and a voice (upstream protocol 6.1).
const IMAGE_PATH: (&str, &str) = ("image", "messaging-image-720");
const FILE_PATH: (&str, &str) = ("document/media", "messaging-attachmentFile");
const AUDIO_PATH: (&str, &str) = ("vid", "messaging-audio");
/// Frames per kind of video stream: width, height, bit rate.
const STREAMS: [(u32, u32, u32); 3] = [(640, 360, 600_000), (1280, 720, 1_800_000), (1920, 1080, 4_000_000)];

/// One element of `renderContent` before it takes its wire form.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Image { asset: String },
    File { asset: String, name: Option<String>, media_type: Option<String>, byte_size: Option<u64> },
    Video { asset: String, duration_ms: Option<u64>, streams: usize },
    Audio { asset: String, duration_ms: Option<u64> },
    External { asset: String, title: Option<String>, width: Option<u32>, height: Option<u32> },
    Forwarded { sender: PersonId, text: String, at_ms: Ms },
    Reply { sender: PersonId, text: String, at_ms: Ms, message: MessageId },
    HostUrn { kind: String, urn: String },
    Away { text: Option<String> },
    ConversationAd { urn: String },
    MessageAd { urn: String },
    Empty { member: &'static str },
    Unknown { member: String, value: Value },
    AllNull,
}

impl Content {
    /// The name of the union member and its value.
    pub(crate) fn into_wire(self) -> (String, Value) {
        let (member, value) = match self {
            Self::Image { asset } => ("vectorImage", image(&asset)),
            Self::File { asset, name, media_type, byte_size } => {
                let url = unsigned(&asset, FILE_PATH);
                let asset = asset_urn(&asset);
                (
                    "file",
                    json!({"assetUrn": asset, "byteSize": byte_size, "mediaType": media_type, "name": name, "url": url}),
                )
            }
            Self::Video { asset, duration_ms, streams } => ("video", video(&asset, duration_ms, streams)),
            Self::Audio { asset, duration_ms } => {
                let url = unsigned(&asset, AUDIO_PATH);
                ("audio", json!({"duration": duration_ms, "url": url}))
            }
            Self::External { asset, title, width, height } => ("externalMedia", external(&asset, title, width, height)),
            Self::Forwarded { sender, text, at_ms } => ("forwardedMessageContent", forwarded(&sender, &text, at_ms)),
            Self::Reply { sender, text, at_ms, message } => {
                ("repliedMessageContent", reply(&sender, &text, at_ms, &message))
            }
            Self::HostUrn { kind, urn } => ("hostUrnData", json!({"type": kind, "hostUrn": urn})),
            Self::Away { text } => ("awayMessage", json!({"text": text, "footerText": null})),
            Self::ConversationAd { urn } => ("conversationAdsMessageContent", conversation_ad(&urn)),
            Self::MessageAd { urn } => ("messageAdRenderContent", message_ad(&urn)),
            Self::Empty { member } => (member, json!({})),
            Self::Unknown { member, value } => return (member, value),
            Self::AllNull => ("", Value::Null),
        };
        (member.to_owned(), value)
    }
}

impl Message {
    /// The content as this owner's mailbox shows it.
    pub fn content_for(&self, owner: &str) -> Vec<(String, Value)> {
        let mut content = self.content.clone();
        for (_, value) in &mut content {
            // Only the URN of the quoted message names the owner; texts must never be touched.
            if let Some(Value::String(urn)) = value.pointer_mut("/originalMessage/entityUrn") {
                *urn = urn.replace(OWNER_MARK, owner);
            }
        }
        content
    }
}

/// A name for an uploaded file.
pub(crate) fn asset_id(rng: &mut WorldRng) -> String {
    format!("D4E0{}", uuid(rng).replace('-', ""))
}

/// The URN of an uploaded file.
pub(crate) fn asset_urn(asset: &str) -> String {
    format!("urn:li:digitalmediaAsset:{asset}")
}

/// The link to a file of a message without its signature, which belongs to a reader and is made on the wire.
fn unsigned(asset: &str, path: (&str, &str)) -> String {
    format!("{SITE_ROOT}{}", private_path(asset, path))
}

/// Images in messages have a full `rootUrl` and no artifacts (upstream protocol 3.4, VectorImage).
fn image(asset: &str) -> Value {
    json!({
        "rootUrl": unsigned(asset, IMAGE_PATH),
        "artifacts": [],
        "digitalmediaAsset": asset_urn(asset),
        "attribution": null,
        "focalPoint": null,
    })
}

fn video(asset: &str, duration_ms: Option<u64>, streams: usize) -> Value {
    let streams: Vec<Value> = STREAMS
        .iter()
        .take(streams)
        .map(|(width, height, bit_rate)| {
            let url = unsigned(asset, ("vid", &format!("mp4-{height}p-30fp")));
            json!({
                "width": width, "height": height, "bitRate": bit_rate, "size": bit_rate / 8,
                "mediaType": "video/mp4", "mimeType": "video/mp4",
                "streamingLocations": [{"url": url, "expiresAt": null}],
            })
        })
        .collect();
    let urn = asset_urn(asset);
    json!({
        "entityUrn": urn, "media": urn, "trackingId": "c2ltdWxhdGVkdHJhY2tpbg==", "duration": duration_ms,
        "aspectRatio": 1.777_777, "provider": "ASSETS", "thumbnail": null, "progressiveStreams": streams,
        "adaptiveStreams": [], "transcripts": [], "prevMedia": null, "nextMedia": null,
        "liveStreamCreatedAt": null, "liveStreamEndedAt": null,
    })
}

fn external(asset: &str, title: Option<String>, width: Option<u32>, height: Option<u32>) -> Value {
    let folder = path_text(asset);
    let proxy = |name: &str| {
        let url = format!("{GIF_ROOT}/{folder}/{name}");
        json!({"url": url, "originalWidth": width, "originalHeight": height})
    };
    json!({
        "entityUrn": format!("urn:li:fsd_externalMedia:{asset}"),
        "title": title,
        "media": proxy("full.gif"),
        "previewMedia": proxy("preview.gif"),
    })
}

fn forwarded(sender: &str, text: &str, at_ms: Ms) -> Value {
    json!({
        "forwardedBody": {"text": text, "attributes": []},
        "footerText": {"text": "Forwarded message", "attributes": []},
        "originalSender": participant_stub(sender),
        "originalSendAt": at_ms,
    })
}

fn reply(sender: &str, text: &str, at_ms: Ms, message: &str) -> Value {
    json!({
        "originalMessage": {"entityUrn": format!("urn:li:msg_message:(urn:li:fsd_profile:{OWNER_MARK},{message})")},
        "originalSender": participant_stub(sender),
        "originalSendAt": at_ms,
        "messageBody": {"text": text, "attributes": []},
    })
}

fn participant_stub(person: &str) -> Value {
    let urn = person_urn(person);
    json!({"entityUrn": format!("urn:li:msg_messagingParticipant:{urn}"), "hostIdentityUrn": urn})
}

fn conversation_ad(urn: &str) -> Value {
    json!({
        "sponsoredMessageContentUrn": urn,
        "sponsoredMessageOptions": [],
        "sponsoredMessageTrackingId": "c2ltdWxhdGVkdHJhY2tpbg==",
    })
}

fn message_ad(urn: &str) -> Value {
    json!({
        "status": "ACTIVE", "advertiserLabel": "Promoted", "legalText": null, "sponsoredCampaignUrn": urn,
        "subContent": null, "creativeAdsReportingInfo": null, "sponsoredTracking": null, "bodyTracking": null,
        "openTracking": null, "legalTextTracking": null,
    })
}
