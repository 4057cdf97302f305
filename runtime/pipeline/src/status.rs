//! How far a pipeline is, seen from outside of its process: its tables' ledgers beside what Kafka has. Changes nothing,
//! and joins no group.

use std::collections::BTreeMap;

use serde::Serialize;
use sluicebox_delta::Table;
use sluicebox_ledger::{Ledger, OffsetBounds, OffsetRange, TopicPartition, examine};
use sluicebox_settings::Settings;

use crate::PipelineError;

/// How far one partition is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionStatus {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The next offset that each table wants, by the table's name; none where it has not begun.
    pub ledgers: BTreeMap<String, Option<i64>>,
    /// The first offset that the topic still has.
    pub first_offset: i64,
    /// The offset after its last.
    pub end_offset: i64,
    /// Offsets that some table lacks. Transaction markers count, though a consumer cannot read them.
    pub lag_records: i64,
    /// What the group has committed: advice, nothing depends on it.
    pub committed_offset: Option<i64>,
    /// Why the partition cannot go on without a person.
    pub loss: Option<String>,
}

/// One partition, as seen from outside of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// The partition.
    pub partition: TopicPartition,
    /// The offsets that there are.
    pub range: OffsetRange,
    /// What the group has committed: advice, for lag tools.
    pub committed: Option<i64>,
}

/// Reads the ledgers of all tables, and compares them with what the source was seen to have.
pub async fn status(settings: &Settings, surveyed: Vec<Surveyed>) -> Result<Vec<PartitionStatus>, PipelineError> {
    let partitions: Vec<TopicPartition> = surveyed.iter().map(|surveyed| surveyed.partition.clone()).collect();
    let mut ledgers = Vec::new();
    for (name, path) in settings.all_tables() {
        ledgers.push((name, Table::ledger_of(&settings.name, name, path, &partitions).await?));
    }
    Ok(surveyed.into_iter().map(|surveyed| compare(surveyed, &ledgers)).collect())
}

fn compare(surveyed: Surveyed, ledgers: &[(&str, Ledger)]) -> PartitionStatus {
    let Surveyed { partition, range, committed } = surveyed;
    let least = ledgers.iter().map(|(_, ledger)| ledger.next(&partition)).min().flatten();
    // Which of the topics of this name it is, the running process asks; here it is not worth a request.
    let bounds = OffsetBounds { start: range.from, range: Some(range), topic_id: None };
    let loss = examine(&partition, &bounds, ledgers.iter().map(|(_, ledger)| ledger)).err();
    PartitionStatus {
        topic: partition.topic.to_string(),
        partition: partition.partition,
        ledgers: ledgers.iter().map(|(name, ledger)| ((*name).to_owned(), ledger.next(&partition))).collect(),
        first_offset: range.from,
        end_offset: range.to,
        // What is gone from the topic is a loss, not a lag; a ledger beyond the end has no lag.
        lag_records: (range.to - least.unwrap_or(range.from).max(range.from)).max(0),
        committed_offset: committed,
        loss: loss.map(|loss| loss.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(orders: Option<i64>, dead_letters: Option<i64>, from: i64, to: i64) -> PartitionStatus {
        let partition = TopicPartition::new("orders", 3);
        let ledger = |next| {
            let mut ledger = Ledger::default();
            ledger.set(partition.clone(), next, None);
            ledger
        };
        let ledgers = [("orders", ledger(orders)), ("dead_letters", ledger(dead_letters))];
        let range = OffsetRange { from, to };
        compare(Surveyed { partition: partition.clone(), range, committed: None }, &ledgers)
    }

    #[test]
    fn lag_is_what_some_table_lacks() {
        assert_eq!(compared(Some(7), Some(5), 2, 10).lag_records, 5);
        assert_eq!(compared(Some(7), None, 2, 10).lag_records, 8);
        assert_eq!(compared(None, None, 2, 10).lag_records, 8);
        assert_eq!(compared(Some(10), Some(10), 2, 10).loss, None);
    }

    #[test]
    fn records_that_do_not_join_the_ledger_are_a_loss() {
        assert!(compared(Some(1), Some(1), 2, 10).loss.is_some_and(|loss| loss.starts_with("E0201")));
        assert!(compared(Some(11), Some(11), 2, 10).loss.is_some_and(|loss| loss.starts_with("E0202")));
        assert_eq!(compared(Some(11), Some(11), 2, 10).lag_records, 0);
    }
}
