//! What bytes are taken for.

use super::*;

fn seen(bytes: &[u8]) -> (&'static str, bool) {
    let kind = MediaType::of(bytes);
    (kind.as_str(), kind.is_inline())
}

#[test]
fn raster_images_may_be_shown_and_nothing_else() {
    assert_eq!(seen(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ("image/png", true));
    assert_eq!(seen(b"\xff\xd8\xff\xe0\0\x10JFIF\0"), ("image/jpeg", true));
    assert_eq!(seen(b"GIF89a\x01\0\x01\0"), ("image/gif", true));
    assert_eq!(seen(b"RIFF\x24\0\0\0WEBPVP8 "), ("image/webp", true));
    // Only the whole beginning counts.
    assert_eq!(seen(b"\x89PNG\r\n\x1a\r\0\0\0\0"), ("application/octet-stream", false));
    assert_eq!(seen(b"GIFts for everybody"), ("text/plain", false));
    // A picture that a script follows is shown as the picture that it is.
    assert_eq!(seen(b"GIF89a/*<script>alert(1)</script>*/=1;"), ("image/gif", true));
    let avif = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B\0\0\0\0";
    assert_eq!(seen(avif), ("image/avif", false));
}

#[test]
fn documents_sound_and_films_keep_their_names() {
    assert_eq!(seen(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), ("application/pdf", false));
    assert_eq!(seen(b"PK\x03\x04\x14\0\0\0\x08\0"), ("application/zip", false));
    assert_eq!(seen(b"ID3\x04\0\0\0\0\0\0"), ("audio/mpeg", false));
    assert_eq!(seen(b"OggS\0\x02\0\0\0\0\0\0\0\0"), ("audio/ogg", false));
    assert_eq!(seen(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42"), ("video/mp4", false));
    assert_eq!(seen(b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0"), ("audio/mp4", false));
    assert_eq!(seen("Grüße,\r\n\tOlga".as_bytes()), ("text/plain", false));
    let cut = format!("{}ü", "a".repeat(TEXT_LOOK_MAX - 1));
    assert_eq!(seen(cut.as_bytes()), ("text/plain", false));
}

#[test]
fn what_a_browser_could_run_has_no_name() {
    let pages: [&[u8]; 9] = [
        b"<!DOCTYPE html><html><script>alert(1)</script>",
        b"\xef\xbb\xbf \r\n\t<HTML>",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        b"<?xml version=\"1.0\"?><svg/>",
        b"<script>alert(1)</script>",
        b"<!-- x --><b>",
        b"\xff\xfe<\0h\0t\0m\0l\0>\0",
        b"#!/bin/sh\necho",
        b"MZ\x90\0\x03\0\0\0",
    ];
    for page in pages {
        assert_eq!(seen(page), ("application/octet-stream", false), "{page:?}");
    }
    assert_eq!(seen(b"1 < 2 and <3"), ("text/plain", false));
    assert_eq!(seen(b"text\0with zero"), ("application/octet-stream", false));
    assert_eq!(seen(b"\xff\xfe\xfd"), ("application/octet-stream", false));
}

#[test]
fn a_stored_name_is_read_back_and_a_strange_one_is_nameless() {
    for (name, ..) in IMAGES {
        assert!(MediaType::named(name).is_inline());
    }
    for name in DOWNLOADS.iter().chain(&["text/plain", "application/octet-stream"]) {
        let kind = MediaType::named(name);
        assert!(kind.as_str() == *name && !kind.is_inline(), "{name}");
    }
    assert_eq!(MediaType::named("audio/m4a").as_str(), "audio/mp4");
    for strange in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "", "x\r\ny"] {
        assert_eq!(MediaType::named(strange).as_str(), "application/octet-stream");
    }
}

#[test]
fn a_declared_type_is_compared_by_its_meaning() {
    let agrees = |essence: &str, declared: &str| MediaType::named(essence).agrees_with(declared);
    assert!(agrees("image/jpeg", "image/jpg") && agrees("audio/m4a", "audio/mp4") && agrees("text/plain", "text/csv"));
    assert!(agrees("image/png", "application/octet-stream") && agrees("audio/x-wav", "audio/wav"));
    assert!(!agrees("application/octet-stream", "image/png") && !agrees("image/png", "image/jpeg"));
    assert!(!agrees("text/plain", "image/png"));
}
