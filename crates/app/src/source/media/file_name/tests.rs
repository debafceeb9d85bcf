//! Names as strangers give them.

use super::*;

fn header(text: &str) -> Option<String> {
    of_headers(&HeaderMap::from_iter([(CONTENT_DISPOSITION, HeaderValue::from_bytes(text.as_bytes()).unwrap())]))
}

#[test]
fn the_name_of_an_answer_is_found() {
    assert_eq!(header("attachment; filename=\"offer v2.pdf\"").as_deref(), Some("offer v2.pdf"));
    assert_eq!(header("ATTACHMENT ; FileName = plain.txt").as_deref(), Some("plain.txt"));
    assert_eq!(header("inline; filename=\"a\\\"b;c.txt\"").as_deref(), Some("a_b;c.txt"));
    let both = "attachment; filename=\"old.txt\"; filename*=UTF-8'en'%E2%82%AC%20rates.txt";
    assert_eq!(header(both).as_deref(), Some("€ rates.txt"));
    assert_eq!(header("attachment; filename*=latin1''x; filename=y").as_deref(), Some("y"));
    assert_eq!(header("attachment; filename=\"Zeugnis für Olga.pdf\"").as_deref(), Some("Zeugnis für Olga.pdf"));
    assert_eq!(header("attachment; filename*=UTF-8''..%2f..%2fetc%2fpasswd").as_deref(), Some("passwd"));
    for none in ["attachment", "attachment; filename=", "attachment; filename=\"\"", ";;;=\"", "filename"] {
        assert_eq!(header(none), None, "{none}");
    }
}

#[test]
fn a_name_keeps_what_is_harmless() {
    for name in ["report.pdf", "Résumé – final (2).docx", "日本語.png", "archive.tar.gz", "no ending", "a;b,c.txt"]
    {
        assert_eq!(safe_file_name(name), name);
    }
}

#[test]
fn a_long_name_keeps_its_ending_and_whole_letters() {
    let name = safe_file_name(&format!("{}.pdf", "é".repeat(5_000)));
    assert!(name.len() <= FILE_NAME_MAX && name.ends_with("é.pdf"), "{name}");
    assert!(safe_file_name(&"x".repeat(100_000)).len() == FILE_NAME_MAX);
    let ending = safe_file_name(&format!("a.{}", "b".repeat(5_000)));
    assert!(ending.len() == FILE_NAME_MAX && ending.starts_with("a.b"));
}
