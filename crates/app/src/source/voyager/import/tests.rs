//! Tables of imports, friendly and hostile. Every value is invented.

use super::*;

const TOKEN: &str = "ajax:0000000000000000042";

fn bash() -> String {
    format!(
        "curl 'https://www.linkedin.com/voyager/api/me' \\\n  -H 'accept: application/json' \\\n  -H 'accept-language: \
         en-GB,en;q=0.8' \\\n  -b $'li_at=AQEDtest\\u0021; JSESSIONID=\"{TOKEN}\"; g_state={{\"i_l\":0}}; __cf_bm=x' \\\n  \
         -H 'sec-ch-ua: \"Invented\";v=\"1\"' -H 'sec-ch-ua-mobile: ?0' -H 'sec-ch-ua-platform: \"Linux\"' \\\n  \
         -H 'user-agent: Mozilla/5.0 (Invented)' \\\n  -H 'x-li-lang: en_US' \\\n  -H 'x-li-page-instance: \
         urn:li:page:messaging_index;abc' \\\n  -H $'x-li-track: {{\"mpName\":\"voyager-web\",\"timezone\":\"It\\'s\"}}' \
         --compressed"
    )
}

fn windows() -> String {
    format!(
        "curl ^\"https://www.linkedin.com/voyager/api/me?x=^%^28^\" ^\r\n  -H ^\"accept: application/json^\" ^\r\n  -b \
         ^\"li_at=AQEDtest; JSESSIONID=^\\^\"{TOKEN}^\\^\"; lidc=x^\" ^\r\n  -H ^\"user-agent: Mozilla/5.0 (Invented)^\" \
         ^\r\n  -H ^\"sec-ch-ua-platform: ^\\^\"Windows^\\^\"^\" ^\r\n  --compressed"
    )
}

#[test]
fn row_40_every_form_gives_the_same_cookies_and_none_of_another_site() {
    let quoted = format!("\"{TOKEN}\"");
    let tab = "\t";
    let forms = [
        format!("li_at=AQEDtest; JSESSIONID={quoted}"),
        format!("Cookie: li_at=AQEDtest; JSESSIONID={quoted}; g_state={{\"i_l\":0}}\r\n"),
        format!("\u{feff}cookie:JSESSIONID={quoted};li_at=AQEDtest;"),
        format!(
            "# Netscape HTTP Cookie File\n\n#HttpOnly_.linkedin.com{tab}TRUE{tab}/{tab}TRUE{tab}0{tab}li_at{tab}AQEDtest\r\n\
             .www.linkedin.com{tab}TRUE{tab}/{tab}TRUE{tab}0{tab}JSESSIONID{tab}{quoted}\n\
             .evil.test{tab}TRUE{tab}/{tab}TRUE{tab}0{tab}li_at{tab}stolen\n"
        ),
        format!(
            "[{{\"name\":\"li_at\",\"value\":\"AQEDtest\",\"domain\":\".linkedin.com\",\"secure\":true}},\
             {{\"name\":\"JSESSIONID\",\"value\":\"\\\"{TOKEN}\\\"\",\"domain\":\".www.linkedin.com\"}},\
             {{\"name\":\"li_at\",\"value\":\"stolen\",\"domain\":\"evil.test\"}},\
             {{\"name\":\"li_at\",\"value\":\"stolen\",\"domain\":\"linkedin.com.evil.test\"}}]"
        ),
        format!(
            "{{\"cookies\":[{{\"name\":\"li_at\",\"value\":\"AQEDtest\"}},\
             {{\"name\":\"JSESSIONID\",\"value\":\"\\\"{TOKEN}\\\"\"}}]}}"
        ),
        windows(),
        format!(
            "curl \"https://www.linkedin.com/x\" ^\n -H \"cookie: li_at=AQEDtest; JSESSIONID=\"\"{TOKEN}\"\"\" ^\n"
        ),
        format!("curl --header=\"Cookie: li_at=AQEDtest; JSESSIONID=\\\"{TOKEN}\\\"\" https://www.linkedin.com/"),
    ];
    for form in forms {
        let session = Session::import(&form).unwrap_or_else(|error| panic!("{error}: {form}"));
        assert_eq!(session.cookies.get("li_at"), Some("AQEDtest"), "{form}");
        assert_eq!(session.cookies.get("JSESSIONID"), Some(quoted.as_str()), "{form}");
        assert_eq!(session.cookies.csrf_token().as_deref(), Some(TOKEN), "{form}");
        assert_eq!(session.cookies.get("g_state"), None, "{form}");
    }
}

#[test]
fn a_copied_request_brings_its_browser_along() {
    let session = Session::import(&bash()).unwrap();
    assert_eq!(session.cookies.get("li_at"), Some("AQEDtest!"));
    assert_eq!((session.cookies.get("__cf_bm"), session.cookies.len()), (None, 2));
    let browser = &session.browser;
    assert_eq!(browser.user_agent.as_deref(), Some("Mozilla/5.0 (Invented)"));
    assert_eq!(browser.sec_ch_ua.as_deref(), Some("\"Invented\";v=\"1\""));
    assert_eq!(browser.sec_ch_ua_mobile.as_deref(), Some("?0"));
    assert_eq!(browser.accept_language.as_deref(), Some("en-GB,en;q=0.8"));
    assert_eq!(browser.x_li_track.as_deref(), Some("{\"mpName\":\"voyager-web\",\"timezone\":\"It's\"}"));
    assert_eq!(browser.x_li_page_instance.as_deref(), Some("urn:li:page:messaging_index;abc"));
    let other = Session::import(&windows()).unwrap();
    assert_eq!(other.browser.sec_ch_ua_platform.as_deref(), Some("\"Windows\""));
    assert_eq!(other.browser.user_agent.as_deref(), Some("Mozilla/5.0 (Invented)"));
}

#[test]
fn row_40_an_unquoted_secret_is_kept_as_it_came() {
    let session = Session::import(&format!("li_at=AQEDtest; JSESSIONID={TOKEN}")).unwrap();
    assert_eq!(session.cookies.get("JSESSIONID"), Some(TOKEN));
}

#[test]
fn row_40_hostile_and_broken_imports_are_refused_and_not_repeated() {
    let huge = format!("li_at={}; JSESSIONID=ajax:1", "SECRET".repeat(20_000));
    let vast = "SECRET=1; ".repeat(60_000);
    let many: String = (0..300).map(|number| format!("c{number}=SECRET; ")).collect();
    let cases = [
        ("", "nothing to import"),
        ("  \n ", "nothing to import"),
        ("SECRET", "no form that is understood"),
        ("Invoke-WebRequest -Uri SECRET", "no form that is understood"),
        ("li_at=SECRET", "missing JSESSIONID"),
        ("JSESSIONID=\"ajax:SECRET\"", "missing li_at"),
        ("bcookie=SECRET", "missing li_at and JSESSIONID"),
        ("li_at=SECRET; JSESSIONID=\"\"", "missing JSESSIONID"),
        ("li_at=delete me; JSESSIONID=SECRET", "missing li_at"),
        ("li_at=SECRET\r\nX-Evil: 1; JSESSIONID=ajax:1", "the cookie li_at contains a line end"),
        ("li_at=SEC\0RET; JSESSIONID=ajax:1", "control character"),
        ("li_at=SECRÉT; JSESSIONID=ajax:1", "not ASCII"),
        ("li_at=SECRET; JSESSIONID=ajax:1; SECRET", "not of the form name=value"),
        (huge.as_str(), "the cookie li_at is larger"),
        (vast.as_str(), "the text is larger"),
        (many.as_str(), "the cookie of another name is larger"),
        ("[{\"name\":\"li_at\",\"value\":\"SECRET\"", "not JSON"),
        ("[{\"name\":\"li_at\",\"value\":{\"SECRET\":1}}]", "not a list of cookies"),
        ("[{\"name\":\"li_at\",\"value\":\"SEC;RET\"}]", "malformed"),
        ("[{\"name\":\"li_at\",\"value\":\"SECRET\",\"domain\":\"evil.test\"}]", "missing li_at and JSESSIONID"),
        ("# Netscape HTTP Cookie File\n.linkedin.com\tTRUE\tSECRET", "fewer than 7 fields"),
        ("curl 'https://evil.test/SECRET' -b 'li_at=SECRET; JSESSIONID=ajax:1'", "went to another site"),
        ("curl 'https://www.linkedin.com/' -b 'li_at=SECRET", "a quote is not closed"),
        ("curl 'https://www.linkedin.com/' -b", "ends after an option"),
        ("curl 'https://www.linkedin.com/' -b SECRET.txt", "in a file"),
        ("curl 'https://www.linkedin.com/' -b $'li_at=SEC\\r\\nRET; JSESSIONID=ajax:1'", "line end"),
        ("curl 'https://www.linkedin.com/' -H $'user-agent: SEC\\nRET' -b 'li_at=a; JSESSIONID=b'", "line end"),
    ];
    for (text, expected) in cases {
        let error = Session::import(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{text:.80}: {error}");
        assert!(!error.contains("SEC"), "{error}");
    }
}

#[test]
fn row_40_a_file_tells_when_its_login_ends_and_a_request_does_not() {
    use threadkeep_core::time::Timestamp;
    let at = Some(Timestamp(1_795_359_600_000));
    let netscape = |login: &str, other: &str| {
        format!(
            ".linkedin.com\tTRUE\t/\tTRUE\t{login}\tli_at\tAQEDtest\n\
             .linkedin.com\tTRUE\t/\tTRUE\t{other}\tJSESSIONID\tajax:1\n"
        )
    };
    let json = |end: &str| {
        format!(
            "[{{\"name\":\"li_at\",\"value\":\"AQEDtest\"{end}}},\
             {{\"name\":\"JSESSIONID\",\"value\":\"ajax:1\",\"expirationDate\":1895359600}}]"
        )
    };
    let cases = [
        (netscape("1795359600", "0"), at),
        (netscape("0", "1795359600"), None),
        (netscape("-1", "1795359600"), None),
        (netscape("TRUE", "x"), None),
        (netscape("99999999999999999999999999", "0"), None),
        (json(",\"expirationDate\":1795359600.5"), at),
        (json(",\"expires\":\"Sun, 22 Nov 2026 15:00:00 GMT\""), at),
        (json(",\"expires\":-1,\"expiry\":1795359600"), at),
        (json(",\"Expires raw\":\"1795359600\""), at),
        (json(",\"expirationDate\":{\"a\":[1]},\"session\":true"), None),
        (json(""), None),
        (format!("li_at=AQEDtest; JSESSIONID={TOKEN}"), None),
        (bash(), None),
        (netscape("1795359600", "0") + ".linkedin.com\tTRUE\t/\tTRUE\t9\tli_at\tdelete me\n", at),
    ];
    for (text, expected) in cases {
        let session = Session::import(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(session.login_expires_at(), expected, "{text}");
        let stored = Session::from_secret_bytes(&session.to_secret_bytes().unwrap()).unwrap();
        assert_eq!(stored.login_expires_at(), expected, "{text}");
    }
}
