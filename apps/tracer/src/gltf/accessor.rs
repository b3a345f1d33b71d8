//! Numbers out of buffers.

use std::borrow::Cow;

use serde_json::Value;

use super::{item, list};
use crate::math::{Vec3, vec3};
use crate::scene_file::{Fault, Read, SceneError};

/// The bytes of every buffer.
pub(super) struct Buffers<'a>(Vec<Cow<'a, [u8]>>);

/// One accessor's elements, each a few components of one type.
struct Elements<'a> {
    bytes: &'a [u8],
    count: usize,
    stride: usize,
    component: Component,
    normalized: bool,
}

#[derive(Clone, Copy)]
enum Component {
    I8,
    U8,
    I16,
    U16,
    U32,
    F32,
}

impl<'a> Buffers<'a> {
    pub(super) fn load(
        root: &Value,
        binary: Option<&'a [u8]>,
        scene: &str,
        read: Read<'_>,
    ) -> Result<Self, SceneError> {
        let mut buffers = Vec::new();
        for buffer in list(root, "buffers") {
            let uri = buffer.get("uri").and_then(Value::as_str);
            let bytes: Cow<'a, [u8]> = match (uri, binary) {
                (Some(uri), _) if uri.starts_with("data:") => {
                    let text = uri.split_once(";base64,").map(|(_, text)| text);
                    let bytes = text.and_then(from_base64);
                    bytes.ok_or_else(|| SceneError::new(scene, Fault::Base64))?.into()
                }
                (Some(uri), _) => {
                    let name = unescape(uri);
                    let bytes = read(&name);
                    bytes.map_err(|error| SceneError::new(&name, Fault::Unreadable(error)))?.into()
                }
                (None, Some(binary)) => binary.into(),
                (None, None) => return Err(SceneError::new(scene, Fault::Member("buffers.uri"))),
            };
            buffers.push(bytes);
        }
        Ok(Self(buffers))
    }

    /// An accessor of three-component vectors.
    pub(super) fn vectors(&self, root: &Value, accessor: u64) -> Result<Vec<Vec3>, Fault> {
        let elements = self.elements(root, accessor, "VEC3", 3)?;
        Ok((0..elements.count)
            .map(|n| vec3(elements.number(n, 0), elements.number(n, 1), elements.number(n, 2)))
            .collect())
    }

    /// An accessor of indices.
    pub(super) fn indices(&self, root: &Value, accessor: u64) -> Result<Vec<u32>, Fault> {
        let elements = self.elements(root, accessor, "SCALAR", 1)?;
        Ok((0..elements.count).map(|n| elements.index(n)).collect())
    }

    fn elements(&self, root: &Value, accessor: u64, kind: &str, components: usize) -> Result<Elements<'_>, Fault> {
        let accessor = item(root, "accessors", "a primitive", "accessor", accessor)?;
        if accessor.get("sparse").is_some() {
            return Err(Fault::Unsupported("sparse accessors"));
        }
        if accessor.get("type").and_then(Value::as_str) != Some(kind) {
            return Err(Fault::Member("accessors.type"));
        }
        let component = match accessor.get("componentType").and_then(Value::as_u64) {
            Some(5120) => Component::I8,
            Some(5121) => Component::U8,
            Some(5122) => Component::I16,
            Some(5123) => Component::U16,
            Some(5125) => Component::U32,
            Some(5126) => Component::F32,
            _ => return Err(Fault::Member("accessors.componentType")),
        };
        let count = size(accessor, "count")?.ok_or(Fault::Member("accessors.count"))?;
        let view = accessor.get("bufferView").and_then(Value::as_u64);
        let view = view.ok_or(Fault::Unsupported("accessors without a buffer view"))?;
        let view = item(root, "bufferViews", "an accessor", "buffer view", view)?;
        let buffer = size(view, "buffer")?.ok_or(Fault::Member("bufferViews.buffer"))?;
        let buffer = self.0.get(buffer).ok_or(Fault::BeyondBuffer)?;
        let width = component.width() * components;
        let stride = size(view, "byteStride")?.unwrap_or(width);
        let view_start = size(view, "byteOffset")?.unwrap_or(0);
        let view_length = size(view, "byteLength")?.ok_or(Fault::Member("bufferViews.byteLength"))?;
        let view_end = view_start.checked_add(view_length).ok_or(Fault::BeyondBuffer)?;
        let bytes = buffer.get(view_start..view_end).ok_or(Fault::BeyondBuffer)?;
        let bytes = bytes.get(size(accessor, "byteOffset")?.unwrap_or(0)..).ok_or(Fault::BeyondBuffer)?;
        let span = count.saturating_sub(1).checked_mul(stride).and_then(|span| span.checked_add(width));
        if count > 0 && span.is_none_or(|span| span > bytes.len()) {
            return Err(Fault::BeyondBuffer);
        }
        let normalized = accessor.get("normalized").and_then(Value::as_bool).unwrap_or(false);
        Ok(Elements { bytes, count, stride, component, normalized })
    }
}

impl Elements<'_> {
    /// A component as a number; the extent was checked when the elements were found.
    fn number(&self, element: usize, component: usize) -> f32 {
        let scale = |value: f32, greatest: f32| {
            if self.normalized { (value / greatest).max(-1.0) } else { value }
        };
        let [a, b, c, d] = self.raw(element, component);
        match self.component {
            Component::I8 => scale(f32::from(i8::from_le_bytes([a])), 127.0),
            Component::U8 => scale(f32::from(a), 255.0),
            Component::I16 => scale(f32::from(i16::from_le_bytes([a, b])), 32_767.0),
            Component::U16 => scale(f32::from(u16::from_le_bytes([a, b])), 65_535.0),
            Component::U32 => u32::from_le_bytes([a, b, c, d]) as f32,
            Component::F32 => f32::from_le_bytes([a, b, c, d]),
        }
    }

    fn index(&self, element: usize) -> u32 {
        let [a, b, c, d] = self.raw(element, 0);
        match self.component {
            Component::U8 | Component::I8 => u32::from(a),
            Component::U16 | Component::I16 => u32::from(u16::from_le_bytes([a, b])),
            Component::U32 | Component::F32 => u32::from_le_bytes([a, b, c, d]),
        }
    }

    fn raw(&self, element: usize, component: usize) -> [u8; 4] {
        let width = self.component.width();
        let start = element * self.stride + component * width;
        let mut raw = [0; 4];
        raw[..width].copy_from_slice(&self.bytes[start..start + width]);
        raw
    }
}

impl Component {
    fn width(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }
}

/// A member that counts bytes or elements, if it is there.
fn size(value: &Value, name: &'static str) -> Result<Option<usize>, Fault> {
    match value.get(name) {
        None => Ok(None),
        Some(number) => {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
            number.map(Some).ok_or(Fault::Member(name))
        }
    }
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

/// Undoes `%20` and the like.
fn unescape(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
