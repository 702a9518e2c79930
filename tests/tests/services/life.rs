//! The order in which services start and stop, and what becomes of the others when one does not.

use super::*;

#[test]
fn services_start_in_order_and_stop_in_the_reverse() {
    on_threads(2, async |ex| {
        let diary = Diary::default();
        let node = three(&diary, Does::Well).build().await.unwrap();
        assert_eq!((node.state(), diary.lines().len()), (NodeState::Open, 0));
        assert_eq!(
            node.services().iter().map(|one| (one.name, one.started)).collect::<Vec<_>>(),
            [("one", false), ("two", false), ("three", false)]
        );
        node.start(&ex).await.unwrap();
        assert_eq!(node.state(), NodeState::Running);
        assert!(node.services().iter().all(|one| one.started));
        assert_eq!(diary.lines(), ["start one", "start two", "start three"]);
        node.stop().await.unwrap();
        assert_eq!(node.state(), NodeState::Stopped);
        assert_eq!(diary.lines()[3..], ["stop three", "stop two", "stop one"]);
        assert!(node.services().iter().all(|one| !one.started));
        node.stop().await.unwrap();
        assert_eq!(diary.lines().len(), 6, "stopped once");
    });
}

#[test]
fn a_service_that_does_not_start_stops_those_before_it_and_is_named() {
    for (does, expected) in [
        (Does::FailsToStart, "service `two` does not start: no shelf"),
        (Does::PanicsAtStart, "service `two` does not start: it panicked: on purpose"),
    ] {
        on_threads(2, async |ex| {
            let diary = Diary::default();
            let node = three(&diary, does).build().await.unwrap();
            let error = node.start(&ex).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(matches!(error, StartError::Service { service: "two", .. }));
            assert_eq!(diary.lines(), ["start one", "start two", "stop one"]);
            assert_eq!((node.state(), node.p2p().task_count()), (NodeState::Stopped, 0));
            let again = node.start(&ex).await.unwrap_err().to_string();
            assert!(again.starts_with("the node is in state Stopped"), "{again}");
        });
    }
}

#[test]
fn a_service_that_does_not_stop_well_hurts_no_other_and_is_named() {
    for (does, expected) in [
        (Does::FailsToStop, "service `two` did not stop well: the shelf is full"),
        (Does::PanicsAtStop, "service `two` did not stop well: it panicked: on purpose"),
        (Does::NeverStops, "service `two` did not stop well: it was not done within services.stop_timeout = 1ms"),
    ] {
        on_threads(2, async |ex| {
            let diary = Diary::default();
            let services = ServiceSettings { stop_timeout: Duration::from_millis(1) };
            let settings = NodeSettings { services, ..local().into() };
            let node = started(three_with(settings, &diary, does, &Signal::default()), &ex).await;
            let error = node.stop().await.unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(node.stop().await.unwrap_err().to_string(), expected, "everybody is told the same");
            assert_eq!(diary.lines()[3..], ["stop three", "stop two", "stop one"]);
            assert_eq!((node.state(), node.p2p().task_count()), (NodeState::Stopped, 0));
        });
    }
}

#[test]
fn a_stop_while_a_service_starts_ends_the_start() {
    on_threads(2, async |ex| {
        let (diary, begun) = (Diary::default(), Signal::default());
        let node = three_with(local().into(), &diary, Does::NeverStarts, &begun).build().await.unwrap();
        let (starting, own) = (node.clone(), ex.clone());
        let start = ex.spawn(async move { starting.start(&own).await });
        begun.wait().await;
        assert_eq!(node.state(), NodeState::Starting);
        assert!(node.attach().unwrap_err().to_string().contains("Starting"));
        node.stop().await.unwrap();
        assert!(matches!(start.await, Err(StartError::Stopped)));
        assert_eq!(diary.lines(), ["start one", "start two", "stop one"]);
    });
}

#[test]
fn a_node_that_never_started_is_stopped_at_once() {
    on_threads(1, async |ex| {
        let node = Node::builder(local()).build().await.unwrap();
        node.stop().await.unwrap();
        assert_eq!(node.state(), NodeState::Stopped);
        assert!(matches!(node.start(&ex).await, Err(StartError::State(NodeState::Stopped))));
    });
}

#[test]
fn a_network_that_stops_takes_its_services_along() {
    on_threads(2, async |ex| {
        let diary = Diary::default();
        let node = started(three(&diary, Does::Well), &ex).await;
        node.p2p().stop().await;
        node.stopped().await.unwrap();
        assert_eq!(diary.lines()[3..], ["stop three", "stop two", "stop one"]);
    });
}

#[test]
fn a_call_may_stop_the_node_that_answers_it() {
    on_threads(2, async |ex| {
        let node = started(Node::builder(local()).service(Switch), &ex).await;
        let client = node.attach().unwrap();
        let answer = client.call::<()>("switch_off", ()).await;
        assert!(matches!(answer, Err(CallError::Disconnected(_))), "{answer:?}");
        node.stopped().await.unwrap();
        assert_eq!(node.state(), NodeState::Stopped);
        assert!(node.attach().is_err());
    });
}
