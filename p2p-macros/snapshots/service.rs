/// Keeps a shelf for the network.
#[service(protocols = [Library, shelves::Index], name = "shelf")]
impl Shelf {
    #[api]
    fn api(&self, p2p: P2pPtr, shelf: State<Self>) -> ShelfApi {
        ShelfApi { p2p, shelf }
    }

    #[cfg(feature = "admin")]
    #[api]
    fn keeper(&self) -> Result<KeeperApi> {
        self.keeper_api()
    }

    #[start]
    async fn open(&self, settings: &Settings, node: Node) -> Result<()> {
        self.read(settings, node).await
    }

    #[stop]
    async fn close(&self) {
        self.write().await.ok();
    }

    fn places(&self) -> usize {
        3
    }
}
