//! A walk down one list: what is progress, what is an end, and that it always ends.

use threadkeep_core::page::Cursor;
use threadkeep_core::sync::paging::{PAGES_MAX, Paging, STALLS_MAX, Turn};
use threadkeep_core::time::Timestamp;

use crate::fixture::begin;

fn cursor(name: &str) -> Option<Cursor> {
    Some(Cursor(name.into()))
}

/// A walk after a first page whose lowest item is at 20.
fn begun() -> Paging {
    begin();
    let mut paging = Paging::default();
    assert!(!paging.has_begun());
    assert_eq!(paging.advance(&[(Timestamp(21), "b"), (Timestamp(20), "a")], cursor("b")), Turn::GoOn);
    assert!(paging.has_begun());
    paging
}

#[test]
fn a_walk_has_begun_with_its_first_page_whatever_that_brought() {
    begin();
    let mut paging = Paging::default();
    assert_eq!(paging.advance(&[], cursor("b")), Turn::GoOn);
    assert!(paging.has_begun());
}

#[test]
fn items_below_or_beside_the_lowest_are_progress_and_others_are_not() {
    for (at, id, pages) in [(19, "c", 2), (20, "c", 2), (20, "a", 1), (21, "c", 1)] {
        let mut paging = begun();
        assert_eq!(paging.advance(&[(Timestamp(at), id)], cursor("c")), Turn::GoOn);
        assert_eq!(paging.pages, pages, "{at} {id}");
    }
    let mut paging = begun();
    paging.advance(&[(Timestamp(20), "c")], cursor("c"));
    assert_eq!(paging.lowest, Some(Timestamp(20)));
    paging.advance(&[(Timestamp(20), "a"), (Timestamp(20), "c")], cursor("d"));
    assert_eq!(paging.pages, 2, "all that were seen at that time are remembered");
    paging.advance(&[(Timestamp(19), "a")], cursor("e"));
    paging.advance(&[(Timestamp(19), "c")], cursor("f"));
    assert_eq!((paging.pages, paging.lowest), (4, Some(Timestamp(19))), "and forgotten below it");
}

#[test]
fn the_lowest_point_never_rises() {
    let mut paging = begun();
    paging.advance(&[(Timestamp(19), "c"), (Timestamp(22), "d")], cursor("c"));
    paging.advance(&[(Timestamp(21), "e")], cursor("d"));
    assert_eq!(paging.lowest, Some(Timestamp(19)));
}

#[test]
fn of_one_millisecond_two_hundred_are_remembered() {
    begin();
    let names: Vec<String> = (1..=201).map(|number| format!("m{number}")).collect();
    let items: Vec<(Timestamp, &str)> = names.iter().map(|name| (Timestamp(20), name.as_str())).collect();
    let mut paging = Paging::default();
    paging.advance(&items, cursor("b"));
    paging.advance(&items[199..200], cursor("c"));
    assert_eq!(paging.pages, 1);
    paging.advance(&items[200..], cursor("d"));
    assert_eq!(paging.pages, 2, "one more than is remembered is taken for news again");
}

#[test]
fn a_page_that_names_itself_as_the_next_is_no_progress() {
    let mut paging = begun();
    assert_eq!(paging.cursor, cursor("b"));
    assert_eq!(paging.advance(&[(Timestamp(10), "c")], cursor("b")), Turn::GoOn);
    assert_eq!((paging.pages, paging.cursor.clone()), (2, cursor("b")), "it is asked once more");
    assert_eq!(paging.advance(&[(Timestamp(10), "c")], cursor("c")), Turn::GoOn);
    assert_eq!(paging.cursor, cursor("c"));
}

#[test]
fn an_empty_page_is_not_the_end_while_a_cursor_leads_on() {
    let mut paging = begun();
    assert_eq!(paging.advance(&[], cursor("c")), Turn::GoOn);
    assert_eq!(paging.cursor, cursor("c"));
    assert_eq!(paging.advance(&[(Timestamp(5), "c")], None), Turn::Ended);
}

#[test]
fn an_empty_last_page_is_the_end_only_when_the_list_is_still_there() {
    let mut paging = begun();
    assert_eq!(paging.advance(&[], None), Turn::GoOn);
    assert_eq!(paging.cursor, None, "the last good page is asked again");
    let mut gone = paging.clone();
    assert_eq!(paging.advance(&[(Timestamp(21), "b")], cursor("b")), Turn::Probed);
    assert_eq!(gone.advance(&[], None), Turn::Unproven);
    let mut hidden = begun();
    hidden.advance(&[], None);
    assert_eq!(hidden.advance(&[], cursor("b")), Turn::GoOn, "an empty page that leads on says nothing");
    assert_eq!(hidden.advance(&[(Timestamp(21), "b")], cursor("b")), Turn::Probed);
}

#[test]
fn a_page_asked_again_that_is_empty_without_a_cursor_proves_nothing() {
    let mut paging = begun();
    paging.advance(&[(Timestamp(20), "a")], cursor("b"));
    assert_eq!(paging.cursor, None);
    assert_eq!(paging.advance(&[], None), Turn::Unproven);
}

/// Pages that are asked until the walk ends.
fn turns(mut paging: Paging, items: &[(Timestamp, &str)], next: impl Fn(u32) -> Option<Cursor>) -> (u32, Turn) {
    for count in 1..=40 {
        match paging.advance(items, next(count)) {
            Turn::GoOn => {}
            end => return (count, end),
        }
    }
    (u32::MAX, Turn::GoOn)
}

#[test]
fn every_list_without_news_ends_unproven_and_soon() {
    let old = [(Timestamp(20), "a")];
    let fresh = |count: u32| cursor(&format!("e{count}"));
    let cycle = |count: u32| cursor(["b", "c"][count as usize % 2]);
    let mut counts = Vec::new();
    let walks = [turns(begun(), &old, fresh), turns(begun(), &[], fresh), turns(begun(), &old, |_| cursor("b"))];
    for (count, end) in walks.into_iter().chain([turns(begun(), &old, cycle), turns(begun(), &[], cycle)]) {
        assert_eq!(end, Turn::Unproven);
        counts.push(count);
    }
    assert_eq!(counts, [10, 10, 13, 10, 10]);
    let mut probing = begun();
    probing.advance(&[], None);
    let (count, end) = turns(probing, &[], fresh);
    assert_eq!((count, end), (STALLS_MAX + 1, Turn::Unproven));
}

#[test]
fn a_walk_has_a_last_page() {
    let mut paging = begun();
    paging.pages = PAGES_MAX - 2;
    assert_eq!(paging.advance(&[(Timestamp(9), "c")], cursor("c")), Turn::GoOn);
    assert_eq!(paging.advance(&[(Timestamp(8), "d")], cursor("d")), Turn::Unproven);
}
