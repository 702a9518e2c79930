/// Every key, and fields of every kind.
#[derive(Message, Serialize, Deserialize)]
#[message(name = "say", max_bytes = 4 * KIB, window = 1 << 20, reply = Heard, rate = "100/10s", priority = high)]
struct SayLoud {
    text: String,
    to: Vec<Option<NodeId>>,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
    #[message(opaque = "uuid-1")]
    id: Uuid,
    #[serde(rename = "kind")]
    r#type: u8,
}
