#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(stream = Row)]
struct Query;

#[derive(Message, Serialize, Deserialize)]
struct Row {
    n: u32,
}

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[on]
    async fn query(&self, query: Query) -> impl Stream<Item = Row> {
        let n = std::rc::Rc::new(1);
        futures::stream::iter((0..3).map(move |_| Row { n: *n }))
    }
}

fn main() {}
