//! Names in the column `TO`: one text for several people, in which a name may have commas of its own.
//!
//! A name must never be given to the wrong link. Where it is not plain which name belongs to whom, none is given.

/// What follows a name after a comma without being another name, in small letters without dots.
const CREDENTIALS: [&str; 34] = [
    "phd", "md", "mba", "msc", "ma", "ms", "bsc", "ba", "jd", "esq", "cpa", "cfa", "pmp", "cissp", "rn", "pe", "llm",
    "dr", "prof", "jr", "sr", "ii", "iii", "iv", "phr", "sphr", "shrm-cp", "shrm-scp", "acc", "pcc", "cism", "edd",
    "dds", "mph",
];
/// Longest name that is kept, in bytes; LinkedIn's own have some sixty letters.
const NAME_BYTES_MAX: usize = 400;
/// Longest tail in capital letters that is taken for a credential.
const TAIL_LENGTH_MAX: usize = 6;

/// As much of a name as is kept.
pub(super) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

/// One name for each of so many people, or none when they cannot be told apart.
pub(super) fn split(field: &str, people: usize) -> Option<Vec<String>> {
    let field = field.trim();
    if field.is_empty() {
        return None;
    }
    if people == 1 {
        return Some(vec![cut(field).to_owned()]);
    }
    // A comma without a blank may end a name, too; where that does not come out even, it belongs to one.
    for between in [",", ", "] {
        let parts: Vec<&str> = field.split(between).map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.len() == people {
            return Some(parts.into_iter().map(|part| cut(part).to_owned()).collect());
        }
        let joined = join_tails(&parts);
        if joined.len() == people {
            return Some(joined);
        }
    }
    None
}

/// The names in a field when nothing tells how many there are.
pub(super) fn split_freely(field: &str) -> Vec<String> {
    let parts: Vec<&str> = field.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    join_tails(&parts)
}

fn join_tails(parts: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in parts.iter().map(|part| cut(part)) {
        match names.last_mut().filter(|_| is_credential(part)) {
            // Without an end of credentials the name has one.
            Some(name) if name.len() >= NAME_BYTES_MAX => {}
            Some(name) => {
                name.push_str(", ");
                name.push_str(part);
            }
            None => names.push(part.to_owned()),
        }
    }
    names
}

fn is_credential(part: &str) -> bool {
    let words = part.split([' ', '/']).filter(|word| !word.is_empty());
    let mut count = 0;
    let are_all = words.inspect(|_| count += 1).all(|word| {
        let plain = word.replace('.', "").to_lowercase();
        let is_shouted = word.len() <= TAIL_LENGTH_MAX && word.chars().all(|letter| !letter.is_lowercase());
        CREDENTIALS.contains(&plain.as_str()) || is_shouted
    });
    are_all && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_names_are_kept() {
        assert_eq!(split("Jane Doe, Ph.D.", 1).unwrap(), ["Jane Doe, Ph.D."]);
        assert_eq!(split("Jane Doe, Ph.D., Olga Test", 2).unwrap(), ["Jane Doe, Ph.D.", "Olga Test"]);
        assert_eq!(split("Jane Doe, PMP, CISSP,Olga Test", 2).unwrap(), ["Jane Doe, PMP, CISSP", "Olga Test"]);
        assert_eq!(split("Olga Test, Ben Test, Eva Test", 3).unwrap().len(), 3);
    }

    #[test]
    fn a_name_has_an_end() {
        let (long, degrees) = ("\u{e9}".repeat(10_000), "Jane Doe".to_owned() + &", MD".repeat(10_000));
        for field in [&long, &degrees] {
            let lengths: Vec<usize> = split_freely(field).iter().map(String::len).collect();
            assert!(matches!(lengths[..], [length] if length <= NAME_BYTES_MAX + 4), "{lengths:?}");
            assert!(split(field, 1).unwrap()[0].len() <= NAME_BYTES_MAX);
        }
    }

    #[test]
    fn who_cannot_be_told_apart_gets_no_name() {
        assert_eq!(split("Jane, the Doe, Olga Test", 2), None);
        assert_eq!(split("", 1), None);
        assert_eq!(split("Olga Test", 2), None);
    }
}
