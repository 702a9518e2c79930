//! What an application shares with its protocols: given to the node once, by type; and how protocols are configured.

use std::any::{Any, TypeId, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::Requirement;

/// A value that the application gave the node with `.state(value)`; an extractor of `init`, handlers and jobs.
///
/// A protocol that asks for a state nobody gave is an error when the node is built.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use p2p_net::{prelude::*, testing};
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 16)]
/// struct Vote(u32);
///
/// #[protocol]
/// async fn count(Vote(weight): Vote, sum: State<AtomicU32>) {
///     sum.fetch_add(weight, Ordering::Relaxed);
/// }
///
/// testing::pair().with::<count>().state(AtomicU32::default).run(async |[alice, bob]| {
///     alice.to(&bob).send(&Vote(3)).await.unwrap();
///     bob.until(|bob| bob.state::<AtomicU32>().load(Ordering::Relaxed) == 3).await;
/// });
/// ```
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
    /// The value itself, for who keeps it.
    pub fn into_shared(self) -> Arc<T> {
        self.0
    }

    /// What a descriptor says of an argument of this type.
    pub const REQUIREMENT: Requirement = Requirement::State { id: TypeId::of::<T>, name: type_name::<T> };
}

/// How a protocol is configured; an extractor of `init`, handlers and jobs.
///
/// It is what [`ProtocolSet::configure`](crate::ProtocolSet::configure) made of the type's `Default`, or that default.
/// Protocols with a config of the same type share it.
///
/// ```
/// use p2p_net::{prelude::*, testing};
///
/// #[derive(Clone, Default)]
/// struct Manners { loud: bool }
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 64, reply = Echo)]
/// struct Shout(String);
///
/// #[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
/// #[message(max_bytes = 64)]
/// struct Echo(String);
///
/// #[derive(Default)]
/// struct Valley;
///
/// #[protocol(config = Manners)]
/// impl Valley {
///     #[on]
///     async fn shout(&self, Shout(text): Shout, manners: Config<Manners>) -> Echo {
///         Echo(if manners.loud { text.to_uppercase() } else { text })
///     }
/// }
///
/// testing::pair().with::<Valley>().configure::<Valley>(|manners| manners.loud = true).run(async |[alice, bob]| {
///     assert_eq!(alice.to(&bob).request(Shout("hey".to_owned())).await, Ok(Echo("HEY".to_owned())));
/// });
/// ```
pub struct Config<T>(Arc<T>);

impl<T> Config<T> {
    pub(crate) fn new(config: T) -> Self {
        Self(Arc::new(config))
    }
}

impl<T: Default + Send + Sync + 'static> Config<T> {
    /// What a descriptor says of an argument of this type.
    pub const REQUIREMENT: Requirement =
        Requirement::Config { id: TypeId::of::<Self>, default: || Arc::new(T::default()) };
}

impl<T> Deref for Config<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Config<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Config<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All states of a node, by type, and all configs.
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
            Requirement::Config { .. } => true,
        }
    }

    /// Adds a default, where a requirement has one.
    pub(crate) fn complete(&mut self, requirement: &Requirement) {
        if let Requirement::Config { id, default } = requirement {
            self.0.entry(id()).or_insert_with(default);
        }
    }

    /// Changes a config, or the default where there is none.
    pub(crate) fn configure<T: Clone + Default + Send + Sync + 'static>(&mut self, change: impl FnOnce(&mut T)) {
        let mut config = self.config::<T>().map_or_else(T::default, |known| T::clone(&known));
        change(&mut config);
        self.0.insert(TypeId::of::<Config<T>>(), Arc::new(config));
    }

    /// The config of type `T`, if there is one.
    pub(crate) fn config<T: Send + Sync + 'static>(&self) -> Option<Config<T>> {
        // Under the extractor's type: a state of the same type is another thing.
        self.0.get(&TypeId::of::<Config<T>>())?.clone().downcast().ok().map(Config)
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
