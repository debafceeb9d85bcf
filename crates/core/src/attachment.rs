//! Which contents of a message are attachments, in which order, and what is told of each.
//!
//! An attachment is named by its message and its ordinal. The database, the workers and the API all count here, so that
//! no two of them can mean different things by the same number.

use crate::content::Content;

/// An attachment of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attachment<'a> {
    /// Its place among the attachments of its message, from 0.
    pub ordinal: u32,
    /// The content that it is.
    pub content: &'a Content,
}

/// The attachments among the contents of a message, in their order.
pub fn attachments(contents: &[Content]) -> impl Iterator<Item = Attachment<'_>> {
    let attached = contents.iter().filter(|content| is_attachment(content));
    (0..).zip(attached).map(|(ordinal, content)| Attachment { ordinal, content })
}

/// Whether a content has bytes of its own that can be fetched.
pub fn is_attachment(content: &Content) -> bool {
    kind_of(content).is_some()
}

impl<'a> Attachment<'a> {
    /// The stable name of its kind: `image`, `file`, `video`, `audio`, `external`.
    pub fn kind(&self) -> &'static str {
        kind_of(self.content).unwrap_or("file")
    }

    /// The temporary link, where there is one yet.
    pub fn url(&self) -> Option<&'a str> {
        match self.content {
            Content::Image { url, .. }
            | Content::File { url, .. }
            | Content::Video { url, .. }
            | Content::Audio { url, .. }
            | Content::External { url, .. } => url.as_deref().filter(|url| !url.is_empty()),
            _ => None,
        }
    }

    /// The name that the sender gave it; hostile.
    pub fn name(&self) -> Option<&'a str> {
        match self.content {
            Content::File { name, .. } => name.as_deref(),
            Content::External { title, .. } => title.as_deref(),
            _ => None,
        }
    }

    /// The media type that it is said to have; not to be trusted.
    pub fn declared_type(&self) -> Option<&'a str> {
        match self.content {
            Content::File { media_type, .. } | Content::Video { media_type, .. } => media_type.as_deref(),
            _ => None,
        }
    }

    /// The size that it is said to have, in bytes; not to be trusted.
    pub fn declared_size_bytes(&self) -> Option<i64> {
        match self.content {
            Content::File { byte_size, .. } => byte_size.filter(|size| *size >= 0),
            _ => None,
        }
    }

    /// Whether it is the same thing as another, whatever link either has.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.content.without_links() == other.content.without_links()
    }
}

fn kind_of(content: &Content) -> Option<&'static str> {
    Some(match content {
        Content::Image { .. } => "image",
        Content::File { .. } => "file",
        Content::Video { .. } => "video",
        Content::Audio { .. } => "audio",
        Content::External { .. } => "external",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(asset: &str, url: &str) -> Content {
        Content::Image { asset: Some(asset.into()), url: Some(url.into()) }
    }

    #[test]
    fn attachments_are_counted_among_themselves() {
        let contents = [
            Content::Unavailable,
            image("a", "https://example.org/1"),
            Content::Away { text: None },
            Content::Video { asset: None, duration_ms: None, media_type: None, url: None },
        ];
        let found: Vec<_> = attachments(&contents).map(|one| (one.ordinal, one.kind(), one.url())).collect();
        assert_eq!(found, [(0, "image", Some("https://example.org/1")), (1, "video", None)]);
    }

    #[test]
    fn a_renewed_link_is_the_same_attachment_and_another_asset_is_not() {
        let [old, renewed, other] = [image("a", "1"), image("a", "2"), image("b", "1")];
        let of = |content| Attachment { ordinal: 0, content };
        assert!(of(&old).is_same_as(&of(&renewed)));
        assert!(!of(&old).is_same_as(&of(&other)));
        let gif =
            Content::External { title: None, url: Some("https://example.org/g".into()), width: None, height: None };
        assert!(is_attachment(&gif) && !is_attachment(&Content::Unavailable));
    }
}
