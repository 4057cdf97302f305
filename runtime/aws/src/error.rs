//! What can go wrong with AWS. Messages name no secret: keys and tokens never get into them.

/// A failure of AWS, or of what leads there.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// Nobody gave us credentials.
    #[error(
        "no AWS credentials: {0}; they are looked for in the environment (AWS_ACCESS_KEY_ID), in profiles (AWS_PROFILE), with \
         the container's role and the instance's"
    )]
    Credentials(String),

    /// Nobody says which region.
    #[error(
        "the region of the MSK cluster is not known: set `source.kafka.authentication: {{msk_iam: {{region: …}}}}`, or AWS_REGION"
    )]
    Region,

    /// A token could not be signed.
    #[error("a token for MSK could not be made: {0}")]
    Token(String),

    /// S3 refused or could not be reached.
    #[error("{doing} in bucket `{bucket}` failed: {reason}")]
    S3 {
        /// What was being done.
        doing: &'static str,
        /// The bucket.
        bucket: String,
        /// S3's own words.
        reason: String,
    },

    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// An error and its causes in one line; the SDK's own say little by themselves.
#[cfg(feature = "identity")]
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
