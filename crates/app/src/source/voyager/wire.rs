//! Upstream's objects as they come in the nested form (upstream protocol 3.3 to 3.5, 4.3 to 4.5), only as far as they are used.
//!
//! Texts are borrowed from the body; unknown keys are passed over without being built. `None` is an absent key; where
//! a null means something else than absence the type is `Told<…>`, an option in an option. These types never leave the
//! parser and have no `Debug`, because they hold message texts.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub mod conversation;
pub mod message;
pub mod person;

/// Most elements of any one list (reliability-performance 2.6).
pub const ELEMENTS_MAX: usize = 10_000;

/// Absent, null, or a value.
pub type Told<T> = Option<Option<T>>;

/// Tells null from absence: an absent key never gets here.
pub fn told<'de, D, T>(deserializer: D) -> Result<Told<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// A borrowed text.
#[derive(serde::Deserialize, Clone)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Text<'_> {
    /// The text, unless it is empty.
    pub fn filled(&self) -> Option<&str> {
        Some(&*self.0).filter(|text| !text.is_empty())
    }
}

/// A list with a limit.
pub struct List<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {ELEMENTS_MAX} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    if list.len() >= ELEMENTS_MAX {
                        return Err(A::Error::invalid_length(list.len() + 1, &self));
                    }
                    list.push(item);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// The non-null members of a union, without upstream's type marks.
pub struct Union<'a>(pub Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Union<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = Union<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a union")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Union<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<Text<'a>>()? {
                    if is_mark(&key.0) {
                        map.next_value::<IgnoredAny>()?;
                    } else if let Some(value) = map.next_value::<Option<&'de RawValue>>()? {
                        members.push((key, value));
                    }
                }
                Ok(Union(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Whether a key only says of which type its object is.
pub fn is_mark(key: &str) -> bool {
    key.starts_with(['_', '$'])
}

/// A text that comes bare or inside an object (upstream protocol 4.3: subject; 3.4: AttributedText).
pub trait BareOrObject<'a>: Sized {
    /// The object form.
    type Object: Deserialize<'a>;
    /// From the bare form.
    fn bare(text: Cow<'a, str>) -> Self;
    /// From the object form.
    fn object(object: Self::Object) -> Self;
}

struct EitherForm<T>(PhantomData<T>);

impl<'de, T: BareOrObject<'de>> Visitor<'de> for EitherForm<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object with a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::bare(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::bare(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Object::deserialize(MapAccessDeserializer::new(map)).map(T::object)
    }
}

/// A text without its marked spans.
pub struct Words<'a>(pub Cow<'a, str>);

/// The object form of [`Words`].
#[derive(serde::Deserialize)]
pub struct WordsObject<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
}

impl<'a> BareOrObject<'a> for Words<'a> {
    type Object = WordsObject<'a>;

    fn bare(text: Cow<'a, str>) -> Self {
        Self(text)
    }

    fn object(object: WordsObject<'a>) -> Self {
        Self(object.text.map(|text| text.0).unwrap_or_default())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words: Words<'de> = deserializer.deserialize_any(EitherForm(PhantomData))?;
        Ok(words)
    }
}

/// A text with its marked spans.
pub struct Attributed<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// The spans; `None` when they were not told.
    pub attributes: Option<List<Attribute<'a>>>,
}

/// The object form of [`Attributed`].
#[derive(serde::Deserialize)]
pub struct AttributedObject<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    attributes: Option<List<Attribute<'a>>>,
}

/// A marked span (upstream protocol 4.4).
#[derive(serde::Deserialize)]
pub struct Attribute<'a> {
    /// First character.
    pub start: i64,
    /// Number of characters.
    pub length: i64,
    /// What it means.
    #[serde(borrow, default, rename = "attributeKind", alias = "attributeKindUnion")]
    pub kind: Option<Union<'a>>,
}

impl<'a> BareOrObject<'a> for Attributed<'a> {
    type Object = AttributedObject<'a>;

    fn bare(text: Cow<'a, str>) -> Self {
        Self { text, attributes: None }
    }

    fn object(object: AttributedObject<'a>) -> Self {
        let text = object.text.map(|text| text.0).unwrap_or_default();
        Self { text, attributes: object.attributes }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let attributed: Attributed<'de> = deserializer.deserialize_any(EitherForm(PhantomData))?;
        Ok(attributed)
    }
}

/// A question, by the names of the fields that may answer it (upstream protocol 3.1, 4.1).
pub trait Question {
    /// The field names under `data`.
    const FIELDS: &'static [&'static str];
}

/// The whole answer.
#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "Q: Question, T: Deserialize<'de>"))]
pub struct Envelope<'a, Q, T> {
    /// What was asked for.
    #[serde(borrow, default)]
    pub data: Option<Data<'a, Q, T>>,
    /// What went wrong.
    #[serde(default)]
    pub errors: Option<List<IgnoredAny>>,
}

/// The member of `data` that answers the question.
pub struct Data<'a, Q, T> {
    /// The collection, when there is one.
    pub answer: Option<Collection<'a, T>>,
    question: PhantomData<Q>,
}

/// A list of records with what belongs to the list.
#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Collection<'a, T> {
    /// The records.
    pub elements: Option<List<Option<T>>>,
    /// Cursors and tokens.
    #[serde(borrow, default)]
    pub metadata: Option<Metadata<'a>>,
}

/// What belongs to a list (upstream protocol 3.5, 3.6, 4.2).
#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// The mark for the next delta.
    #[serde(borrow, default)]
    pub new_sync_token: Option<Text<'a>>,
    /// What is gone.
    #[serde(borrow, default)]
    pub deleted_urns: Option<List<&'a RawValue>>,
    /// The mark that was sent could not be honoured.
    #[serde(default)]
    pub should_clear_cache: Option<bool>,
    /// Where a list of conversations goes on.
    #[serde(borrow, default)]
    pub next_cursor: Option<Text<'a>>,
    /// Where older messages are.
    #[serde(borrow, default)]
    pub prev_cursor: Option<Text<'a>>,
}

impl<'de: 'a, 'a, Q: Question, T: Deserialize<'de>> Deserialize<'de> for Data<'a, Q, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<'a, Q, T>(PhantomData<(&'a (), Q, T)>);

        impl<'de: 'a, 'a, Q: Question, T: Deserialize<'de>> Visitor<'de> for Fields<'a, Q, T> {
            type Value = Data<'a, Q, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data<'a, Q, T>, A::Error> {
                let mut answer = None;
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    if Q::FIELDS.contains(&&*key.0) && answer.is_none() {
                        answer = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Data { answer, question: PhantomData })
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}
