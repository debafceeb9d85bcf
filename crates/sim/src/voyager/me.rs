//! The member's own profile, `GET /voyager/api/me`, in both forms (upstream protocol 1.4).
//!
//! It answers as long as the session lives; it proves nothing about messaging.

use crate::chance::stable_hash;
use crate::world::World;
use crate::world::model::Person;

use super::json::{Json, Member};
use super::writer::{Form, member};

const MINI_PROFILE: &str = "com.linkedin.voyager.identity.shared.MiniProfile";
const VECTOR_IMAGE: &str = "com.linkedin.common.VectorImage";

/// The answer for the owner of a session.
pub fn me(world: &World, owner: &str, form: Form) -> Json<'static> {
    let person = world.people.get(owner);
    let number = person.map_or(0, |person| i64::try_from(person.number).unwrap_or(0));
    let urn = format!("urn:li:fs_miniProfile:{owner}");
    let mut profile = mini_profile(person, owner, form, &urn);
    match form {
        Form::Graphql => Json::Object(vec![
            member("plainId", number),
            member("premiumSubscriber", false),
            member("publicContactInfo", Json::Object(Vec::new())),
            member("miniProfile", Json::Object(profile)),
        ]),
        Form::Normalized => {
            profile.push(member("$type", MINI_PROFILE));
            let data = vec![
                member("plainId", number),
                member("premiumSubscriber", false),
                member("*miniProfile", urn),
                member("$type", "com.linkedin.voyager.common.Me"),
            ];
            let included = Json::List(vec![Json::Object(profile)]);
            Json::Object(vec![member("data", Json::Object(data)), member("included", included)])
        }
    }
}

fn mini_profile(person: Option<&Person>, owner: &str, form: Form, urn: &str) -> Vec<Member<'static>> {
    let text = |pick: fn(&Person) -> &str| person.map(pick).unwrap_or_default().to_owned();
    let number = person.map_or(0, |person| person.number);
    let headline = person.and_then(|person| person.headline.clone()).unwrap_or_default();
    vec![
        member("firstName", text(|person| &person.first_name)),
        member("lastName", text(|person| &person.last_name)),
        member("occupation", headline),
        member("publicIdentifier", text(|person| &person.public_id)),
        member("memorialized", false),
        member("trackingId", "c2ltdWxhdGVkdHJhY2tpbg=="),
        member("entityUrn", urn.to_owned()),
        member("dashEntityUrn", format!("urn:li:fsd_profile:{owner}")),
        member("objectUrn", format!("urn:li:member:{number}")),
        member("picture", picture(owner, form)),
        member("backgroundImage", Json::Null),
    ]
}

fn picture(owner: &str, form: Form) -> Json<'static> {
    let asset = format!("D4E03{:016x}", stable_hash(owner));
    let root = format!("https://media.licdn.com/dms/image/v2/{asset}/profile-displayphoto-shrink_");
    let artifact = Json::Object(vec![
        member("width", 100_i64),
        member("height", 100_i64),
        member("fileIdentifyingUrlPathSegment", "100_100/0/1700000000000?e=2000000000&v=beta&t=sim"),
        member("expiresAt", 2_000_000_000_000_i64),
    ]);
    let mut image = vec![member("rootUrl", root), member("artifacts", Json::List(vec![artifact]))];
    match form {
        Form::Graphql => Json::Object(vec![member(VECTOR_IMAGE, Json::Object(image))]),
        Form::Normalized => {
            image.push(member("$type", VECTOR_IMAGE));
            Json::Object(image)
        }
    }
}
