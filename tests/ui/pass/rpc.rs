//! What an API may be: other names, conditions, aliases, several in a file, made by a `macro_rules!`, types that no client needs.

use futures::stream;
use p2p_net::prelude::*;
use p2p_net::rpc::{Apis, RpcError};

mod inner {
    pub struct Chat;
}

/// Only serialised: the API is whole, and its client merely cannot call what answers it.
#[derive(Serialize)]
struct OneWay(u8);

#[p2p_net::rpc(namespace = "chat", version = "2.0", client = Talker, crate = ::p2p_net)]
impl inner::Chat {
    async fn one_way(&self) -> OneWay {
        OneWay(1)
    }

    async fn by_std(&self, number: std::option::Option<u8>) -> std::result::Result<u8, std::num::ParseIntError> {
        number.map_or_else(|| "7".parse(), Ok)
    }

    async fn by_rpc(&self, mut list: Vec<(u8, String)>) -> Result<usize, RpcError> {
        list.clear();
        Ok(list.len())
    }

    #[p2p_net::rpc(name = "typed")]
    async fn r#type(&self, r#in: u8) -> u8 {
        r#in
    }

    #[cfg(any())]
    async fn absent(&self, _missing: Missing) {}

    async fn rows(&self) -> Result<impl Stream<Item = u8> + '_> {
        Ok(stream::iter([1]))
    }

    #[rpc(skip)]
    #[allow(dead_code)]
    fn change(&mut self) {}
}

macro_rules! api {
    ($name:ident, $namespace:literal, $argument:ident : $ty:ty) => {
        struct $name;

        #[rpc(namespace = $namespace)]
        impl $name {
            async fn echo(&self, $argument: $ty) -> $ty {
                $argument
            }
        }
    };
}

api!(Echo, "echo", value: Option<u8>);

fn main() {
    let apis = Apis::new().with(inner::Chat).unwrap().with(Echo).unwrap();
    assert_eq!(apis.namespaces(), ["chat", "echo"]);
    let names: Vec<_> = apis.descriptions().next().unwrap().methods.iter().map(|method| method.name).collect();
    assert_eq!(names, ["oneWay", "byStd", "byRpc", "typed"]);
    assert!(!apis.descriptions().nth(1).unwrap().methods[0].params[0].required);
    let _ = |client: p2p_net::rpc::Client| (Talker::from(client.clone()), EchoClient::from(client));
}
