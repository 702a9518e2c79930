//! What can be wrong with settings.

/// Settings that cannot be used; says which field, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The text is no TOML.
    #[error("the settings are no TOML: {0}")]
    Syntax(String),
    /// A key that does not exist.
    #[error("unknown key `{key}`: {}", match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the keys are {known}"),
    })]
    UnknownKey {
        /// The key, with its table.
        key: String,
        /// The valid key that looks most like it, with its table.
        nearest: Option<String>,
        /// All keys of that table.
        known: String,
    },
    /// A value of the wrong type or form.
    #[error("`{field}`: {problem}")]
    Type {
        /// The key, with its table.
        field: String,
        /// What the deserializer said.
        problem: String,
    },
    /// A value that cannot work.
    #[error("`{field}` {problem}: {remedy}")]
    Invalid {
        /// The key, with its table.
        field: String,
        /// What is wrong.
        problem: String,
        /// What would be right.
        remedy: String,
    },
    /// The settings have no TOML form.
    #[error("the settings cannot be written as TOML: {0}")]
    Unwritable(String),
}

impl SettingsError {
    /// The same with its key in the table `name`.
    #[cfg(feature = "service")]
    pub(crate) fn within(mut self, name: &str) -> Self {
        let inside = |key: &mut String| *key = format!("{name}.{key}");
        match &mut self {
            Self::UnknownKey { key, nearest, .. } => {
                inside(key);
                nearest.iter_mut().for_each(inside);
            }
            Self::Type { field, .. } | Self::Invalid { field, .. } => inside(field),
            Self::Syntax(_) | Self::Unwritable(_) => {}
        }
        self
    }

    pub(crate) fn invalid(field: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), problem: problem.into(), remedy: remedy.into() }
    }
}
