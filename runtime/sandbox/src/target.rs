//! The processors that transforms are compiled for beforehand, and what each of them is taken to have.
//!
//! The features are named here and never inferred: the machine that compiles says nothing about the machine that runs.
//! wasmtime asks the processor for each feature before it runs code that was compiled for it.

use std::fmt;
use std::str::FromStr;

/// A kind of processor that a transform can be compiled for; always with Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// x86-64-v3 without what no wasm needs: Intel since Haswell (2013), AMD since Zen (2017), all of Lambda and Fargate.
    X86_64,
    /// Neoverse N1 (2019) and later: Graviton2, all of Lambda and Fargate, Apple's since M1.
    Arm64,
}

impl Target {
    /// All of them.
    pub const ALL: [Target; 2] = [Target::X86_64, Target::Arm64];

    /// The one that this process runs on; none if transforms are not compiled beforehand for such a machine.
    pub fn here() -> Option<Target> {
        match (std::env::consts::ARCH, std::env::consts::OS) {
            ("x86_64", "linux") => Some(Target::X86_64),
            ("aarch64", "linux") => Some(Target::Arm64),
            _ => None,
        }
    }

    /// Its name: `x86-64` or `arm64`, as Lambda and container images call them.
    pub fn name(self) -> &'static str {
        match self {
            Target::X86_64 => "x86-64",
            Target::Arm64 => "arm64",
        }
    }

    /// What the processor is taken to have, in Cranelift's names.
    pub fn cpu_features(self) -> &'static [&'static str] {
        match self {
            Target::X86_64 => &[
                "has_sse3",
                "has_ssse3",
                "has_cmpxchg16b",
                "has_sse41",
                "has_sse42",
                "has_popcnt",
                "has_avx",
                "has_avx2",
                "has_fma",
                "has_bmi1",
                "has_bmi2",
                "has_lzcnt",
            ],
            Target::Arm64 => &["has_lse", "has_fp16", "has_dotprod"],
        }
    }

    /// Its triple, as compilers call it.
    #[cfg(feature = "compiler")]
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Target::X86_64 => "x86_64-unknown-linux-gnu",
            Target::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No target has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no target `{0}`: there are `x86-64` and `arm64`")]
pub struct UnknownTarget(String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(name: &str) -> Result<Target, UnknownTarget> {
        Target::ALL.into_iter().find(|target| target.name() == name).ok_or_else(|| UnknownTarget(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_name() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        let error = "x86_64".parse::<Target>().unwrap_err().to_string();
        assert!(error.contains("`x86_64`") && error.contains("`x86-64`"), "{error}");
    }
}
