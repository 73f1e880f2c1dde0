//! The canonical form of a spec: a flat list of named, typed fields in a fixed order.
//!
//! Each field is written as `name length (u32 LE), name, type tag, value length (u32 LE), value`. Names and values are
//! length-prefixed, so no two lists of fields share one form. Text is brought to Unicode NFC; numbers are integers
//! (fractions are [`Milli`]: thousandths); maps are sorted by name. The list itself is what `festoon key` prints.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{Digest, RenderKey};

/// A fraction in thousandths. Two numbers that differ by less than half of one are the same in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Milli(pub i64);

impl Milli {
    /// One.
    pub const ONE: Milli = Milli(1000);

    /// Rounds to the nearest thousandth, halves away from zero.
    /// `None` if the number is not finite or its thousandths do not fit 53 bits.
    pub fn new(number: f64) -> Option<Self> {
        let thousandths = (number * 1000.0).round();
        (thousandths.is_finite() && thousandths.abs() < 9.0e15).then_some(Self(thousandths as i64))
    }

    /// The fraction as a float.
    pub fn get(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

impl Serialize for Milli {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Milli {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Milli::new(number).ok_or_else(|| serde::de::Error::custom(format!("`{number}` is not a number festoon can keep")))
    }
}

/// One value of a canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing was chosen; differs from an empty text.
    Absent,
    /// Text, in NFC.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A fraction in thousandths.
    Milli(Milli),
    /// Yes or no.
    Flag(bool),
    /// A digest, a key: 32 bytes.
    Digest([u8; 32]),
}

impl Value {
    fn tag_and_bytes(&self) -> (u8, Vec<u8>) {
        match self {
            Value::Absent => (0, Vec::new()),
            Value::Text(text) => (1, text.as_bytes().to_vec()),
            Value::Integer(number) => (2, number.to_le_bytes().to_vec()),
            Value::Milli(number) => (3, number.0.to_le_bytes().to_vec()),
            Value::Flag(flag) => (4, vec![u8::from(*flag)]),
            Value::Digest(bytes) => (5, bytes.to_vec()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Absent => f.write_str("-"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Milli(number) => write!(f, "{number}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Digest(bytes) => write!(f, "{}", blake3::Hash::from_bytes(*bytes).to_hex()),
        }
    }
}

/// One named value, as hashed and as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Dotted path, for example `scene.layers.0.motif`.
    pub name: String,
    /// What it holds.
    pub value: Value,
}

/// Collects the fields of a spec in their fixed order.
#[derive(Debug, Default)]
pub struct Canonical {
    prefix: String,
    fields: Vec<Field>,
}

impl Canonical {
    /// Adds a field.
    pub fn put(&mut self, name: &str, value: Value) {
        let value = match value {
            Value::Text(text) => Value::Text(text.nfc().collect()),
            other => other,
        };
        self.fields.push(Field { name: format!("{}{name}", self.prefix), value });
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, text: impl AsRef<str>) {
        self.put(name, Value::Text(text.as_ref().to_owned()));
    }

    /// Adds an integer.
    pub fn integer(&mut self, name: &str, number: impl Into<i64>) {
        self.put(name, Value::Integer(number.into()));
    }

    /// Adds the fields that `add` writes, under `name.`.
    pub fn group(&mut self, name: &str, add: impl FnOnce(&mut Canonical)) {
        let outer = self.prefix.len();
        self.prefix.push_str(name);
        self.prefix.push('.');
        add(self);
        self.prefix.truncate(outer);
    }

    /// Adds a list: its length as `name.len`, then each item under `name.<index>.`.
    pub fn list<T>(&mut self, name: &str, items: &[T], mut add: impl FnMut(&mut Canonical, &T)) {
        self.group(name, |list| {
            list.integer("len", items.len() as i64);
            for (index, item) in items.iter().enumerate() {
                list.group(&index.to_string(), |each| add(each, item));
            }
        });
    }

    /// The fields, in order.
    pub fn fields(self) -> Vec<Field> {
        self.fields
    }

    /// The key under a context such as `festoon 2026 plate key v1`. A context is published once and never reused for
    /// another form.
    pub(crate) fn key(self, context: &str) -> RenderKey {
        RenderKey::from_bytes(self.hash(context))
    }

    /// The digest under a context, for an input that a spec names by its digest.
    pub fn digest(self, context: &str) -> Digest {
        Digest::from_bytes(self.hash(context))
    }

    fn hash(self, context: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        for Field { name, value } in &self.fields {
            let (tag, bytes) = value.tag_and_bytes();
            hasher.update(&(name.len() as u32).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&[tag]);
            hasher.update(&(bytes.len() as u32).to_le_bytes());
            hasher.update(&bytes);
        }
        *hasher.finalize().as_bytes()
    }
}
