/// Every mark and every argument of the annotation.
#[protocol(name = "chat", version = 2, sessions = !SEED, config = Limits)]
impl Chat {
    async fn init(limits: Config<Limits>, log: State<Log>) -> Result<Self> {
        Ok(Self::new(limits.most, log))
    }

    #[on]
    async fn say(&self, say: Say, peer: NodeId) -> Result<()> {
        self.log(peer, say.text)
    }

    #[on]
    async fn ask(&self, ask: Ask) -> Answer {
        Answer(ask.0)
    }

    #[job]
    async fn greet(&self, channel: &Channel) -> Result<()> {
        channel.send(&Say::hello()).await?;
        Ok(())
    }

    #[every("30s")]
    async fn count(&self, node: &P2p) {
        log::info!("{} peers", node.peer_count());
    }

    #[stop]
    async fn part(&self) {}

    fn log(&self, peer: NodeId, text: String) -> Result<()> {
        Ok(self.log.write(peer, text)?)
    }
}
