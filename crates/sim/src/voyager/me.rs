//! The member's own profile, `GET /voyager/api/me`, in both forms (upstream protocol 1.4).
//!
//! It answers as long as the session lives; it proves nothing about messaging.

use crate::world::World;
use crate::world::links::{self, PICTURE_ROOT};
use crate::world::model::{Person, PersonKind};

use super::json::{Json, Member};
use super::writer::{Form, member};

const MINI_PROFILE: &str = "com.linkedin.voyager.identity.shared.MiniProfile";
/// The only size in which the own picture comes.
const PICTURE_SIDE: i64 = 100;
const VECTOR_IMAGE: &str = "com.linkedin.common.VectorImage";

/// The answer for the owner of a session.
pub fn me(world: &World, owner: &str, form: Form) -> Json<'static> {
    let person = world.people.get(owner);
    let number = person.map_or(0, |person| i64::try_from(person.number).unwrap_or(0));
    let urn = format!("urn:li:fs_miniProfile:{owner}");
    let mut profile = mini_profile(world, owner, form, &urn);
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

fn mini_profile(world: &World, owner: &str, form: Form, urn: &str) -> Vec<Member<'static>> {
    let person = world.people.get(owner);
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
        member("picture", picture(world, owner, form)),
        member("backgroundImage", Json::Null),
    ]
}

fn picture(world: &World, owner: &str, form: Form) -> Json<'static> {
    let root = links::picture_root(owner, PersonKind::Member.picture_recipe());
    let tail = links::picture_size(PICTURE_SIDE);
    let path = format!("{root}{tail}");
    let artifact = Json::Object(vec![
        member("width", PICTURE_SIDE),
        member("height", PICTURE_SIDE),
        member("fileIdentifyingUrlPathSegment", format!("{tail}?{}", world.links.picture_query(&path))),
        member("expiresAt", world.links.picture_expires_ms(&path)),
    ]);
    let mut image =
        vec![member("rootUrl", format!("{PICTURE_ROOT}{root}")), member("artifacts", Json::List(vec![artifact]))];
    match form {
        Form::Graphql => Json::Object(vec![member(VECTOR_IMAGE, Json::Object(image))]),
        Form::Normalized => {
            image.push(member("$type", VECTOR_IMAGE));
            Json::Object(image)
        }
    }
}
