//! Reads the one encoding that an event is written in, and nothing else: what `rmp_serde` writes
//! with named fields, keys in the order of the struct, every length and integer as short as can be.
//!
//! What always holds here: bytes that are accepted re-encode to themselves, because each value has
//! one form and any other is an error. That makes the re-encoding unnecessary, and it is why this
//! is several times as fast as a reader that looks keys up. Deliberately absent: what no event
//! holds (floats, maps, chars), and why bytes are refused; `codec` asks `rmp_serde` then.

mod reader;

use std::fmt;

use serde::de::value::U64Deserializer;
use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess};
use serde::{Deserialize, Deserializer};

use reader::Reader;

/// Reads a value that takes up all of `bytes`.
pub(super) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Refused> {
    let mut reader = Reader { rest: bytes };
    let value = T::deserialize(&mut reader)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(Refused)
    }
}

/// The bytes are not in the one form.
#[derive(Debug, thiserror::Error)]
#[error("not in the one form that an event is written in")]
pub(super) struct Refused;

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! unsigned {
    ($($method:ident)*) => {$(
        fn $method<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            let marker = self.byte()?;
            visitor.visit_u64(self.unsigned(marker)?)
        }
    )*};
}

macro_rules! signed {
    ($($method:ident)*) => {$(
        fn $method<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            let marker = self.byte()?;
            match marker {
                0x00..=0x7f | 0xcc..=0xcf => visitor.visit_u64(self.unsigned(marker)?),
                _ => visitor.visit_i64(self.negative(marker)?),
            }
        }
    )*};
}

macro_rules! text {
    ($($method:ident)*) => {$(
        fn $method<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.visit_borrowed_str(self.text()?)
        }
    )*};
}

macro_rules! bytes {
    ($($method:ident)*) => {$(
        fn $method<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.visit_borrowed_bytes(self.bytes()?)
        }
    )*};
}

macro_rules! absent {
    ($($method:ident)*) => {$(
        fn $method<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
            Err(Refused)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    unsigned!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    signed!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);
    text!(deserialize_str deserialize_string);
    bytes!(deserialize_bytes deserialize_byte_buf);
    absent!(deserialize_any deserialize_bool deserialize_char deserialize_f32 deserialize_f64);
    absent!(deserialize_unit deserialize_map deserialize_identifier deserialize_ignored_any);

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.peek()? == 0xc0 {
            self.byte()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Refused> {
        Err(Refused)
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let left = self.elements()?;
        let mut elements = Elements { reader: self, left };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.left == 0 {
            Ok(value)
        } else {
            Err(Refused)
        }
    }

    fn deserialize_tuple<V: de::Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let left = self.elements()?;
        if left != count {
            return Err(Refused);
        }
        let mut elements = Elements { reader: self, left };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.left == 0 {
            Ok(value)
        } else {
            Err(Refused)
        }
    }

    fn deserialize_tuple_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let left = self.map()?;
        let mut fields = Fields {
            reader: self,
            names,
            left,
        };
        let value = visitor.visit_seq(&mut fields)?;
        if fields.left == 0 {
            Ok(value)
        } else {
            Err(Refused)
        }
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let holds_value = self.peek()? == 0x81;
        if holds_value {
            self.byte()?;
        }
        visitor.visit_enum(Variant {
            reader: self,
            names,
            holds_value,
        })
    }
}

/// The elements of an array.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        // An element has at least one byte.
        Some(self.left.min(self.reader.rest.len()))
    }
}

/// The values of a struct's fields, each behind its name. Fields that came later may be absent, each by
/// itself, as the struct allows it.
struct Fields<'a, 'de> {
    reader: &'a mut Reader<'de>,
    names: &'static [&'static str],
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        let (name, names) = self.names.split_first().ok_or(Refused)?;
        self.names = names;
        let here = self.reader.rest;
        if self.reader.name()? != name.as_bytes() {
            // Absent: the struct refuses that, or the name is that of a later field.
            self.reader.rest = here;
            return Ok(None);
        }
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

/// A variant of an enum: its name alone, or a map from its name to its value.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    names: &'static [&'static str],
    holds_value: bool,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Refused;
    type Variant = Value<'a, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self::Variant), Refused> {
        let name = self.reader.name()?;
        let index = self.names.iter().position(|known| known.as_bytes() == name);
        let index: U64Deserializer<Refused> = (index.ok_or(Refused)? as u64).into_deserializer();
        let variant = seed.deserialize(index)?;
        let value = Value {
            reader: self.reader,
            is_there: self.holds_value,
        };
        Ok((variant, value))
    }
}

/// What a variant holds.
struct Value<'a, 'de> {
    reader: &'a mut Reader<'de>,
    is_there: bool,
}

impl<'a, 'de> Value<'a, 'de> {
    fn reader(self) -> Result<&'a mut Reader<'de>, Refused> {
        if self.is_there {
            Ok(self.reader)
        } else {
            Err(Refused)
        }
    }
}

impl<'de> VariantAccess<'de> for Value<'_, 'de> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        if self.is_there { Err(Refused) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.reader()?)
    }

    fn tuple_variant<V: de::Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.reader()?.deserialize_tuple(count, visitor)
    }

    fn struct_variant<V: de::Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.reader()?.deserialize_struct("", names, visitor)
    }
}
