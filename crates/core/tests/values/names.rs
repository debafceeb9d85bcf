//! Names that are stored, told or searched by: none may change, and each is read back as what it was.

use threadkeep_core::event::EventKind;
use threadkeep_core::id::{AccountId, ConversationId, ID_LENGTH_MAX, InvalidId, MessageId, PersonId};
use threadkeep_core::message::{MessageChange, MessageFormat};
use threadkeep_core::person::PersonKind;
use threadkeep_core::sync::pace::Pace;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::sync::{FailureCode, Health, HoldReason};
use threadkeep_core::time::Timestamp;

use crate::fixture::{begin, message_id, person_id, thread};

#[test]
fn the_names_of_events_are_stable() {
    begin();
    let kinds = [
        (EventKind::ConversationCreated, "conversation.created"),
        (EventKind::ConversationUpdated, "conversation.updated"),
        (EventKind::ConversationDeleted, "conversation.deleted"),
        (MessageChange::Created.into(), "message.created"),
        (MessageChange::Edited.into(), "message.edited"),
        (MessageChange::Recalled.into(), "message.recalled"),
        (MessageChange::Deleted.into(), "message.deleted"),
        (MessageChange::Updated.into(), "message.updated"),
        (EventKind::AccountNeedsLogin, "account.needs_login"),
    ];
    for (kind, name) in kinds {
        assert_eq!(kind.as_str(), name);
    }
}

#[test]
fn what_is_stored_by_name_is_read_back() {
    begin();
    use Completeness::{Complete, EndUnproven, Listed, OutOfScope, Partial, SetAside};
    let names = ["listed", "partial", "complete", "end_unproven", "set_aside", "out_of_scope"];
    for (one, name) in [Listed, Partial, Complete, EndUnproven, SetAside, OutOfScope].into_iter().zip(names) {
        assert_eq!((one.as_str(), Completeness::from_name(name)), (name, Some(one)));
    }
    let names = ["connected", "needs_login", "challenged", "paused"];
    for (one, name) in
        [Health::Connected, Health::NeedsLogin, Health::Challenged, Health::Paused].into_iter().zip(names)
    {
        assert_eq!((one.as_str(), Health::from_name(name)), (name, Some(one)));
    }
    let names = ["rate_limited", "unavailable", "blocked"];
    for (one, name) in [HoldReason::RateLimited, HoldReason::Unavailable, HoldReason::Blocked].into_iter().zip(names) {
        assert_eq!((one.as_str(), HoldReason::from_name(name)), (name, Some(one)));
    }
    use PersonKind::{Agent, Custom, Member, Organization, Unknown};
    let names = ["member", "organization", "custom", "agent", "unknown"];
    for (one, name) in [Member, Organization, Custom, Agent, Unknown].into_iter().zip(names) {
        assert_eq!((one.as_str(), PersonKind::from_name(name)), (name, one));
    }
    for name in ["DEFAULT", "EDITED", "RECALLED", "SYSTEM", "WHATEVER"] {
        assert_eq!(MessageFormat::from(name.to_owned()).as_str(), name);
        assert_eq!(String::from(MessageFormat::from(name.to_owned())), name);
    }
    use MessageFormat::{Default, Edited, Other, Recalled, System};
    let formats = [Default, Edited, Recalled, System, Other("WHATEVER".into())];
    let names = ["DEFAULT", "EDITED", "RECALLED", "SYSTEM", "WHATEVER"];
    assert_eq!(names.map(|name| MessageFormat::from(name.to_owned())), formats);
    assert_eq!((Completeness::from_name("x"), Health::from_name(""), HoldReason::from_name("x")), (None, None, None));
}

#[test]
fn the_codes_of_failures_are_a_closed_set() {
    begin();
    let codes = [
        (FailureCode::NeedsLogin, "needs_login"),
        (FailureCode::Challenged, "challenged"),
        (FailureCode::UpstreamBlocked, "upstream_blocked"),
        (FailureCode::RateLimited, "rate_limited"),
        (FailureCode::UpstreamUnavailable, "upstream_unavailable"),
        (FailureCode::UpstreamUnreadable, "upstream_unreadable"),
        (FailureCode::UpstreamRefused, "upstream_refused"),
    ];
    for (code, name) in codes {
        assert_eq!(code.as_str(), name);
    }
}

#[test]
fn ids_have_a_length_and_an_alphabet() {
    begin();
    let longest = "a".repeat(ID_LENGTH_MAX);
    assert_eq!(MessageId::new(&longest).unwrap().as_str(), longest);
    assert_eq!(MessageId::new(&format!("{longest}a")), Err(InvalidId::TooLong));
    for allowed in ["2-a", "a_b", "a=", "a+b", "a/b", "Z9"] {
        assert!(ConversationId::new(allowed).is_ok(), "{allowed}");
    }
    for refused in ["a:b", "a(b", "a,b", "a.b", "a b", "é", "a%"] {
        assert_eq!(ConversationId::new(refused), Err(InvalidId::BadCharacter), "{refused}");
    }
    for allowed in ["fsd_company:12", "x(a,b)", "a.b", "ACoAA-_="] {
        assert!(PersonId::new(allowed).is_ok(), "{allowed}");
    }
    assert!(PersonId::new("a b").is_err() && PersonId::new("a%").is_err());
    assert!(AccountId::new("0123456789abcdef01234567").is_ok());
    assert!(AccountId::new("g").is_err() && AccountId::new("A").is_err() && AccountId::new("-").is_err());
    assert_eq!(AccountId::new(""), Err(InvalidId::Empty));
}

#[test]
fn urns_are_made_and_read_back() {
    let owner = person_id();
    let urn = "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAOlga,2-thread)";
    assert_eq!((thread().urn(&owner).as_str(), ConversationId::parse(urn).unwrap()), (urn, thread()));
    let urn = "urn:li:msg_message:(urn:li:fsd_profile:ACoAAOlga,2-m)";
    assert_eq!((message_id("m").urn(&owner).as_str(), MessageId::parse(urn).unwrap()), (urn, message_id("m")));
    assert_eq!(owner.urn(), "urn:li:fsd_profile:ACoAAOlga");
    for urn in ["urn:li:fsd_profile:ACoAAOlga", "urn:li:fs_miniProfile:ACoAAOlga", "ACoAAOlga"] {
        assert_eq!(PersonId::parse(urn).unwrap(), owner);
    }
    for kind in ["messagingThread", "fs_conversation", "fsd_conversation"] {
        assert_eq!(ConversationId::parse(&format!("urn:li:{kind}:2-thread")).unwrap(), thread());
    }
    assert_eq!(ConversationId::parse("urn:li:nothing"), Err(InvalidId::WrongKind));
    assert_eq!(MessageId::parse("urn:li:fs_event:(2-only)"), Err(InvalidId::WrongKind));
}

#[test]
fn ids_survive_being_stored_and_a_bad_one_is_refused() {
    let json = serde_json::to_string(&thread()).unwrap();
    assert_eq!((json.as_str(), serde_json::from_str(&json).ok()), ("\"2-thread\"", Some(thread())));
    assert!(serde_json::from_str::<ConversationId>("\"a b\"").is_err());
    assert_eq!(
        (thread().to_string(), format!("{:?}", thread())),
        ("2-thread".into(), "ConversationId(2-thread)".into())
    );
}

#[test]
fn times_stay_in_their_range() {
    begin();
    assert_eq!(Timestamp(5).plus_ms(-7), Timestamp(-2));
    assert_eq!(Timestamp(i64::MAX).plus_ms(1), Timestamp(i64::MAX));
    assert_eq!((Timestamp(5).since_ms(Timestamp(7)), Timestamp(7).since_ms(Timestamp(5))), (-2, 2));
    assert_eq!(Timestamp::from_upstream(253_402_300_799_999), Some(Timestamp(253_402_300_799_999)));
    assert_eq!(Timestamp::from_upstream(253_402_300_800_000), None);
}

#[test]
fn each_pace_waits_as_it_says() {
    begin();
    let minutes = |count: i64| count * 60_000;
    let waits = |pace: Pace| [pace.idle_ms(), pace.blocked_ms(), pace.retry_ms(1), pace.retry_ms(2), pace.retry_ms(99)];
    assert_eq!(waits(Pace::Polite), [minutes(1), minutes(24 * 60), 2_000, 4_000, minutes(5)]);
    assert_eq!(waits(Pace::Open), [1_000, 100, 5, 10, 200]);
    assert_eq!((Pace::Polite.gap_ms(0), Pace::Polite.gap_ms(2_500), Pace::Polite.gap_ms(2_501)), (1_500, 4_000, 1_500));
    assert_eq!(Pace::Open.gap_ms(7), 0);
    let limits = |pace: Pace| [1, 2, 3, 99].map(|count| pace.rate_limit_ms(count, None));
    assert_eq!(limits(Pace::Polite), [minutes(15), minutes(30), minutes(60), minutes(24 * 60)]);
    assert_eq!(limits(Pace::Open), [50, 100, 200, 2_000]);
    assert_eq!(Pace::Polite.rate_limit_ms(5, Some(1_000)), 1_000, "what is asked for is obeyed");
    assert_eq!(Pace::Polite.rate_limit_ms(1, Some(0)), 0);
    assert_eq!(Pace::Polite.rate_limit_ms(1, Some(i64::MAX)), minutes(24 * 60));
    assert_eq!(Pace::Polite.rate_limit_ms(2, Some(-1)), minutes(30));
    assert_eq!(Pace::Polite.rate_limit_ms(0, None), minutes(15));
}
