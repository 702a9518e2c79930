//! A node as a test holds it.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use crate::channel::Channel;
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::State;

/// How long a condition is waited for, in virtual time: longer than any timeout of the default settings.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// A node of a [`Network`](super::Network): everything a [`P2p`] is, and what a test asks in one word.
///
/// What is not there is a panic that names it: in a test, that is the failure.
#[derive(Clone)]
pub struct TestNode {
    node: P2pPtr,
}

impl TestNode {
    pub(super) fn new(node: P2pPtr) -> Self {
        Self { node }
    }

    /// The node itself, for code that takes one.
    pub fn p2p(&self) -> &P2pPtr {
        &self.node
    }

    /// The channel to `other`.
    ///
    /// # Panics
    ///
    /// When the two are not connected.
    #[track_caller]
    pub fn to(&self, other: &Self) -> Channel {
        let (here, there) = (self.node.id(), other.node.id());
        let channel = self.node.channel(&there);
        channel.unwrap_or_else(|| panic!("{} has no channel to {}", here.short(), there.short()))
    }

    /// The state of type `T` that this node was given.
    ///
    /// # Panics
    ///
    /// When it was given none.
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> State<T> {
        let none = || panic!("this node has no `State<{}>`: give it one with `.state(..)`", std::any::type_name::<T>());
        self.node.state_of().unwrap_or_else(none)
    }

    /// Waits until `condition` holds, in virtual time.
    ///
    /// # Panics
    ///
    /// When it does not hold within ten virtual minutes.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing but the wait is lost.
    pub async fn until(&self, condition: impl FnMut(&Self) -> bool) {
        assert!(self.holds_within(PATIENCE, condition).await, "the condition did not come to hold in {PATIENCE:?}");
    }

    /// Whether `condition` holds now or comes to hold while `limit` passes.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing but the wait is lost.
    pub async fn holds_within(&self, limit: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let clock = self.node.clock();
        let deadline = clock.now() + limit;
        while !condition(self) {
            if clock.now() >= deadline {
                return false;
            }
            clock.sleep(LOOK).await;
        }
        true
    }
}

impl Deref for TestNode {
    type Target = P2p;

    fn deref(&self) -> &P2p {
        &self.node
    }
}

impl fmt::Debug for TestNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}
