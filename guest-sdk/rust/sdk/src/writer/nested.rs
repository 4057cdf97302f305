//! Writers of columns that hold other columns: lists, maps, structs.

use super::{StringWriter, Writer};
use crate::column::{Column, Values};

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
