//! Loads an artifact. This is the one place that lets machine code from a registry run: only code with the checksum in a
//! trusted manifest. Otherwise the component is compiled again, or refused.

use std::path::PathBuf;

use bytes::Bytes;
use object_store::path::Path;
use sluicebox_sandbox::{
    CODE_VERSION, CacheFolder, Digest, Forms, Limits, LoadError, Metering, Sandbox, Target, Transform,
};
use sluicebox_settings::Settings;

use crate::artifact::{Artifact, Pin};
use crate::error::RegistryError;
use crate::{Registry, layout};

impl Registry {
    /// Fetches an artifact, checks that it is what was pushed, and loads it: from its machine code if there is some for this
    /// machine and version, else from its component.
    ///
    /// # Errors
    /// The component is missing or not what was pushed, or cannot run here.
    pub async fn load(
        &self,
        sandbox: &Sandbox,
        artifact: &Artifact,
        limits: &Limits,
        cache: Option<&CacheFolder>,
    ) -> Result<Transform, RegistryError> {
        let title = PathBuf::from(format!("{}@{}", artifact.name, artifact.pin.digest));
        let (bytes, max) = (artifact.manifest.size_bytes, limits.module_bytes_max);
        // By the manifest, before the component is fetched.
        if bytes > max {
            return Err(LoadError::TooLarge { path: title, bytes, max }.into());
        }
        let (wasm, forms) = futures::try_join!(self.wasm(artifact), self.forms(artifact))?;
        let (sandbox, limits, cache) = (sandbox.clone(), limits.clone(), cache.cloned());
        // On a thread of its own: compiling takes a while, and reading the description runs the guest.
        let loading = tokio::task::spawn_blocking(move || match forms {
            Some(forms) => sandbox.load_precompiled(&title, wasm.into(), &limits, forms, cache.as_ref()),
            None => sandbox.load_bytes(&title, wasm.into(), &limits, cache.as_ref()),
        });
        let loaded = loading.await;
        Ok(loaded.map_err(|error| RegistryError::Thread(error.to_string()))??)
    }

    /// Finds the artifact that a pin identifies, and loads it with the limits of these settings.
    ///
    /// # Errors
    /// As [`Self::pinned`] and [`Self::load`].
    pub async fn load_pinned(
        &self,
        name: &str,
        pin: &Pin,
        settings: &Settings,
        sandbox: &Sandbox,
        cache: Option<&CacheFolder>,
    ) -> Result<Transform, RegistryError> {
        let artifact = self.pinned(name, pin).await?;
        self.load(sandbox, &artifact, &settings.transform.limits, cache).await
    }

    /// Checks that the registry has all machine code that the manifest names, for every target, and that it is what was
    /// pushed.
    ///
    /// # Errors
    /// Some of it is missing or not what was pushed.
    pub async fn require_whole(&self, artifact: &Artifact) -> Result<(), RegistryError> {
        for (target, metering) in Target::ALL.into_iter().flat_map(|target| Metering::ALL.map(|it| (target, it))) {
            let Some(form) = artifact.manifest.form(target, metering) else { continue };
            if self.form(artifact, target, metering).await?.is_none() {
                let object = layout::form(&artifact.name, &artifact.pin.digest, target, metering, &form.sha256);
                return Err(self.objects.damaged(&object, "it is not what was pushed; remove it and push again"));
            }
        }
        Ok(())
    }

    /// The component, if it has the artifact's digest.
    pub(crate) async fn wasm(&self, artifact: &Artifact) -> Result<Bytes, RegistryError> {
        let object = layout::wasm(&artifact.name, &artifact.pin.digest);
        // Not more than the manifest says: the checksum could refuse a larger object only once it is in memory.
        let Some(wasm) = self.objects.get(&object, artifact.manifest.size_bytes).await? else {
            return Err(self.objects.missing(object.to_string(), "it has been removed: push the component again"));
        };
        match Digest::of(&wasm) {
            found if found == artifact.pin.digest => Ok(wasm),
            found => Err(self.objects.damaged(&object, format!("its digest is {found}; remove it and push again"))),
        }
    }

    /// The machine code for this machine; none if it is missing or not what was pushed. If the artifact's own manifest lacks
    /// it, another trusted manifest may have it: the component may have been pushed again, by another version or for another
    /// target.
    async fn forms(&self, artifact: &Artifact) -> Result<Option<Forms>, RegistryError> {
        let Some(target) = Target::here() else { return Ok(None) };
        if let Some(forms) = self.forms_of(artifact, target).await? {
            return Ok(Some(forms));
        }
        for other in self.trusted(&artifact.name, &artifact.pin.digest).await?.0 {
            if other.pin != artifact.pin
                && let Some(forms) = self.forms_of(&other, target).await?
            {
                return Ok(Some(forms));
            }
        }
        Ok(None)
    }

    async fn forms_of(&self, artifact: &Artifact, target: Target) -> Result<Option<Forms>, RegistryError> {
        // Before the code is fetched: loading would refuse another version's anyway.
        if artifact.manifest.code_version != CODE_VERSION {
            return Ok(None);
        }
        let (epochs, fuel) = futures::try_join!(
            self.form(artifact, target, Metering::Epochs),
            self.form(artifact, target, Metering::Fuel)
        )?;
        let (Some(epochs), Some(fuel)) = (epochs, fuel) else { return Ok(None) };
        #[expect(unsafe_code, reason = "the one place that lets machine code from a registry run")]
        // SAFETY: each of the two has its checksum in a trusted manifest (`artifact.rs`), for this target and way to meter.
        // A person who can write a trusted manifest can choose the transform too, and is trusted with both: without `keys`
        // every person with write access to the registry, with `keys` every owner of one of the keys.
        let forms = unsafe { Forms::from_trusted(epochs, fuel) };
        Ok(Some(forms))
    }

    /// The code of one form, if it has the checksum in the manifest.
    async fn form(
        &self,
        artifact: &Artifact,
        target: Target,
        metering: Metering,
    ) -> Result<Option<Bytes>, RegistryError> {
        let Some(form) = artifact.manifest.form(target, metering) else { return Ok(None) };
        let object = layout::form(&artifact.name, &artifact.pin.digest, target, metering, &form.sha256);
        let code = match self.objects.get(&object, form.size_bytes).await {
            Ok(Some(code)) if Digest::of(&code) == form.sha256 => return Ok(Some(code)),
            Ok(Some(_)) => "it has another checksum",
            Ok(None) => "it is missing",
            // `get` refuses more bytes than the manifest says; the checksum finds fewer.
            Err(RegistryError::Damaged { .. }) => "it has another size",
            Err(error) => return Err(error),
        };
        self.note_unusable(&object, code);
        Ok(None)
    }

    fn note_unusable(&self, object: &Path, why: &str) {
        tracing::warn!(registry = self.location(), %object, why, "machine code refused; compiling the component instead");
    }
}
