/// Talks.
#[rpc(namespace = "chat", version = "1.2")]
impl Chat {
    /// Says something.
    async fn say_it(&self, text: String, how_often: Option<u8>) -> Result<u64> {
        self.say(text, how_often).await
    }

    #[rpc(name = "who")]
    async fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// What others say.
    fn heard(&self, from: NodeId) -> impl Stream<Item = Said> {
        self.listen(from)
    }

    #[rpc(skip)]
    fn count(&self) -> usize {
        0
    }
}
