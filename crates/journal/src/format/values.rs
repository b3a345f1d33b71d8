//! Numbers, hashes, addresses and byte strings as CBOR has them; what is zero or empty is left out of a map.

use minicbor::data::Type;
use minicbor::decode::Error;
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, encode};
use units::{Address, Amount, B256, Bytes, U256};

/// A hash or an id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word(pub(super) B256);

/// An address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account(pub(super) Address);

/// A number of up to 256 bits: a CBOR integer when it fits, else its bytes, big-endian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) U256);

/// A byte string.
#[derive(Clone, Debug)]
pub(super) struct Octets(pub(super) Bytes);

/// A text.
#[derive(Clone, Debug)]
pub(super) struct Text(pub(super) String);

impl From<Amount> for Number {
    fn from(amount: Amount) -> Self {
        Self(amount.0)
    }
}

impl From<Number> for Amount {
    fn from(number: Number) -> Self {
        Self(number.0)
    }
}

fn sized<const N: usize>(from: &mut Decoder<'_>) -> Result<[u8; N], Error> {
    let at = from.position();
    from.bytes()?.try_into().map_err(|_| Error::message("of another length").at(at))
}

impl<C> Encode<C> for Word {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        to.bytes(self.0.as_slice())?.ok()
    }

    fn is_nil(&self) -> bool {
        self.0.is_zero()
    }
}

impl<'b, C> Decode<'b, C> for Word {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        sized(from).map(|bytes: [u8; 32]| Self(bytes.into()))
    }

    fn nil() -> Option<Self> {
        Some(Self(B256::ZERO))
    }
}

impl<C> Encode<C> for Account {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        to.bytes(self.0.as_slice())?.ok()
    }

    fn is_nil(&self) -> bool {
        self.0.is_zero()
    }
}

impl<'b, C> Decode<'b, C> for Account {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        sized(from).map(|bytes: [u8; 20]| Self(bytes.into()))
    }

    fn nil() -> Option<Self> {
        Some(Self(Address::ZERO))
    }
}

impl<C> Encode<C> for Number {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        match u64::try_from(self.0) {
            Ok(small) => to.u64(small)?.ok(),
            Err(_) => to.bytes(&self.0.to_be_bytes_trimmed_vec())?.ok(),
        }
    }

    fn is_nil(&self) -> bool {
        self.0.is_zero()
    }
}

impl<'b, C> Decode<'b, C> for Number {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        if from.datatype()? != Type::Bytes {
            return from.u64().map(|small| Self(U256::from(small)));
        }
        let at = from.position();
        let bytes = from.bytes()?;
        U256::try_from_be_slice(bytes).map(Self).ok_or_else(|| Error::message("more than 256 bits").at(at))
    }

    fn nil() -> Option<Self> {
        Some(Self(U256::ZERO))
    }
}

impl<C> Encode<C> for Octets {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        to.bytes(&self.0)?.ok()
    }

    fn is_nil(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'b, C> Decode<'b, C> for Octets {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        from.bytes().map(|bytes| Self(Bytes::copy_from_slice(bytes)))
    }

    fn nil() -> Option<Self> {
        Some(Self(Bytes::new()))
    }
}

impl<C> Encode<C> for Text {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        to.str(&self.0)?.ok()
    }

    fn is_nil(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'b, C> Decode<'b, C> for Text {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        from.str().map(|text| Self(text.to_owned()))
    }

    fn nil() -> Option<Self> {
        Some(Self(String::new()))
    }
}
