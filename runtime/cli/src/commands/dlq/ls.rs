//! `sluicebox dlq ls`: dead letters counted by what they have in common.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use sluicebox_delta::dead_letter::Summary;
use sluicebox_ledger::TopicPartition;

use super::selection::{Choice, StatusChoice};
use super::{PipelineFile, document, letters, moment, wait};
use crate::commands::Format;
use crate::commands::run::blamed;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, counted, grouped};
use crate::visible::visible;

const AFTER_HELP: &str = "\
Examples:
  sluicebox dlq ls --since 1h
  sluicebox dlq ls --by partition --code missing_field --format json";

/// Count dead letters by reason, with the first, the last and a sample message
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Ls {
    #[command(flatten)]
    file: PipelineFile,
    /// What to count by
    #[arg(long, value_enum, default_value_t)]
    by: By,
    #[command(flatten)]
    choice: Choice,
    /// Those with this status
    #[arg(long, value_enum, default_value_t)]
    status: StatusChoice,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum By {
    /// Stage and code
    #[default]
    Code,
    /// Stage, code and message
    Message,
    /// The transform that rejected it last
    Transform,
    /// Topic and partition
    Partition,
    /// Open, redriving, redriven or discarded
    Status,
}

/// Dead letters that have something in common.
struct Group {
    count: usize,
    first: Summary,
    last: Summary,
}

impl Ls {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let selection = self.choice.selection(self.status);
        let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
        wait(async {
            let letters = letters(&document).await?;
            letters.summaries(&selection, |summary| note(&mut groups, self.by, summary)).await.map_err(blamed)
        })?;
        let mut groups: Vec<(Vec<String>, Group)> = groups.into_iter().collect();
        // The sort is stable: groups of the same size keep the order of their names.
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        match self.format {
            Format::Text => self.show(&groups)?,
            Format::Json => writeln!(terminal::stdout(), "{}", as_json(&groups))?,
        }
        Ok(Verdict::Good)
    }

    fn show(&self, groups: &[(Vec<String>, Group)]) -> Result<(), Failure> {
        let paint = Paint::stdout();
        let mut out = terminal::stdout();
        for (name, Group { count, first, last }) in groups {
            writeln!(out, "{:>9}  {}", grouped(count), paint.strong(visible(&name.join("  "))))?;
            for (word, letter) in [("first", first), ("last", last)] {
                writeln!(
                    out,
                    "           {word:5}  {}  {}",
                    letter.position(),
                    paint.faint(moment(letter.rejected_at))
                )?;
            }
            writeln!(out, "           {}", paint.faint(visible(&last.message)))?;
        }
        let total = groups.iter().map(|(_, group)| group.count).sum();
        let hint = match groups.first() {
            Some((_, group)) => {
                format!(" · `sluicebox dlq show {} {}`", self.file.pipeline.display(), group.last.position())
            }
            None => String::new(),
        };
        terminal::tell(format_args!("{}{hint}", counted(total, "dead letter")));
        Ok(())
    }
}

fn note(groups: &mut BTreeMap<Vec<String>, Group>, by: By, letter: Summary) {
    let name = match by {
        By::Code => reason(&letter),
        By::Message => [reason(&letter), vec![letter.message.clone()]].concat(),
        By::Transform => vec![letter.transform_digest.clone()],
        By::Partition => vec![letter.partition.to_string()],
        By::Status => vec![letter.status.to_string()],
    };
    match groups.get_mut(&name) {
        None => {
            groups.insert(name, Group { count: 1, first: letter.clone(), last: letter });
        }
        Some(group) => {
            group.count += 1;
            if order(&letter) < order(&group.first) {
                group.first = letter;
            } else if order(&letter) > order(&group.last) {
                group.last = letter;
            }
        }
    }
}

fn reason(letter: &Summary) -> Vec<String> {
    vec![letter.stage.to_string(), letter.code.clone()]
}

fn order(letter: &Summary) -> (i64, &TopicPartition, i64) {
    (letter.rejected_at, &letter.partition, letter.offset)
}

fn as_json(groups: &[(Vec<String>, Group)]) -> Value {
    json!({
        "total": groups.iter().map(|(_, group)| group.count).sum::<usize>(),
        "groups": groups.iter().map(|(name, group)| group_as_json(name, group)).collect::<Vec<_>>(),
    })
}

fn group_as_json(name: &[String], Group { count, first, last }: &Group) -> Value {
    json!({
        "group": name,
        "count": count,
        "first": place(first),
        "last": place(last),
        "sample": {
            "at": last.position(), "stage": last.stage.as_str(), "code": last.code, "message": last.message,
        },
    })
}

fn place(letter: &Summary) -> Value {
    json!({ "at": letter.position(), "rejected_at": moment(letter.rejected_at) })
}
