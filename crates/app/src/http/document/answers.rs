//! The older family's answers, as the document tells them: the newer records with the older fields laid over them.
//!
//! `legacy` makes them the same way; a type of its own for each would have to repeat every field of the newer one.

use std::borrow::Cow;

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::messages::MessagesAnswer;
use crate::http::shape::{ConversationItem, LatestMessage, MessageItem, Participant};

/// A conversation of the older list.
pub(in crate::http) enum RecentConversation {}

/// The answer of the older page of messages.
pub(in crate::http) enum DetailsAnswer {}

impl PartialSchema for RecentConversation {
    fn schema() -> RefOr<Schema> {
        let person = laid_over::<Participant>([
            ("memberBadgeType", null_or(Type::String)),
            ("hostIdentityUrn", null_or(Type::String)),
        ]);
        let latest = laid_over::<LatestMessage>([
            ("backendMessageUrn", just(Type::String)),
            ("senderProfileUrl", just(Type::String)),
            ("senderUrn", null_or(Type::String)),
        ]);
        let latest = OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Null)).item(latest).into();
        laid_over::<ConversationItem>([
            ("lastActivityAt", just(Type::Integer)),
            ("participants", list(person)),
            ("latestMessage", latest),
        ])
    }
}

impl PartialSchema for DetailsAnswer {
    fn schema() -> RefOr<Schema> {
        let texts = ["profileId", "name", "profileUrl", "profilePicture", "participantUrn"];
        let sender = || fields(texts.map(|name| (name, just(Type::String))));
        let message = laid_over::<MessageItem>([
            ("messageId", just(Type::String)),
            ("sender", sender()),
            ("body", just(Type::String)),
            ("createdAt", just(Type::Integer)),
        ]);
        let brief = fields([
            ("messageUrn", just(Type::String)),
            ("body", just(Type::String)),
            ("sender", sender()),
            ("createdAt", just(Type::Integer)),
        ]);
        laid_over::<MessagesAnswer>([
            ("messages", list(message)),
            ("profileUrn", just(Type::String)),
            ("total", just(Type::Integer)),
            ("conversationDetails", fields([("messages", list(brief))])),
        ])
    }
}

macro_rules! named {
    ($($type:ident from $base:ident),*) => {$(
        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }

            fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
                <$base as ToSchema>::schemas(all);
            }
        }
    )*};
}

named!(RecentConversation from ConversationItem, DetailsAnswer from MessagesAnswer);

/// A record with other fields besides or in place of its own.
fn laid_over<T: PartialSchema>(others: impl IntoIterator<Item = (&'static str, RefOr<Schema>)>) -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.properties.extend(others.into_iter().map(|(name, other)| (name.to_owned(), other)));
    }
    schema
}

fn fields<const N: usize>(all: [(&'static str, RefOr<Schema>); N]) -> RefOr<Schema> {
    let object = all.into_iter().fold(ObjectBuilder::new(), |object, (name, one)| object.property(name, one));
    RefOr::T(object.into())
}

fn list(items: RefOr<Schema>) -> RefOr<Schema> {
    RefOr::T(ArrayBuilder::new().items(items).into())
}

fn just(kind: Type) -> RefOr<Schema> {
    RefOr::T(ObjectBuilder::new().schema_type(kind).into())
}

fn null_or(kind: Type) -> RefOr<Schema> {
    RefOr::T(ObjectBuilder::new().schema_type(SchemaType::from_iter([kind, Type::Null])).into())
}
