//! What an application shares with its protocols: given to the node once, by type.

use std::any::{Any, TypeId, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::Requirement;

/// A value that the application gave the node with `.state(value)`; an extractor of `init`, handlers and jobs.
///
/// A protocol that asks for a state nobody gave is an error when the node is built.
pub struct State<T>(Arc<T>);

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Send + Sync + 'static> State<T> {
    /// What a descriptor says of an argument of this type.
    pub const REQUIREMENT: Requirement = Requirement::State { id: TypeId::of::<T>, name: type_name::<T> };
}

/// All states of a node, by type.
#[derive(Clone, Default)]
pub(crate) struct States(BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    /// Adds one; a second of the same type replaces the first.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, state: Arc<T>) {
        self.0.insert(TypeId::of::<T>(), state);
    }

    /// The state of type `T`, if one was given.
    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        self.0.get(&TypeId::of::<T>())?.clone().downcast().ok().map(State)
    }

    /// Whether `requirement` is met.
    pub(crate) fn meets(&self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::State { id, .. } => self.0.contains_key(&id()),
        }
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
