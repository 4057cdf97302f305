//! The object names of a registry. Names only.

use object_store::path::Path;
use sluicebox_sandbox::{Digest, Metering, Target};

/// The digits of a version in an object's name: enough for names to sort as numbers.
const VERSION_DIGITS: usize = 20;

/// Everything of one transform: `orders/sha256/<hex>`.
pub fn transform_folder(name: &str, digest: &Digest) -> Path {
    transforms_folder(name).join(digest.hex())
}

/// All transforms of a name: `orders/sha256`.
pub fn transforms_folder(name: &str) -> Path {
    Path::from_iter([name, "sha256"])
}

/// The component.
pub fn wasm(name: &str, digest: &Digest) -> Path {
    transform_folder(name, digest).join("transform.wasm")
}

/// Machine code, named by what it holds as well: another version of wasmtime makes other code of the same component.
pub fn form(name: &str, digest: &Digest, target: Target, metering: Metering, code: &Digest) -> Path {
    let hex = code.hex();
    transform_folder(name, digest).join(format!("{target}.{metering}.{}.cwasm", &hex[..16]))
}

/// The manifest, named by its own checksum.
pub fn manifest(name: &str, digest: &Digest, manifest: &Digest) -> Path {
    transform_folder(name, digest).join(format!("manifest.{}.json", manifest.hex()))
}

/// The digest in the name of a manifest; none if the object is not a manifest.
pub fn manifest_digest(object: &Path) -> Option<Digest> {
    let hex = object.filename()?.strip_prefix("manifest.")?.strip_suffix(".json")?;
    format!("sha256:{hex}").parse().ok()
}

/// All channels of a name: `orders/channels`.
pub fn channels_folder(name: &str) -> Path {
    Path::from_iter([name, "channels"])
}

/// A channel's history: `orders/channels/prod`.
pub fn channel_folder(name: &str, channel: &str) -> Path {
    channels_folder(name).join(channel)
}

/// One entry of a channel.
pub fn channel_entry(name: &str, channel: &str, version: u64) -> Path {
    channel_folder(name, channel).join(format!("{version:0VERSION_DIGITS$}.json"))
}

/// The version in the name of an entry; none if the object is not an entry.
pub fn entry_version(object: &Path) -> Option<u64> {
    let digits = object.filename()?.strip_suffix(".json")?;
    // `parse` alone would take `1` and `+1` too, and several names would be one version.
    let is_version = digits.len() == VERSION_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    if is_version { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let digest = Digest::of(b"");
        assert_eq!(channel_entry("orders", "prod", 7).as_ref(), "orders/channels/prod/00000000000000000007.json");
        assert_eq!(entry_version(&channel_entry("orders", "prod", u64::MAX)), Some(u64::MAX));
        assert_eq!(manifest_digest(&manifest("orders", &digest, &digest)), Some(digest));
        for other in
            ["7.json", "0000000000000000000x.json", "+0000000000000000007.json", "00000000000000000007.json.bak"]
        {
            assert_eq!(entry_version(&Path::from(other)), None, "{other}");
            assert_eq!(manifest_digest(&Path::from(other)), None, "{other}");
        }
    }
}
