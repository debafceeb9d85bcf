//! What a message carries besides its text: the `renderContent` union (upstream protocol 4.5, docs/EXPORT.md).
//!
//! A member of an unknown name, or of a known name and another shape, is kept in its raw form. Nothing here can make a
//! message unreadable.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use threadkeep_core::content::Content;
use threadkeep_core::id::MessageId;
use threadkeep_core::page::ODDITY_RAW_MAX;
use threadkeep_core::time::Timestamp;

use super::super::wire::message::{Ad, Audio, Away, External, File, Forwarded, HostUrn, Image, Replied, Stream, Video};
use super::super::wire::person::Participant;
use super::super::wire::{List, Text, Union, Words, is_mark};
use super::cut;
use super::person::People;

/// Deepest raw form that is kept as an object; a deeper one is kept as text.
const DEPTH_MAX: usize = 64;

/// Reads the contents of a message.
pub(super) fn read(list: Option<List<Option<Union<'_>>>>, people: &mut People) -> Vec<Content> {
    let unions = list.map(|list| list.0).unwrap_or_default();
    let members = unions.into_iter().flatten().flat_map(|union| union.0);
    members.map(|(name, raw)| member(&name.0, raw, people)).collect()
}

fn member(name: &str, raw: &RawValue, people: &mut People) -> Content {
    let known = medium(name, raw).or_else(|| quoted(name, raw, people)).or_else(|| other(name, raw));
    known.unwrap_or_else(|| Content::Unknown { key: name.to_owned(), raw: kept(raw) })
}

fn medium(name: &str, raw: &RawValue) -> Option<Content> {
    Some(match name {
        "vectorImage" => {
            let image: Image<'_> = of(raw)?;
            Content::Image { asset: owned(image.digitalmedia_asset.as_ref()), url: image.link() }
        }
        "file" => {
            let file: File<'_> = of(raw)?;
            Content::File {
                asset: owned(file.asset_urn.as_ref()),
                byte_size: file.byte_size,
                media_type: owned(file.media_type.as_ref()),
                name: owned(file.name.as_ref()),
                url: owned(file.url.as_ref()),
            }
        }
        "video" => video(&of(raw)?),
        "audio" => {
            let audio: Audio<'_> = of(raw)?;
            Content::Audio { duration_ms: audio.duration, url: owned(audio.url.as_ref()) }
        }
        "externalMedia" => {
            let external: External<'_> = of(raw)?;
            let media = external.media.as_ref();
            Content::External {
                title: external.title.map(text),
                url: media.and_then(|media| owned(media.url.as_ref())),
                width: media.and_then(|media| media.original_width),
                height: media.and_then(|media| media.original_height),
            }
        }
        _ => return None,
    })
}

fn video(video: &Video<'_>) -> Content {
    let streams = video.progressive_streams.as_ref().map_or(&[][..], |list| &list.0);
    let area = |one: &&Stream<'_>| one.width.unwrap_or(0).saturating_mul(one.height.unwrap_or(0));
    let largest = streams.iter().max_by_key(area);
    let location = largest.and_then(|stream| stream.streaming_locations.as_ref()?.0.first());
    let media_type = largest.and_then(|stream| stream.mime_type.as_ref().or(stream.media_type.as_ref()));
    Content::Video {
        asset: owned(video.media.as_ref()),
        duration_ms: video.duration,
        media_type: owned(media_type),
        url: location.and_then(|location| owned(location.url.as_ref())),
    }
}

fn quoted(name: &str, raw: &RawValue, people: &mut People) -> Option<Content> {
    let mut who = |sender: Option<&Participant<'_>>| sender.and_then(|sender| people.see(sender).ok());
    Some(match name {
        "forwardedMessageContent" => {
            let forwarded: Forwarded<'_> = of(raw)?;
            Content::Forwarded {
                sender: who(forwarded.original_sender.as_ref()),
                body: forwarded.forwarded_body.map(text).unwrap_or_default(),
                sent_at: forwarded.original_send_at.and_then(Timestamp::from_upstream),
            }
        }
        "repliedMessageContent" => {
            let replied: Replied<'_> = of(raw)?;
            let urn = replied.original_message.as_ref().and_then(|message| message.entity_urn.as_ref());
            Content::Reply {
                sender: who(replied.original_sender.as_ref()),
                message: urn.and_then(|urn| MessageId::parse(&urn.0).ok()),
                body: replied.message_body.map(text).unwrap_or_default(),
                sent_at: replied.original_send_at.and_then(Timestamp::from_upstream),
            }
        }
        _ => return None,
    })
}

fn other(name: &str, raw: &RawValue) -> Option<Content> {
    Some(match name {
        "hostUrnData" => {
            let host: HostUrn<'_> = of(raw)?;
            Content::HostUrn { type_name: owned(host.type_name.as_ref()), urn: owned(host.host_urn.as_ref()) }
        }
        "awayMessage" => Content::Away { text: of::<Away<'_>>(raw)?.text.map(text) },
        "conversationAdsMessageContent" => {
            Content::Ad { urn: owned(of::<Ad<'_>>(raw)?.sponsored_message_content_urn.as_ref()) }
        }
        "messageAdRenderContent" => Content::Ad { urn: owned(of::<Ad<'_>>(raw)?.sponsored_campaign_urn.as_ref()) },
        "videoMeeting" => Content::Meeting { raw: kept(raw) },
        "unavailableContent" => Content::Unavailable,
        "callMessageContent" => Content::Call { raw: kept(raw) },
        _ => return None,
    })
}

fn of<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn owned(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| text.0.as_ref().to_owned())
}

fn text(words: Words<'_>) -> String {
    words.0.into_owned()
}

/// The raw form without what differs from answer to answer; as text when it is too large or too deep for an object.
fn kept(raw: &RawValue) -> Value {
    let raw = raw.get();
    let as_text = || Value::String(cut(raw).to_owned());
    if raw.len() > ODDITY_RAW_MAX || depth(raw) > DEPTH_MAX {
        return as_text();
    }
    match serde_json::from_str(raw) {
        Ok(mut value) => {
            drop_marks(&mut value);
            value
        }
        Err(_) => as_text(),
    }
}

/// The depth is limited by [`DEPTH_MAX`] before this is called.
fn drop_marks(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !is_mark(key) && key != "trackingId");
            map.values_mut().for_each(drop_marks);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_marks),
        _ => {}
    }
}

/// About the depth of a JSON text: brackets inside texts count too. The JSON parser has a limit of its own behind it.
fn depth(raw: &str) -> usize {
    let (mut now, mut deepest) = (0_usize, 0_usize);
    for byte in raw.bytes() {
        match byte {
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
