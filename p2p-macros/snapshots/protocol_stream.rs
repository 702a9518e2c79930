#[protocol]
impl Shelf {
    #[on]
    async fn things(&self, ask: Things) -> impl Stream<Item = Thing> {
        futures::stream::iter(self.list(ask.most))
    }

    #[on]
    async fn found(&self, ask: Find, state: State<Index>) -> Result<impl Stream<Item = Result<Thing>>> {
        state.search(ask.word)
    }
}
