use futures::FutureExt;

use super::*;

const RTT: Duration = Duration::from_millis(100);

fn pace(room: usize, node: usize) -> (Pace, Arc<AtomicUsize>) {
    let node = Arc::new(AtomicUsize::new(node));
    let pace = Pace::new(Clock::simulated(), room, node.clone());
    pace.measured(RTT);
    (pace, node)
}

fn pass(clock: &Clock, time: Duration) {
    let mut sleep = std::pin::pin!(clock.sleep(time));
    if sleep.as_mut().now_or_never().is_none() {
        clock.advance(Duration::MAX);
    }
}

/// Consumes a window every `time`; the sizes after each.
fn sizes(window: &mut Window, pace: &Pace, consumed: &mut u64, times: usize, time: Duration) -> Vec<u32> {
    let mut sizes = Vec::new();
    for _ in 0..times {
        for _ in 0..PARTS_OF_WINDOW {
            pass(&pace.clock, time / PARTS_OF_WINDOW);
            *consumed += u64::from(window.size / PARTS_OF_WINDOW);
            assert!(window.allows(*consumed), "no more is consumed than was let through");
            window.due(*consumed, pace);
            assert!(window.limit - *consumed <= u64::from(largest(window.least)));
        }
        sizes.push(window.size);
    }
    sizes
}

#[test]
fn a_window_consumed_within_two_round_trips_doubles_up_to_the_most_there_is() {
    let ((pace, _), mut window) = (pace(1 << 30, 1 << 30), Window::new(1000));
    let sizes = sizes(&mut window, &pace, &mut 0, 12, RTT);
    assert!(sizes.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == 2 * pair[0]), "{sizes:?}");
    assert_eq!((sizes[11], largest(1000)), (32_000, 32_000), "{sizes:?}");
}

#[test]
fn a_window_that_lasts_stays_and_one_that_lasts_long_returns_to_what_it_was() {
    let ((pace, node), mut window, mut consumed) = (pace(1 << 20, 1 << 20), Window::new(1000), 0);
    assert_eq!(sizes(&mut window, &pace, &mut consumed, 6, RTT * 3), [1000; 6]);
    sizes(&mut window, &pace, &mut consumed, 12, RTT);
    assert_eq!((window.size, node.load(Ordering::Relaxed)), (32_000, (1 << 20) - 31_000));
    assert_eq!(sizes(&mut window, &pace, &mut consumed, 3, RTT * 10), [32_000; 3]);
    sizes(&mut window, &pace, &mut consumed, 20, RTT * 40);
    assert_eq!((window.size, window.grown, node.load(Ordering::Relaxed)), (1000, 0, 1 << 20), "all is given back");
}

#[test]
fn growth_ends_where_the_channel_or_the_node_has_no_more_memory() {
    for (room, all, most) in [(2999, 1 << 20, 2000), (1 << 20, 3000, 4000), (0, 1 << 20, 1000)] {
        let ((pace, node), mut window) = (pace(room, all), Window::new(1000));
        sizes(&mut window, &pace, &mut 0, 12, RTT);
        assert_eq!(window.size, most);
        drop(pace);
        assert_eq!(node.load(Ordering::Relaxed), all, "a channel that ends gives back what it took");
    }
}

#[test]
fn without_a_round_trip_and_without_latency_nothing_grows() {
    let node = Arc::new(AtomicUsize::new(1 << 20));
    let (pace, mut window) = (Pace::new(Clock::simulated(), 1 << 20, node), Window::new(1000));
    assert_eq!(sizes(&mut window, &pace, &mut 0, 5, RTT), [1000; 5]);
    pace.measured(Duration::ZERO);
    assert_eq!(sizes(&mut window, &pace, &mut 5000, 5, Duration::ZERO), [1000; 5]);
}

#[test]
fn a_longer_round_trip_counts_slowly_and_a_shorter_at_once() {
    let (pace, _) = pace(0, 0);
    pace.measured(RTT * 9);
    assert_eq!(pace.rtt(), Some(RTT * 2));
    pace.measured(RTT / 2);
    assert_eq!(pace.rtt(), Some(RTT / 2));
}
