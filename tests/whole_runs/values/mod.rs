//! The table of values: every type of the world at its edges, in plain, nested and partition columns, as typed columns and as
//! JSON, written by the product's own path. Each row is in the table, equal in every reader, or its record is a dead letter.

mod adversaries;
mod cell;
mod edges;
mod runs;
mod written;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Result, ensure};
use object_store::StaticCredentialProvider;
use object_store::aws::AwsCredential;
use sluicebox_delta::store::{S3Access, reach_s3};
use sluicebox_settings::S3Settings;
use sluicebox_tests::place;
use sluicebox_tests::s3::{BUCKET, S3};

use self::written::{Form, by_partition, plain};

#[test]
fn every_value_is_read_back_equal_or_is_a_misfit() -> Result<()> {
    needs!(readers);
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let mut files =
        vec![plain(&at("columns"), Form::Columns, folder.path())?, plain(&at("json"), Form::Json, folder.path())?];
    for (position, (name, data_type, _)) in edges::types().into_iter().enumerate() {
        if data_type != sluicebox_sandbox::DataType::Binary {
            let form = if position % 2 == 0 { Form::Columns } else { Form::Json };
            files.push(by_partition(&at(&format!("by_{name}")), name, form, folder.path())?);
        }
    }
    compare(&files, &[])
}

#[test]
fn every_value_is_read_back_equal_from_s3() -> Result<()> {
    needs!(s3, readers);
    let store = S3::shared()?;
    let environment = store.environment();
    let variable = |name: &str| {
        environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let credentials = AwsCredential {
        key_id: variable("AWS_ACCESS_KEY_ID"),
        secret_key: variable("AWS_SECRET_ACCESS_KEY"),
        token: None,
    };
    reach_s3(S3Access {
        settings: S3Settings {
            endpoint: Some(variable("AWS_ENDPOINT_URL")),
            region: Some(variable("AWS_REGION")),
            ..S3Settings::default()
        },
        credentials: Some(Arc::new(StaticCredentialProvider::new(credentials))),
    });
    let folder = tempfile::tempdir()?;
    let at = |name: &str| format!("s3://{BUCKET}/values/{name}");
    let files = [
        plain(&at("json"), Form::Json, folder.path())?,
        by_partition(&at("by_text"), "text", Form::Columns, folder.path())?,
        by_partition(&at("by_at"), "at", Form::Json, folder.path())?,
    ];
    compare(&files, &environment)
}

/// Has the readers compare tables with what was written into them.
fn compare(files: &[impl AsRef<Path>], environment: &[(String, String)]) -> Result<()> {
    let mut reader = Command::new(place::python()?);
    reader.arg(place::repository().join("tests/readers/compare_values.py"));
    reader.args(files.iter().map(AsRef::as_ref));
    reader.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = reader.output()?;
    ensure!(output.status.success(), "compare_values.py: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    println!("{}", String::from_utf8_lossy(&output.stdout).trim_end());
    Ok(())
}
