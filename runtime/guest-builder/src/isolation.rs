//! Which of the user's settings must not reach a guest. Compiler flags and linkers are made for the user's own processor: in
//! a guest they break the build or change its digest, which names the transform everywhere.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// Between the flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// Environment variables that are cargo settings, by their beginnings.
const SETTINGS: &[&str] =
    &["CARGO_PROFILE_", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"];

/// Makes cargo deaf to the user's flags, linkers and profiles for the guest.
pub(crate) fn isolate(cargo: &mut Command, target: &str, linker: &str) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        cargo.env_remove(name);
    }
    // Cargo takes flags from one place only, and it looks here first: once this is set, even to nothing, neither `RUSTFLAGS`
    // nor a `config.toml` count.
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags().join(SEPARATOR));
    // `--config` wins over every config file.
    cargo.arg("--config").arg(format!("target.{target}.linker={linker:?}"));
}

fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| SETTINGS.iter().any(|beginning| name.starts_with(beginning)))
}

/// A panic names the file of its code. Dependencies lie in the user's home: without remapping, its path would be part of the
/// component, and each user would build another digest.
fn flags() -> Vec<String> {
    let home = cargo_home().map(|home| format!("--remap-path-prefix={}=/cargo", home.display()));
    home.into_iter().collect()
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_wasm_linkers_are_settings_and_the_users_own_linker_is_not() {
        for name in ["CARGO_PROFILE_RELEASE_LTO", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "CARGO_BUILD_RUSTFLAGS"]
        {
            assert!(is_setting(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "CARGO_HOME", "CARGO_NET_OFFLINE"] {
            assert!(!is_setting(OsStr::new(name)), "{name}");
        }
    }
}
