//! Which files there are: every link that a world shows, by the path under which it is asked for.
//!
//! Only what the wire shows is here: a recalled or deleted message takes its files along. It is made anew when the
//! world has changed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chance::stable_hash;
use crate::voyager::people::PICTURE_SIDES;
use crate::world::World;
use crate::world::links::{self, GIF_ROOT, SITE_ROOT};
use crate::world::model::Message;

/// Who hands a file out, which decides about cookies (upstream protocol 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// `www.linkedin.com`, with the reader's cookies.
    Site,
    /// `media.licdn.com`, without cookies.
    Pictures,
    /// Somebody else's site, without cookies.
    Gifs,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Who hands it out.
    pub host: Host,
    /// What its bytes follow from.
    pub seed: String,
    /// `Content-Type`.
    pub content_type: String,
    /// The name that the answer gives it.
    pub file_name: Option<String>,
    /// The size that the message tells.
    pub declared_bytes: Option<u64>,
}

/// One file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `image`, `file`, `video`, `audio`, `gif`, `gif_preview`
    pub name: &'static str,
    /// The path under which it is asked for.
    pub path: String,
    /// What is handed out.
    pub upload: Upload,
}

/// Every file of a world.
#[derive(Debug, Default)]
pub struct Catalog {
    revision: u64,
    uploads: BTreeMap<String, Upload>,
}

impl Catalog {
    /// The catalog of this state of the world.
    pub fn of(&mut self, world: &World, revision: u64) -> &Self {
        if self.revision != revision {
            *self = Self { revision, uploads: uploads(world) };
        }
        self
    }

    /// The file at a path.
    pub fn upload(&self, path: &str) -> Option<&Upload> {
        self.uploads.get(path)
    }
}

/// The files of a message: number of the attachment, counted without all-null elements, and the file.
pub fn parts_of(message: &Message) -> impl Iterator<Item = (usize, Part)> {
    let shown = message.content.iter().filter(|(member, value)| !member.is_empty() && !value.is_null());
    shown
        .enumerate()
        .flat_map(|(ordinal, (member, value))| parts(member, value).into_iter().map(move |part| (ordinal, part)))
}

/// The pictures of people: person id, path, file.
pub fn pictures(world: &World) -> impl Iterator<Item = (&str, String, Upload)> {
    let shown = world.people.values().filter(|person| !person.deleted);
    let shown = shown.filter(|person| person.has_picture || world.owners().contains(&person.id));
    shown.flat_map(|person| {
        let root = links::picture_root(&person.id, person.kind.picture_recipe());
        PICTURE_SIDES.map(|side| {
            let path = format!("{root}{}", links::picture_size(side));
            let seed = format!("{} {side}", links::picture_asset(&person.id));
            let upload = upload(Host::Pictures, seed, "image/jpeg");
            (person.id.as_str(), path, upload)
        })
    })
}

fn uploads(world: &World) -> BTreeMap<String, Upload> {
    let mut uploads = BTreeMap::new();
    for message in world.threads.values().flat_map(|thread| thread.visible_messages()) {
        for (_, part) in parts_of(message) {
            // A file that two messages name is one upload; the first message tells its name.
            uploads.entry(part.path).or_insert(part.upload);
        }
    }
    uploads.extend(pictures(world).map(|(_, path, upload)| (path, upload)));
    uploads
}

fn parts(member: &str, value: &Value) -> Vec<Part> {
    match member {
        "vectorImage" => part("image", value.get("rootUrl"), image).into_iter().collect(),
        "file" => part("file", value.get("url"), |asset| file(asset, value)).into_iter().collect(),
        "audio" => {
            part("audio", value.get("url"), |asset| named(asset, "audio/mp4", "voice", "m4a")).into_iter().collect()
        }
        "video" => {
            let streams = value.get("progressiveStreams").and_then(Value::as_array).into_iter().flatten();
            let links = streams.map(|stream| (stream.get("height"), stream.pointer("/streamingLocations/0/url")));
            links.filter_map(|(height, url)| part("video", url, |asset| video(asset, height))).collect()
        }
        "externalMedia" => {
            let gif = |name, pointer| part(name, value.pointer(pointer), |asset| gif(asset, name));
            [gif("gif", "/media/url"), gif("gif_preview", "/previewMedia/url")].into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}

fn part(name: &'static str, url: Option<&Value>, of: impl Fn(&str) -> Upload) -> Option<Part> {
    let url = url?.as_str()?;
    let path = url.strip_prefix(SITE_ROOT).or_else(|| url.strip_prefix(GIF_ROOT))?;
    let asset = links::asset_in(path).or_else(|| path.split('/').nth(1))?;
    Some(Part { name, path: path.to_owned(), upload: of(asset) })
}

/// A photo, whose type and name only the answer tells (upstream protocol 4.5).
fn image(asset: &str) -> Upload {
    let (content_type, ending) = match stable_hash(asset) % 4 {
        0 => ("image/png", "png"),
        1 => ("image/gif", "gif"),
        _ => ("image/jpeg", "jpg"),
    };
    named(asset, content_type, "image", ending)
}

fn file(asset: &str, value: &Value) -> Upload {
    let text = |key| value.get(key).and_then(Value::as_str);
    let content_type = text("mediaType").filter(|text| is_header_text(text)).unwrap_or("application/octet-stream");
    Upload {
        file_name: Some(text("name").unwrap_or("attachment").to_owned()),
        declared_bytes: value.get("byteSize").and_then(Value::as_u64),
        ..upload(Host::Site, asset.to_owned(), content_type)
    }
}

fn video(asset: &str, height: Option<&Value>) -> Upload {
    let height = height.and_then(Value::as_u64).unwrap_or_default();
    let seed = format!("{asset} {height}");
    Upload { seed, ..named(asset, "video/mp4", "video", "mp4") }
}

fn gif(asset: &str, name: &str) -> Upload {
    upload(Host::Gifs, format!("{asset} {name}"), "image/gif")
}

fn named(asset: &str, content_type: &str, stem: &str, ending: &str) -> Upload {
    let number = stable_hash(asset) & 0xffff_ffff;
    let file_name = Some(format!("{stem}-{number:08x}.{ending}"));
    Upload { file_name, ..upload(Host::Site, asset.to_owned(), content_type) }
}

fn upload(host: Host, seed: String, content_type: &str) -> Upload {
    Upload { host, seed, content_type: content_type.to_owned(), file_name: None, declared_bytes: None }
}

fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
