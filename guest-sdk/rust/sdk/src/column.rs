//! Typed columns as they cross the boundary: values back to back, end offsets, null positions.

/// Values back to back, without nulls of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    /// The bytes of all values.
    pub data: Vec<u8>,
    /// Where each value ends in `data`.
    pub ends: Vec<u32>,
}

impl Strings {
    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.close();
    }

    /// Ends the value whose bytes were appended to `data`.
    #[inline]
    pub fn close(&mut self) {
        self.ends.push(self.data.len() as u32);
    }

    /// The value at `index`.
    ///
    /// # Panics
    /// Where there are not that many values.
    #[must_use]
    pub fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.data[start..self.ends[index] as usize]
    }
}

/// One column: as many slots as its parent has.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// One a slot; any value where the slot is null.
    pub values: Values,
    /// Positions of the null slots, strictly ascending.
    pub nulls: Vec<u32>,
}

/// The values of a column, by their type.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 0 or 1
    Boolean(Vec<u8>),
    /// 32 bits, signed
    Int32(Vec<i32>),
    /// 64 bits, signed
    Int64(Vec<i64>),
    /// IEEE 754, 32 bits
    Float32(Vec<f32>),
    /// IEEE 754, 64 bits
    Float64(Vec<f64>),
    /// The unscaled value, 16 bytes each, two's complement, little-endian
    Decimal(Vec<u8>),
    /// Text
    Utf8(Strings),
    /// Bytes
    Binary(Strings),
    /// Days since 1970-01-01
    Date(Vec<i32>),
    /// Microseconds since 1970-01-01T00:00:00Z
    Timestamp(Vec<i64>),
    /// Microseconds since 1970-01-01T00:00:00 in an unnamed zone
    TimestampNtz(Vec<i64>),
    /// Where each slot's items end in the item column, which follows
    List(Vec<u32>),
    /// The number of slots; the members' columns follow
    Struct(u32),
    /// Where each slot's entries end in the key column and in the value column, which follow
    Map(Vec<u32>),
}
