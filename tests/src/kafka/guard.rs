//! A second port of each broker, as Amazon MSK has it: TLS, and SASL/OAUTHBEARER. Its tokens are unsigned: what Kafka itself
//! brings along to check them looks at the expiry and nothing else, which is what matters here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const PASSWORD: &str = "not-a-secret";
/// How long a connection may go on without another token.
const SESSION_MILLISECONDS_MAX: u32 = 7_000;

/// The key that all brokers of a cluster show.
pub(super) struct Guard {
    keystore: PathBuf,
    certificate: PathBuf,
}

impl Guard {
    /// Makes a key, signed by itself.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let guard = Self { keystore: folder.join("broker.p12"), certificate: folder.join("broker.pem") };
        let store = guard.keystore.display().to_string();
        let common = ["-alias", "broker", "-storetype", "PKCS12", "-keystore", &store, "-storepass", PASSWORD];
        let name = ["-dname", "CN=127.0.0.1", "-ext", "SAN=ip:127.0.0.1", "-validity", "2"];
        keytool(&[&["-genkeypair", "-keyalg", "EC"], common.as_slice(), &name].concat())?;
        let file = guard.certificate.display().to_string();
        keytool(&[&["-exportcert", "-rfc", "-file", &file], common.as_slice()].concat())?;
        Ok(guard)
    }

    /// What clients have to trust.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A broker's settings with the second port.
    pub(super) fn beside(&self, settings: String, port: u16) -> String {
        let listener = format!(",GUARDED://127.0.0.1:{port}");
        let amended = settings.lines().map(|line| match line.split_once('=') {
            Some(("listeners" | "advertised.listeners", _)) => format!("{line}{listener}\n"),
            Some(("listener.security.protocol.map", _)) => format!("{line},GUARDED:SASL_SSL\n"),
            _ => format!("{line}\n"),
        });
        let jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                    unsecuredLoginStringClaim_sub=\"broker\";";
        let own = [
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("sasl.enabled.mechanisms", "OAUTHBEARER".to_owned()),
            ("listener.name.guarded.oauthbearer.sasl.jaas.config", jaas.to_owned()),
            ("listener.name.guarded.oauthbearer.connections.max.reauth.ms", SESSION_MILLISECONDS_MAX.to_string()),
            ("listener.name.guarded.ssl.keystore.type", "PKCS12".to_owned()),
            ("listener.name.guarded.ssl.keystore.location", self.keystore.display().to_string()),
            ("listener.name.guarded.ssl.keystore.password", PASSWORD.to_owned()),
            ("listener.name.guarded.ssl.key.password", PASSWORD.to_owned()),
        ];
        amended.chain(own.into_iter().map(|(key, value)| format!("{key}={value}\n"))).collect()
    }
}

fn keytool(arguments: &[&str]) -> Result<()> {
    let output = Command::new("keytool").args(arguments).output().context("can't start keytool")?;
    ensure!(output.status.success(), "keytool failed: {}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
