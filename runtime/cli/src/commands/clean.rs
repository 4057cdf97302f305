//! `sluicebox clean`: deletes what killed processes left in the tables' folders and buckets.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Value, json};
use sluicebox_audit::clean::{AGE_MIN, Orphans, orphans};
use sluicebox_aws::uploads::{Upload, Uploads};
use sluicebox_delta::store;
use sluicebox_settings::Settings;

use super::Format;
use super::dlq::wait;
use super::document::document;
use super::run::blamed;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, counted, size};

const AFTER_HELP: &str = "\
It deletes data files that no entry of a table's log mentions, neither as added nor as removed, and unfinished multipart
uploads. It keeps every file that a commit could still add; pipelines may run meanwhile.";

/// Delete files that killed processes left in the tables' folders
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Clean {
    /// The pipeline's YAML file
    #[arg(default_value = "pipeline.yaml")]
    pipeline: PathBuf,
    /// Only what is older than this; at least 1h
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = age)]
    older_than: Duration,
    /// List the files without deleting them
    #[arg(long)]
    dry_run: bool,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found in one table's folder.
struct Found {
    orphans: Orphans,
    uploads: Vec<Upload>,
    /// The bucket of the uploads; none of a table in a folder.
    bucket: Option<Uploads>,
}

impl Clean {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.pipeline)?;
        // Once for all tables: a file must not become old enough while earlier tables are cleaned.
        let before = SystemTime::now() - self.older_than;
        let all = wait(async {
            let mut all = Vec::new();
            for orphans in orphans(document.settings(), before).await.map_err(blamed)? {
                let found = with_uploads(orphans, document.settings(), before).await?;
                if !self.dry_run {
                    delete(&found).await?;
                }
                all.push(found);
            }
            Ok(all)
        })?;
        let mut out = terminal::stdout();
        match self.format {
            Format::Text => self.show(&all, &mut out)?,
            Format::Json => {
                let tables: Vec<Value> = all.iter().map(as_json).collect();
                writeln!(out, "{}", json!({"dry_run": self.dry_run, "tables": tables}))?;
            }
        }
        Ok(Verdict::Good)
    }

    fn show(&self, all: &[Found], out: &mut impl Write) -> std::io::Result<()> {
        let paint = Paint::stdout();
        for Found { orphans, uploads, .. } in all {
            writeln!(out, "{}  {}", paint.strong(&orphans.table), paint.faint(&orphans.location))?;
            for file in &orphans.files {
                writeln!(out, "  {}  {}  {}", moment(file.written_at), size(file.bytes), file.path)?;
            }
            for upload in uploads {
                writeln!(out, "  {}  unfinished upload  {}", moment(upload.begun_at), upload.key)?;
            }
            if orphans.too_young > 0 {
                let files = counted(orphans.too_young as usize, "file");
                writeln!(out, "  {}", paint.faint(format!("{files} that the log does not mention yet: too young")))?;
            }
        }
        let bytes = all.iter().flat_map(|it| &it.orphans.files).map(|file| file.bytes).sum();
        let files = counted(all.iter().map(|it| it.orphans.files.len()).sum(), "file");
        let uploads = counted(all.iter().map(|it| it.uploads.len()).sum(), "unfinished upload");
        let word = if self.dry_run { "would be deleted" } else { "deleted" };
        writeln!(out, "{files} ({}) and {uploads} {word}", size(bytes))
    }
}

fn age(text: &str) -> Result<Duration, String> {
    let age = humantime::parse_duration(text)
        .map_err(|_| "expected a duration with its unit, such as `7d` or `12h`".to_owned())?;
    match age >= AGE_MIN {
        true => Ok(age),
        false => Err("at least 1h: what is younger may still be committed".to_owned()),
    }
}

/// Uploads of files in the table's folder. They have a life of their own: the store lists them nowhere else.
async fn with_uploads(orphans: Orphans, settings: &Settings, before: SystemTime) -> Result<Found, Failure> {
    let Some((bucket, prefix)) = bucket_and_prefix(&orphans.location) else {
        return Ok(Found { orphans, uploads: Vec::new(), bucket: None });
    };
    let bucket = Uploads::of(&bucket, &settings.s3).await;
    let mut uploads = bucket.unfinished(&prefix).await.environment("cannot look for unfinished uploads")?;
    // By their names too: other programs may have unfinished uploads below the same prefix.
    uploads.retain(|upload| {
        let is_ours = upload.key.strip_prefix(&prefix).is_some_and(|path| orphans.may_be_ours(path));
        is_ours && upload.begun_at < before
    });
    Ok(Found { orphans, uploads, bucket: Some(bucket) })
}

/// `s3://lake/my%20tables/orders` → `lake`, `my tables/orders/`.
fn bucket_and_prefix(location: &str) -> Option<(String, String)> {
    let (bucket, key) = store::bucket_and_key(location)?;
    // With a slash at its end: `tables/orders` begins the name of `tables/orders_old`, too.
    let prefix = if key.as_ref().is_empty() { String::new() } else { format!("{key}/") };
    Some((bucket, prefix))
}

async fn delete(found: &Found) -> Result<(), Failure> {
    found.orphans.delete().await.map_err(blamed)?;
    if let Some(bucket) = &found.bucket {
        for upload in &found.uploads {
            bucket.abort(upload).await.environment("cannot delete an unfinished upload")?;
        }
    }
    Ok(())
}

fn as_json(found: &Found) -> Value {
    let Found { orphans, uploads, .. } = found;
    let files = orphans
        .files
        .iter()
        .map(|file| json!({"path": file.path.as_ref(), "bytes": file.bytes, "written_at": moment(file.written_at)}));
    let uploads = uploads.iter().map(|upload| json!({"key": upload.key, "begun_at": moment(upload.begun_at)}));
    json!({
        "table": orphans.table,
        "location": orphans.location,
        "files": files.collect::<Vec<_>>(),
        "uploads": uploads.collect::<Vec<_>>(),
        "too_young": orphans.too_young,
    })
}

fn moment(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_the_least() {
        assert_eq!(age("1h"), Ok(Duration::from_secs(3600)));
        assert!(age("59m").is_err() && age("0s").is_err() && age("soon").is_err());
    }

    #[test]
    fn a_prefix_ends_where_its_folder_does() {
        assert_eq!(
            bucket_and_prefix("s3://lake/tables/orders"),
            Some(("lake".to_owned(), "tables/orders/".to_owned()))
        );
        assert_eq!(bucket_and_prefix("s3://lake/"), Some(("lake".to_owned(), String::new())));
        assert_eq!(bucket_and_prefix("s3://lake/my%20table%23"), Some(("lake".to_owned(), "my table#/".to_owned())));
        assert_eq!(bucket_and_prefix("/tables/orders"), None);
    }
}
