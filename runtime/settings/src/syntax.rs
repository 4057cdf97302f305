//! Text that is not YAML, or not one document of it: the parser's errors in our words.

use serde_saphyr::Error;

use super::diagnostic::Diagnostic;
use super::tree::Place;

/// What is wrong with a text that the parser refused, and where.
pub(super) fn explain(error: &Error, text: &str) -> Diagnostic {
    // Before the parser's own words, which complain about what comes after the tab.
    if let Some(tab) = indented_by_tab(text) {
        return Diagnostic::new("E0102", "not YAML: a tab in the indentation")
            .at(Place::Text(tab..tab + 1))
            .label("use spaces");
    }
    let error = error.without_snippet();
    let fault = fault(error);
    match error.location() {
        Some(location) => fault.at(Place::of_syntax_error(location, text)),
        None => fault,
    }
}

fn fault(error: &Error) -> Diagnostic {
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            Diagnostic::new("E0103", format!("duplicate key `{key}`")).label("keep one of them")
        }
        Error::MultipleDocuments { .. } => Diagnostic::new("E0102", "the file has more than one YAML document")
            .label("write each pipeline to a file of its own"),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_many_values(),
        Error::NonFiniteFloat { value, .. } => {
            Diagnostic::new("E0102", format!("not a finite number: `{value}`")).label("text needs quotes")
        }
        _ => {
            let options = serde_saphyr::render_options! { snippets: serde_saphyr::SnippetMode::Off };
            let message = error.render_with_options(options);
            // Within an alias, the parser gives the same error as text.
            if message.contains("budget breached") {
                return too_many_values();
            }
            // The caret shows the place already.
            let message = message.split(" at line ").next().unwrap_or_default().trim_start_matches("error: ");
            Diagnostic::new("E0102", format!("not YAML: {message}")).help(
                "check the line above as well; text with `: `, ` #` or a leading `*`, `&`, `{` or `[` needs quotes",
            )
        }
    }
}

fn too_many_values() -> Diagnostic {
    Diagnostic::new("E0102", "the file has far more values than a pipeline needs")
        .label("an alias such as `*name` may repeat too much")
}

/// The first tab in front of a line's first word.
fn indented_by_tab(text: &str) -> Option<usize> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let indentation = line.len() - line.trim_start().len();
        let tab = line.get(..indentation)?.find('\t').map(|tab| start + tab);
        // Bytes, not characters: places in the text are bytes.
        start += line.len();
        tab
    })
}
