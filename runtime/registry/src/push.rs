//! Pushes a transform: writes the component, its machine code for each target, and the manifest last. Without a manifest a
//! transform cannot be promoted, so an interrupted push leaves only unused objects, which the next push reuses.

use bytes::Bytes;
use sluicebox_sandbox::{CODE_VERSION, Digest, Metering, Sandbox, Target, Transform};
use sluicebox_settings::is_artifact_name;

use crate::artifact::{Artifact, Pin};
use crate::envelope::Envelope;
use crate::error::RegistryError;
use crate::manifest::{Form, Manifest};
use crate::objects::Created;
use crate::signature::SigningKey;
use crate::{Registry, layout};

/// The result of a push.
#[derive(Debug)]
pub struct Pushed {
    /// The artifact in the registry.
    pub artifact: Artifact,
    /// Whether the registry had it already, with the same component, targets, limits, version and signature.
    pub was_there: bool,
}

impl Registry {
    /// Pushes a loaded, and so checked, transform under a name. Repeating the same push changes nothing. A push of the same
    /// component with other targets or another signature adds a manifest, which has to be promoted before channels use it.
    ///
    /// # Errors
    /// The name is not legal, the transform cannot be compiled for a target, or the store fails.
    pub async fn push(
        &self,
        sandbox: &Sandbox,
        name: &str,
        transform: &Transform,
        targets: &[Target],
        key: Option<&SigningKey>,
    ) -> Result<Pushed, RegistryError> {
        if !is_artifact_name(name) {
            return Err(RegistryError::Name(name.to_owned()));
        }
        let wasm = Bytes::copy_from_slice(transform.wasm());
        // The component first and the manifest last: a manifest that can be found has all that it names.
        self.put(&layout::wasm(name, transform.digest()), &wasm).await?;
        let mut forms = Vec::new();
        for &target in targets {
            forms.extend(self.push_forms(sandbox, name, transform, target).await?);
        }
        let manifest = manifest(name, transform, forms);
        let (envelope, bytes) = seal(&manifest, key)?;
        let pin = Pin { digest: manifest.digest, manifest_sha256: Digest::of(&bytes) };
        let created = self.put(&layout::manifest(name, &pin.digest, &pin.manifest_sha256), &bytes).await?;
        let signers = envelope.signers().map(str::to_owned).collect();
        let artifact = Artifact { name: name.to_owned(), pin, manifest, signers };
        Ok(Pushed { artifact, was_there: created == Created::Same })
    }

    /// Compiles for a target, and writes the machine code.
    async fn push_forms(
        &self,
        sandbox: &Sandbox,
        name: &str,
        transform: &Transform,
        target: Target,
    ) -> Result<Vec<Form>, RegistryError> {
        let (compiler, component) = (sandbox.clone(), transform.clone());
        let compiled = tokio::task::spawn_blocking(move || compiler.precompile(&component, target)).await;
        let compiled = compiled.map_err(|error| RegistryError::Thread(error.to_string()))?;
        let code = compiled.map_err(|source| RegistryError::Precompile { component: name.into(), target, source })?;
        let mut forms = Vec::new();
        for metering in Metering::ALL {
            let code = code.of(metering);
            let sha256 = Digest::of(code);
            self.put(&layout::form(name, transform.digest(), target, metering, &sha256), code).await?;
            forms.push(Form {
                target: target.to_string(),
                cpu_features: target.cpu_features().iter().map(|&feature| feature.to_owned()).collect(),
                metering: metering.to_string(),
                sha256,
                size_bytes: code.len() as u64,
            });
        }
        Ok(forms)
    }

    /// Writes an object whose name is its content's digest.
    async fn put(&self, object: &object_store::path::Path, bytes: &Bytes) -> Result<Created, RegistryError> {
        match self.objects.create(object, bytes).await? {
            Created::Taken => Err(self.objects.damaged(object, "it has other bytes; remove it and push again")),
            created => Ok(created),
        }
    }
}

fn manifest(name: &str, transform: &Transform, forms: Vec<Form>) -> Manifest {
    Manifest {
        artifact: name.to_owned(),
        digest: *transform.digest(),
        size_bytes: transform.size_bytes() as u64,
        description: transform.description().clone(),
        imports: transform.imports().to_vec(),
        limits: serde_json::to_value(transform.limits()).unwrap_or_default(),
        code_version: CODE_VERSION.to_owned(),
        forms,
    }
}

fn seal(manifest: &Manifest, key: Option<&SigningKey>) -> Result<(Envelope, Bytes), RegistryError> {
    let envelope = Envelope::seal(&serde_json::to_vec(manifest).map_err(RegistryError::Unwritable)?, key);
    let bytes = envelope.write().map_err(RegistryError::Unwritable)?;
    Ok((envelope, bytes))
}
