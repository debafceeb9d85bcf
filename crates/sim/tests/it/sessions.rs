//! Sessions: what lets a client in, how cookies rotate, how a session dies, and that credentials bring it back.

use serde_json::json;
use threadkeep_sim::Outcome;

use super::client::{Client, NORMALIZED, read, text};

const ME: &str = "/voyager/api/me";

#[test]
fn the_own_profile_comes_in_both_forms() {
    let mut client = Client::generated(1, 1.0);
    let plain = read(&client.get(ME));
    assert_eq!(plain["miniProfile"]["dashEntityUrn"], client.mailbox);
    client.accept = NORMALIZED;
    let normalized = read(&client.get(ME));
    assert_eq!(normalized["data"]["*miniProfile"], normalized["included"][0]["entityUrn"]);
    assert_eq!(normalized["included"][0]["dashEntityUrn"], client.mailbox);
}

#[test]
fn the_token_must_equal_the_cookie_without_its_quotes() {
    let mut client = Client::generated(1, 1.0);
    let (login, session) = (client.login.clone(), client.session.clone());
    let quoted = format!("\"{session}\"");
    let cases = [
        (format!("li_at={login}; JSESSIONID=\"{session}\""), session.clone(), 200),
        (format!("li_at={login}; JSESSIONID=\"\\\"{session}\\\"\""), session.clone(), 200),
        (format!("JSESSIONID={session}; li_at={login}"), session.clone(), 200),
        (format!("li_at={login}; JSESSIONID=\"{session}\""), quoted, 403),
        (format!("li_at={login}; JSESSIONID=\"{session}\""), "ajax:1".to_owned(), 403),
        (format!("li_at={login}; JSESSIONID=\"ajax:1\""), "ajax:1".to_owned(), 403),
        (format!("li_at={login}"), session.clone(), 403),
        (format!("li_at=AQEDother; JSESSIONID=\"{session}\""), session.clone(), 302),
        (format!("JSESSIONID=\"{session}\""), session.clone(), 302),
    ];
    for (cookie, csrf, status) in cases {
        let request = threadkeep_sim::Request::get(ME).header("cookie", &cookie).header("csrf-token", &csrf);
        let Outcome::Answer(answer) = client.send(&request) else { panic!() };
        assert_eq!(answer.status, status);
        if status == 403 {
            assert_eq!(answer.body, b"CSRF check failed.");
        }
    }
}

#[test]
fn after_a_rotation_only_the_new_token_is_good() {
    for (overlap, old_status) in [(false, 403), (true, 200)] {
        let mut client = Client::generated(1, 1.0);
        client.set_faults(json!({"rotate_session_cookie": {"at": [1], "overlap": overlap}}));
        let answer = client.get(ME);
        let cookie = &answer.headers.iter().find(|(name, _)| name == "set-cookie").unwrap().1;
        assert_eq!(client.get(ME).status, old_status);
        client.session = cookie.split('"').nth(1).unwrap().to_owned();
        assert_eq!(client.get(ME).status, 200);
        let (_, credentials) = client.control("GET", "/_sim/credentials", "");
        assert!(text(&credentials[0]["cookie"]).contains(&client.session));
    }
}

#[test]
fn other_cookies_rotate_without_harm() {
    let mut client = Client::generated(1, 1.0);
    client.set_faults(json!({"rotate_routing_cookie": {"at": [1]}, "rotate_login_cookie": {"at": [2]}}));
    let routing = client.get(ME);
    assert!(routing.headers.iter().any(|(_, value)| value.starts_with("lidc=")));
    let login = client.get(ME);
    let value = login.headers.iter().find_map(|(_, value)| value.strip_prefix("li_at=")).unwrap().to_owned();
    assert_eq!(client.get(ME).status, 200, "the old one stays good");
    client.login = value.split(';').next().unwrap().to_owned();
    assert_eq!(client.get(ME).status, 200);
}

#[test]
fn every_form_of_a_dead_session_shows_and_lasts_until_a_new_login() {
    let forms =
        [("revoked_redirect", 302, 401), ("unauthorized", 401, 401), ("html_wall", 200, 200), ("checkpoint", 302, 302)];
    for (form, first, later) in forms {
        let mut client = Client::generated(1, 1.0);
        client.set_faults(json!({form: {"at": [2]}}));
        assert_eq!(client.get(ME).status, 200);
        let dead = client.get(ME);
        assert_eq!(dead.status, first, "{form}");
        let deletes = dead.headers.iter().any(|(_, value)| value.starts_with("li_at=delete me"));
        assert_eq!(deletes, form == "revoked_redirect");
        assert_eq!(dead.body.starts_with(b"<"), form == "html_wall");
        assert_eq!(client.get(ME).status, later, "{form}");
        let old = client.login.clone();
        client.log_in();
        assert_ne!(client.login, old);
        assert_eq!(client.get(ME).status, 200);
    }
}

#[test]
fn a_session_survives_when_the_fault_says_so() {
    let mut client = Client::generated(1, 1.0);
    client.set_faults(json!({"unauthorized": {"at": [1], "dead_session_kills": false}, "csrf_failed": {"at": [2]}}));
    let statuses: Vec<u16> = (0..3).map(|_| client.get(ME).status).collect();
    assert_eq!(statuses, [401, 403, 200]);
}

#[test]
fn a_passing_csrf_failure_never_comes_twice_in_a_row() {
    let mut client = Client::generated(1, 1.0);
    client.set_faults(json!({"csrf_failed": {"rate": 0.8}}));
    let statuses: Vec<u16> = (0..200).map(|_| client.get(ME).status).collect();
    assert!(statuses.contains(&403) && statuses.windows(2).all(|two| two != [403, 403]));
    client.set_faults(json!({"csrf_failed": {"at": [1], "burst": 3}}));
    let statuses: Vec<u16> = (0..4).map(|_| client.get(ME).status).collect();
    assert_eq!(statuses, [403, 403, 403, 200]);
}

#[test]
fn a_tester_can_end_a_session() {
    let mut client = Client::generated(1, 1.0);
    let body = json!({"account": client.mailbox, "form": "checkpoint"}).to_string();
    assert_eq!(client.control("POST", "/_sim/kill_session", &body), (200, json!({"killed": 1})));
    assert_eq!(client.get(ME).status, 302);
    client.log_in();
    assert_eq!(client.get(ME).status, 200);
}

#[test]
fn another_browser_kills_the_session_a_little_later() {
    let mut client = Client::generated(1, 1.0);
    client.set_switches(json!({"browser_binding": "first_use", "browser_grace_ms": 50}));
    let with = |client: &mut Client, agent: &str| {
        let request = client.request(ME).header("user-agent", agent);
        let Outcome::Answer(answer) = client.send(&request) else { panic!() };
        answer.status
    };
    assert_eq!(with(&mut client, "one"), 200);
    client.now_ms += 1_000;
    assert_eq!(with(&mut client, "one"), 200);
    assert_eq!(with(&mut client, "other"), 200);
    client.now_ms += 100;
    assert_eq!(with(&mut client, "one"), 302);
    assert_eq!(with(&mut client, "one"), 401);
}

#[test]
fn unknown_sessions_show_as_the_switch_says() {
    let forms =
        [("revoked_redirect", 302), ("unauthorized", 401), ("html_wall", 200), ("checkpoint", 302), ("bot_wall", 999)];
    for (form, status) in forms {
        let mut client = Client::generated(1, 1.0);
        client.set_switches(json!({"unknown_session": form}));
        client.login = "AQEDunknown".to_owned();
        assert_eq!(client.get(ME).status, status, "{form}");
    }
}
