//! Rust types that a column can hold, and the column's type that follows from each.

use std::collections::BTreeMap;

use crate::{
    column::Values,
    description::{DataType, Field},
    writer::{DecimalWriter, ListWriter, MapWriter, Native, NativeWriter, StringWriter, Writer},
};

/// A type that one column (with what it consists of) holds.
///
/// | Rust | column |
/// |---|---|
/// | `bool` | boolean |
/// | `i8`, `i16`, `i32`, `u8`, `u16` | int32 |
/// | `i64`, `u32` | int64 |
/// | `f32`, `f64` | float32, float64 |
/// | [`Decimal<P, S>`](crate::Decimal) | decimal(P, S) |
/// | `String`, `&str`, `Cow<str>` | utf8 |
/// | [`Bytes`] | binary |
/// | [`Date`](crate::Date), [`Timestamp`](crate::Timestamp) | date, timestamp |
/// | [`NaiveTimestamp`](crate::NaiveTimestamp) | timestamp_ntz |
/// | `Vec<T>`, `&[T]` | list of `T` |
/// | `BTreeMap<String, T>` (or `&str`, `Cow<str>`) | map of text to `T` |
/// | a struct that derives [`Row`](crate::Row) | struct |
/// | `Option<T>` | the same, nullable |
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit into a column",
    note = "columns hold bool, i8 to i64, u8 to u32, f32, f64, Decimal, String, &str, Bytes, Date, Timestamp, \
            NaiveTimestamp, Option, Vec, BTreeMap with text as keys, and structs that derive Row; u64 has no column type: \
            convert it to i64 or Decimal<20, 0>"
)]
pub trait Cell {
    /// Fills the column.
    type Writer: Writer;

    /// Whether a slot may be null.
    const NULLABLE: bool = false;

    /// The column's type.
    fn data_type() -> DataType;

    /// Appends the value to the column.
    fn write(&self, writer: &mut Self::Writer);
}

macro_rules! native {
    ($($rust:ty => $variant:ident($stored:ty)),* $(,)?) => {$(
        impl Native for $rust {
            type Stored = $stored;

            #[inline]
            fn stored(self) -> $stored {
                <$stored>::from(self)
            }

            fn values(stored: Vec<$stored>) -> Values {
                Values::$variant(stored)
            }
        }

        impl Cell for $rust {
            type Writer = NativeWriter<$rust>;

            fn data_type() -> DataType {
                DataType::$variant
            }

            #[inline]
            fn write(&self, writer: &mut Self::Writer) {
                writer.write(*self);
            }
        }
    )*};
}

native! {
    bool => Boolean(u8),
    i8 => Int32(i32),
    i16 => Int32(i32),
    i32 => Int32(i32),
    u8 => Int32(i32),
    u16 => Int32(i32),
    u32 => Int64(i64),
    i64 => Int64(i64),
    f32 => Float32(f32),
    f64 => Float64(f64),
    crate::Date => Date(i32),
    crate::Timestamp => Timestamp(i64),
    crate::NaiveTimestamp => TimestampNtz(i64),
}

impl<const PRECISION: u8, const SCALE: u8> Cell for crate::Decimal<PRECISION, SCALE> {
    type Writer = DecimalWriter;

    fn data_type() -> DataType {
        DataType::Decimal { precision: PRECISION, scale: SCALE }
    }

    #[inline]
    fn write(&self, writer: &mut DecimalWriter) {
        writer.write(self.unscaled());
    }
}

macro_rules! text {
    ($($rust:ty),*) => {$(
        impl Cell for $rust {
            type Writer = StringWriter<true>;

            fn data_type() -> DataType {
                DataType::Utf8
            }

            #[inline]
            fn write(&self, writer: &mut Self::Writer) {
                writer.write(self.as_bytes());
            }
        }
    )*};
}

text!(str, String, std::borrow::Cow<'_, str>);

/// Bytes for a binary column. (`Vec<u8>` would be a list of small numbers.)
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<B = Vec<u8>>(pub B);

impl<B: AsRef<[u8]>> Cell for Bytes<B> {
    type Writer = StringWriter<false>;

    fn data_type() -> DataType {
        DataType::Binary
    }

    #[inline]
    fn write(&self, writer: &mut Self::Writer) {
        writer.write(self.0.as_ref());
    }
}

impl<B: AsRef<[u8]>> serde::Serialize for Bytes<B> {
    /// Hexadecimal, as Arrow's JSON reader takes it.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write as _;
        let mut digits = String::with_capacity(self.0.as_ref().len() * 2);
        for byte in self.0.as_ref() {
            write!(digits, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        serializer.serialize_str(&digits)
    }
}

impl<C: Cell> Cell for Option<C> {
    type Writer = C::Writer;
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        C::data_type()
    }

    #[inline]
    fn write(&self, writer: &mut Self::Writer) {
        match self {
            Some(value) => value.write(writer),
            None => writer.write_null(),
        }
    }
}

impl<C: Cell> Cell for [C] {
    type Writer = ListWriter<C::Writer>;

    fn data_type() -> DataType {
        DataType::List(Box::new(Field::of::<C>("item")))
    }

    #[inline]
    fn write(&self, writer: &mut Self::Writer) {
        let items = writer.slot(self.len());
        for item in self {
            item.write(items);
        }
    }
}

impl<C: Cell> Cell for Vec<C> {
    type Writer = <[C] as Cell>::Writer;

    fn data_type() -> DataType {
        <[C]>::data_type()
    }

    #[inline]
    fn write(&self, writer: &mut Self::Writer) {
        self.as_slice().write(writer);
    }
}

impl<K: AsRef<str>, C: Cell> Cell for BTreeMap<K, C> {
    type Writer = MapWriter<C::Writer>;

    fn data_type() -> DataType {
        let (key, value) = (Box::new(Field::of::<str>("key")), Box::new(Field::of::<C>("value")));
        DataType::Map { key, value }
    }

    #[inline]
    fn write(&self, writer: &mut Self::Writer) {
        let (keys, values) = writer.slot(self.len());
        for (key, value) in self {
            keys.write(key.as_ref().as_bytes());
            value.write(values);
        }
    }
}

impl<C: Cell + ?Sized> Cell for &C {
    type Writer = C::Writer;
    const NULLABLE: bool = C::NULLABLE;

    fn data_type() -> DataType {
        C::data_type()
    }

    #[inline]
    fn write(&self, writer: &mut Self::Writer) {
        (**self).write(writer);
    }
}
