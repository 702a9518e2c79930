/// A `Vec<u8>` is a warning, where its lint is not allowed.
#[derive(Message, Serialize, Deserialize)]
struct Blob {
    bytes: Vec<u8>,
    #[allow(deprecated)]
    more: Vec<u8>,
}
