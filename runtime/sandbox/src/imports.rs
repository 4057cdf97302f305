//! What a component may import, decided by name, and what to do where it imports more. The imports also tell for which
//! version of the world it was built: the world's functions have no version in their names.

/// The version of the world that this host serves.
pub(crate) const WORLD_VERSION: &str = "2.0.0";

/// The world's package, before an interface's name.
const PACKAGE: &str = "sluicebox:transform/";

/// The interfaces of the world; all but `log` are types only.
const INTERFACES: [&str; 7] = ["columns", "description", "input", "limits", "log", "output", "types"];

/// What a component's imports ask of the host.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// It brings WASI 0.2, which it gets in a virtual form.
    pub(crate) wasi: bool,
}

/// Why a component cannot run here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was built for another version of the world; what that means.
    OtherVersion(String),
    /// It imports what is not granted; what to do.
    Forbidden { import: String, advice: String },
}

/// Checks all imports; the first that is not granted is the refusal.
pub(crate) fn check<'a>(imports: impl Iterator<Item = &'a str>) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    for import in imports {
        // An import of the world without a version is none of these, and so refused below.
        match import.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) {
            Some((interface, version)) => check_world(import, interface, version)?,
            None if is_wasi(import) => wanted.wasi = true,
            None => return Err(forbidden(import, advice(import))),
        }
    }
    Ok(wanted)
}

/// An interface of the world, in a version that this host serves.
fn check_world(import: &str, interface: &str, version: &str) -> Result<(), Refusal> {
    let (major, ours) = (major(version), major(WORLD_VERSION));
    if major != ours {
        // A version that is not a number is taken for an old one.
        let remedy = match major > ours {
            true => "run it with a newer sluicebox, or rebuild it with the SDK of this version",
            false => "rebuild it with the current SDK (`sluicebox build`)",
        };
        return Err(Refusal::OtherVersion(format!("it was built for `sluicebox:transform@{version}`; {remedy}")));
    }
    match INTERFACES.contains(&interface) {
        true => Ok(()),
        false => Err(forbidden(import, "this version of the host does not have it; run it with a newer sluicebox")),
    }
}

fn major(version: &str) -> Option<u64> {
    version.split('.').next()?.parse().ok()
}

fn is_wasi(import: &str) -> bool {
    let rest = import.strip_prefix("wasi:").and_then(|rest| rest.split_once('@'));
    // The dot counts: `0.2` alone would let `0.20` pass. HTTP is part of WASI 0.2, and would be a network.
    rest.is_some_and(|(interface, version)| version.starts_with("0.2.") && !interface.starts_with("http/"))
}

fn forbidden(import: &str, advice: &str) -> Refusal {
    Refusal::Forbidden { import: import.to_owned(), advice: advice.to_owned() }
}

fn advice(import: &str) -> &'static str {
    if import.starts_with("wasi:http/") {
        "a transform has no network; build JavaScript with `componentize-js -d http fetch-event`"
    } else if import.starts_with("wasi:") {
        "only WASI 0.2 is offered; build for wasm32-wasip2 or wasm32-unknown-unknown"
    } else {
        "a transform gets `sluicebox:transform/log` and nothing else; remove what needs it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_and_wasi_are_granted() {
        let imports = ["sluicebox:transform/log@2.0.0", "sluicebox:transform/columns@2.3.0"];
        assert_eq!(check(imports.into_iter()), Ok(Wanted { wasi: false }));
        assert_eq!(check(["wasi:cli/stdout@0.2.9"].into_iter()), Ok(Wanted { wasi: true }));
    }

    #[test]
    fn all_else_is_refused_by_name_with_advice() {
        for (import, part) in [
            ("wasi:http/types@0.2.10", "no network"),
            ("wasi:cli/stdout@0.3.0", "only WASI 0.2"),
            ("wasi:cli/stdout", "only WASI 0.2"),
            ("sluicebox:transform/lookup@2.1.0", "a newer sluicebox"),
            ("sluicebox:transform/log", "nothing else"),
            ("acme:lookup/table@1.0.0", "nothing else"),
            ("env", "nothing else"),
        ] {
            let refusal = check(["sluicebox:transform/log@2.0.0", import].into_iter()).unwrap_err();
            let Refusal::Forbidden { import: named, advice } = refusal else { panic!("{refusal:?}") };
            assert_eq!(named, import);
            assert!(advice.contains(part), "{advice}");
        }
    }

    #[test]
    fn another_version_of_the_world_is_named_with_the_remedy() {
        for (version, part) in
            [("1.0.0", "the current SDK"), ("0.9.0", "the current SDK"), ("3.1.0", "a newer sluicebox")]
        {
            let import = format!("sluicebox:transform/input@{version}");
            let Err(Refusal::OtherVersion(what)) = check([import.as_str()].into_iter()) else { panic!("{version}") };
            assert!(what.contains(&format!("`sluicebox:transform@{version}`")) && what.contains(part), "{what}");
        }
    }

    #[test]
    fn the_version_and_the_interfaces_are_those_of_the_world() {
        let world = include_str!("../../../wit/transform.wit");
        assert!(world.contains(&format!("package sluicebox:transform@{WORLD_VERSION};")));
        let interfaces = world.lines().filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"));
        let mut interfaces: Vec<&str> = interfaces.collect();
        interfaces.sort_unstable();
        assert_eq!(interfaces, INTERFACES);
    }
}
