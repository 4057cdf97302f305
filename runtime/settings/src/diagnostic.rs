//! What is wrong with a pipeline file: a code, a place and what to do, rendered as compilers do.
//!
//! Knows nothing of pipelines: the caller says what the fault is.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::tree::Place;

/// One fault.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Stable, documented in `docs/errors.md`: `E0103`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The text beside the caret: what to do, in a few words. Empty if there is nothing to add.
    pub label: String,
    /// Where the fault is; none if it has no place in the file.
    pub place: Option<Place>,
    /// What to do, if it takes more words.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A fault without a place.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic { code, message: message.into(), label: String::new(), place: None, help: None }
    }

    /// Points at the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says something beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Everything that is wrong with one file. Displays as annotated text, without colours.
#[derive(Debug, Clone)]
pub struct SettingsError {
    file: PathBuf,
    text: String,
    diagnostics: Vec<Diagnostic>,
}

impl SettingsError {
    pub(super) fn new(file: &Path, text: &str, diagnostics: Vec<Diagnostic>) -> Self {
        SettingsError { file: file.to_owned(), text: masked(text), diagnostics }
    }

    /// The faults, in the order in which they were found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The annotated text, for a terminal (`styled`) or for anything else.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let file = self.file.display().to_string();
        let rendered: Vec<String> =
            self.diagnostics.iter().map(|fault| self.render_one(fault, &file, &renderer)).collect();
        rendered.join("\n\n")
    }

    fn render_one(&self, fault: &Diagnostic, file: &str, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(&*fault.message).id(fault.code);
        let mut group = match &fault.place {
            Some(Place::Text(span)) => {
                let annotation = AnnotationKind::Primary.span(visible(span.clone(), &self.text)).label(&*fault.label);
                title.element(Snippet::source(&*self.text).path(file).annotation(annotation))
            }
            Some(Place::Environment(name)) => {
                let group = title.element(Origin::path(format!("environment variable {name}")));
                if fault.label.is_empty() { group } else { group.element(Level::NOTE.message(&*fault.label)) }
            }
            None if fault.label.is_empty() => title.element(Origin::path(file)),
            None => Group::with_title(title).element(Origin::path(file)).element(Level::NOTE.message(&*fault.label)),
        };
        if let Some(help) = &fault.help {
            group = group.element(Level::HELP.message(&**help));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for SettingsError {}

/// The one of `candidates` that was probably meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), candidate), candidate))
        // Below that, words have little more in common than a letter or two, and a wrong hint misleads.
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// A span that can be underlined: at least one character, within the text, on one line.
fn visible(span: std::ops::Range<usize>, text: &str) -> std::ops::Range<usize> {
    // A missing value is often past the last line: the caret goes to the end of what there is.
    let start = text.floor_char_boundary(span.start.min(text.trim_end().len()));
    let line_end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| start + length);
    let start = if start == line_end && start > 0 { text.floor_char_boundary(start - 1) } else { start };
    let end = text.floor_char_boundary(span.end.clamp(start, line_end)).max(text.ceil_char_boundary(start + 1));
    start..end
}

/// The text with all values masked whose key sounds like a secret: no message can show them. Each byte becomes one byte,
/// so that every place stays where it was. References such as `{env: NAME}` stay.
fn masked(text: &str) -> String {
    let mut inside = None;
    text.split_inclusive('\n').map(|line| masked_line(&masked_urls(line), &mut inside)).collect()
}

/// What stands between `://` and `@` in a URL.
fn masked_urls(line: &str) -> String {
    let mut parts = line.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str("://");
        let host = part.find(|c: char| c.is_whitespace() || "/\"'".contains(c)).unwrap_or(part.len());
        let secret = part[..host].rfind('@').unwrap_or(0);
        masked.extend(std::iter::repeat_n('*', secret));
        masked.push_str(&part[secret..]);
    }
    masked
}

/// What a value that goes on over several lines ends with.
enum Inside {
    /// A block (`|`, `>`): a line that is indented no deeper than its key.
    Block { indent: usize },
    /// A quoted text: its closing quote.
    Quoted(char),
    /// A key or certificate in PEM, under whichever key it stands.
    Pem,
}

/// Parts of keys. `pem` and `private` are in librdkafka's names for keys.
const SECRET_WORDS: [&str; 9] =
    ["password", "passphrase", "secret", "token", "credential", "api_key", "apikey", "private", ".pem"];

fn masked_line(line: &str, inside: &mut Option<Inside>) -> String {
    match inside {
        // An empty line belongs to a block, wherever it stands.
        Some(Inside::Block { indent }) if line.trim().is_empty() || indent_of(line) > *indent => return stars(line),
        Some(Inside::Quoted(quote)) => {
            let is_last = line.contains(*quote);
            *inside = if is_last { None } else { inside.take() };
            return stars(line);
        }
        Some(Inside::Pem) => {
            let is_last = line.contains("-----END");
            *inside = if is_last { None } else { inside.take() };
            return stars(line);
        }
        _ => *inside = None,
    }
    let lower = line.to_ascii_lowercase();
    // `lower` is ASCII lower case, so that its places are those of the line.
    let word = SECRET_WORDS.iter().filter_map(|word| lower.find(word)).min();
    let Some(colon) = word.and_then(|start| Some(start + lower.get(start..)?.find(':')?)) else {
        return masked_pem(line, inside);
    };
    let (key, value) = line.split_at(colon + 1);
    let trimmed = value.trim();
    // A reference such as `{env: NAME}` is not a secret, and the message is of use only with it.
    if trimmed.starts_with('{') {
        return line.to_owned();
    }
    *inside = match trimmed.chars().next() {
        Some('|' | '>') => Some(Inside::Block { indent: indent_of(line) }),
        Some(quote @ ('"' | '\'')) if !trimmed[1..].contains(quote) => Some(Inside::Quoted(quote)),
        _ => None,
    };
    key.to_owned() + &stars(value)
}

/// A private key may stand under a key that does not sound like one.
fn masked_pem(line: &str, inside: &mut Option<Inside>) -> String {
    let Some(begin) = line.find("-----BEGIN") else { return line.to_owned() };
    if !line.contains("-----END") {
        *inside = Some(Inside::Pem);
    }
    let (before, pem) = line.split_at(begin);
    before.to_owned() + &stars(pem)
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn stars(value: &str) -> String {
    value.bytes().map(|byte| if byte.is_ascii_whitespace() || byte == b'}' { byte as char } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_nothing_moves() {
        for (line, shown) in [
            ("sasl.password: hunter2\n", "sasl.password: *******\n"),
            ("{a: b, sasl.password: pä, c: d}\n", "{a: b, sasl.password: **** ** *}\n"),
            ("sasl.password: {env: NAME}\n", "sasl.password: {env: NAME}\n"),
            ("name: token\n", "name: token\n"),
            ("path: \"s3://id:kö@lake/x@y\"\n", "path: \"s3://******@lake/x@y\"\n"),
            ("ssl.key.pem: |\n  ab\n\n  cd\nname: x\n", "ssl.key.pem: *\n  **\n\n  **\nname: x\n"),
            ("api_key: \"ab\n  cd\" # e\nname: x\n", "api_key: ***\n  *** * *\nname: x\n"),
            ("k: -----BEGIN A\n  ab\n  -----END A\nname: x\n", "k: ********** *\n  **\n  ******** *\nname: x\n"),
            ("ssl.key.pem: \"-----BEGIN A\\nab\"\nname: x\n", "ssl.key.pem: *********** ******\nname: x\n"),
        ] {
            assert_eq!(masked(line), shown);
            assert_eq!(masked(line).len(), line.len());
        }
    }

    #[test]
    fn a_misspelt_key_is_recognised() {
        let keys = ["rows_max", "bytes_max", "interval"];
        assert_eq!(did_you_mean("intervall", keys), Some("interval"));
        assert_eq!(did_you_mean("row_max", keys), Some("rows_max"));
        assert_eq!(did_you_mean("zebra", keys), None);
    }

    #[test]
    fn spans_beyond_the_text_are_pulled_in() {
        let text = "a: ä\nb: c\n";
        assert_eq!(visible(4..9, text), 3..5, "ends at the line's end, on whole characters");
        assert_eq!(visible(100..200, text), 9..10);
        assert_eq!(visible(0..0, ""), 0..0);
    }
}
