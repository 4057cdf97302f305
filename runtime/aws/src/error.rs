//! What can go wrong with AWS. Messages never contain keys or tokens.

/// AWS failed, or is not set up.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No source has credentials.
    #[error(
        "no AWS credentials: {0}; they are looked for in the environment (AWS_ACCESS_KEY_ID), in profiles (AWS_PROFILE), with \
         the container's role and the instance's"
    )]
    Credentials(String),

    /// Neither the settings nor the environment name the region.
    #[error(
        "the region of the MSK cluster is not known: set `source.kafka.authentication: {{msk_iam: {{region: …}}}}`, or AWS_REGION"
    )]
    Region,

    /// A token could not be signed.
    #[error("a token for MSK could not be made: {0}")]
    Token(String),

    /// S3 is unavailable, or refuses.
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

/// An error and its causes in one line, because the SDK's top-level messages say little.
#[cfg(feature = "identity")]
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
