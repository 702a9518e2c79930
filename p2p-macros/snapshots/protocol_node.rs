/// One instance for the whole node.
#[protocol(scope = node)]
impl Board {
    fn init(node: &P2p) -> Self {
        Self::of(node.id())
    }

    #[on]
    async fn post(&self, post: Post, channel: &Channel) {
        self.keep(post, channel.peer_id());
    }

    #[job]
    async fn tidy(&self, node: &P2p) {
        self.sweep(node).await;
    }

    #[every("1h")]
    async fn save(&self) -> Result<()> {
        self.write().await
    }

    #[stop]
    async fn close(&self) {
        self.write().await.ok();
    }
}
