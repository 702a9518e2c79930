/// Keeps a shelf for the network.
impl Shelf {
    fn api(&self, p2p: P2pPtr, shelf: State<Self>) -> ShelfApi {
        ShelfApi { p2p, shelf }
    }
    #[cfg(feature = "admin")]
    fn keeper(&self) -> Result<KeeperApi> {
        self.keeper_api()
    }
    async fn open(&self, settings: &Settings, node: Node) -> Result<()> {
        self.read(settings, node).await
    }
    async fn close(&self) {
        self.write().await.ok();
    }
    fn places(&self) -> usize {
        3
    }
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __PROTOCOLS: &[&__p2p::ProtocolDescriptor] = &[
        __p2p::service::protocol::<Library>(),
        __p2p::service::protocol::<shelves::Index>(),
    ];
    __p2p::inventory::submit! {
        __p2p::service::Claim(__PROTOCOLS)
    }
    #[automatically_derived]
    impl __p2p::service::Service for Shelf {
        fn descriptor(&self) -> &'static __p2p::service::ServiceDescriptor {
            const DESCRIPTOR: __p2p::service::ServiceDescriptor = __p2p::service::ServiceDescriptor {
                name: "shelf",
                protocols: __PROTOCOLS,
                requires: &[
                    __p2p::node_extractor::<P2pPtr>().requires(),
                    __p2p::node_extractor::<State<Shelf>>().requires(),
                    __p2p::node_extractor::<&Settings>().requires(),
                    __p2p::node_extractor::<Node>().requires(),
                ],
                at: ::core::concat!(::core::file!(), ":", ::core::line!()),
                docs: "Keeps a shelf for the network.",
            };
            &DESCRIPTOR
        }
        fn apis(&self, __node: &__p2p::P2pPtr) -> __p2p::Result<__p2p::rpc::Apis> {
            let __apis = __p2p::rpc::Apis::new();
            let __apis = {
                let __a0 = __p2p::node_extractor::<P2pPtr>().take(__node)?;
                let __a1 = __p2p::node_extractor::<State<Shelf>>().take(__node)?;
                let __made = self.api(__a0, __a1);
                __p2p::service::add(__apis, __made)?
            };
            #[cfg(feature = "admin")]
            let __apis = {
                let __made = self.keeper();
                __p2p::service::add(__apis, __made)?
            };
            ::core::result::Result::Ok(__apis)
        }
        fn start<'a>(
            &'a self,
            __node: &'a __p2p::P2pPtr,
        ) -> __p2p::BoxFuture<'a, __p2p::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let __this = self;
                let __a0 = __p2p::node_extractor::<&Settings>().take(__node)?;
                let __a1 = __p2p::node_extractor::<Node>().take(__node)?;
                let __outcome = __p2p::send(__this.open(__a0, __a1)).await;
                __p2p::job_outcome(__outcome)
            })
        }
        fn stop<'a>(
            &'a self,
            __node: &'a __p2p::P2pPtr,
        ) -> __p2p::BoxFuture<'a, __p2p::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let __this = self;
                let __outcome = __p2p::send(__this.close()).await;
                __p2p::job_outcome(__outcome)
            })
        }
    }
};
