//! The member whose session it is (upstream protocol 1.4).
//!
//! The profile id decides which account a session belongs to; an answer without one is no answer.

use serde_json::Value;
use threadkeep_core::id::PersonId;
use threadkeep_core::page::Trouble;

/// The member whose session it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// The profile id; the mailbox.
    pub id: PersonId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The name in the member's public address.
    pub public_id: Option<String>,
    /// Headline.
    pub occupation: Option<String>,
    /// Link to the picture; temporary.
    pub picture_url: Option<String>,
    /// Whether the account is a paid one.
    pub premium: bool,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Member(…)")
    }
}

/// Reads the answer of `/voyager/api/me`, plain or normalized.
pub fn parse_me(body: &[u8]) -> Result<Member, Trouble> {
    let value: Value = serde_json::from_slice(body).map_err(|_| unreadable("it is not JSON"))?;
    let profile = profile(&value).ok_or_else(|| unreadable("it has no profile"))?;
    let urn = ["dashEntityUrn", "entityUrn"].into_iter().find_map(|key| profile.get(key)?.as_str());
    let id = urn.and_then(|urn| PersonId::parse(urn).ok()).filter(PersonId::is_profile);
    let text = |key: &str| profile.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let premium = [Some(&value), value.get("data")].into_iter().flatten().find_map(|at| at.get("premiumSubscriber"));
    Ok(Member {
        id: id.ok_or_else(|| unreadable("it has no profile id"))?,
        first_name: text("firstName").unwrap_or_default().to_owned(),
        last_name: text("lastName").unwrap_or_default().to_owned(),
        public_id: text("publicIdentifier").map(str::to_owned),
        occupation: text("occupation").map(str::to_owned),
        picture_url: profile.get("picture").and_then(picture),
        premium: premium.and_then(Value::as_bool).unwrap_or(false),
    })
}

/// In the normalized form the profile is one of the included objects, named by `data`.
fn profile(value: &Value) -> Option<&Value> {
    if let Some(profile) = value.get("miniProfile").filter(|profile| profile.is_object()) {
        return Some(profile);
    }
    let wanted = value.get("data")?.get("*miniProfile").and_then(Value::as_str);
    let included = value.get("included")?.as_array()?;
    let is_wanted = |one: &&Value| one.get("entityUrn").and_then(Value::as_str) == wanted;
    let is_profile =
        |one: &&Value| one.get("$type").and_then(Value::as_str).is_some_and(|name| name.ends_with(".MiniProfile"));
    match wanted {
        Some(_) => included.iter().find(is_wanted),
        None => included.iter().find(is_profile),
    }
}

fn picture(picture: &Value) -> Option<String> {
    let image = picture.get("com.linkedin.common.VectorImage").unwrap_or(picture);
    let root = image.get("rootUrl")?.as_str()?;
    let sizes = image.get("artifacts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let largest = sizes.iter().max_by_key(|size| size.get("width").and_then(Value::as_i64));
    let segment = largest.and_then(|size| size.get("fileIdentifyingUrlPathSegment")?.as_str());
    Some(format!("{root}{}", segment.unwrap_or_default()))
}

fn unreadable(what: &str) -> Trouble {
    Trouble::Unreadable { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &str = r#"{"rootUrl":"https://media.invalid/","artifacts":[
        {"width":400,"fileIdentifyingUrlPathSegment":"400"},{"width":100,"fileIdentifyingUrlPathSegment":"100"}]}"#;

    #[test]
    fn both_forms_name_the_same_member() {
        let mini = |picture: &str| {
            format!(
                r#"{{"$type":"com.linkedin.voyager.identity.shared.MiniProfile","firstName":"Olga","lastName":"Test",
                "publicIdentifier":"olga-test","entityUrn":"urn:li:fs_miniProfile:ACoAAOlga",
                "dashEntityUrn":"urn:li:fsd_profile:ACoAAOlga","picture":{picture}}}"#
            )
        };
        let plain = format!(
            r#"{{"plainId":7,"premiumSubscriber":true,"miniProfile":{}}}"#,
            mini(&format!(r#"{{"com.linkedin.common.VectorImage":{PICTURE}}}"#))
        );
        let normalized = format!(
            r#"{{"data":{{"plainId":7,"premiumSubscriber":true,"*miniProfile":"urn:li:fs_miniProfile:ACoAAOlga"}},
            "included":[{{"entityUrn":"urn:li:other:1"}},{}]}}"#,
            mini(PICTURE)
        );
        let member = parse_me(plain.as_bytes()).unwrap();
        assert_eq!((member.id.as_str(), member.public_id.as_deref()), ("ACoAAOlga", Some("olga-test")));
        assert_eq!((member.first_name.as_str(), member.last_name.as_str(), member.premium), ("Olga", "Test", true));
        assert_eq!(member.picture_url.as_deref(), Some("https://media.invalid/400"));
        assert!(parse_me(normalized.as_bytes()).unwrap() == member);
        assert_eq!(format!("{member:?}"), "Member(…)");
    }

    #[test]
    fn an_answer_without_a_profile_is_none() {
        let cases = [
            "",
            "{}",
            r#"{"status":401}"#,
            r#"{"miniProfile":{"firstName":"Olga"}}"#,
            r#"{"miniProfile":{"dashEntityUrn":"urn:li:fsd_company:12"}}"#,
            r#"{"data":{"*miniProfile":"urn:li:fs_miniProfile:A"},"included":[]}"#,
        ];
        for body in cases {
            assert!(matches!(parse_me(body.as_bytes()), Err(Trouble::Unreadable { .. })), "{body}");
        }
    }
}
