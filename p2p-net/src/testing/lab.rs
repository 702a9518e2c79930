//! What the nodes of one test share: the simulation they live in, and how another of them is made.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Simulation, TestNode, Trace};
use crate::identity::NodeId;
use crate::p2p::{P2pBuilder, P2pPtr};

/// Makes the node of a number, as often as it is started.
type Make = dyn Fn(&Simulation, usize) -> P2pBuilder;

/// The ground of a [`Network`](super::Network) while its test runs.
pub(super) struct Lab {
    pub(super) sim: Simulation,
    make: Box<Make>,
    traced: bool,
    /// Hosts by the ids of their nodes, for whoever reads a trace or a failure.
    names: RefCell<BTreeMap<NodeId, String>>,
    started: RefCell<Vec<P2pPtr>>,
}

impl Lab {
    pub(super) fn new(
        sim: Simulation,
        traced: bool,
        make: impl Fn(&Simulation, usize) -> P2pBuilder + 'static,
    ) -> Self {
        let (names, started) = (RefCell::default(), RefCell::default());
        Self { sim, make: Box::new(make), traced, names, started }
    }

    /// Starts node `number`, which may have run before.
    pub(super) async fn start(self: &std::rc::Rc<Self>, number: usize) -> TestNode {
        let node = self.sim.start((self.make)(&self.sim, number)).await;
        let host = node.advertised().first().map_or_else(|| node.id().short(), |url| url.host().to_owned());
        self.names.borrow_mut().insert(node.id(), host);
        self.started.borrow_mut().push(node.clone());
        let trace = self.traced.then(|| Trace::of(&node, self.sim.executor()));
        TestNode::new(self.clone(), number, node, trace)
    }

    /// The host of the node with this id.
    pub(super) fn name(&self, id: &NodeId) -> String {
        self.names.borrow().get(id).cloned().unwrap_or_else(|| id.short())
    }

    /// Stops every node that was ever started here.
    pub(super) async fn stop(&self) {
        let started = self.started.take();
        for node in started {
            node.stop().await;
        }
    }
}
