//! Paging down a newest-first list: one way of cutting pages and making cursors for conversations and for messages.
//!
//! Cursors have the documented form (upstream protocol 3.6, 4.2): base64 of three fields joined by `&`, the middle one a
//! time. They carry the id as well, so that equal times at a page border lose nothing. Every strange cursor that a fault
//! hands out is understood here too, so a fault never leads into a dead end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::world::model::Ms;

/// A list that is sorted by time and id, both descending.
pub trait Sequence {
    /// How many items there are, hidden ones included.
    fn length(&self) -> usize;
    /// Time and id of an item.
    fn key(&self, index: usize) -> (Ms, &str);
    /// Whether this walk shows the item.
    fn shown(&self, index: usize) -> bool;
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At the newest item.
    Start,
    /// Right after the item with this time and id.
    After(Ms, String),
    /// At the first item older than this time.
    Before(Ms),
    /// At the first item of this time or older.
    AtOrBefore(Ms),
    /// Behind the end, where an endless list goes on for ever.
    Endless,
}

/// What is wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageTrouble {
    /// The cursor to the next page leads to this very page.
    Repeated,
    /// The page begins this many items too early.
    Shifted(usize),
    /// No items, and a cursor to the page that should have come.
    Empty,
    /// The last page has a cursor, and so has every page behind it.
    Endless,
    /// The cursor leads back to an earlier page.
    Cycle,
}

/// What a page should look like.
#[derive(Debug, Clone)]
pub struct PageWish {
    /// Where to begin.
    pub position: Position,
    /// At most this many items.
    pub count: usize,
    /// What goes wrong.
    pub trouble: Option<PageTrouble>,
    /// A number that makes odd cursors differ from each other.
    pub nonce: u64,
    /// Give a cursor on the last page too, whose page is then empty.
    pub probe: bool,
}

/// The items of a page and the way on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Indices into the sequence, newest first.
    pub indices: Vec<usize>,
    /// The cursor to the next older page.
    pub older: Option<String>,
    /// Whether the trouble asked for made a difference.
    pub troubled: bool,
}

/// Direction of a message cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards newer messages.
    Ascending,
    /// Towards older items.
    Descending,
}

/// A cursor that leads to what lies beyond the item.
pub fn cursor(direction: Direction, at_ms: Ms, id: &str) -> String {
    let word = match direction {
        Direction::Ascending => "ASCENDING",
        Direction::Descending => "DESCENDING",
    };
    STANDARD.encode(format!("{word}&{at_ms}&{id}"))
}

/// Reads a cursor of ours; `None` for any other text.
pub fn read_cursor(text: &str) -> Option<(Direction, Position)> {
    let bytes = STANDARD.decode(text).ok()?;
    let plain = String::from_utf8(bytes).ok()?;
    let mut fields = plain.split('&');
    let (word, at_text, id) = (fields.next()?, fields.next()?, fields.next()?);
    let direction = match word {
        "ASCENDING" => Direction::Ascending,
        "DESCENDING" => Direction::Descending,
        _ => return None,
    };
    let at_ms: Ms = at_text.parse().ok()?;
    let bare = id.split(NONCE_MARK).next().unwrap_or_default();
    let position = match (bare, at_ms) {
        (ENDLESS_MARK, _) => Position::Endless,
        ("", START_MS) => Position::Start,
        ("", _) => Position::Before(at_ms),
        ("~", _) => Position::AtOrBefore(at_ms),
        _ => Position::After(at_ms, bare.to_owned()),
    };
    fields.next().is_none().then_some((direction, position))
}

/// Cuts a page out of a list.
pub fn cut(list: &impl Sequence, wish: &PageWish) -> Cut {
    if wish.position == Position::Endless {
        return endless(list, wish);
    }
    let mut start = first_index(list, &wish.position);
    match wish.trouble {
        Some(PageTrouble::Empty) => {
            let older = Some(same_page(&wish.position, Some(wish.nonce)));
            return Cut { indices: Vec::new(), older, troubled: true };
        }
        Some(PageTrouble::Shifted(items)) => start = shown_before(list, start, items),
        _ => {}
    }
    let (indices, more) = collect(list, start, wish.count);
    let plain = next_cursor(list, &indices, more || (wish.probe && !indices.is_empty()));
    let (older, troubled) = match wish.trouble {
        None | Some(PageTrouble::Empty) => (plain, false),
        Some(PageTrouble::Shifted(_)) => (plain, start != first_index(list, &wish.position)),
        Some(PageTrouble::Repeated) => (Some(same_page(&wish.position, None)), true),
        Some(PageTrouble::Cycle) => (Some(earlier(list, start, wish.count)), true),
        Some(PageTrouble::Endless) if !more => (Some(endless_cursor(wish.nonce)), true),
        Some(PageTrouble::Endless) => (plain, false),
    };
    Cut { indices, older, troubled }
}

/// Index of the first item at or behind a position.
pub fn first_index(list: &impl Sequence, position: &Position) -> usize {
    match position {
        Position::Start => 0,
        Position::Endless => list.length(),
        Position::Before(at_ms) => split(list, |ms, _| ms >= *at_ms),
        Position::AtOrBefore(at_ms) => split(list, |ms, _| ms > *at_ms),
        Position::After(at_ms, id) => split(list, |ms, other| (ms, other) >= (*at_ms, id.as_str())),
    }
}

/// Index of the first item that is not newer than the position: of the item that a cursor names, as long as it exists.
pub fn first_not_newer(list: &impl Sequence, position: &Position) -> usize {
    match position {
        Position::After(at_ms, id) => split(list, |ms, other| (ms, other) > (*at_ms, id.as_str())),
        _ => first_index(list, position),
    }
}

const NONCE_MARK: char = '#';
const ENDLESS_MARK: &str = "END";
const START_MS: Ms = 9_999_999_999_999;

fn split(list: &impl Sequence, is_before: impl Fn(Ms, &str) -> bool) -> usize {
    let (mut low, mut high) = (0, list.length());
    while low < high {
        let middle = low + (high - low) / 2;
        let (at_ms, id) = list.key(middle);
        if is_before(at_ms, id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn collect(list: &impl Sequence, start: usize, count: usize) -> (Vec<usize>, bool) {
    let mut shown = (start..list.length()).filter(|&index| list.shown(index));
    let indices = shown.by_ref().take(count).collect();
    (indices, shown.next().is_some())
}

fn next_cursor(list: &impl Sequence, indices: &[usize], more: bool) -> Option<String> {
    let (at_ms, id) = list.key(*indices.last()?);
    more.then(|| cursor(Direction::Descending, at_ms, id))
}

fn shown_before(list: &impl Sequence, start: usize, items: usize) -> usize {
    let earlier = (0..start).rev().filter(|&index| list.shown(index)).take(items).last();
    earlier.unwrap_or(start)
}

fn earlier(list: &impl Sequence, start: usize, count: usize) -> String {
    let mut before = (0..start).rev().filter(|&index| list.shown(index));
    match before.nth(count) {
        Some(index) => {
            let (at_ms, id) = list.key(index);
            cursor(Direction::Descending, at_ms, id)
        }
        None => same_page(&Position::Start, None),
    }
}

fn same_page(position: &Position, nonce: Option<u64>) -> String {
    let mark = nonce.map(|number| format!("{NONCE_MARK}{number}")).unwrap_or_default();
    let (at_ms, id) = match position {
        Position::Start => (START_MS, mark),
        Position::Before(at_ms) => (*at_ms, mark),
        Position::AtOrBefore(at_ms) => (*at_ms, format!("~{mark}")),
        Position::After(at_ms, id) => (*at_ms, format!("{id}{mark}")),
        Position::Endless => (0, format!("{ENDLESS_MARK}{mark}")),
    };
    cursor(Direction::Descending, at_ms, &id)
}

fn endless_cursor(nonce: u64) -> String {
    cursor(Direction::Descending, 0, &format!("{ENDLESS_MARK}{NONCE_MARK}{nonce}"))
}

fn endless(list: &impl Sequence, wish: &PageWish) -> Cut {
    let mut indices: Vec<usize> =
        (0..list.length()).rev().filter(|&index| list.shown(index)).take(wish.count).collect();
    indices.reverse();
    Cut { indices, older: Some(endless_cursor(wish.nonce)), troubled: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain(Vec<(Ms, String)>);

    impl Sequence for Plain {
        fn length(&self) -> usize {
            self.0.len()
        }
        fn key(&self, index: usize) -> (Ms, &str) {
            (self.0[index].0, &self.0[index].1)
        }
        fn shown(&self, index: usize) -> bool {
            index % 7 != 3
        }
    }

    fn list(items: i64) -> Plain {
        Plain((0..items).map(|item| (1_000 - item / 3, format!("id{:03}", 999 - item))).collect())
    }

    fn wish(position: Position, trouble: Option<PageTrouble>) -> PageWish {
        PageWish { position, count: 4, trouble, nonce: 9, probe: false }
    }

    fn follow(text: &str) -> Position {
        read_cursor(text).unwrap().1
    }

    #[test]
    fn pages_show_each_item_once_even_with_equal_times() {
        let list = list(45);
        let mut seen = Vec::new();
        let mut position = Position::Start;
        let mut pages = 0;
        loop {
            let page = cut(&list, &wish(position, None));
            seen.extend(page.indices);
            pages += 1;
            let Some(older) = page.older else { break };
            position = follow(&older);
        }
        let expected: Vec<usize> = (0..45).filter(|index| index % 7 != 3).collect();
        assert_eq!(seen, expected);
        assert_eq!(pages, expected.len().div_ceil(4));
    }

    #[test]
    fn every_trouble_leads_on() {
        let list = list(30);
        let second = follow(&cut(&list, &wish(Position::Start, None)).older.unwrap());
        let proper = cut(&list, &wish(second.clone(), None));
        let empty = cut(&list, &wish(second.clone(), Some(PageTrouble::Empty)));
        assert!(empty.indices.is_empty());
        assert_eq!(cut(&list, &wish(follow(&empty.older.unwrap()), None)), proper);
        let repeated = cut(&list, &wish(second.clone(), Some(PageTrouble::Repeated)));
        assert_eq!(cut(&list, &wish(follow(&repeated.older.unwrap()), None)), proper);
        let shifted = cut(&list, &wish(second.clone(), Some(PageTrouble::Shifted(2))));
        assert!(shifted.indices[0] < proper.indices[0] && shifted.troubled);
        let cycle = cut(&list, &wish(second, Some(PageTrouble::Cycle)));
        assert_eq!(follow(&cycle.older.unwrap()), Position::Start);
    }

    #[test]
    fn an_endless_list_never_ends() {
        let list = list(5);
        let last = cut(&list, &wish(Position::AtOrBefore(999), Some(PageTrouble::Endless)));
        let mut cursor = last.older.unwrap();
        for nonce in 10..20 {
            let page = cut(&list, &PageWish { nonce, ..wish(follow(&cursor), None) });
            assert!(!page.indices.is_empty());
            let next = page.older.unwrap();
            assert_ne!(next, cursor);
            cursor = next;
        }
    }
}
