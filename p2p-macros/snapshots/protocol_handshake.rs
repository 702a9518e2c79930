/// Ends when its jobs have, and starts from `Default`.
#[protocol(phase = handshake)]
impl Hello {
    #[on]
    async fn hello(&self, hello: Hail, channel: &Channel) -> Result<Signalled<Hail>> {
        self.answer(hello, channel)
    }

    #[job]
    async fn introduce(&self, channel: &Channel) -> Result<()> {
        channel.request(Hail).await.map(drop)?;
        Ok(())
    }
}
