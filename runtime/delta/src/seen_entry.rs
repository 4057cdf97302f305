//! What is known of a log entry as an object. A table that is deleted and made again has entries of the same names, and they are
//! others. Pure.

use object_store::ObjectMeta;

/// An entry that was read, written or looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenEntry {
    bytes: Option<u64>,
    e_tag: Option<String>,
}

impl SeenEntry {
    /// One that this process has written; some stores do not say how they tag it.
    pub(crate) fn written(bytes: usize, e_tag: Option<String>) -> Self {
        Self { bytes: u64::try_from(bytes).ok(), e_tag }
    }

    /// One that the store has described.
    pub(crate) fn of(object: ObjectMeta) -> Self {
        Self { bytes: Some(object.size), e_tag: object.e_tag }
    }

    /// Whether an object of the entry's name can be this entry.
    pub(crate) fn fits(&self, object: &ObjectMeta) -> bool {
        let is_tagged_otherwise = self.e_tag.is_some() && object.e_tag.is_some() && self.e_tag != object.e_tag;
        !is_tagged_otherwise && self.bytes.is_none_or(|bytes| bytes == object.size)
    }
}

#[cfg(test)]
mod tests {
    use deltalake::Path;

    use super::*;

    fn object(size: u64, e_tag: Option<&str>) -> ObjectMeta {
        let location = Path::from("_delta_log/00000000000000000003.json");
        ObjectMeta {
            location,
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size,
            e_tag: e_tag.map(str::to_owned),
            version: None,
        }
    }

    #[test]
    fn another_size_or_another_tag_is_another_entry() {
        let written = SeenEntry::written(7, None);
        assert!(written.fits(&object(7, Some("a"))) && !written.fits(&object(8, Some("a"))));
        let described = SeenEntry::of(object(7, Some("a")));
        assert!(described.fits(&object(7, Some("a"))) && described.fits(&object(7, None)));
        assert!(!described.fits(&object(7, Some("b"))) && !described.fits(&object(8, Some("a"))));
        assert!(SeenEntry::default().fits(&object(8, Some("b"))));
    }
}
