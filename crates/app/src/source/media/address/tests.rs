//! Which texts are addresses of attachments. The rows of bad input are in `tests/it/media_rows.rs`.

use super::*;

fn asked(text: &str) -> String {
    MediaAddress::parse(text).unwrap().at(None).as_str().to_owned()
}

#[test]
fn every_named_host_is_known_and_only_linkedins_own_gets_cookies() {
    let session = MediaAddress::parse("https://www.linkedin.com/dms/prv/image/v2/A/x/0/1?m=a").unwrap();
    assert!(session.needs_cookies() && session.is_linkedin());
    for host in LICDN_HOSTS {
        let address = MediaAddress::parse(&format!("https://{host}/dms/image/v2/A?e=1")).unwrap();
        assert!(!address.needs_cookies() && address.is_linkedin(), "{host}");
    }
    for host in GIF_HOSTS {
        let address = MediaAddress::parse(&format!("https://{host}/AbC/x.gif")).unwrap();
        assert!(!address.needs_cookies() && !address.is_linkedin(), "{host}");
    }
}

#[test]
fn a_query_stays_as_it_is_byte_for_byte() {
    // All that may stand in a query, in no order, with both cases of escapes, empty names and repeated ones.
    let odd = "https://media.licdn.com/dms/image/v2/D4E%2fx+y/a%20b?v=beta&t=Z-_~.!*()&m=%2F%2fa%3D%3d&&=&a=&a&ne=1\
               &t=again&x=1+2%20%zz%&u=@:/?;,$|{}[]^`\\";
    assert_eq!(asked(odd), odd);
    // A fragment never travels, and what no request line can carry travels as browsers write it.
    assert_eq!(asked("https://media.licdn.com/a?b=1#c"), "https://media.licdn.com/a?b=1");
    assert_eq!(asked("https://media.licdn.com/a?b=\"'<>ü"), "https://media.licdn.com/a?b=%22%27%3C%3E%C3%BC");
    assert_eq!(asked("https://media.licdn.com/a?"), "https://media.licdn.com/a?");
}

#[test]
fn another_place_gets_the_same_path_and_query() {
    let address = MediaAddress::parse("https://www.linkedin.com/dms/prv/x?b=%2f&a=1").unwrap();
    let cases = [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/dms/prv/x?b=%2f&a=1"),
        ("http://[::1]:9/", "http://[::1]:9/dms/prv/x?b=%2f&a=1"),
        ("https://mirror.example:8443", "https://mirror.example:8443/dms/prv/x?b=%2f&a=1"),
        ("http://localhost", "http://localhost/dms/prv/x?b=%2f&a=1"),
    ];
    for (place, expected) in cases {
        assert_eq!(address.at(Some(&Upstream::parse(place).unwrap())).as_str(), expected);
    }
}

#[test]
fn nothing_leads_out_of_the_media_of_the_main_host() {
    let outside = [
        "https://www.linkedin.com/voyager/api/me",
        "https://www.linkedin.com/dms",
        "https://www.linkedin.com/dms/../voyager/api/me",
        "https://www.linkedin.com/dms/%2e%2e/voyager/api/me",
        "https://www.linkedin.com/dms/.%2E/voyager/api/me",
        "https://www.linkedin.com/dms/..%2fvoyager/api/me",
        "https://www.linkedin.com/dms/..%5Cvoyager/api/me",
        "https://www.linkedin.com/dms/%252e%252e/voyager/api/me",
        "https://www.linkedin.com/dms/x/..;/..;/voyager/api/me",
        "https://www.linkedin.com/dms/%25252525252e./x",
        "https://www.linkedin.com/DMS/prv/x",
    ];
    for text in outside {
        assert_eq!(MediaAddress::parse(text), Err(MediaRefused::PathNotAllowed), "{text}");
    }
    assert!(MediaAddress::parse("https://www.linkedin.com/dms/prv/a..b/c%2Fd/..e").is_ok());
}

#[test]
fn an_address_shows_no_token_and_has_a_longest_form() {
    let address = MediaAddress::parse("https://media.licdn.com/a?t=s3cret").unwrap();
    assert_eq!(format!("{address:?}"), "MediaAddress { host: Some(\"media.licdn.com\"), .. }");
    let start = "https://media.licdn.com/";
    let longest = format!("{start}{}", "a".repeat(URL_MAX - start.len()));
    assert!(MediaAddress::parse(&longest).is_ok());
    assert_eq!(MediaAddress::parse(&format!("{longest}a")), Err(MediaRefused::TooLong));
    assert_eq!(MediaAddress::parse(&longest.repeat(100)), Err(MediaRefused::TooLong));
    // It grows beyond the limit only when it is written out.
    assert_eq!(MediaAddress::parse(&format!("{start}{}", "\"".repeat(1_000))), Err(MediaRefused::TooLong));
}
