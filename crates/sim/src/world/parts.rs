//! The parts of a message as people write them in world files and verbs: attachments, spans, reactions.
//!
//! Short forms become wire values here, in one place, so that a file and a verb can never mean different things.

use serde_json::Value;

use super::content::{Content, asset_id};
use super::id::{bare_person, rng_of};
use super::model::{Attribute, MessageId, Ms, PersonId, Reaction, World};
use super::reading::{FieldError, Fields, Problem, expected};

const DEFAULT_BYTE_SIZE: u64 = 1_024;
const DEFAULT_DURATION_MS: u64 = 1_000;
const DEFAULT_GIF_SIDE: u32 = 200;
const MOST_STREAMS: u64 = 3;
/// Reactions without a time come this long after their message.
const DEFAULT_REACTION_DELAY_MS: Ms = 1_000;
/// Attachments of one message, spans of one text, reactions of one message.
const MOST_PARTS: usize = 1_000;

/// A message that another one quotes.
pub(super) struct Quoted {
    pub(super) id: MessageId,
    pub(super) sender: PersonId,
    pub(super) text: String,
    pub(super) at_ms: Ms,
}

/// What the parts of a message may refer to.
pub(super) struct Known<'a> {
    pub(super) world: &'a World,
    pub(super) owner: &'a str,
    /// Sender and time of the message whose parts are read.
    pub(super) sender: &'a str,
    pub(super) at_ms: Ms,
    /// Makes the names of invented uploads differ between messages.
    pub(super) message_id: &'a str,
    pub(super) quoted: &'a dyn Fn(&Value) -> Option<Quoted>,
}

impl World {
    /// Somebody by key of the world file, id or URN; `me` is the owner of the mailbox.
    pub(super) fn find_person(&self, owner: &str, name: &str) -> Option<PersonId> {
        if name == "me" {
            return Some(owner.to_owned());
        }
        let id = self.person_keys.get(name).map_or_else(|| bare_person(name), String::as_str);
        self.people.get(id).map(|person| person.id.clone())
    }
}

/// The elements of `renderContent`; each has one key, the name of its union member, or none for the all-null element.
pub(super) fn contents(items: &[Value], path: &str, known: &Known) -> Result<Vec<(String, Value)>, FieldError> {
    check_count(items, path)?;
    let read = |(index, item)| content(item, &format!("{path}[{index}]"), index, known).map(Content::into_wire);
    items.iter().enumerate().map(read).collect()
}

/// The spans of a body.
pub(super) fn attributes(items: &[Value], path: &str, known: &Known) -> Result<Vec<Attribute>, FieldError> {
    check_count(items, path)?;
    let read = |(index, item)| attribute(item, &format!("{path}[{index}]"), known);
    items.iter().enumerate().map(read).collect()
}

/// The reactions to a message.
pub(super) fn reactions(items: &[Value], path: &str, known: &Known, now_ms: Ms) -> Result<Vec<Reaction>, FieldError> {
    check_count(items, path)?;
    let mut all: Vec<Reaction> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let mut fields = Fields::new(item, &format!("{path}[{index}]"))?;
        let emoji = fields.filled("emoji")?.ok_or_else(|| expected(&fields.at("emoji"), "an emoji"))?;
        if all.iter().any(|other| other.emoji == emoji) {
            return Err(fields.fail("emoji", Problem::Duplicate { what: emoji }));
        }
        let default_ms = (known.at_ms + DEFAULT_REACTION_DELAY_MS).min(now_ms);
        let first_reacted_at_ms = fields.time("at", now_ms)?.unwrap_or(default_ms);
        let people = match fields.texts("by")? {
            Some(names) => people(&names, &fields.at("by"), known.world, known.owner)?,
            None => vec![known.sender.to_owned()],
        };
        if people.is_empty() {
            return Err(expected(&fields.at("by"), "at least one person"));
        }
        fields.finish()?;
        all.push(Reaction { emoji, first_reacted_at_ms, people });
    }
    Ok(all)
}

/// Everybody named in a list, nobody twice.
pub(super) fn people(names: &[String], path: &str, world: &World, owner: &str) -> Result<Vec<PersonId>, FieldError> {
    let mut people: Vec<PersonId> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(id) = world.find_person(owner, name) else {
            return Err(FieldError { path, problem: Problem::UnknownPerson { name: name.clone() } });
        };
        if people.contains(&id) {
            return Err(FieldError { path, problem: Problem::Duplicate { what: name.clone() } });
        }
        people.push(id);
    }
    Ok(people)
}

/// One person under a key, if the key is there.
pub(super) fn person(
    fields: &mut Fields,
    key: &'static str,
    world: &World,
    owner: &str,
) -> Result<Option<PersonId>, FieldError> {
    let Some(name) = fields.text(key)? else { return Ok(None) };
    match world.find_person(owner, &name) {
        Some(id) => Ok(Some(id)),
        None => Err(fields.fail(key, Problem::UnknownPerson { name })),
    }
}

fn check_count(items: &[Value], path: &str) -> Result<(), FieldError> {
    if items.len() > MOST_PARTS {
        return Err(FieldError { path: path.to_owned(), problem: Problem::TooMany { most: MOST_PARTS } });
    }
    Ok(())
}

fn content(item: &Value, path: &str, index: usize, known: &Known) -> Result<Content, FieldError> {
    const ONE_KEY: &str = "an object with one key, the name of the renderContent member, or {}";
    let map = item.as_object().filter(|map| map.len() <= 1).ok_or_else(|| expected(path, ONE_KEY))?;
    let Some((member, value)) = map.iter().next() else { return Ok(Content::AllNull) };
    let path = format!("{path}.{member}");
    let empty = |member| {
        Fields::new(value, &path)?.finish()?;
        Ok(Content::Empty { member })
    };
    match member.as_str() {
        "videoMeeting" => return empty("videoMeeting"),
        "unavailableContent" => return empty("unavailableContent"),
        "callMessageContent" => return empty("callMessageContent"),
        "vectorImage" | "file" | "video" | "audio" | "externalMedia" => {}
        "forwardedMessageContent" | "repliedMessageContent" | "hostUrnData" | "awayMessage" => {}
        "conversationAdsMessageContent" | "messageAdRenderContent" => {}
        "" => return Err(expected(&path, "the name of a renderContent member")),
        _ if value.is_null() => return Err(expected(&path, "a value that is not null")),
        _ => return Ok(Content::Unknown { member: member.clone(), value: value.clone() }),
    }
    let mut fields = Fields::new(value, &path)?;
    let content = match member.as_str() {
        "vectorImage" | "file" | "video" | "audio" | "externalMedia" => {
            let default = asset_id(&mut rng_of(&["asset", known.message_id, &index.to_string()]));
            media(&mut fields, member, default)?
        }
        "forwardedMessageContent" | "repliedMessageContent" => quote(&mut fields, member, known)?,
        _ => notice(&mut fields, member)?,
    };
    fields.finish()?;
    Ok(content)
}

fn media(fields: &mut Fields, member: &str, default: String) -> Result<Content, FieldError> {
    let asset = fields.filled("asset")?.unwrap_or(default);
    Ok(match member {
        "file" => Content::File {
            asset,
            name: fields.text("name")?.or_else(|| Some("file.bin".to_owned())),
            media_type: fields.text("mediaType")?.or_else(|| Some("application/octet-stream".to_owned())),
            byte_size: fields.number("byteSize")?.or(Some(DEFAULT_BYTE_SIZE)),
        },
        "video" => Content::Video {
            asset,
            duration_ms: fields.number("durationMs")?.or(Some(DEFAULT_DURATION_MS)),
            streams: fields.number("streams")?.unwrap_or(1).min(MOST_STREAMS) as usize,
        },
        "audio" => Content::Audio { asset, duration_ms: fields.number("durationMs")?.or(Some(DEFAULT_DURATION_MS)) },
        "externalMedia" => Content::External {
            asset,
            title: fields.text("title")?,
            width: fields.small("width")?.or(Some(DEFAULT_GIF_SIDE)),
            height: fields.small("height")?.or(Some(DEFAULT_GIF_SIDE)),
        },
        _ => Content::Image { asset },
    })
}

fn quote(fields: &mut Fields, member: &str, known: &Known) -> Result<Content, FieldError> {
    let sender = person(fields, "from", known.world, known.owner)?;
    let text = fields.text("text")?;
    let at_ms = fields.time("at", known.at_ms)?;
    if member == "forwardedMessageContent" {
        return Ok(Content::Forwarded {
            sender: sender.unwrap_or_else(|| known.sender.to_owned()),
            text: text.unwrap_or_default(),
            at_ms: at_ms.unwrap_or(known.at_ms),
        });
    }
    let quoted = fields.some("message").and_then(|message| (known.quoted)(message));
    let quoted = quoted.ok_or_else(|| fields.fail("message", Problem::UnknownMessage))?;
    Ok(Content::Reply {
        sender: sender.unwrap_or(quoted.sender),
        text: text.unwrap_or(quoted.text),
        at_ms: at_ms.unwrap_or(quoted.at_ms),
        message: quoted.id,
    })
}

fn notice(fields: &mut Fields, member: &str) -> Result<Content, FieldError> {
    let urn = |fields: &mut Fields, default: &str| -> Result<String, FieldError> {
        Ok(fields.filled("urn")?.unwrap_or_else(|| default.to_owned()))
    };
    Ok(match member {
        "hostUrnData" => Content::HostUrn {
            kind: fields.filled("type")?.unwrap_or_else(|| "FEED_UPDATE".to_owned()),
            urn: urn(fields, "urn:li:fsd_update:(urn:li:activity:1,MESSAGING_RESHARE,EMPTY,DEFAULT,false)")?,
        },
        "awayMessage" => Content::Away { text: fields.text("text")? },
        "messageAdRenderContent" => Content::MessageAd { urn: urn(fields, "urn:li:sponsoredCampaign:1")? },
        _ => Content::ConversationAd { urn: urn(fields, "urn:li:sponsoredMessageContent:1")? },
    })
}

fn attribute(item: &Value, path: &str, known: &Known) -> Result<Attribute, FieldError> {
    let mut fields = Fields::new(item, path)?;
    let kind = fields.filled("kind")?.ok_or_else(|| expected(&fields.at("kind"), "the kind of span"))?;
    let start = fields.small("start")?.unwrap_or(0);
    let length = fields.small("length")?.ok_or_else(|| expected(&fields.at("length"), "a number"))?;
    let (kind, target) = match kind.as_str() {
        "mention" | "entity" => {
            let target = person(&mut fields, "target", known.world, known.owner)?;
            let missing = || expected(&fields.at("target"), "the person who is mentioned");
            ("entity".to_owned(), Some(target.ok_or_else(missing)?))
        }
        "hyperlink" => (kind, fields.text("target")?),
        "list" => match fields.text("target")?.as_deref() {
            None | Some("unordered") => (kind, Some("unordered".to_owned())),
            Some("ordered") => (kind, Some("ordered".to_owned())),
            Some(_) => return Err(expected(&fields.at("target"), "ordered or unordered")),
        },
        _ => (kind, None),
    };
    fields.finish()?;
    Ok(Attribute { start, length, kind, target })
}
