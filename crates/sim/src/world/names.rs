//! Invents people: members, companies, senders made up by LinkedIn, automations.
//!
//! All names are made by combining lists, so that nobody real is meant. Hostile names are in here on purpose.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::id::{WorldRng, profile_id};
use super::model::{Person, PersonId, PersonKind, World};

const FIRST_NAMES: [&str; 48] = [
    "Olga",
    "Ben",
    "Chiara",
    "Dmitri",
    "Esra",
    "Farah",
    "Goran",
    "Hana",
    "Ivo",
    "Jun",
    "Kofi",
    "Lena",
    "Mateo",
    "Nadia",
    "Oskar",
    "Priya",
    "Quentin",
    "Rosa",
    "Sami",
    "Tomas",
    "Uma",
    "Viktor",
    "Wanda",
    "Xin",
    "Yusuf",
    "Zoe",
    "Åsa",
    "Élodie",
    "José María",
    "Nguyễn",
    "Çağla",
    "Łukasz",
    "Ömer",
    "Þóra",
    "Анна",
    "Сергей",
    "美咲",
    "伟",
    "민준",
    "नेहा",
    "ליאת",
    "فاطمة",
    "Θάλεια",
    "Ana-Lucía",
    "Jean-Luc",
    "Mary Ann",
    "D'Arcy",
    "Siobhán",
];
const LAST_NAMES: [&str; 40] = [
    "Test",
    "Sample",
    "Probe",
    "Example",
    "Muster",
    "Specimen",
    "Prototype",
    "Dummy",
    "Fiktiv",
    "Erfunden",
    "Prova",
    "Ensayo",
    "Exemple",
    "Próbny",
    "Örnek",
    "Fictief",
    "Koe",
    "Zkušební",
    "Vzor",
    "Minta",
    "Пример",
    "例子",
    "見本",
    "예시",
    "उदाहरण",
    "דוגמה",
    "مثال",
    "Παράδειγμα",
    "O'Sample",
    "van der Test",
    "de la Prueba",
    "Sample-Muster",
    "Mock",
    "Trial",
    "Pattern",
    "Draft",
    "Blank",
    "Placeholder",
    "Stub",
    "Fixture",
];
const ROLES: [&str; 16] = [
    "Engineer",
    "Product manager",
    "Recruiter",
    "Founder",
    "Designer",
    "Data analyst",
    "Accountant",
    "Nurse",
    "Teacher",
    "Sales lead",
    "Writer",
    "Researcher",
    "Open to work 🚀",
    "Consultant | Speaker | Parent",
    "Architect",
    "Student",
];
const COMPANIES: [&str; 12] = [
    "Invented Works",
    "Fabricated Goods",
    "Nowhere Labs",
    "Sample & Sons",
    "Mock Industries",
    "Placeholder Ltd",
    "Фиктивные системы",
    "架空商事",
    "Beispiel GmbH",
    "Ejemplo S.A.",
    "Quux Partners",
    "Imaginary Freight",
];
/// Names that break careless programs: markup, direction overrides, joined emoji, quotes, line breaks.
const HOSTILE_NAMES: [(&str, &str); 8] = [
    ("<script>alert(1)</script>", "O'Brien\"; DROP TABLE people;--"),
    ("\u{202E}gnirts desrever", "\u{2066}isolated\u{2069}"),
    ("👩‍👩‍👧‍👦", "🏳️‍🌈 Test"),
    ("Line\nBreak", "Tab\tTest"),
    ("Zero\u{200B}Width", "Ze\u{0301}ro\u{0323}"),
    ("${HOME}", "%s %n {0} {{x}}"),
    ("A", ""),
    ("null", "undefined"),
];
const NUMBER_BASE: u64 = 1_000_000;
const NUMBER_STEP: u64 = 37;

/// What an invented person should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Member,
    HostileMember,
    DeletedMember,
    Organization,
    Custom,
    Agent,
}

/// Invents somebody, adds them to the world and returns their id.
pub(super) fn invent(world: &mut World, rng: &mut WorldRng, wanted: Wanted) -> PersonId {
    let number = NUMBER_BASE + world.people.len() as u64 * NUMBER_STEP + rng.random_range(0..NUMBER_STEP);
    let person = match wanted {
        Wanted::Member => member(rng, number),
        Wanted::HostileMember => {
            let (first, last) = pick(&HOSTILE_NAMES, rng);
            Person { first_name: first.to_owned(), last_name: last.to_owned(), ..member(rng, number) }
        }
        Wanted::DeletedMember => Person {
            deleted: true,
            first_name: String::new(),
            last_name: String::new(),
            headline: None,
            has_picture: false,
            ..member(rng, number)
        },
        Wanted::Organization => organization(rng, number),
        Wanted::Custom => nameless(PersonKind::Custom, format!("messagingCustomParticipant:{number}"), number),
        Wanted::Agent => nameless(PersonKind::Agent, format!("fsd_agent:{number}"), number),
    };
    let id = person.id.clone();
    world.people.insert(id.clone(), person);
    id
}

fn member(rng: &mut WorldRng, number: u64) -> Person {
    let first_name = pick(&FIRST_NAMES, rng).to_owned();
    let last_name = pick(&LAST_NAMES, rng).to_owned();
    let headline = format!("{} at {}", pick(&ROLES, rng), pick(&COMPANIES, rng));
    Person {
        id: profile_id(rng),
        kind: PersonKind::Member,
        deleted: false,
        first_name,
        last_name,
        headline: rng.random_bool(0.9).then_some(headline),
        number,
        public_id: format!("invented-member-{number}"),
        has_picture: rng.random_bool(0.7),
    }
}

fn organization(rng: &mut WorldRng, number: u64) -> Person {
    Person {
        id: format!("fsd_company:{number}"),
        kind: PersonKind::Organization,
        deleted: false,
        first_name: pick(&COMPANIES, rng).to_owned(),
        last_name: String::new(),
        headline: rng.random_bool(0.7).then(|| "Things that do not exist, delivered".to_owned()),
        number,
        public_id: format!("invented-company-{number}"),
        has_picture: true,
    }
}

fn nameless(kind: PersonKind, id: PersonId, number: u64) -> Person {
    let first_name = if kind == PersonKind::Custom { "Messaging Team".to_owned() } else { String::new() };
    let public_id = format!("invented-sender-{number}");
    Person {
        id,
        kind,
        deleted: false,
        first_name,
        last_name: String::new(),
        headline: None,
        number,
        public_id,
        has_picture: false,
    }
}

/// One of a list that is not empty.
pub(super) fn pick<T: Copy + Default>(list: &[T], rng: &mut WorldRng) -> T {
    list.choose(rng).copied().unwrap_or_default()
}
