//! Reads `#[message(..)]` of a message.

use syn::{Attribute, Expr, LitStr, Path, Type};

use crate::keys::{Keys, core_path, default_core, wire_name};
use crate::mistakes::Mistakes;

/// What a message's attributes say.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) name: Option<LitStr>,
    pub(super) max_bytes: Option<Expr>,
    pub(super) window: Option<Expr>,
    pub(super) reply: Option<Type>,
    core: Option<Path>,
}

impl Attributes {
    /// Where the core is.
    pub(super) fn core(&self) -> Path {
        self.core.clone().unwrap_or_else(default_core)
    }
}

/// Reads the attributes of a type.
pub(super) fn container(attributes: &[Attribute], mistakes: &mut Mistakes) -> Attributes {
    let mut read = Attributes::default();
    let mut keys = Keys::new(&["name", "max_bytes", "window", "reply", "crate"]);
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("message")) {
        keys.read_attribute(attribute, mistakes, |key, input| {
            match key {
                "name" => read.name = Some(wire_name(input)?),
                "max_bytes" => read.max_bytes = Some(input.parse()?),
                "window" => read.window = Some(input.parse()?),
                "reply" => read.reply = Some(input.parse()?),
                _ => read.core = Some(core_path(input)?),
            }
            Ok(())
        });
    }
    read
}
