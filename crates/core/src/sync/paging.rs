//! A walk down one newest-first list, page by page, with the cursor as data.
//!
//! Lists repeat pages, skip, end in cycles, or never end. A walk must always end, must never take a page without news
//! for the end of the list while a cursor says that it goes on, and must say when the end was not plain.

use serde::{Deserialize, Serialize};

use crate::page::Cursor;
use crate::planted::{self, Bug};
use crate::time::Timestamp;

/// Pages in a row without news after which a walk ends unproven.
pub const STALLS_MAX: u32 = 6;
/// Pages of one walk; 20 items each.
pub const PAGES_MAX: u32 = 200_000;
/// Ids remembered at the lowest point; more items at one millisecond are taken as news again.
const BORDER_MAX: usize = 200;

/// Where a walk is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// The page to ask next; `None` is the first.
    pub cursor: Option<Cursor>,
    /// The last page that brought news.
    good: Option<Cursor>,
    /// Whether the next page was asked before and only its cursor is wanted.
    again: bool,
    /// Whether the next page was asked before and only shows whether the list is still there.
    probing: bool,
    /// Pages that brought news.
    pub pages: u32,
    /// Pages in a row that did not.
    stalls: u32,
    /// Lowest point reached.
    pub lowest: Option<Timestamp>,
    /// Ids seen at the lowest point.
    border: Vec<String>,
}

/// What a page means for the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is more to ask.
    GoOn,
    /// The list has ended.
    Ended,
    /// An empty page came after a cursor, and the list is still there: it has ended as far as can be told.
    Probed,
    /// Nothing new comes any more, but no page said that it was the last.
    Unproven,
}

impl Paging {
    /// Whether a page has been seen.
    pub fn has_begun(&self) -> bool {
        self.pages > 0 || self.stalls > 0
    }

    /// Whether an empty page was seen, and it is being asked whether the list was there at all.
    pub fn is_probing(&self) -> bool {
        self.probing
    }

    /// Takes in a page: its items in any order and the cursor of the next page.
    pub fn advance(&mut self, items: &[(Timestamp, &str)], next: Option<Cursor>) -> Turn {
        let asked = self.cursor.take();
        let had_news = self.take_news(items);
        let was_again = std::mem::take(&mut self.again);
        if std::mem::take(&mut self.probing) {
            return self.probed(items.is_empty(), next.is_some());
        }
        if had_news {
            self.pages = self.pages.saturating_add(1);
            self.stalls = 0;
            self.good.clone_from(&asked);
        }
        let Some(next) = next.filter(|_| !(items.is_empty() && planted::is(Bug::EmptyPageIsTheEnd))) else {
            if was_again && items.is_empty() {
                return Turn::Unproven;
            }
            return self.end(asked.is_some() && items.is_empty());
        };
        if had_news && Some(&next) != asked.as_ref() && self.pages < PAGES_MAX {
            self.cursor = Some(next);
            return Turn::GoOn;
        }
        if was_again && Some(&next) != self.good.as_ref() {
            self.cursor = Some(next);
            return Turn::GoOn;
        }
        self.stall(asked, next)
    }

    /// A page without a next cursor ends the list. An empty one after a cursor may also mean that the list is gone, so
    /// the last good page is asked once more.
    fn end(&mut self, is_empty: bool) -> Turn {
        if is_empty && !planted::is(Bug::GoneListIsTheEnd) {
            self.probing = true;
            self.cursor.clone_from(&self.good);
            return Turn::GoOn;
        }
        Turn::Ended
    }

    fn probed(&mut self, is_empty: bool, has_next: bool) -> Turn {
        if !is_empty {
            return Turn::Probed;
        }
        self.stalls = self.stalls.saturating_add(1);
        if !has_next || self.stalls > STALLS_MAX {
            return Turn::Unproven;
        }
        self.end(true)
    }

    /// A page without news: once its own cursor is followed, then the last good page is asked for another one.
    fn stall(&mut self, asked: Option<Cursor>, next: Cursor) -> Turn {
        self.stalls = self.stalls.saturating_add(u32::from(!planted::is(Bug::EndlessPages)));
        if self.stalls > STALLS_MAX || self.pages >= PAGES_MAX {
            return if planted::is(Bug::UnprovenEndIsTheEnd) { Turn::Ended } else { Turn::Unproven };
        }
        let leads_on = Some(&next) != asked.as_ref() && Some(&next) != self.good.as_ref();
        if leads_on && self.stalls % 2 == 1 {
            self.cursor = Some(next);
        } else {
            self.cursor.clone_from(&self.good);
            self.again = true;
        }
        Turn::GoOn
    }

    fn take_news(&mut self, items: &[(Timestamp, &str)]) -> bool {
        let is_new = |(at, id): &(Timestamp, &str)| match self.lowest {
            None => true,
            Some(lowest) if planted::is(Bug::EqualTimesAreNoNews) => *at < lowest,
            Some(lowest) => *at < lowest || (*at == lowest && !self.border.iter().any(|seen| seen == id)),
        };
        let had_news = items.iter().any(|item| is_new(item) || planted::is(Bug::RepeatedPageIsNews));
        for (at, id) in items {
            match self.lowest {
                Some(lowest) if *at > lowest => continue,
                Some(lowest) if *at == lowest => {}
                _ => {
                    self.lowest = Some(*at);
                    self.border.clear();
                }
            }
            if self.border.len() < BORDER_MAX && !self.border.iter().any(|seen| seen == id) {
                self.border.push((*id).to_owned());
            }
        }
        had_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(name: &str) -> Option<Cursor> {
        Some(Cursor(name.into()))
    }

    fn items(range: std::ops::Range<i64>) -> Vec<(Timestamp, &'static str)> {
        range.rev().map(|at| (Timestamp(at), "x")).collect()
    }

    #[test]
    fn a_plain_list_takes_one_request_a_page() {
        let mut paging = Paging::default();
        assert_eq!(paging.advance(&items(20..40), cursor("b")), Turn::GoOn);
        assert_eq!(paging.advance(&items(0..20), None), Turn::Ended);
        assert_eq!(paging.pages, 2);
        assert_eq!(Paging::default().advance(&[], None), Turn::Ended);
    }

    #[test]
    fn a_repeated_page_is_asked_for_its_true_cursor() {
        let mut paging = Paging::default();
        paging.advance(&items(20..40), cursor("b"));
        // The answer to "b" is the first page again, with its own cursor.
        assert_eq!(paging.advance(&items(20..40), cursor("b")), Turn::GoOn);
        assert_eq!(paging.cursor, None, "the first page is asked again");
        assert_eq!(paging.advance(&items(20..40), cursor("b")), Turn::GoOn);
        assert_eq!(paging.cursor, cursor("b"));
        assert_eq!(paging.advance(&items(0..20), None), Turn::Ended);
    }

    #[test]
    fn an_empty_page_with_a_cursor_is_followed() {
        let mut paging = Paging::default();
        paging.advance(&items(20..40), cursor("b"));
        assert_eq!(paging.advance(&[], cursor("b2")), Turn::GoOn);
        assert_eq!(paging.cursor, cursor("b2"));
        assert_eq!(paging.advance(&items(0..20), None), Turn::Ended);
    }

    #[test]
    fn an_empty_page_after_a_cursor_ends_when_the_list_is_still_there() {
        let mut paging = Paging::default();
        paging.advance(&items(20..40), cursor("b"));
        assert_eq!(paging.advance(&[], None), Turn::GoOn);
        assert_eq!(paging.cursor, None, "the last good page is asked again");
        let mut gone = paging.clone();
        assert_eq!(paging.advance(&items(20..40), cursor("b")), Turn::Probed);
        assert_eq!(gone.advance(&[], None), Turn::Unproven);
    }

    #[test]
    fn an_endless_list_ends_unproven() {
        let mut paging = Paging::default();
        paging.advance(&items(0..20), cursor("0"));
        let mut turns = 0;
        while paging.advance(&items(0..20), cursor(&format!("e{turns}"))) == Turn::GoOn {
            turns += 1;
            assert!(turns < 30);
        }
        assert!(turns <= 2 * STALLS_MAX);
    }

    #[test]
    fn items_of_one_millisecond_are_told_apart_by_id() {
        let mut paging = Paging::default();
        let at = Timestamp(7);
        paging.advance(&[(at, "a"), (at, "b")], cursor("1"));
        assert_eq!(paging.advance(&[(at, "c")], cursor("2")), Turn::GoOn);
        assert_eq!(paging.pages, 2);
        paging.advance(&[(at, "a")], cursor("3"));
        assert_eq!(paging.pages, 2);
    }
}
