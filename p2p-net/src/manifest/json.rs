//! Manifests as JSON: one value a line, keys and protocols in a fixed order, so that a review shows what changed.

use serde::{Deserialize, Serialize};

use super::{Manifest, ProtocolEntry};

/// The layout of the file; another one gets another number.
pub const FORMAT: u16 = 1;

/// A text that is no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No JSON, or not of a manifest's fields and types.
    #[error("it is no manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another layout.
    #[error("its format is {0}, and this version reads {FORMAT}")]
    Format(u16),
    /// Two entries of one protocol, as a merge of two branches leaves them.
    #[error("it has two protocols {0}: keep the one that was released")]
    Duplicate(String),
}

/// Read first, since another format has other fields.
#[derive(Deserialize)]
struct Head {
    format: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "format")]
    _format: u16,
    protocols: Vec<ProtocolEntry>,
}

#[derive(Serialize)]
struct File<'a> {
    format: u16,
    protocols: &'a [ProtocolEntry],
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`ReadError`], with line and column.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let Head { format } = serde_json::from_str(text)?;
        if format != FORMAT {
            return Err(ReadError::Format(format));
        }
        let Body { protocols, .. } = serde_json::from_str(text)?;
        let manifest = Self { protocols };
        match manifest.duplicate() {
            Some(twins) => Err(ReadError::Duplicate(twins)),
            None => Ok(manifest),
        }
    }

    /// The manifest as text that ends with a newline.
    ///
    /// # Errors
    ///
    /// Those of the serializer. A manifest that was made from code has none.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(&File { format: FORMAT, protocols: &self.protocols })?;
        text.push('\n');
        Ok(text)
    }
}
