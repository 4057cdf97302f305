//! What writers leave on S3 when they are killed or give up: unfinished uploads, and files without a commit.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use arrow::array::{BinaryArray, RecordBatch};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::{
    CredentialProvider as _, MultipartUpload as _, ObjectStoreExt as _, PutPayload, StaticCredentialProvider,
};
use serde_json::json;
use sluicebox_audit::clean::orphans;
use sluicebox_aws::uploads::{Credentials, Uploads};
use sluicebox_delta::Table;
use sluicebox_delta::store::{S3Access, reach_s3};
use sluicebox_settings::{S3Settings, Settings};
use sluicebox_tests::s3::{BUCKET, S3};

use crate::orders;

const NAME: &str = "left-behind";
const PART_BYTES: usize = 8 << 20;

struct Reached {
    settings: S3Settings,
    credentials: Arc<StaticCredentialProvider<AwsCredential>>,
}

fn reach(store: &S3) -> Reached {
    let variable = |name: &str| {
        let found = store.environment().into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    let settings = S3Settings {
        endpoint: Some(variable("AWS_ENDPOINT_URL")),
        region: Some("us-east-1".to_owned()),
        path_style: Some(true),
    };
    let credentials = Arc::new(StaticCredentialProvider::new(AwsCredential {
        key_id: variable("AWS_ACCESS_KEY_ID"),
        secret_key: variable("AWS_SECRET_ACCESS_KEY"),
        token: None,
    }));
    reach_s3(S3Access { settings: settings.clone(), credentials: Some(credentials.clone()) });
    Reached { settings, credentials }
}

fn noise(table: &Table) -> Result<RecordBatch> {
    let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(PART_BYTES).collect();
    // The writer uploads a row group once it has the rows of two such batches.
    let rows = bytes.chunks(64).map(Some);
    Ok(RecordBatch::try_new(table.schema().clone(), vec![Arc::new(BinaryArray::from_iter(rows))])?)
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_uploads_are_aborted_by_who_gives_up_and_found_of_who_was_killed() -> Result<()> {
    needs!(s3);
    let store = tokio::task::spawn_blocking(S3::shared).await??;
    let Reached { settings, credentials } = reach(store);
    let prefix = format!("{NAME}/uploads/");
    let keys = credentials.get_credential().await?;
    let keys = Credentials::new(&keys.key_id, &keys.secret_key, None, None, "tests");
    let uploads = Uploads::with(BUCKET, &settings, keys).await;
    let unfinished = async || -> Result<usize> { Ok(uploads.unfinished(&prefix).await?.len()) };

    let shape = sluicebox_delta::Shape {
        columns: vec![deltalake::kernel::StructField::nullable("noise", deltalake::kernel::DataType::BINARY)],
        partition_columns: Vec::new(),
    };
    let mut table = Table::open(NAME, "uploads", &format!("s3://{BUCKET}/{NAME}/uploads"), &shape).await?;
    for _ in 0..20 {
        table.stage(noise(&table)?).await?;
        if unfinished().await? > 0 {
            break;
        }
    }
    ensure!(unfinished().await? > 0, "160 MB were staged without an upload in parts");
    table.abandon();
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while unfinished().await? > 0 {
        ensure!(tokio::time::Instant::now() < until, "the uploads of what was given up are still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // A process that is killed aborts nothing.
    let raw = AmazonS3Builder::new().with_bucket_name(BUCKET).with_credentials(credentials).with_allow_http(true);
    let raw = raw.with_endpoint(settings.endpoint.clone().unwrap_or_default()).with_region("us-east-1").build()?;
    let mut killed = raw.put_multipart(&format!("{prefix}part-00000-killed.parquet").into()).await?;
    killed.put_part(PutPayload::from(vec![0_u8; 5 << 20])).await?;
    drop(killed);
    let found = uploads.unfinished(&prefix).await?;
    ensure!(found.len() == 1 && found[0].key.ends_with("part-00000-killed.parquet"), "{found:?}");
    let age = SystemTime::now().duration_since(found[0].begun_at).unwrap_or_default();
    ensure!(age < Duration::from_secs(300), "{age:?}");
    uploads.abort(&found[0]).await?;
    uploads.abort(&found[0]).await?;
    ensure!(unfinished().await? == 0);

    // Files that were finished and never committed.
    let pipeline = orders::pipeline(NAME, json!({"file": {"path": "-"}}))?.on_s3(store, store.address().to_owned());
    let orders = format!("{NAME}/orders");
    let mut table = Table::open(NAME, "orders", &format!("s3://{BUCKET}/{orders}"), &shape).await?;
    raw.put(&format!("{orders}/part-00000-orphan.parquet").into(), PutPayload::from_static(b"left")).await?;
    raw.put(&format!("{orders}/_transforms/kept.parquet").into(), PutPayload::from_static(b"kept")).await?;
    table.stage(noise(&table)?).await?;
    table.account(&sluicebox_ledger::TopicPartition::new("t", 0), &[0], &[sluicebox_sandbox::Verdict::Emitted]);
    table.commit("sha256:test").await?;
    let pipeline_settings = Settings::load(&pipeline.write()?)?;
    let all = orphans(&pipeline_settings, SystemTime::now() + Duration::from_secs(60)).await?;
    let paths: Vec<_> = all.iter().flat_map(|it| &it.files).map(|file| file.path.to_string()).collect();
    ensure!(paths == ["part-00000-orphan.parquet"], "{paths:?}");
    for orphans in &all {
        orphans.delete().await?;
    }
    let all = orphans(&pipeline_settings, SystemTime::now() + Duration::from_secs(60)).await?;
    ensure!(all.iter().all(|it| it.files.is_empty()));
    Ok(())
}
