//! A pipeline over a store in memory, and what it leaves there: the dead letters with their status, and rows by position.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use deltalake::DeltaTableBuilder;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use sluicebox_delta::dead_letter::{Letters, Selection, Status};
use sluicebox_kafka::run;
use sluicebox_pipeline::redrive::{RedriveReport, Redriver, Trust, TrustAll};
use sluicebox_pipeline::{Changes, Health, Progress, RunOptions};
use sluicebox_sandbox::{Limits, Sandbox, Transform};
use sluicebox_settings::{Document, Settings};
use sluicebox_tests::mortal::{Death, Mounted};
use sluicebox_tests::place;
use tokio::sync::watch;

/// A pipeline whose tables lie in memory.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    folder: tempfile::TempDir,
    tables: Vec<&'static str>,
    /// The transform that makes the dead letters.
    before: (&'static str, Limits),
    /// The mended transform, which judges them again.
    after: (&'static str, Limits),
}

/// Partition and offset.
pub(crate) type Position = (i32, i64);

/// What the store holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) letters: BTreeMap<Position, (Status, i32)>,
    /// Rows by table and position.
    pub(crate) rows: BTreeMap<&'static str, BTreeMap<Position, usize>>,
}

impl Scene {
    pub(crate) fn new(
        tables: &[&'static str],
        before: (&'static str, Limits),
        after: (&'static str, Limits),
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self { sandbox: Sandbox::new()?, folder, tables: tables.to_vec(), before, after })
    }

    fn settings(&self, store: &Mounted, (guest, limits): &(&str, Limits)) -> Result<Settings> {
        let tables =
            self.tables.iter().map(|name| ((*name).to_owned(), json!({"path": "elsewhere/".to_owned() + name})));
        let text = json!({
            "name": "scene",
            "source": {"file": {"path": self.folder.path().join("records.jsonl")}},
            "transform": {"wasm": place::guest(guest)?},
            "tables": tables.collect::<serde_json::Map<_, _>>(),
            "dead_letters": {"path": "elsewhere/dead_letters"},
        });
        let document = Document::parse(&self.folder.path().join("pipeline.yaml"), text.to_string(), [])?;
        let mut settings = document.into_settings();
        for (name, table) in &mut settings.tables {
            table.path = store.location(name);
        }
        settings.dead_letters.path = store.location("dead_letters");
        settings.transform.limits = limits.clone();
        Ok(settings)
    }

    pub(crate) fn transform(&self, (guest, limits): &(&str, Limits)) -> Result<Transform> {
        Ok(self.sandbox.load(&place::guest(guest)?, limits, None)?)
    }

    pub(crate) fn fixed(&self) -> Result<Transform> {
        self.transform(&self.after)
    }

    /// The same scene, where the pipeline grants the mended transform other limits.
    pub(crate) fn granting(&self, limits: Limits) -> Result<Self> {
        let scene = Self::new(&self.tables, self.before.clone(), (self.after.0, limits))?;
        // The settings ask for the file, though a redrive does not read it.
        fs::write(scene.folder.path().join("records.jsonl"), "")?;
        Ok(scene)
    }

    /// Runs the pipeline over these records with the transform that rejects some of them.
    pub(crate) async fn bury(&self, objects: &Arc<InMemory>, records: &[Value]) -> Result<Progress> {
        let store = Mounted::new(objects, Death::Never)?;
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        fs::write(self.folder.path().join("records.jsonl"), lines.join("\n"))?;
        let settings = self.settings(&store, &self.before)?;
        let transform = self.transform(&self.before)?;
        let (_never, stop) = watch::channel(false);
        let progress = watch::Sender::new(Progress::default());
        let health = watch::Sender::new(Health::default());
        let options = RunOptions {
            drain: true,
            accepted_gaps: Vec::new(),
            stop,
            progress,
            health,
            changes: Changes::none(),
            copies: None,
        };
        Ok(run(settings, &transform, None, options).await?)
    }

    /// Redrives all dead letters, two at a time.
    pub(crate) async fn redrive(&self, store: &Mounted, transform: &Transform) -> Result<RedriveReport> {
        self.redrive_trusting(store, transform, &TrustAll).await
    }

    /// Redrives all dead letters, and asks whether the transforms of unfinished redrives may judge.
    pub(crate) async fn redrive_trusting(
        &self,
        store: &Mounted,
        transform: &Transform,
        trust: &dyn Trust,
    ) -> Result<RedriveReport> {
        let settings = self.settings(store, &self.after)?;
        let redriver = Redriver {
            settings: &settings,
            transform,
            sandbox: &self.sandbox,
            trust,
            cache: None,
            chunk_letters_max: 2,
        };
        Ok(redriver.redrive(&Selection::default()).await?)
    }

    /// Reads what the store holds.
    pub(crate) async fn holdings(&self, objects: &Arc<InMemory>) -> Result<Holdings> {
        let store = Mounted::new(objects, Death::Never)?;
        let settings = self.settings(&store, &self.after)?;
        let mut letters = BTreeMap::new();
        let mut doubled = 0;
        let table = Letters::open(&settings).await?.context("there are no dead letters")?;
        table
            .summaries(&Selection::default(), |summary| {
                let position = (summary.partition.partition, summary.offset);
                doubled += usize::from(letters.insert(position, (summary.status, summary.attempts)).is_some());
            })
            .await?;
        ensure!(doubled == 0, "{doubled} dead letters are doubled");
        let mut rows = BTreeMap::new();
        for table in &self.tables {
            rows.insert(*table, positions(&store.location(table)).await?);
        }
        Ok(Holdings { letters, rows })
    }
}

/// How many rows a table has of each position, by its own files.
async fn positions(location: &str) -> Result<BTreeMap<Position, usize>> {
    let table = DeltaTableBuilder::from_url(sluicebox_delta::store::url(location)?)?.load().await?;
    let paths: Vec<_> = table.snapshot()?.log_data().iter().map(|file| file.object_store_path()).collect();
    let mut positions = BTreeMap::new();
    for path in paths {
        let bytes = table.object_store().get(&path).await?.bytes().await?;
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
            let batch = batch?;
            let column = |name| batch.column_by_name(name).context("a table without provenance");
            let partitions = column("_kafka_partition")?.as_primitive::<Int32Type>();
            let offsets = column("_kafka_offset")?.as_primitive::<Int64Type>();
            for position in partitions.values().iter().copied().zip(offsets.values().iter().copied()) {
                *positions.entry(position).or_default() += 1;
            }
        }
    }
    Ok(positions)
}
