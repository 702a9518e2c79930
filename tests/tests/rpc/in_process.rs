//! Typed clients, arguments, errors, batches and subscriptions, in process.

use std::sync::Arc;

use futures::StreamExt;
use p2p_net::rpc::{Apis, CallError, Params, RpcError, RpcLimits, RpcSettings, Server, SubscriptionError, code};
use serde_json::{Value, json};
use smol::Executor;

use super::apis::{Bar, Foo, FooClient, Point, apis, run};

async fn server(ex: &Arc<Executor<'static>>) -> Server {
    Server::start(apis(), RpcSettings::default(), ex).await.unwrap()
}

fn rpc_error(error: CallError) -> RpcError {
    match error {
        CallError::Rpc(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn the_tutorials_first_api_says_foobar() {
    run(async |ex| {
        let server = server(&ex).await;
        let said: String = server.client().call("foo_helloWorld", ()).await.unwrap();
        assert_eq!(said, "foobar");
        assert_eq!(FooClient::from(server.client()).hello_world().await.unwrap(), "foobar");
    });
}

#[test]
fn arguments_come_in_order_or_by_name_and_options_may_be_left_out() {
    run(async |ex| {
        let client = server(&ex).await.client();
        for (params, said) in [
            (json!(["ho"]), "ho"),
            (json!(["ho", 2]), "hoho"),
            (json!(["ho", null, "!"]), "ho!"),
            (json!({ "text": "ho" }), "ho"),
            (json!({ "mark": "!", "howOften": 2, "text": "ho" }), "hoho!"),
        ] {
            assert_eq!(client.call::<String>("foo_say", params).await.unwrap(), said);
        }
    });
}

#[test]
fn wrong_arguments_are_told_by_place_and_name() {
    run(async |ex| {
        let client = server(&ex).await.client();
        for (params, problem) in [
            (json!([]), "missing argument 1, `text`"),
            (json!([1]), "argument 1, `text`: invalid type: integer `1`, expected a string"),
            (json!(["ho", -1]), "argument 2, `howOften`: invalid value: integer `-1`, expected usize"),
            (json!(["ho", 1, "!", 4]), "`say` takes 3 arguments at most, not 4"),
            (json!({ "howOften": 1 }), "missing argument 1, `text`"),
            (json!({ "text": "ho", "how_often": 1 }), "`say` has no parameter `how_often`: did you mean `howOften`?"),
            (json!({ "x": 1 }), "`say` has no parameter `x`: it takes `text`, `howOften`, `mark`"),
        ] {
            let error = rpc_error(client.call::<Value>("foo_say", params).await.unwrap_err());
            assert_eq!((error.code, error.message), (code::INVALID_PARAMS, format!("invalid params: {problem}")));
        }
        let error = rpc_error(client.call::<Value>("foo_helloWorld", json!({ "a": 1 })).await.unwrap_err());
        assert_eq!(error.message, "invalid params: `helloWorld` has no parameter `a`: it takes none");
    });
}

#[test]
fn what_a_method_returns_arrives_as_what_it_is() {
    run(async |ex| {
        let foo = FooClient::from(server(&ex).await.client());
        assert_eq!(foo.mirror(Point { x: 1, y: 2 }).await, Ok(Point { x: 2, y: 1 }));
        assert_eq!(foo.renamed().await, Ok(true));
        assert_eq!(foo.say(String::new(), None, None).await, Err(RpcError::new(code::FAILED, "nothing to say").into()));
        let refused = RpcError::new(77, "on purpose").with_data(json!([1, 2]));
        assert_eq!(foo.refuse(77).await, Err(refused.into()));
    });
}

#[test]
fn a_panic_and_a_silent_method_hurt_nobody_else() {
    run(async |ex| {
        let limits = RpcLimits { request_timeout: std::time::Duration::from_millis(20), ..RpcLimits::default() };
        let settings = RpcSettings { limits, ..RpcSettings::default() };
        let server = Server::start(apis(), settings, &ex).await.unwrap();
        let foo = FooClient::from(server.client());
        let error = rpc_error(foo.panics("on purpose".to_owned()).await.unwrap_err());
        assert_eq!((error.code, error.message.as_str()), (code::INTERNAL, "internal error: the method panicked"));
        let error = rpc_error(foo.never().await.unwrap_err());
        assert_eq!(error.code, code::TIMED_OUT);
        let error: CallError = server.client().call::<Value>("foo_noJson", ()).await.unwrap_err();
        assert_eq!(rpc_error(error).code, code::INTERNAL);
        assert_eq!(foo.hello_world().await.unwrap(), "foobar");
    });
}

#[test]
fn calls_of_one_connection_run_side_by_side() {
    run(async |ex| {
        let server = server(&ex).await;
        let foo = FooClient::from(server.client());
        let silent = foo.never();
        futures::pin_mut!(silent);
        assert!(futures::poll!(&mut silent).is_pending());
        assert_eq!(foo.hello_world().await.unwrap(), "foobar");
    });
}

#[test]
fn a_batch_is_answered_in_its_order() {
    run(async |ex| {
        let client = server(&ex).await.client();
        let call = |method: &str, params: Value| (method.to_owned(), Params::from(params));
        let batch = vec![
            call("foo_subtract", json!([42, 2])),
            call("foo_nothing", Value::Null),
            call("bar_answer", Value::Null),
        ];
        let answers = client.batch(batch).await.unwrap();
        assert_eq!((&answers[0], &answers[2]), (&Ok(json!(40)), &Ok(json!(84))));
        assert_eq!(answers[1].as_ref().unwrap_err().code, code::METHOD_NOT_FOUND);
    });
}

#[test]
fn a_notification_runs_and_is_not_answered() {
    run(async |ex| {
        let foo = Arc::new(Foo::default());
        let server = Server::start(Apis::new().with_shared(foo.clone()).unwrap(), RpcSettings::default(), &ex);
        let client = server.await.unwrap().client();
        client.notify("foo_count", ()).await.unwrap();
        client.notify("foo_nothing", ()).await.unwrap();
        while foo.left_out() == 0 {
            smol::future::yield_now().await;
        }
        assert_eq!(client.call::<u64>("foo_count", ()).await, Ok(2));
    });
}

#[test]
fn a_subscription_is_a_stream_to_its_end() {
    run(async |ex| {
        let foo = FooClient::from(server(&ex).await.client());
        let numbers: Vec<_> = foo.numbers(3).await.unwrap().collect().await;
        assert_eq!(numbers, [Ok(1), Ok(2), Ok(3)]);
        let broken: Vec<_> = foo.breaks().await.unwrap().collect().await;
        let [Ok(0), Ok(1), Err(SubscriptionError::Ended(error))] = broken.as_slice() else { panic!("{broken:?}") };
        assert_eq!(error.code, code::INTERNAL);
        let refused = foo.endless(0).await.unwrap_err();
        assert_eq!(rpc_error(refused).message, "there is no zeroth");
    });
}

#[test]
fn dropping_a_subscription_ends_it_at_the_server() {
    run(async |ex| {
        let foo = Arc::new(Foo::default());
        let server = Server::start(Apis::new().with_shared(foo.clone()).unwrap(), RpcSettings::default(), &ex);
        let server = server.await.unwrap();
        let client = FooClient::from(server.client());
        let mut endless = client.endless(1).await.unwrap();
        assert_eq!(endless.next().await, Some(Ok(1)));
        drop(endless);
        // Whatever was sent after it has been dealt with when this is answered; the stream is gone a few turns later.
        client.hello_world().await.unwrap();
        let mut before = u64::MAX;
        while before != foo.left_out() {
            before = foo.left_out();
            for _ in 0..1_000 {
                smol::future::yield_now().await;
            }
        }
    });
}

#[test]
fn stopping_ends_calls_and_subscriptions_and_leaves_no_task() {
    run(async |ex| {
        let server = server(&ex).await;
        let foo = FooClient::from(server.client());
        let mut silent = foo.silent().await.unwrap();
        let (never, ()) = futures::join!(foo.never(), async {
            smol::future::yield_now().await;
            server.stop().await;
        });
        assert!(matches!(never, Err(CallError::Disconnected(_))), "{never:?}");
        assert!(matches!(silent.next().await, Some(Err(SubscriptionError::Disconnected(_)))));
        assert_eq!(silent.next().await, None);
        assert!(matches!(foo.hello_world().await, Err(CallError::Disconnected(_))));
        assert_eq!(server.task_count(), 0);
        drop((foo, silent, server));
        while ex.try_tick() {}
        assert!(ex.is_empty(), "a task is left");
    });
}

#[test]
fn two_apis_of_one_name_are_told_apart_by_their_places() {
    let error = apis().with(Bar).unwrap_err().to_string();
    assert!(error.starts_with("two APIs have the namespace `bar`, that of tests/tests/rpc/apis.rs:"), "{error}");
}
