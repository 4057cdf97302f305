//! What the file says of AWS: how to reach buckets, and how to prove an identity to the brokers. Connects to nothing.

use std::collections::BTreeMap;

use url::Url;

use super::Checker;
use crate::shape::{self, MskIam, Property};
use crate::{Authentication, Diagnostic, S3Settings};

/// librdkafka's properties that do the same as `source.kafka.authentication`.
const IDENTITY: [&str; 6] = [
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.config",
    "sasl.password",
    "sasl.username",
    "security.protocol",
];

impl Checker<'_> {
    pub(super) fn s3(&mut self, s3: S3Settings) -> S3Settings {
        if let Some(endpoint) = &s3.endpoint
            && !is_endpoint(endpoint)
        {
            let fault = Diagnostic::new("E0106", "`s3.endpoint` is not the URL of a store")
                .label("such as `https://minio.example.org:9000`, without a bucket");
            self.fault(&["s3", "endpoint"], fault);
        }
        if let Some(region) = &s3.region {
            self.region(region, &["s3", "region"]);
        }
        s3
    }

    pub(super) fn authentication(
        &mut self,
        authentication: shape::Authentication,
        properties: &BTreeMap<String, Property>,
    ) -> Authentication {
        for key in IDENTITY.iter().filter(|key| properties.contains_key(**key)) {
            let fault = Diagnostic::new("E0109", format!("`{key}` is set by `source.kafka.authentication`"))
                .label("remove one of them");
            self.key_fault(&["source", "kafka", "properties", key], fault);
        }
        // Irrefutable on purpose: a second kind of identity will not compile until it is checked here.
        let shape::Authentication::MskIam(MskIam { region }) = authentication;
        if let Some(region) = &region {
            self.region(region, &["source", "kafka", "authentication", "msk_iam", "region"]);
        }
        Authentication::MskIam { region }
    }

    fn region(&mut self, region: &str, path: &[&str]) {
        if region.is_empty() || !region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            let fault =
                Diagnostic::new("E0106", format!("`{region}` cannot be a region")).label("such as `eu-central-1`");
            self.fault(path, fault);
        }
    }
}

fn is_host(host: &str) -> bool {
    host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:[]".contains(c))
}

/// Whether a text is the URL of a store, and not of a bucket in it.
pub fn is_endpoint(text: &str) -> bool {
    // `Url` would leave out spaces, and the store's client would not.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return false;
    }
    Url::parse(text).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.host_str().is_some_and(is_host)
            // A path would be a bucket, which each table names itself.
            && url.path() == "/"
            && url.query().is_none()
            // Credentials in a URL would end up in logs.
            && url.username().is_empty()
    })
}
