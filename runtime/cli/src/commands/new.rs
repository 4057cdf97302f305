//! `sluicebox new`: a transform's crate with a first test case and a pipeline file, from the SDK's own template.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::Paint;

// `TEMPLATE`: the path and text of each file, collected by build.rs.
include!(concat!(env!("OUT_DIR"), "/template.rs"));

/// Make a transform's crate, with a first test case and a pipeline file
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The name of the transform: lower case letters, digits and `-`
    name: String,
    /// Where to make it [default: a folder of that name]
    #[arg(long)]
    path: Option<PathBuf>,
    /// The folder of the `sluicebox` crate to depend on [default: that of the checkout which this command was built in,
    /// or else the published crate]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(self) -> Outcome {
        if !is_crate_name(&self.name) {
            return Err(Failure::usage(format!(
                "`{}` cannot name a transform: lower case letters, digits and `-`, beginning with a letter",
                self.name
            )));
        }
        let folder = self.path.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::usage(format!(
                "{} is not empty: choose another folder with `--path`",
                folder.display()
            )));
        }
        let dependency = sdk_dependency(self.sdk.as_deref())?;
        for (name, text) in TEMPLATE {
            let text = text
                .replace("{{name}}", &self.name)
                .replace("{{crate_name}}", &self.name.replace('-', "_"))
                .replace("{{sdk_dependency}}", &dependency);
            write(&folder.join(name.strip_suffix(".template").unwrap_or(name)), &text)?;
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} {}", Paint::stdout().good("made"), folder.display())?;
        writeln!(out, "next: cd {} && sluicebox test", folder.display())?;
        Ok(Verdict::Good)
    }
}

fn is_crate_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What stands behind `sluicebox = ` in the manifest.
fn sdk_dependency(sdk: Option<&Path>) -> Result<String, Failure> {
    let of_checkout = Path::new(env!("SLUICEBOX_CHECKOUT")).join("guest-sdk/rust/sdk");
    let folder = match sdk {
        Some(sdk) => sdk.canonicalize().usage(format!("there is no SDK in {}", sdk.display()))?,
        None if of_checkout.join("Cargo.toml").is_file() => of_checkout,
        None => return Ok(format!("{:?}", env!("CARGO_PKG_VERSION"))),
    };
    if !folder.join("Cargo.toml").is_file() {
        return Err(Failure::usage(format!(
            "there is no crate in {}: name the folder of the `sluicebox` crate",
            folder.display()
        )));
    }
    Ok(format!("{{ path = {:?} }}", folder.display().to_string()))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).environment(format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(file, text).environment(format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_whole() {
        let names: Vec<&str> = TEMPLATE.iter().map(|(name, _)| *name).collect();
        for needed in ["src/lib.rs", "README.md", "pipeline.yaml"] {
            assert!(
                names.iter().any(|name| name.strip_suffix(".template").unwrap_or(name) == needed),
                "{needed} in {names:?}"
            );
        }
        assert!(names.iter().any(|name| name.starts_with("cases/")), "{names:?}");
    }

    #[test]
    fn names_are_those_that_cargo_takes() {
        assert!(is_crate_name("clean-orders2"));
        assert!(!is_crate_name("Clean"));
        assert!(!is_crate_name("2clean"));
        assert!(!is_crate_name("clean_orders"));
        assert!(!is_crate_name(""));
    }
}
