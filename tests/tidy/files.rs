//! What every file has to keep to: its heading, its length, the length of its functions, and plain words.

use regex::Regex;

use crate::source::{ensure_none, files, read, sources};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
/// Words that leave out who acts; a few may stand where they are the plainest.
const VAGUE: &str = r"(?i)\b(whoever|whatever|somebody|nobody|anew)\b";
const VAGUE_MAX: usize = 10;

#[test]
fn every_module_says_what_it_is_for() {
    let sources = ["runtime", "guest-sdk", "sample-transforms", "tests"].into_iter().flat_map(sources);
    let silent = sources.filter(|source| !source.text.starts_with("//! "));
    ensure_none("a file does not begin with `//! `, what it is for:", silent.map(|source| source.path));
}

#[test]
fn files_and_functions_are_short() {
    let head = Regex::new(r"^( *)(?:pub(?:\([a-z]+\))? )?(?:const )?(?:async )?(?:unsafe )?fn (\w+)").expect("a regex");
    let mut broken = Vec::new();
    for source in sources("runtime").into_iter().filter(|source| !source.is_test()) {
        let lines = source.product_with_comments();
        if lines.len() > FILE_LINES_MAX {
            broken.push(format!("{}: {} lines", source.path, lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            // rustfmt puts a function's last brace below its first letter.
            let Some(function) = head.captures(line).filter(|_| !line.ends_with([';', '}'])) else { continue };
            let end = format!("{}}}", &function[1]);
            let length = lines[start..].iter().position(|line| **line == end).map_or(0, |last| last + 1);
            if length > FUNCTION_LINES_MAX {
                broken.push(format!("{}:{}: fn {}, {length} lines", source.path, start + 1, &function[2]));
            }
        }
    }
    ensure_none(
        &format!("a file has more than {FILE_LINES_MAX} lines, or a function more than {FUNCTION_LINES_MAX}:"),
        broken,
    );
}

#[test]
fn sentences_name_their_actor() {
    let vague = Regex::new(VAGUE).expect("a regular expression");
    let folders = ["runtime", "guest-sdk", "docs", "tests"];
    let endings = [".rs", ".md", ".toml", ".txt", ".py"];
    let texts =
        folders.into_iter().flat_map(|folder| endings.into_iter().flat_map(move |ending| files(folder, ending)));
    let mut found = Vec::new();
    for path in texts.filter(|path| path != "tests/tidy/files.rs") {
        for (number, line) in read(&path).lines().enumerate() {
            found.extend(vague.find_iter(line).map(|word| format!("{path}:{}: {}", number + 1, word.as_str())));
        }
    }
    let count = found.len();
    let too_many = if count > VAGUE_MAX { found } else { Vec::new() };
    ensure_none(&format!("{count} words leave out who acts, where {VAGUE_MAX} may:"), too_many);
}
