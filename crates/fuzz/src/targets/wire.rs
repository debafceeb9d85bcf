//! Answers of LinkedIn: any bytes as the answer to any question.

use std::hash::Hash;

use anyhow::Result;
use threadkeep::source::voyager::{parse_me, parse_reply};
use threadkeep_core::id::ConversationId;
use threadkeep_core::page::SyncToken;
use threadkeep_core::sync::Step;
use threadkeep_core::time::Timestamp;

use crate::findings::{Breach, Outcome, Shape, is_discreet};
use crate::{recorded, seen};

/// Words of the wire.
pub const WORDS: &[&str] = &[
    "\"entityUrn\":",
    "\"elements\":[",
    "\"metadata\":{",
    "\"nextCursor\":\"a\"",
    "\"newSyncToken\":\"a\"",
    "\"shouldClearCache\":true",
    "\"deletedUrns\":[",
    "\"deliveredAt\":0",
    "\"errors\":[{}]",
    "urn:li:msg_message:(urn:li:fsd_profile:A,2-a)",
    "urn:li:msg_conversation:(urn:li:fsd_profile:A,2-a)",
];
/// Longest recorded page that is taken into the corpus, in bytes: long ones are changed seldom where it matters.
const SMALL_MAX: usize = 8 * 1024;

/// Recorded pages that are short.
pub fn small_pages() -> Result<Vec<Vec<u8>>> {
    let pages = recorded::pages()?.into_iter().map(|page| page.body);
    Ok(pages.filter(|body| body.len() <= SMALL_MAX).collect())
}

/// Reads the bytes as every kind of answer.
pub fn run(input: &[u8]) -> Outcome {
    let mut shapes = Vec::new();
    for step in steps().map_err(|error| Breach(error.to_string()))? {
        shapes.push(match parse_reply(&step, input) {
            Ok(reply) => {
                seen::is_from(&reply, input)?;
                Shape::of(&seen::counts(&reply))
            }
            Err(trouble) => told(&trouble.to_string())?,
        });
    }
    shapes.push(match parse_me(input) {
        Ok(member) => {
            is_discreet(&format!("{member:?}"))?;
            Shape::of(&member.premium)
        }
        Err(trouble) => told(&trouble.to_string())?,
    });
    let mut shape = std::hash::DefaultHasher::new();
    shapes.iter().for_each(|one| format!("{one:?}").hash(&mut shape));
    Ok(Shape::of(&std::hash::Hasher::finish(&shape)))
}

fn told(text: &str) -> Outcome {
    is_discreet(text)?;
    Ok(Shape::of(&text))
}

fn steps() -> Result<[Step; 4]> {
    let conversation = ConversationId::new("2-ZnV6eg==")?;
    Ok([
        Step::StartToken,
        Step::List { category: "INBOX".to_owned(), cursor: None },
        Step::Messages { conversation: conversation.clone(), anchor: Timestamp(1), cursor: None },
        Step::MessageChanges { conversation, token: SyncToken("t".to_owned()) },
    ])
}
