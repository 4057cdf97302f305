//! `sluicebox keys`: makes the keys that sign transforms, and shows what a pipeline's `keys` have to name.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use sluicebox_registry::SigningKey;

use super::Format;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint};

/// Only its owner may read a private key.
const PRIVATE_MODE: u32 = 0o600;

/// Make and show keys that sign transforms
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    Show(Show),
}

/// Make a private key
///
/// Writes an ed25519 key as PEM, as openssl does, readable by you alone, and prints its public half. Refuses a file that exists.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sluicebox keys new key.pem
  sluicebox push . --to registry/orders --sign-with key.pem")]
struct New {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Show the public half of a private key
///
/// It is what `transform.keys` of a pipeline and the option `--key` take.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sluicebox keys show key.pem
  sluicebox keys show key.pem --format json | jq -r .public")]
struct Show {
    /// The private key's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Keys {
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::New(New { file, format }) => {
                let key = SigningKey::generate().environment("cannot make a key")?;
                write_private(&file, &key)?;
                show(&key, &file, format, "made")
            }
            Command::Show(Show { file, format }) => {
                let key = SigningKey::read(&file).usage("cannot show the key")?;
                show(&key, &file, format, "key")
            }
        }
    }
}

fn write_private(file: &Path, key: &SigningKey) -> Result<(), Failure> {
    // The mode is set as the file is made: a change afterwards would leave a moment in which others can open it.
    let opened = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_MODE).open(file);
    let mut opened = opened.map_err(|error| match error.kind() {
        // To write over a key would make everything that it signed worthless.
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} exists: give another name, or remove it yourself", file.display()))
        }
        _ => Failure::environment(format!("cannot write {}: {error}", file.display())),
    })?;
    // Synced before anything is signed: a crash must not leave signatures of a key that is lost.
    let written = opened.write_all(key.to_pem().as_bytes()).and_then(|()| opened.sync_all());
    written.environment(format!("cannot write {}", file.display()))
}

fn show(key: &SigningKey, file: &Path, format: Format, word: &str) -> Outcome {
    let (id, public) = (key.id(), key.public_text());
    let mut out = terminal::stdout();
    match format {
        Format::Text => {
            let paint = Paint::stdout();
            writeln!(out, "{} {}  {}", paint.good(word), file.display(), paint.faint(format!("id {id}")))?;
            writeln!(out, "public  {public}")?;
            writeln!(out, "\nIn the pipeline file:\n  transform:\n    keys: [{public}]")?;
        }
        Format::Json => {
            let shown = json!({"file": file.display().to_string(), "id": id, "public": public});
            writeln!(out, "{shown}")?;
        }
    }
    Ok(Verdict::Good)
}
