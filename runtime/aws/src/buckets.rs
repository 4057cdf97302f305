//! Lets the pipeline's store reach buckets as the AWS tools do. Looks for credentials at the first request, but for the region
//! at once, because the client needs it from the start.

use sluicebox_delta::store::{S3Access, reach_s3};
use sluicebox_settings::{S3Settings, Settings, TransformOrigin};

use crate::AwsError;

/// From now on this process reaches buckets as `settings` say, with credentials from the default chain. Call it before the
/// pipeline's tables are opened.
pub fn reach_buckets(settings: &Settings) -> Result<(), AwsError> {
    reach_s3(access(&settings.s3, names_a_bucket(settings))?);
    Ok(())
}

/// The same for commands without a pipeline: for a location that may be in a bucket.
pub fn reach_bucket_of(location: &str) -> Result<(), AwsError> {
    reach_s3(access(&S3Settings::default(), is_in_bucket(location))?);
    Ok(())
}

/// A variable that is there and empty says nothing.
#[cfg(feature = "chain")]
fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

#[cfg(feature = "chain")]
fn access(settings: &S3Settings, names_a_bucket: bool) -> Result<S3Access, AwsError> {
    use std::sync::Arc;

    use crate::credentials::{Chain, Kept};

    let mut s3 = settings.clone();
    let is_told = s3.region.is_some() || s3.endpoint.is_some() || ENVIRONMENT.iter().any(|name| is_set(name));
    // The look-up may ask the instance over the network: only if a bucket needs the answer.
    if !is_told && names_a_bucket {
        s3.region = default_region()?;
    }
    let credentials = Kept::new(Chain::new(s3.region.clone()));
    Ok(S3Access { settings: s3, credentials: Some(Arc::new(credentials)) })
}

#[cfg(not(feature = "chain"))]
#[expect(clippy::unnecessary_wraps, reason = "with the chain it can fail")]
fn access(settings: &S3Settings, _: bool) -> Result<S3Access, AwsError> {
    Ok(S3Access { settings: settings.clone(), credentials: None })
}

/// With one of these variables set, the store's client finds its region by itself, or needs none.
#[cfg(feature = "chain")]
const ENVIRONMENT: [&str; 4] = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

fn names_a_bucket(settings: &Settings) -> bool {
    let registry = match &settings.transform.origin {
        TransformOrigin::Artifact(artifact) => Some(artifact.registry.as_str()),
        TransformOrigin::File(_) => None,
    };
    let tables = settings.all_tables().map(|(_, location)| location);
    tables.chain(registry).any(is_in_bucket)
}

fn is_in_bucket(location: &str) -> bool {
    location.starts_with("s3://")
}

/// The region from profiles or the instance. Runs on a thread of its own, because the caller may be inside an async runtime,
/// or may have none.
#[cfg(feature = "chain")]
fn default_region() -> Result<Option<String>, AwsError> {
    let thread = std::thread::Builder::new().name("aws-region".to_owned());
    let asking = thread.spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let region =
            runtime.block_on(aws_config::default_provider::region::DefaultRegionChain::builder().build().region());
        Ok(region.map(|region| region.to_string()))
    })?;
    let asked = asking.join();
    asked.unwrap_or(Err(AwsError::Region))
}
