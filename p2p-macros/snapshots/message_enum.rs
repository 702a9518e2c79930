#[derive(Message, Serialize, Deserialize)]
#[message(stream = Row, crate = ::renamed)]
enum Query {
    All,
    Since(u64),
    Named { name: String, most: u16 },
}
