//! A case: a folder with records, a configuration and the expected verdicts.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::expected_text;
use crate::commands::transform::configuration;
use crate::difference::{Difference, differences};
use crate::exit::{Blame as _, Failure};
use crate::samples::{Lines, Samples};
use crate::terminal::Paint;
use crate::trial::Judgement;

/// How many mismatches of a case are shown: most of a larger number have one reason.
pub(super) const MISMATCHES_SHOWN_MAX: usize = 10;

/// The transform's configuration in a case.
const CONFIGURATION_FILE: &str = "configuration.json";

/// Whether a case needs an expectation now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    Needed,
    /// `--update` writes it.
    Written,
}

/// A case, with its input read.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) samples: Samples,
    /// A JSON object.
    pub(super) configuration: String,
    expected: PathBuf,
}

/// A record whose verdict is not the expected one.
pub(super) struct Mismatch {
    /// `cases/bad/expected.jsonl:3`.
    place: String,
    differences: Vec<Difference>,
}

impl Case {
    /// The cases in a folder whose name contains `name`, in the order of their names. Each needs its expectation by now, unless
    /// it is about to be written: a build takes a minute, and its end is late to hear of a missing file.
    pub(super) fn find(folder: &Path, name: Option<&str>, expectation: Expectation) -> Result<Vec<Case>, Failure> {
        let entries = std::fs::read_dir(folder).usage(format!(
            "there are no cases in {}: a case is a folder with `input.jsonl` and `expected.jsonl`",
            folder.display()
        ))?;
        let mut folders: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
        // `read_dir` has no order.
        folders.sort();
        let cases = folders.iter().map(|folder| Case::read(folder)).collect::<Result<Vec<_>, _>>()?;
        let wanted = cases.into_iter().filter(|case| name.is_none_or(|name| case.name.contains(name)));
        let cases: Vec<Case> = wanted.collect();
        if cases.is_empty() {
            return Err(Failure::usage(format!("no case in {} matches", folder.display())));
        }
        if expectation == Expectation::Needed {
            cases.iter().try_for_each(Case::require_expectation)?;
        }
        Ok(cases)
    }

    fn read(folder: &Path) -> Result<Case, Failure> {
        let file = folder.join(CONFIGURATION_FILE);
        let text = if file.exists() {
            std::fs::read_to_string(&file).environment(format!("cannot read {}", file.display()))?
        } else {
            "{}".to_owned()
        };
        Ok(Case {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            samples: Samples::read(&folder.join("input.jsonl"), Lines::Records)?,
            configuration: configuration(&text)?,
            expected: folder.join("expected.jsonl"),
        })
    }

    fn require_expectation(&self) -> Result<(), Failure> {
        match self.expected.exists() {
            true => Ok(()),
            false => Err(Failure::usage(format!(
                "{} is missing: look at the verdicts with `sluicebox try`, then write it with `sluicebox test --update`",
                self.expected.display()
            ))),
        }
    }

    /// Adds to a refused configuration where it comes from.
    pub(super) fn with_configuration_file(&self, failure: Failure) -> Failure {
        let Failure::Usage(error) = failure else { return failure };
        let file = self.expected.with_file_name(CONFIGURATION_FILE);
        let origin = match file.exists() {
            true => format!("case `{}`: its configuration is in {}", self.name, file.display()),
            false => format!("case `{}`: put its configuration, a JSON object, into {}", self.name, file.display()),
        };
        Failure::Usage(error.context(origin))
    }

    /// Where the judgements are not those expected.
    pub(super) fn mismatches(&self, judgements: &[Judgement]) -> Result<Vec<Mismatch>, Failure> {
        self.require_expectation()?;
        let shown = self.expected.display();
        let text = std::fs::read_to_string(&self.expected).environment(format!("cannot read {shown}"))?;
        let lines: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
        if lines.len() != judgements.len() {
            return Err(Failure::usage(format!(
                "{shown} has {} verdicts for {} records: it needs one line for each record, in their order",
                lines.len(),
                judgements.len()
            )));
        }
        let mut mismatches = Vec::new();
        for (index, ((line, text), judgement)) in lines.into_iter().zip(judgements).enumerate() {
            let place = format!("{shown}:{}", line + 1);
            let expected: Value = serde_json::from_str(text).usage(&place)?;
            let actual = comparable(&expected, judgement, self.samples.position(index).offset);
            let differences = differences(&expected, &actual);
            if !differences.is_empty() {
                mismatches.push(Mismatch { place, differences });
            }
        }
        Ok(mismatches)
    }

    /// Makes these judgements the expected ones; says whether that changed anything.
    pub(super) fn update(&self, judgements: &[Judgement]) -> Result<bool, Failure> {
        // `is_ok_and`: an expectation that cannot be read is replaced.
        let is_same = self.expected.exists() && self.mismatches(judgements).is_ok_and(|found| found.is_empty());
        if !is_same {
            std::fs::write(&self.expected, expected_text(self, judgements))
                .environment(format!("cannot write {}", self.expected.display()))?;
        }
        Ok(!is_same)
    }
}

/// The judgement as a value, without what the expectation says nothing of: its offset, a rejection's message or path.
fn comparable(expected: &Value, judgement: &Judgement, offset: i64) -> Value {
    let mut actual = judgement.value();
    if expected.get("offset").is_some() {
        actual["offset"] = Value::from(offset);
    }
    if let (Some(wanted), Some(rejected)) =
        (expected.get("rejected"), actual.get_mut("rejected").and_then(Value::as_object_mut))
    {
        rejected.retain(|key, _| wanted.get(key).is_some());
    }
    actual
}

impl Mismatch {
    pub(super) fn shown(&self, paint: Paint) -> String {
        let mut text = format!("    {}\n", paint.faint(&self.place));
        for Difference { path, expected, actual } in &self.differences {
            let (expected, actual) = (paint.good(expected), paint.bad(actual));
            text += &format!("      {path}   expected {expected}   actual {actual}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sluicebox_ledger::{Reason, Stage};

    #[test]
    fn what_the_expectation_leaves_out_is_not_compared() {
        let reason = Reason {
            record: 0,
            stage: Stage::Transform,
            code: "negative_amount".into(),
            message: "an amount of -1".into(),
            path: Some("amount".into()),
            backtrace: None,
        };
        let judgement = Judgement::Rejected(reason);
        let count = |expected: Value| differences(&expected, &comparable(&expected, &judgement, 7)).len();
        assert_eq!(count(json!({"rejected": {"code": "negative_amount"}})), 0);
        assert_eq!(count(json!({"rejected": {"code": "negative_amount", "path": "amount"}, "offset": 7})), 0);
        assert_eq!(count(json!({"rejected": {"code": "negative_amount", "path": "id"}, "offset": 8})), 2);
        assert_eq!(count(json!({"rejected": {"code": "other"}})), 1);
        assert_eq!(count(json!({"filtered": true})), 2);
    }
}
