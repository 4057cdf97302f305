//! Unfinished multipart uploads: parts of files that no listing shows, and that cost money until they are aborted. The pipeline
//! aborts its own when a write fails; this module finds those that a killed process left.
//!
//! Decides nothing: the caller decides which uploads are old enough to abort.

use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::SdkError;
use sluicebox_settings::S3Settings;

use crate::AwsError;
use crate::credentials::{Chain, Kept};
use crate::error::whole;

pub use aws_credential_types::Credentials;

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The key of its object.
    pub key: String,
    /// S3's id of the upload.
    pub id: String,
    /// When it was begun.
    pub begun_at: SystemTime,
}

/// The uploads of one bucket.
#[derive(Debug)]
pub struct Uploads {
    client: Client,
    bucket: String,
}

impl Uploads {
    /// The uploads of `bucket`, reached as the pipeline's tables are.
    pub async fn of(bucket: &str, settings: &S3Settings) -> Self {
        Self::with(bucket, settings, Kept::new(Chain::new(settings.region.clone()))).await
    }

    /// The same, with the caller's credentials.
    pub async fn with(bucket: &str, settings: &S3Settings, credentials: impl ProvideCredentials + 'static) -> Self {
        let mut surroundings =
            aws_config::defaults(aws_config::BehaviorVersion::latest()).credentials_provider(credentials);
        if let Some(region) = region(settings) {
            surroundings = surroundings.region(region);
        }
        let mut config = Builder::from(&surroundings.load().await);
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        config = config.force_path_style(settings.path_style.unwrap_or(true));
        Self { client: Client::from_conf(config.build()), bucket: bucket.to_owned() }
    }

    /// All uploads of objects whose key begins with `prefix`, oldest first.
    pub async fn unfinished(&self, prefix: &str) -> Result<Vec<Upload>, AwsError> {
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let page = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
            let page = page.set_key_marker(key_marker.take()).set_upload_id_marker(id_marker.take()).send().await;
            let page = page.map_err(|error| self.failed("listing unfinished uploads", &error))?;
            uploads.extend(page.uploads().iter().filter_map(upload));
            // Without a marker, the same page would come again, for ever.
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                break;
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            id_marker = page.next_upload_id_marker().map(str::to_owned);
        }
        uploads.sort_by_key(|upload| upload.begun_at);
        Ok(uploads)
    }

    /// Aborts an upload. An upload that is gone already is not an error.
    pub async fn abort(&self, upload: &Upload) -> Result<(), AwsError> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(&upload.key).upload_id(&upload.id);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_upload()) => Ok(()),
            Err(error) => Err(self.failed("aborting an unfinished upload", &error)),
        }
    }

    fn failed<E, R>(&self, doing: &'static str, error: &SdkError<E, R>) -> AwsError
    where
        E: std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        AwsError::S3 { doing, bucket: self.bucket.clone(), reason: whole(error) }
    }
}

/// The region of the settings. A store other than AWS accepts any region, so none is looked up over the network for it.
fn region(settings: &S3Settings) -> Option<aws_config::Region> {
    let is_foreign = settings.endpoint.is_some() && std::env::var_os("AWS_REGION").is_none();
    let region = settings.region.clone().or_else(|| is_foreign.then(|| "us-east-1".to_owned()));
    region.map(aws_config::Region::new)
}

/// None if the key, the id or the time is missing: such an upload can neither be judged nor aborted.
fn upload(told: &aws_sdk_s3::types::MultipartUpload) -> Option<Upload> {
    Some(Upload {
        key: told.key()?.to_owned(),
        id: told.upload_id()?.to_owned(),
        begun_at: SystemTime::try_from(*told.initiated()?).ok()?,
    })
}
