//! Which columns get statistics in the log, by the table's properties. Pure.

use std::collections::HashMap;

const NAMED: &str = "delta.dataSkippingStatsColumns";
const FIRST: &str = "delta.dataSkippingNumIndexedCols";
const FIRST_DEFAULT: usize = 32;

/// The columns with statistics.
#[derive(Debug, PartialEq)]
pub(super) enum Indexed {
    /// So many of the first top-level columns that do not partition the table.
    First(usize),
    /// Columns and structs by name, each as a path.
    Named(Vec<Vec<String>>),
}

impl Indexed {
    /// As the table's properties say.
    pub(super) fn of(properties: &HashMap<String, String>) -> Self {
        match (properties.get(NAMED), properties.get(FIRST).map(|first| first.trim())) {
            // Names win over a number, as in Delta's own writer.
            (Some(names), _) => Self::Named(parse(names)),
            (None, Some("-1")) => Self::First(usize::MAX),
            (None, first) => Self::First(first.and_then(|first| first.parse().ok()).unwrap_or(FIRST_DEFAULT)),
        }
    }

    /// Whether the leaf at `path`, inside the top-level column at `position` of the file, has statistics.
    pub(super) fn contains(&self, position: usize, path: &[String]) -> bool {
        match self {
            Self::First(first) => position < *first,
            Self::Named(names) => names.iter().any(|name| path.starts_with(name)),
        }
    }
}

/// Names at commas, parts of a name at dots; backticks quote both, and a doubled backtick is one.
fn parse(names: &str) -> Vec<Vec<String>> {
    let mut parsed = vec![vec![String::new()]];
    let mut is_quoted = false;
    for character in names.chars() {
        match character {
            '`' => is_quoted = !is_quoted,
            ',' if !is_quoted => parsed.push(vec![String::new()]),
            '.' if !is_quoted => parsed.last_mut().into_iter().for_each(|name| name.push(String::new())),
            character if character.is_whitespace() && !is_quoted => {}
            character => {
                let part = parsed.last_mut().and_then(|name| name.last_mut());
                part.into_iter().for_each(|part| part.push(character));
            }
        }
    }
    parsed.retain(|name| name.iter().any(|part| !part.is_empty()));
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Indexed {
        Indexed::of(&HashMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn properties_choose_the_columns() {
        assert_eq!(Indexed::of(&HashMap::new()), Indexed::First(32));
        assert_eq!(of(FIRST, "0"), Indexed::First(0));
        assert_eq!(of(FIRST, "-1"), Indexed::First(usize::MAX));
        let named = of(NAMED, "a, `b.c` ,d.e,");
        let path = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
        let covered = [path(&["a"]), path(&["a", "x"]), path(&["b.c"]), path(&["d", "e"])];
        assert!(covered.iter().all(|path| named.contains(99, path)));
        let others = [path(&["b"]), path(&["b", "c"]), path(&["d"]), path(&["d", "f"])];
        assert!(!others.iter().any(|path| named.contains(0, path)));
    }
}
