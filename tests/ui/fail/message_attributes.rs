#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(max_byte = 1, name = "a b", name = "c")]
struct Keys {
    #[message(opaqu = "x-1")]
    x: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<u8>,
}

#[derive(Message, Serialize, Deserialize)]
struct Generic<T> {
    x: T,
}

#[derive(Message, Serialize, Deserialize)]
struct Tree {
    left: Option<Box<Tree>>,
}

#[derive(Schema)]
union Either {
    a: u8,
    b: i8,
}

// None of these is an error of its own.
async fn used(channel: &Channel, keys: Keys, tree: Tree) -> Result<()> {
    channel.send(&keys).await?;
    channel.send(&tree).await?;
    Ok(())
}

fn main() {}
