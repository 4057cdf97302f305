//! What comes out: one verdict a record, and the rows and rejections that go with it.
//!
//! Everything in an [`Outcome`] has been validated: its reader need not check it again.

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// One per record.
    pub verdicts: Vec<Verdict>,
    /// The rows, in record order; one part, unless that would be more than one call may return.
    pub parts: Vec<Part>,
    /// One per rejected record, ascending.
    pub rejections: Vec<Rejection>,
    /// What it took.
    pub effort: Effort,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No rows, deliberately.
    Filtered,
    /// One row or more.
    Emitted,
    /// A dead letter: exactly one [`Rejection`].
    Rejected,
}

/// Rows of successive records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// At most one entry a table.
    pub tables: Vec<TableRows>,
}

/// Rows for one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRows {
    /// Index into [`Description::tables`](crate::Description::tables).
    pub table: usize,
    /// One per row: the index, in the whole batch, of the record it comes from. Never decreases.
    pub records: Vec<u32>,
    /// The rows, in the form that the transform declares.
    pub rows: Rows,
}

/// Rows in one of two forms.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// One text a row, UTF-8. That it is a JSON object of the declared fields is for the decoder to find out.
    Json(Strings),
    /// One column per field of the table, depth first: a list is followed by its item, a struct by its members, a map by
    /// its keys and its values.
    Columns(Vec<Column>),
}

/// As many values as the parent has slots. A null slot holds any value of the type.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The values.
    pub values: Values,
    /// Positions of the null slots, strictly ascending. A field that is not nullable has none, except under a null struct.
    pub nulls: Vec<u32>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 0 or 1 each.
    Boolean(Vec<u8>),
    /// One each.
    Int32(Vec<i32>),
    /// One each.
    Int64(Vec<i64>),
    /// One each.
    Float32(Vec<f32>),
    /// One each.
    Float64(Vec<f64>),
    /// The unscaled value, 16 bytes each, two's complement, little-endian; within the precision.
    Decimal(Vec<u8>),
    /// UTF-8.
    Utf8(Strings),
    /// Bytes.
    Binary(Strings),
    /// Days since 1970-01-01.
    Date(Vec<i32>),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(Vec<i64>),
    /// Microseconds since 1970-01-01T00:00:00 in an unnamed zone.
    TimestampNtz(Vec<i64>),
    /// One per slot: where its items end in the item column that follows.
    List(Vec<u32>),
    /// The number of slots; the member columns follow.
    Struct(u32),
    /// One per slot: where its entries end in the key column and in the value column that follow. A slot holds no key
    /// twice.
    Map(Vec<u32>),
}

/// Strings back to back: value `i` is `data[ends[i-1]..ends[i]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    /// All bytes.
    pub data: Vec<u8>,
    /// Where each value ends in `data`; the last is the length of `data`.
    pub ends: Vec<u32>,
}

/// Why a record is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its index in the batch.
    pub record: usize,
    /// Who rejected it.
    pub stage: Stage,
    /// Short, stable, for grouping: the transform's own, or one of [`code`](crate::code).
    pub code: String,
    /// For a person.
    pub message: String,
    /// Where in the record, such as `items[3].price`.
    pub path: Option<String>,
    /// The guest's stack at a trap, innermost first.
    pub backtrace: Option<String>,
}

/// Who rejected a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The transform said so.
    Transform,
    /// It trapped, broke a limit or returned nonsense.
    Sandbox,
}

/// What a batch took. A clean batch is one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Calls of the transform, failed ones included.
    pub calls: u32,
    /// Calls that ended in a trap.
    pub traps: u32,
    /// Instances started.
    pub instances: u32,
    /// Calls that took longer than `call_duration_max`: a suspicion, no verdict.
    pub timeouts: u32,
    /// Suspects that were run again under the fuel budget.
    pub fuel_runs: u32,
}

impl Strings {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Value `index`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.data[start..self.ends[index] as usize]
    }
}
