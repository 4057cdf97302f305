//! Serde's views of what is inside an array, an object, a key or a variant. They put the path into errors that pass by.

use serde::{
    de::{self, DeserializeSeed, Visitor},
    forward_to_deserialize_any,
};

use super::{
    Error,
    reader::{Reader, Text},
};

/// The items of an array.
pub(super) struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    index: usize,
    closed: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    #[inline]
    pub(super) fn open(reader: &'a mut Reader<'de>) -> Result<Self, Error> {
        reader.open()?;
        Ok(Self { reader, index: 0, closed: false })
    }

    /// All items must have been asked for.
    #[inline]
    pub(super) fn end(mut self) -> Result<(), Error> {
        if !self.closed && self.next()? {
            Err(Error::data(format_args!("expected {} items, found more", self.index)))
        } else {
            Ok(())
        }
    }

    #[inline]
    fn next(&mut self) -> Result<bool, Error> {
        let more = self.reader.next_item(self.index == 0, b']')?;
        self.closed = !more;
        Ok(more)
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.closed || !self.next()? {
            return Ok(None);
        }
        let item = seed.deserialize(&mut *self.reader).map_err(|error| error.in_item(self.index))?;
        self.index += 1;
        Ok(Some(item))
    }
}

/// The members of an object.
pub(super) struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// The last key with its quotes.
    key: std::ops::Range<usize>,
    closed: bool,
}

impl<'a, 'de> Members<'a, 'de> {
    #[inline]
    pub(super) fn open(reader: &'a mut Reader<'de>) -> Result<Self, Error> {
        reader.open()?;
        Ok(Self { reader, key: 0..0, closed: false })
    }

    /// All members must have been asked for.
    #[inline]
    pub(super) fn end(mut self) -> Result<(), Error> {
        if !self.closed && self.next()? { Err(Error::data("expected fewer members")) } else { Ok(()) }
    }

    #[inline]
    fn next(&mut self) -> Result<bool, Error> {
        let more = self.reader.next_item(self.key.end == 0, b'}')?;
        self.closed = !more;
        Ok(more)
    }

    #[cold]
    fn in_member(&self, error: Error) -> Error {
        error.in_key(self.reader.text.get(self.key.start + 1..self.key.end - 1).unwrap_or_default())
    }
}

impl<'de> de::MapAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.closed || !self.next()? {
            return Ok(None);
        }
        let start = self.reader.at;
        let key = seed.deserialize(Key(&mut *self.reader))?;
        self.key = start..self.reader.at;
        Ok(Some(key))
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.reader.expect(b':', "expected `:`")?;
        seed.deserialize(&mut *self.reader).map_err(|error| self.in_member(error))
    }
}

/// The key of a member: a string, or for maps with such keys a number or boolean in quotes.
struct Key<'a, 'de>(&'a mut Reader<'de>);

macro_rules! quoted {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let key = match self.0.key()? {
                Text::Borrowed(text) | Text::Unescaped(text) => text,
            };
            match key.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(de::Error::invalid_type(de::Unexpected::Str(key), &visitor)),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Key<'_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.key()? {
            Text::Borrowed(text) => visitor.visit_borrowed_str(text),
            Text::Unescaped(text) => visitor.visit_str(text),
        }
    }

    quoted! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variant { reader: self.0, bare: true })
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant of an enum: `"Name"`, or `{"Name": …}`, whose brace is passed.
pub(super) struct Variant<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    /// Only a name.
    pub(super) bare: bool,
}

impl<'de> Variant<'_, 'de> {
    /// Reads what the variant holds, and the brace behind it.
    fn content<T>(self, read: impl FnOnce(&mut Reader<'de>) -> Result<T, Error>) -> Result<T, Error> {
        if self.bare {
            return Err(Error::data("the variant holds something: expected an object of its name"));
        }
        self.reader.expect(b':', "expected `:`")?;
        let content = read(self.reader)?;
        if self.reader.peek() != b'}' {
            return Err(self.reader.syntax("expected `}`"));
        }
        self.reader.close();
        Ok(content)
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = seed.deserialize(Key(&mut *self.reader))?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.bare { Ok(()) } else { self.content(|reader| de::Deserialize::deserialize(reader)) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.content(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.content(|reader| de::Deserializer::deserialize_tuple(reader, len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.content(|reader| de::Deserializer::deserialize_struct(reader, "", fields, visitor))
    }
}
