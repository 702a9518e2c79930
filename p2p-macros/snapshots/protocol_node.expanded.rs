/// One instance for the whole node.
impl Board {
    fn init(node: &P2p) -> Self {
        Self::of(node.id())
    }
    async fn post(&self, post: Post, channel: &Channel) {
        self.keep(post, channel.peer_id());
    }
    async fn tidy(&self, node: &P2p) {
        self.sweep(node).await;
    }
    async fn save(&self) -> Result<()> {
        self.write().await
    }
    async fn close(&self) {
        self.write().await.ok();
    }
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __ON_POST: __p2p::Handles = __p2p::on((
            __p2p::arg::<Post>(),
            __p2p::arg::<&Channel>(),
        ))
        .handles(
            &[__p2p::arg::<Post>().requires(), __p2p::arg::<&Channel>().requires()],
        );
    const __SESSIONS: __p2p::SessionFlags = __p2p::SessionFlags::ALL;
    #[automatically_derived]
    impl __p2p::Protocol for Board {
        const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &__p2p::ProtocolDescriptor {
            name: "board",
            version: 1u16,
            sessions: __SESSIONS,
            phase: __p2p::Phase::Main,
            handlers: &[__ON_POST],
            requires: &[
                __p2p::node_extractor::<&P2p>().requires(),
                __p2p::node_extractor::<&P2p>().requires(),
            ],
            construct: __p2p::Construct::Node(__construct),
            at: ::core::concat!(::core::file!(), ":", ::core::line!()),
            module: ::core::module_path!(),
            docs: "One instance for the whole node.",
        };
    }
    __p2p::inventory::submit! {
        __p2p::Linked(< Board as __p2p::Protocol > ::DESCRIPTOR)
    }
    fn __construct(
        __context: &__p2p::P2pPtr,
    ) -> __p2p::BoxFuture<'_, __p2p::Result<::std::sync::Arc<dyn __p2p::ProtocolBase>>> {
        ::std::boxed::Box::pin(async move {
            let __instance: Board = {
                let __a0 = __p2p::node_extractor::<&P2p>().take(__context)?;
                let __made = <Board>::init(__a0);
                __p2p::instance::<Board, _>(__made)?
            };
            ::core::result::Result::Ok(
                ::std::sync::Arc::new(__instance)
                    as ::std::sync::Arc<dyn __p2p::ProtocolBase>,
            )
        })
    }
    #[automatically_derived]
    impl __p2p::ProtocolBase for Board {
        fn name(&self) -> &'static str {
            "board"
        }
        fn start(
            self: ::std::sync::Arc<Self>,
            __context: __p2p::Context,
        ) -> __p2p::BoxFuture<'static, __p2p::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let __context = ::std::sync::Arc::new(__context);
                if let ::core::option::Option::Some(mut __inbox) = __context.take_inbox()
                {
                    let (__own, __shared) = (
                        ::core::clone::Clone::clone(&self),
                        ::core::clone::Clone::clone(&__context),
                    );
                    __context
                        .jobs()
                        .serve(async move {
                            let (__this, __context) = (&*__own, &*__shared);
                            let mut __kept_post = __p2p::on((
                                    __p2p::arg::<Post>(),
                                    __p2p::arg::<&Channel>(),
                                ))
                                .kept();
                            while __inbox.fill().await.is_ok() {
                                while let ::core::option::Option::Some(__delivery) = __inbox
                                    .take()
                                {
                                    let __id = __delivery.id;
                                    match __id {
                                        _ if __id == __ON_POST.message.id => {
                                            let (__this, __context) = (__this, __context);
                                            let (__to, (__a0, __a1)) = __p2p::on((
                                                    __p2p::arg::<Post>(),
                                                    __p2p::arg::<&Channel>(),
                                                ))
                                                .take(__context, &mut __kept_post, __delivery)?;
                                            let (__outcome, __on) = (
                                                __p2p::send(__this.post(__a0, __a1)).await,
                                                __p2p::on((__p2p::arg::<Post>(), __p2p::arg::<&Channel>())),
                                            );
                                            __on.finish(__outcome, __context, __to).await?;
                                        }
                                        _ => {}
                                    }
                                }
                            }
                            ::core::result::Result::Ok(())
                        });
                }
                ::core::result::Result::Ok(())
            })
        }
        fn start_on_node(
            self: ::std::sync::Arc<Self>,
            __context: __p2p::NodeContext,
        ) -> __p2p::BoxFuture<'static, __p2p::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let __context = ::std::sync::Arc::new(__context);
                {
                    let (__this, __shared) = (
                        ::core::clone::Clone::clone(&self),
                        ::core::clone::Clone::clone(&__context),
                    );
                    __context
                        .jobs()
                        .at_stop(async move {
                            {
                                let (__this, __context) = (&*__this, &*__shared);
                                let __outcome = __p2p::send(__this.close()).await;
                                __p2p::job_outcome(__outcome)
                            }
                        });
                }
                {
                    let (__this, __shared) = (
                        ::core::clone::Clone::clone(&self),
                        ::core::clone::Clone::clone(&__context),
                    );
                    __context
                        .jobs()
                        .repeat(async move {
                            let mut __ticks = __p2p::Ticks::new(
                                __shared.node(),
                                {
                                    const __INTERVAL: __p2p::Duration = __p2p::interval("1h");
                                    __INTERVAL
                                },
                            );
                            loop {
                                __ticks.next().await;
                                {
                                    let (__this, __context) = (&*__this, &*__shared);
                                    let __outcome = __p2p::send(__this.save()).await;
                                    __p2p::job_outcome(__outcome)
                                }?;
                            }
                        });
                }
                {
                    let (__this, __shared) = (
                        ::core::clone::Clone::clone(&self),
                        ::core::clone::Clone::clone(&__context),
                    );
                    __context
                        .jobs()
                        .spawn(async move {
                            {
                                let (__this, __context) = (&*__this, &*__shared);
                                let __a0 = __p2p::node_extractor::<&P2p>()
                                    .take(__context.node())?;
                                let __outcome = __p2p::send(__this.tidy(__a0)).await;
                                __p2p::job_outcome(__outcome)
                            }
                        });
                }
                ::core::result::Result::Ok(())
            })
        }
    }
};
