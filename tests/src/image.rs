//! The container image, without a container engine: its root as `infra/container/root` makes it, its settings as the
//! Containerfile has them. Must not know what runs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place;

/// An image's root in a folder of its own, and what its Containerfile says.
pub struct Image {
    root: PathBuf,
    containerfile: String,
}

impl Image {
    /// Makes the root with the binary under test.
    ///
    /// # Errors
    /// If `infra/container/root` fails.
    pub fn make(folder: &Path) -> Result<Self> {
        let scripts = place::repository().join("infra/container");
        let root = folder.join("root");
        let output = Command::new(scripts.join("root"))
            .env("COMMAND", place::sluicebox()?)
            .env("ROOT", &root)
            .output()
            .context("can't start infra/container/root")?;
        ensure!(output.status.success(), "infra/container/root: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { root, containerfile: fs::read_to_string(scripts.join("Containerfile"))? })
    }

    /// Whether this machine lets us change the root.
    pub fn can_run() -> bool {
        Command::new(place::repository().join("infra/container/within")).status().is_ok_and(|status| status.success())
    }

    /// The variables that every container of the image has.
    ///
    /// # Errors
    /// If the Containerfile has none.
    pub fn environment(&self) -> Result<Vec<(String, String)>> {
        let text = self.instruction("ENV")?;
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The entry point, as a user, with folders mounted: each with its place, and whether it may only be read.
    ///
    /// # Errors
    /// If the Containerfile has no entry point.
    pub fn command(&self, user: &str, mounts: &[(&Path, &str, bool)]) -> Result<Command> {
        let entry: Vec<String> = serde_json::from_str(self.instruction("ENTRYPOINT")?.trim())?;
        let mut command = Command::new(place::repository().join("infra/container/within"));
        command.arg(&self.root).arg(user);
        for (source, place, is_read_only) in mounts {
            command.arg(format!("{}:{place}{}", source.display(), if *is_read_only { ":ro" } else { "" }));
        }
        command.arg("--").args(entry);
        Ok(command)
    }

    /// What follows an instruction's name, over all its lines.
    fn instruction(&self, name: &str) -> Result<String> {
        let text = self.containerfile.replace("\\\n", " ");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("the Containerfile has no {name}"))?.to_owned())
    }
}
