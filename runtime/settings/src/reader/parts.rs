//! Lists, maps and enums of a document, item by item. A failure is noted at the innermost item.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::{Kind, Misfit};
use crate::tree::{Entry, Node};

/// The items of a list.
pub(super) struct Items<'de>(pub(super) std::slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|misfit| misfit.at(&node.place))
    }
}

/// The entries of a map.
pub(super) struct Entries<'de> {
    pub(super) rest: std::slice::Iter<'de, Entry>,
    pub(super) current: Option<&'de Entry>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        // Remembered for the value, because serde asks for key and value in two calls.
        self.current = self.rest.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key: StrDeserializer<'de, Misfit> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|misfit| misfit.at(&entry.key_place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let entry = self.current.take().ok_or_else(|| Misfit::new(Kind::Other("a value without a key".into())))?;
        seed.deserialize(&entry.node).map_err(|misfit| misfit.within(entry))
    }
}

/// An enum written as a map with one key: the variant's name.
pub(super) struct Variant<'de>(pub(super) &'de Entry);

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        let name: StrDeserializer<'de, Misfit> = self.0.key.as_str().into_deserializer();
        let value = seed.deserialize(name).map_err(|misfit| misfit.at(&self.0.key_place))?;
        Ok((value, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Err(Misfit::new(Kind::Other("expected nothing below this".into())).within(self.0))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(&self.0.node).map_err(|misfit| misfit.within(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        de::Deserializer::deserialize_any(&self.0.node, visitor).map_err(|misfit| misfit.within(self.0))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Misfit> {
        de::Deserializer::deserialize_any(&self.0.node, visitor).map_err(|misfit| misfit.within(self.0))
    }
}
