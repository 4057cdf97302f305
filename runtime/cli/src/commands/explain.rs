//! `sluicebox explain`: an error code, its remedy and its runbook. The text is that of docs/errors.md and docs/runbooks, which
//! travel inside this program.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::Format;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint};

/// The page with all codes: one line of a Markdown table each.
const ERRORS: &str = include_str!("../../../../docs/errors.md");
// `RUNBOOKS`: the code and the text of each, collected by build.rs.
include!(concat!(env!("OUT_DIR"), "/runbooks.rs"));

/// Explain an error code: what is wrong and what to do
///
/// Without a code, it lists all codes. The text is that of docs/errors.md and docs/runbooks.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as `E0201`
    code: Option<String>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One code, as docs/errors.md has it.
struct Explanation {
    code: &'static str,
    what: String,
    remedy: String,
    runbook: Option<&'static str>,
}

impl Explain {
    pub(crate) fn run(self) -> Outcome {
        let all = explanations();
        let mut out = terminal::stdout();
        let Some(code) = &self.code else {
            match self.format {
                Format::Text => all.iter().try_for_each(|it| writeln!(out, "{}  {}", it.code, it.what))?,
                Format::Json => writeln!(out, "{}", json!(all.iter().map(Explanation::json).collect::<Vec<_>>()))?,
            }
            return Ok(Verdict::Good);
        };
        let Some(found) = all.iter().find(|it| it.code.eq_ignore_ascii_case(code)) else {
            let message = format!("there is no error code `{code}`: `sluicebox explain` lists all codes");
            return Err(Failure::usage(message));
        };
        match self.format {
            Format::Text => write!(out, "{}", found.text(Paint::stdout()))?,
            Format::Json => writeln!(out, "{}", found.json())?,
        }
        Ok(Verdict::Good)
    }
}

impl Explanation {
    fn text(&self, paint: Paint) -> String {
        let mut text = format!("{}  {}\n", paint.strong(self.code), self.what);
        match self.runbook {
            None => text += &format!("\nWhat to do: {}\n", self.remedy),
            // Its title repeats what the first line says.
            Some(runbook) => {
                let body = runbook.split_once('\n').map_or(runbook, |(_, body)| body);
                text += &format!("\n{}\n", without_links(body).trim());
            }
        }
        text
    }

    fn json(&self) -> Value {
        json!({ "code": self.code, "what": self.what, "remedy": self.remedy, "runbook": self.runbook })
    }
}

/// All codes, in the order of the page.
fn explanations() -> Vec<Explanation> {
    ERRORS.lines().filter_map(explanation).collect()
}

/// A line of a table whose first cell is a code: `| E0101 | what is wrong | what to do |`.
fn explanation(line: &'static str) -> Option<Explanation> {
    // Cut at bars with spaces around them: a bar within code does not end a cell.
    let mut cells = line.strip_prefix('|')?.split(" | ").map(|cell| cell.trim().trim_end_matches('|').trim());
    let code = cells.next().filter(|code| is_code(code))?;
    let what = without_links(cells.next()?);
    let remedy = without_links(cells.next()?);
    let runbook = RUNBOOKS.iter().find(|(name, _)| *name == code).map(|(_, text)| *text);
    Some(Explanation { code, what, remedy, runbook })
}

fn is_code(text: &str) -> bool {
    text.strip_prefix('E').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Markdown links lead nowhere in a terminal: `[runbook](runbooks/E0201.md)` becomes `runbook`.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain += before;
        match link.split_once("](").and_then(|(label, target)| Some((label, target.split_once(')')?.1))) {
            // A bracket in the label belongs to another text: this one begins no link.
            Some((label, after)) if !label.contains(['[', ']']) => {
                plain += label;
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_cause_and_a_remedy_and_every_runbook_a_code() {
        let all = explanations();
        assert!(all.len() > 25, "only {} codes", all.len());
        for it in &all {
            assert!(!it.what.is_empty() && !it.remedy.is_empty(), "{}", it.code);
            assert!(!it.what.contains("]("), "{}", it.what);
        }
        for (code, _) in RUNBOOKS {
            assert!(all.iter().any(|it| it.code == *code), "{code} has a runbook and is not in docs/errors.md");
        }
    }

    #[test]
    fn links_become_their_labels_and_other_brackets_stay() {
        assert_eq!(without_links("see [the runbook](runbooks/E0201.md), or [not]"), "see the runbook, or [not]");
        assert_eq!(without_links(r#""skips":[{"from":1}] and [a](b)"#), r#""skips":[{"from":1}] and a"#);
    }
}
