//! Where cells are written: one writer a column, straight into the vectors that cross the boundary. Nothing is
//! allocated for a row.

use crate::column::{Column, Strings, Values};

/// Fills one column, slot by slot.
pub trait Writer: Default {
    /// Makes room for that many more slots.
    fn reserve(&mut self, slots: usize);

    /// Appends a slot without meaning: it or its parent is null.
    fn fill(&mut self);

    /// Appends a null slot.
    fn write_null(&mut self);

    /// Hands over the column, and then, depth first, those that it consists of.
    fn finish(self, columns: &mut Vec<Column>);
}

/// Rust types that a column stores as they are, or widened.
pub trait Native: Copy {
    /// The number in the column.
    type Stored: Copy + Default;

    /// What is stored for it.
    fn stored(self) -> Self::Stored;

    /// The column's values.
    fn values(stored: Vec<Self::Stored>) -> Values;
}

/// Writes numbers, booleans, dates and timestamps.
#[derive(Debug)]
pub struct NativeWriter<T: Native> {
    values: Vec<T::Stored>,
    nulls: Vec<u32>,
}

impl<T: Native> NativeWriter<T> {
    #[inline]
    pub(crate) fn write(&mut self, value: T) {
        self.values.push(value.stored());
    }
}

impl<T: Native> Default for NativeWriter<T> {
    fn default() -> Self {
        Self { values: Vec::new(), nulls: Vec::new() }
    }
}

impl<T: Native> Writer for NativeWriter<T> {
    fn reserve(&mut self, slots: usize) {
        self.values.reserve(slots);
    }

    #[inline]
    fn fill(&mut self) {
        self.values.push(T::Stored::default());
    }

    #[inline]
    fn write_null(&mut self) {
        self.nulls.push(self.values.len() as u32);
        self.fill();
    }

    fn finish(self, columns: &mut Vec<Column>) {
        columns.push(Column { values: T::values(self.values), nulls: self.nulls });
    }
}

/// Writes decimals of any scale.
#[derive(Debug, Default)]
pub struct DecimalWriter {
    unscaled: Vec<u8>,
    nulls: Vec<u32>,
}

impl DecimalWriter {
    #[inline]
    pub(crate) fn write(&mut self, unscaled: i128) {
        self.unscaled.extend_from_slice(&unscaled.to_le_bytes());
    }
}

impl Writer for DecimalWriter {
    fn reserve(&mut self, slots: usize) {
        self.unscaled.reserve(slots * size_of::<i128>());
    }

    #[inline]
    fn fill(&mut self) {
        self.write(0);
    }

    #[inline]
    fn write_null(&mut self) {
        self.nulls.push((self.unscaled.len() / size_of::<i128>()) as u32);
        self.fill();
    }

    fn finish(self, columns: &mut Vec<Column>) {
        columns.push(Column { values: Values::Decimal(self.unscaled), nulls: self.nulls });
    }
}

/// What text is assumed to take, a slot: growing by doubling from nothing costs a record of `clean-orders` 15 ns.
const STRING_BYTES_TYPICAL: usize = 32;

/// Writes text (`TEXT`) or bytes.
#[derive(Debug, Default)]
pub struct StringWriter<const TEXT: bool> {
    strings: Strings,
    nulls: Vec<u32>,
}

impl<const TEXT: bool> StringWriter<TEXT> {
    #[inline]
    pub(crate) fn write(&mut self, value: &[u8]) {
        self.strings.push(value);
    }
}

impl<const TEXT: bool> Writer for StringWriter<TEXT> {
    fn reserve(&mut self, slots: usize) {
        self.strings.ends.reserve(slots);
        self.strings.data.reserve(slots * STRING_BYTES_TYPICAL);
    }

    #[inline]
    fn fill(&mut self) {
        self.strings.close();
    }

    #[inline]
    fn write_null(&mut self) {
        self.nulls.push(self.strings.ends.len() as u32);
        self.fill();
    }

    fn finish(self, columns: &mut Vec<Column>) {
        let values = if TEXT { Values::Utf8(self.strings) } else { Values::Binary(self.strings) };
        columns.push(Column { values, nulls: self.nulls });
    }
}

/// Writes lists.
#[derive(Debug, Default)]
pub struct ListWriter<W> {
    ends: Vec<u32>,
    end: u32,
    items: W,
    nulls: Vec<u32>,
}

impl<W> ListWriter<W> {
    /// Appends a slot of `len` items, which the caller writes to what it gets.
    #[inline]
    pub(crate) fn slot(&mut self, len: usize) -> &mut W {
        self.end += len as u32;
        self.ends.push(self.end);
        &mut self.items
    }
}

impl<W: Writer> Writer for ListWriter<W> {
    fn reserve(&mut self, slots: usize) {
        self.ends.reserve(slots);
        self.items.reserve(slots);
    }

    #[inline]
    fn fill(&mut self) {
        self.ends.push(self.end);
    }

    #[inline]
    fn write_null(&mut self) {
        self.nulls.push(self.ends.len() as u32);
        self.fill();
    }

    fn finish(self, columns: &mut Vec<Column>) {
        columns.push(Column { values: Values::List(self.ends), nulls: self.nulls });
        self.items.finish(columns);
    }
}

/// Writes maps with text as keys.
#[derive(Debug, Default)]
pub struct MapWriter<W> {
    ends: Vec<u32>,
    end: u32,
    keys: StringWriter<true>,
    values: W,
    nulls: Vec<u32>,
}

impl<W> MapWriter<W> {
    /// Appends a slot of `len` entries, whose keys and values the caller writes to what it gets.
    #[inline]
    pub(crate) fn slot(&mut self, len: usize) -> (&mut StringWriter<true>, &mut W) {
        self.end += len as u32;
        self.ends.push(self.end);
        (&mut self.keys, &mut self.values)
    }
}

impl<W: Writer> Writer for MapWriter<W> {
    fn reserve(&mut self, slots: usize) {
        self.ends.reserve(slots);
        self.keys.reserve(slots);
        self.values.reserve(slots);
    }

    #[inline]
    fn fill(&mut self) {
        self.ends.push(self.end);
    }

    #[inline]
    fn write_null(&mut self) {
        self.nulls.push(self.ends.len() as u32);
        self.fill();
    }

    fn finish(self, columns: &mut Vec<Column>) {
        columns.push(Column { values: Values::Map(self.ends), nulls: self.nulls });
        self.keys.finish(columns);
        self.values.finish(columns);
    }
}

/// The writers of a struct's members, or of a row's columns; `derive(Row)` makes them.
pub trait Members: Default {
    /// Makes room for that many more slots.
    fn reserve(&mut self, slots: usize);

    /// Appends a slot without meaning to every member.
    fn fill(&mut self);

    /// Hands over the members' columns, depth first.
    fn finish(self, columns: &mut Vec<Column>);
}

/// Writes structs.
#[derive(Debug, Default)]
pub struct StructWriter<M> {
    slots: u32,
    members: M,
    nulls: Vec<u32>,
}

impl<M> StructWriter<M> {
    /// Appends a slot, whose members the caller writes to what it gets.
    #[inline]
    pub fn slot(&mut self) -> &mut M {
        self.slots += 1;
        &mut self.members
    }
}

impl<M: Members> Writer for StructWriter<M> {
    fn reserve(&mut self, slots: usize) {
        self.members.reserve(slots);
    }

    #[inline]
    fn fill(&mut self) {
        self.slot().fill();
    }

    #[inline]
    fn write_null(&mut self) {
        self.nulls.push(self.slots);
        self.fill();
    }

    fn finish(self, columns: &mut Vec<Column>) {
        columns.push(Column { values: Values::Struct(self.slots), nulls: self.nulls });
        self.members.finish(columns);
    }
}
