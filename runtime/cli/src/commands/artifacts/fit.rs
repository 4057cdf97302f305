//! Whether a transform fits what is there: a pipeline file with its live tables, or tables that are named one by one.

use sluicebox_delta::{Shape, Table};
use sluicebox_registry::{Artifact, Registry};
use sluicebox_sandbox::{Limits, Transform};
use sluicebox_settings::Document;

use super::load;
use crate::commands::check::{OutOfReach, require_fit};
use crate::commands::run::blamed;
use crate::commands::transform;
use crate::exit::Failure;

/// Makes sure that an artifact is whole, loads it, with a pipeline's limits if one is given, and makes sure that the pipeline
/// and its tables take it.
pub(super) async fn require(
    registry: &Registry,
    artifact: &Artifact,
    document: Option<&Document>,
) -> Result<Transform, Failure> {
    registry.require_whole(artifact).await.map_err(transform::blamed)?;
    let Some(document) = document else { return load(registry, artifact, &Limits::default()).await };
    let transform = load(registry, artifact, &document.settings().transform.limits).await?;
    require_fit(document, &transform, OutOfReach::IsFailure).await?;
    Ok(transform)
}

/// Makes sure that live tables, given as `name=location`, take what the transform writes. One that does not exist yet is fine.
pub(super) async fn require_tables(transform: &Transform, tables: &[(String, String)]) -> Result<(), Failure> {
    for (name, location) in tables {
        let described = &transform.description().tables;
        let Some(table) = described.iter().find(|table| table.name == *name) else {
            let known: Vec<&str> = described.iter().map(|table| table.name.as_str()).collect();
            let known = known.join("`, `");
            return Err(Failure::usage(format!("the transform writes no table `{name}`, but `{known}`")));
        };
        // A live table may have the columns of ours, and need not.
        let shape = Shape::of(table, false).map_err(|error| Failure::Usage(error.into()))?;
        Table::check(name, location, &shape).await.map_err(blamed)?;
    }
    Ok(())
}
