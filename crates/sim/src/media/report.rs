//! The truth about files: for every link that an account is shown, what a client has to hold, as JSON Lines.
//!
//! It shows the current links. The canonical export has none, because links change while files stay.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::voyager::urns;
use crate::world::World;
use crate::world::links::{GIF_ROOT, PICTURE_ROOT, SITE_ROOT, asset_in, path_text};

use super::bytes::bytes_of;
use super::catalog::{self, Host, Upload};

/// One file, as one reader is shown it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    account: Option<String>,
    byte_size: usize,
    content_type: &'a str,
    declared_byte_size: Option<u64>,
    file_name: Option<&'a str>,
    message_urn: Option<String>,
    ordinal: usize,
    part: &'a str,
    person: Option<&'a str>,
    sha256: String,
    url: String,
}

/// Which files are told about.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Of this mailbox only, and no pictures of people.
    pub owner: Option<String>,
    /// Of this upload only, with or without `urn:li:digitalmediaAsset:`.
    pub asset: Option<String>,
}

/// Writes what is wanted: files of messages by account, thread and message; then pictures of people.
pub fn report(world: &World, wanted: &Wanted, out: &mut dyn Write) -> io::Result<()> {
    let asset = wanted.asset.as_deref().map(|text| path_text(bare_asset(text)));
    let fits = |path: &str| {
        let named = asset_in(path).or_else(|| path.split('/').nth(1));
        asset.as_deref().is_none_or(|asset| named == Some(asset))
    };
    let owners = world.owners().iter().filter(|owner| wanted.owner.as_ref().is_none_or(|one| one == *owner));
    for owner in owners {
        let entries = world.mailbox(owner).into_iter().flat_map(|mailbox| &mailbox.entries);
        let shown = entries.filter(|(_, entry)| entry.deleted_at_ms.is_none());
        let messages = shown.filter_map(|(id, _)| world.thread(id)).flat_map(|thread| thread.visible_messages());
        for message in messages {
            for (ordinal, part) in catalog::parts_of(message).filter(|(_, part)| fits(&part.path)) {
                let mut line = Line::of(&part.upload, url(world, &part.upload, &part.path, owner));
                line.account = Some(urns::profile(owner));
                line.message_urn = Some(urns::message(owner, &message.id));
                (line.ordinal, line.part) = (ordinal, part.name);
                write(out, &line)?;
            }
        }
    }
    if wanted.owner.is_some() {
        return Ok(());
    }
    for (person, path, upload) in catalog::pictures(world).filter(|(_, path, _)| fits(path)) {
        let mut line = Line::of(&upload, url(world, &upload, &path, ""));
        line.person = Some(person);
        write(out, &line)?;
    }
    Ok(())
}

/// An asset without the URN around it.
pub fn bare_asset(text: &str) -> &str {
    text.strip_prefix("urn:li:digitalmediaAsset:").unwrap_or(text)
}

impl<'a> Line<'a> {
    fn of(upload: &'a Upload, url: String) -> Self {
        let bytes = bytes_of(upload);
        Self {
            account: None,
            byte_size: bytes.len(),
            content_type: &upload.content_type,
            declared_byte_size: upload.declared_bytes,
            file_name: upload.file_name.as_deref(),
            message_urn: None,
            ordinal: 0,
            part: "picture",
            person: None,
            sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            url,
        }
    }
}

fn url(world: &World, upload: &Upload, path: &str, owner: &str) -> String {
    match upload.host {
        Host::Site => format!("{SITE_ROOT}{path}?{}", world.links.private_query(path, owner)),
        Host::Pictures => format!("{PICTURE_ROOT}{path}?{}", world.links.picture_query(path)),
        Host::Gifs => format!("{GIF_ROOT}{path}"),
    }
}

fn write(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
