//! Which tables a transform writes to, where each lies, and which columns it needs: the transform's description and the
//! settings, held against each other. Opens nothing.

use sluicebox_delta::Shape;
use sluicebox_sandbox::Transform;
use sluicebox_settings::{Settings, did_you_mean};

use crate::error::PipelineError;

/// Name, location, shape and own columns of a table.
pub(crate) type Planned = (String, String, Shape, Vec<String>);

/// The tables of a transform; an error if settings and transform name different ones.
pub(crate) fn plan(settings: &Settings, transform: &Transform) -> Result<Vec<Planned>, PipelineError> {
    let described = &transform.description().tables;
    let known: Vec<&str> = described.iter().map(|table| table.name.as_str()).collect();
    if let Some(unknown) = settings.tables.keys().find(|name| !known.contains(&name.as_str())) {
        let hint = did_you_mean(unknown, known.iter().copied())
            .map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        let known = known.join("`, `");
        return Err(PipelineError::Settings(format!(
            "`tables.{unknown}`: the transform has no table of this name, but `{known}`{hint}"
        )));
    }
    let mut planned = Vec::new();
    for table in described {
        let name = &table.name;
        let Some(place) = settings.tables.get(name) else {
            return Err(PipelineError::Settings(format!(
                "`tables.{name}` is missing: the transform writes to a table `{name}`; add `{name}: {{path: …}}` under `tables`"
            )));
        };
        let shape = Shape::of(table, settings.provenance).map_err(|error| {
            PipelineError::Settings(format!("table `{name}` of the transform is not a legal Delta table: {error}"))
        })?;
        let fields = table.fields.iter().map(|field| field.name.clone()).collect();
        planned.push((name.clone(), place.path.clone(), shape, fields));
    }
    Ok(planned)
}
