//! The reader as serde's `Deserializer`: what a type asks for against what is there.

use serde::{
    Deserializer,
    de::{Error as _, Unexpected, Visitor},
};

use super::{
    Error, NUMBER_TEXT,
    access::{Items, Members, Variant},
    number::{Number, ascii},
    reader::{Reader, Text},
};

impl<'de> Reader<'de> {
    #[inline]
    fn visit_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.string()? {
            Text::Borrowed(text) => visitor.visit_borrowed_str(text),
            Text::Unescaped(text) => visitor.visit_str(text),
        }
    }

    #[inline]
    fn visit_array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let mut items = Items::open(self)?;
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    #[inline]
    fn visit_object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let mut members = Members::open(self)?;
        let value = visitor.visit_map(&mut members)?;
        members.end()?;
        Ok(value)
    }

    /// Something else is here than was asked for.
    #[cold]
    fn mismatch(&mut self, visitor: &dyn serde::de::Expected) -> Error {
        match self.peek() {
            b'"' => Error::invalid_type(Unexpected::Str(""), visitor),
            b'-' | b'0'..=b'9' => match self.number() {
                Ok(Number::Float(number)) => Error::invalid_type(Unexpected::Float(number), visitor),
                Ok(_) => Error::invalid_type(Unexpected::Signed(0), visitor),
                Err(error) => error,
            },
            b'[' => Error::invalid_type(Unexpected::Seq, visitor),
            b'{' => Error::invalid_type(Unexpected::Map, visitor),
            _ => match self.skip() {
                Err(error) => error,
                Ok(()) if self.text[..self.at].ends_with(b"null") => Error::invalid_type(Unexpected::Unit, visitor),
                Ok(()) => Error::invalid_type(Unexpected::Bool(true), visitor),
            },
        }
    }

    #[inline]
    fn begins_number(&mut self) -> bool {
        matches!(self.peek(), b'-' | b'0'..=b'9')
    }
}

/// Whole numbers go to the visitor as they are; serde checks the range.
macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if !self.begins_number() {
                return Err(self.mismatch(&visitor));
            }
            match self.number()? {
                Number::Unsigned(number) => visitor.visit_u64(number),
                Number::Negative(number) => visitor.visit_i64(number),
                Number::MinusZero => visitor.visit_u64(0),
                Number::Float(_) => Err(Error::data(format_args!(
                    "expected {}, found a number with a fraction, an exponent or too many digits",
                    &visitor as &dyn serde::de::Expected
                ))),
            }
        }
    )*};
}

macro_rules! floats {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if !self.begins_number() {
                return Err(self.mismatch(&visitor));
            }
            match self.number()? {
                Number::Unsigned(number) => visitor.visit_u64(number),
                Number::Negative(number) => visitor.visit_i64(number),
                Number::MinusZero => visitor.visit_f64(-0.0),
                Number::Float(number) => visitor.visit_f64(number),
            }
        }
    )*};
}

macro_rules! wide_numbers {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if !self.begins_number() {
                return Err(self.mismatch(&visitor));
            }
            match ascii(self.number_text()?).parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Error::data(format_args!("expected {}", &visitor as &dyn serde::de::Expected))),
            }
        }
    )*};
}

macro_rules! strings {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.peek() {
                b'"' => self.visit_string(visitor),
                _ => Err(self.mismatch(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'"' => self.visit_string(visitor),
            b'{' => self.visit_object(visitor),
            b'[' => self.visit_array(visitor),
            b'-' | b'0'..=b'9' => self.deserialize_f64(visitor),
            b't' | b'f' => self.deserialize_bool(visitor),
            b'n' => self.deserialize_unit(visitor),
            _ => Err(self.syntax("expected a value")),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    wide_numbers! { deserialize_i128 visit_i128 deserialize_u128 visit_u128 }

    floats! { deserialize_f32 deserialize_f64 }

    strings! {
        deserialize_char deserialize_str deserialize_string deserialize_identifier deserialize_bytes deserialize_byte_buf
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b't' => self.literal("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.literal("false").and_then(|()| visitor.visit_bool(false)),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'n' => self.literal("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'n' => self.literal("null").and_then(|()| visitor.visit_unit()),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name != NUMBER_TEXT {
            return visitor.visit_newtype_struct(self);
        }
        match self.peek() {
            b'-' | b'0'..=b'9' => visitor.visit_borrowed_bytes(self.number_text()?),
            b'"' => self.visit_string(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'[' => self.visit_array(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'{' => self.visit_object(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            b'"' => visitor.visit_enum(Variant { reader: self, bare: true }),
            b'{' => {
                self.open()?;
                self.peek();
                visitor.visit_enum(Variant { reader: self, bare: false })
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}
