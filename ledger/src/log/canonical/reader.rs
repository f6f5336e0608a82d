//! The one form of each length, integer, text and head of a collection in MessagePack: the shortest.
//!
//! Deliberately absent: what the values mean.

use super::Refused;

/// The bytes that are left.
pub(super) struct Reader<'de> {
    pub(super) rest: &'de [u8],
}

impl<'de> Reader<'de> {
    pub(super) fn peek(&self) -> Result<u8, Refused> {
        self.rest.first().copied().ok_or(Refused)
    }

    pub(super) fn take(&mut self, size: usize) -> Result<&'de [u8], Refused> {
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(Refused)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Refused)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Refused> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Refused> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Refused> {
        self.array().map(u32::from_be_bytes)
    }

    /// An unsigned integer behind `marker`, in its shortest form.
    pub(super) fn unsigned(&mut self, marker: u8) -> Result<u64, Refused> {
        let (value, least) = match marker {
            0x00..=0x7f => (marker.into(), 0),
            0xcc => (self.byte()?.into(), 1 << 7),
            0xcd => (self.u16()?.into(), 1 << 8),
            0xce => (self.u32()?.into(), 1 << 16),
            0xcf => (u64::from_be_bytes(self.array()?), 1 << 32),
            _ => return Err(Refused),
        };
        if value >= least {
            Ok(value)
        } else {
            Err(Refused)
        }
    }

    /// A negative integer behind `marker`, in its shortest form.
    pub(super) fn negative(&mut self, marker: u8) -> Result<i64, Refused> {
        let (value, below) = match marker {
            0xe0..=0xff => (i64::from(i8::from_be_bytes([marker])), 0),
            0xd0 => (i8::from_be_bytes(self.array()?).into(), -(1 << 5)),
            0xd1 => (i16::from_be_bytes(self.array()?).into(), -(1 << 7)),
            0xd2 => (i32::from_be_bytes(self.array()?).into(), -(1 << 15)),
            0xd3 => (i64::from_be_bytes(self.array()?), -(1 << 31)),
            _ => return Err(Refused),
        };
        if value < below {
            Ok(value)
        } else {
            Err(Refused)
        }
    }

    pub(super) fn text(&mut self) -> Result<&'de str, Refused> {
        std::str::from_utf8(self.name()?).map_err(|_| Refused)
    }

    /// A text that will be held against the names that there are.
    pub(super) fn name(&mut self) -> Result<&'de [u8], Refused> {
        let size = match self.byte()? {
            short @ 0xa0..=0xbf => (short & 0x1f).into(),
            0xd9 => at_least(self.byte()?.into(), 1 << 5)?,
            0xda => at_least(self.u16()?.into(), 1 << 8)?,
            0xdb => at_least(self.u32()?, 1 << 16)?,
            _ => return Err(Refused),
        };
        self.take(size as usize)
    }

    pub(super) fn bytes(&mut self) -> Result<&'de [u8], Refused> {
        let size = match self.byte()? {
            0xc4 => self.byte()?.into(),
            0xc5 => at_least(self.u16()?.into(), 1 << 8)?,
            0xc6 => at_least(self.u32()?, 1 << 16)?,
            _ => return Err(Refused),
        };
        self.take(size as usize)
    }

    /// The number of elements of an array.
    pub(super) fn elements(&mut self) -> Result<usize, Refused> {
        let count = match self.byte()? {
            short @ 0x90..=0x9f => (short & 0x0f).into(),
            0xdc => at_least(self.u16()?.into(), 1 << 4)?,
            0xdd => at_least(self.u32()?, 1 << 16)?,
            _ => return Err(Refused),
        };
        Ok(count as usize)
    }

    /// The head of a map, and how many entries it has; a struct of more than 15 fields there is not.
    pub(super) fn map(&mut self) -> Result<usize, Refused> {
        match self.byte()? {
            marker @ 0x80..=0x8f => Ok(usize::from(marker & 0x0f)),
            _ => Err(Refused),
        }
    }
}

fn at_least(value: u32, least: u32) -> Result<u32, Refused> {
    if value >= least {
        Ok(value)
    } else {
        Err(Refused)
    }
}
