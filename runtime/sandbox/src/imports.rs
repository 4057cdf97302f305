//! What a component may import, decided by name, and what to do where it imports more.

/// What a component's imports ask of the host.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// It brings WASI 0.2, which it gets in a virtual form.
    pub(crate) wasi: bool,
}

/// Checks all imports; returns the first that is not granted, with advice.
pub(crate) fn check<'a>(imports: impl Iterator<Item = &'a str>) -> Result<Wanted, (String, String)> {
    let mut wanted = Wanted::default();
    for import in imports {
        if is_of(import, "sluicebox:transform/", "1.") {
            continue;
        }
        if is_of(import, "wasi:", "0.2.") && !import.starts_with("wasi:http/") {
            wanted.wasi = true;
            continue;
        }
        return Err((import.to_owned(), advice(import)));
    }
    Ok(wanted)
}

fn is_of(import: &str, package: &str, version: &str) -> bool {
    let rest = import.strip_prefix(package).and_then(|rest| rest.split_once('@'));
    rest.is_some_and(|(_, found)| found.starts_with(version))
}

fn advice(import: &str) -> String {
    if import.starts_with("wasi:http/") {
        "a transform has no network; build JavaScript with `componentize-js -d http fetch-event`".to_owned()
    } else if import.starts_with("wasi:") {
        "only WASI 0.2 is offered; build for wasm32-wasip2 or wasm32-unknown-unknown".to_owned()
    } else if import.starts_with("sluicebox:transform/") {
        "this host offers version 1 of the world; build the transform with an SDK of that version".to_owned()
    } else {
        "a transform gets `sluicebox:transform/log` and nothing else; remove what needs it".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_and_wasi_are_granted() {
        let imports = ["sluicebox:transform/log@1.0.0", "sluicebox:transform/columns@1.3.0"];
        assert_eq!(check(imports.into_iter()), Ok(Wanted { wasi: false }));
        assert_eq!(check(["wasi:cli/stdout@0.2.9"].into_iter()), Ok(Wanted { wasi: true }));
    }

    #[test]
    fn all_else_is_refused_by_name_with_advice() {
        for (import, part) in [
            ("wasi:http/types@0.2.10", "no network"),
            ("wasi:cli/stdout@0.3.0", "only WASI 0.2"),
            ("wasi:cli/stdout", "only WASI 0.2"),
            ("sluicebox:transform/log@2.0.0", "version 1"),
            ("sluicebox:transform/log", "version 1"),
            ("acme:lookup/table@1.0.0", "nothing else"),
            ("env", "nothing else"),
        ] {
            let (named, advice) = check(["sluicebox:transform/log@1.0.0", import].into_iter()).unwrap_err();
            assert_eq!(named, import);
            assert!(advice.contains(part), "{advice}");
        }
    }
}
