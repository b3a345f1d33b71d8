//! A digest over the whole state: Keccak-256 of one canonical walk.
//!
//! The walk is the order of fields and of sorted keys. Integers are big-endian, what has a length is preceded by it, a
//! variant by its index: so two states of one digest are equal, and the digest is the same on every machine.

use crate::Exchange;
use alloy_primitives::Keccak256;
use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::fmt;
use units::B256;

/// What cannot be in the state, such as floats.
#[derive(Debug)]
struct NotCanonical;

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state holds something that has no canonical form")
    }
}

impl std::error::Error for NotCanonical {}

impl Error for NotCanonical {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Exchange {
    /// The digest of the whole state. It takes a walk over all of it: milliseconds for a hundred thousand live tasks.
    #[must_use]
    pub fn state_digest(&self) -> B256 {
        let mut walk = Walk(Keccak256::new());
        self.serialize(&mut walk).expect("the state has a canonical form");
        walk.0.finalize()
    }
}

/// Where the walk is hashed.
struct Walk(Keccak256);

impl Walk {
    fn length(&mut self, length: usize) {
        self.0.update(u64::try_from(length).expect("lengths fit into 64 bits").to_be_bytes());
    }

    fn known(&mut self, length: Option<usize>) -> Result<(), NotCanonical> {
        length.map(|length| self.length(length)).ok_or(NotCanonical)
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), NotCanonical> {
            self.0.update(value.to_be_bytes());
            Ok(())
        })*
    };
}

impl<'a> Serializer for &'a mut Walk {
    type Ok = ();
    type Error = NotCanonical;
    type SerializeSeq = &'a mut Walk;
    type SerializeTuple = &'a mut Walk;
    type SerializeTupleStruct = &'a mut Walk;
    type SerializeTupleVariant = &'a mut Walk;
    type SerializeMap = &'a mut Walk;
    type SerializeStruct = &'a mut Walk;
    type SerializeStructVariant = &'a mut Walk;

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    integers!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128);

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), NotCanonical> {
        self.serialize_u8(u8::from(value))
    }

    fn serialize_f32(self, _: f32) -> Result<(), NotCanonical> {
        Err(NotCanonical)
    }

    fn serialize_f64(self, _: f64) -> Result<(), NotCanonical> {
        Err(NotCanonical)
    }

    fn serialize_char(self, value: char) -> Result<(), NotCanonical> {
        self.serialize_u32(u32::from(value))
    }

    fn serialize_str(self, value: &str) -> Result<(), NotCanonical> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), NotCanonical> {
        self.length(value.len());
        self.0.update(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), NotCanonical> {
        self.serialize_u8(0)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), NotCanonical> {
        self.0.update([1]);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotCanonical> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotCanonical> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), NotCanonical> {
        self.serialize_u32(index)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), NotCanonical> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        self.0.update(index.to_be_bytes());
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, NotCanonical> {
        self.known(length)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, NotCanonical> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NotCanonical> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, NotCanonical> {
        self.0.update(index.to_be_bytes());
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self, NotCanonical> {
        // A flattened struct comes as a map whose length is not known; its keys are then told apart by their names.
        self.length(length.unwrap_or(usize::from(u8::MAX)));
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NotCanonical> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, NotCanonical> {
        self.0.update(index.to_be_bytes());
        Ok(self)
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),*) => {
        $(impl $trait for &mut Walk {
            type Ok = ();
            type Error = NotCanonical;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotCanonical> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), NotCanonical> {
                Ok(())
            }
        })*
    };
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl $trait for &mut Walk {
            type Ok = ();
            type Error = NotCanonical;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, _: &'static str, value: &T) -> Result<(), NotCanonical> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), NotCanonical> {
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for &mut Walk {
    type Ok = ();
    type Error = NotCanonical;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), NotCanonical> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotCanonical> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), NotCanonical> {
        Ok(())
    }
}
