//! Byte strings as they cross the boundary: keys, values, headers.

/// Byte strings back to back, some of them null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByteStrings {
    /// The bytes of all values; a null value has none.
    pub data: Vec<u8>,
    /// Where each value ends in `data`.
    pub ends: Vec<u32>,
    /// Positions of the null values, strictly ascending.
    pub nulls: Vec<u32>,
}

impl ByteStrings {
    /// How many values there are, null ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends a value.
    pub fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(bytes) => self.data.extend_from_slice(bytes),
            None => self.nulls.push(self.ends.len() as u32),
        }
        self.ends.push(self.data.len() as u32);
    }

    /// The value at `index`; `None` if it is null.
    ///
    /// # Panics
    /// Where `index` is not below `len`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        if !self.nulls.is_empty() && self.nulls.binary_search(&(index as u32)).is_ok() {
            return None;
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        Some(&self.data[start..self.ends[index] as usize])
    }
}
