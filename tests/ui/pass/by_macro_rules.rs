//! Messages and protocols that a `macro_rules!` writes, in a module and in a function.
#![deny(warnings)]

use p2p_net::prelude::*;

macro_rules! message {
    ($name:ident { $($field:ident: $type:ty),* } $(-> $reply:ty)?) => {
        #[derive(Message, Serialize, Deserialize)]
        #[message(max_bytes = 64 $(, reply = $reply)?)]
        pub struct $name { $(pub $field: $type),* }
    };
}

macro_rules! echo {
    ($name:ident: $method:ident($message:ty) -> $result:ty = $value:expr, $sessions:expr) => {
        #[derive(Default)]
        pub struct $name;

        #[protocol(sessions = $sessions)]
        impl $name {
            #[on]
            async fn $method(&self, message: $message, channel: &Channel) -> $result {
                let _ = (message.n, channel);
                $value
            }

            #[on]
            async fn fixed(&self, _pong: Pong, channel: &Channel) -> Result<()> {
                let _ = channel;
                Ok(())
            }

            #[job]
            async fn run(&self, channel: Channel) -> Result<()> {
                drop(channel);
                Ok(())
            }
        }
    };
}

macro_rules! counter {
    ($name:ident: $method:ident($message:ty) -> $result:ty, $interval:expr) => {
        #[derive(Default)]
        pub struct $name;

        #[protocol(scope = node)]
        impl $name {
            #[on]
            async fn $method(&self, _: $message) -> $result {
                futures::stream::empty()
            }

            #[every($interval)]
            async fn tick(&self) {}

            #[stop]
            async fn bye(&self, _node: &P2p) {}
        }
    };
}

macro_rules! metronome {
    ($name:ident, $pause:expr) => {
        #[derive(Clone, Default)]
        pub struct $name(std::time::Duration);

        #[protocol(config = Self)]
        impl $name {
            #[every(self.0 + $pause)]
            async fn tick(&self, _node: &P2p) {}

            #[every($pause)]
            async fn tock(&self, _settings: &Settings) {}
        }
    };
}

metronome!(Metronome, std::time::Duration::from_secs(1));

#[derive(Message, Serialize, Deserialize)]
#[message(stream = Pong)]
pub struct Count;

counter!(Counter: count(Count) -> impl Stream<Item = Pong>, "30s");

message!(Pong { n: u32 });
message!(Ping { n: Option<u32> } -> Pong);
echo!(Echo: answer(Ping) -> Result<Pong> = Ok(Pong { n: 1 }), INBOUND | SEED);

fn main() {
    message!(Local { n: u8 });
    echo!(Inner: local(Local) -> () = (), !SEED);
}
