/// Every mark and every argument of the annotation.
impl Chat {
    async fn init(limits: Config<Limits>, log: State<Log>) -> Result<Self> {
        Ok(Self::new(limits.most, log))
    }
    async fn say(&self, say: Say, peer: NodeId) -> Result<()> {
        self.log(peer, say.text)
    }
    async fn ask(&self, ask: Ask) -> Answer {
        Answer(ask.0)
    }
    async fn greet(&self, channel: &Channel) -> Result<()> {
        channel.send(&Say::hello()).await?;
        Ok(())
    }
    async fn count(&self, node: &P2p) {
        log::info!("{} peers", node.peer_count());
    }
    async fn part(&self) {}
    fn log(&self, peer: NodeId, text: String) -> Result<()> {
        Ok(self.log.write(peer, text)?)
    }
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __ON_SAY: __p2p::Handles = __p2p::on((
            __p2p::arg::<Say>(),
            __p2p::arg::<NodeId>(),
        ))
        .handles(&[__p2p::arg::<Say>().requires(), __p2p::arg::<NodeId>().requires()]);
    const __ON_ASK: __p2p::Handles = __p2p::on((__p2p::arg::<Ask>(),))
        .handles(&[__p2p::arg::<Ask>().requires()]);
    const _: () = __p2p::check_new(&[__ON_SAY], &__ON_ASK);
    const __SESSIONS: __p2p::SessionFlags = {
        #[allow(unused_imports)]
        use __p2p::flags::*;
        (SEED).complement()
    };
    const _: () = __p2p::check_sessions(__SESSIONS);
    #[automatically_derived]
    impl __p2p::Protocol for Chat {
        const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &__p2p::ProtocolDescriptor {
            name: "chat",
            version: 2u16,
            sessions: __SESSIONS,
            phase: __p2p::Phase::Main,
            handlers: &[__ON_SAY, __ON_ASK],
            requires: &[
                __p2p::extractor::<Config<Limits>>().requires(),
                __p2p::extractor::<State<Log>>().requires(),
                __p2p::extractor::<&Channel>().requires(),
                __p2p::extractor::<&P2p>().requires(),
            ],
            construct: __p2p::Construct::Channel(__construct),
            at: ::core::concat!(::core::file!(), ":", ::core::line!()),
            module: ::core::module_path!(),
            docs: "Every mark and every argument of the annotation.",
        };
    }
    __p2p::inventory::submit! {
        __p2p::Linked(< Chat as __p2p::Protocol > ::DESCRIPTOR)
    }
    #[automatically_derived]
    impl __p2p::Configure for Chat {
        type Config = Limits;
    }
    fn __construct(
        __context: &__p2p::Context,
    ) -> __p2p::BoxFuture<'_, __p2p::Result<::std::sync::Arc<dyn __p2p::ProtocolBase>>> {
        ::std::boxed::Box::pin(async move {
            let __instance: Chat = {
                let __a0 = __p2p::extractor::<Config<Limits>>().take(__context)?;
                let __a1 = __p2p::extractor::<State<Log>>().take(__context)?;
                let __made = __p2p::send(<Chat>::init(__a0, __a1)).await;
                __p2p::instance::<Chat, _>(__made)?
            };
            ::core::result::Result::Ok(
                ::std::sync::Arc::new(__instance)
                    as ::std::sync::Arc<dyn __p2p::ProtocolBase>,
            )
        })
    }
    #[automatically_derived]
    impl __p2p::ProtocolBase for Chat {
        fn name(&self) -> &'static str {
            "chat"
        }
        fn start(
            self: ::std::sync::Arc<Self>,
            __context: __p2p::Context,
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
                                let __outcome = __p2p::send(__this.part()).await;
                                __p2p::job_outcome(__outcome)
                            }
                        });
                }
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
                            let mut __kept_say = __p2p::on((
                                    __p2p::arg::<Say>(),
                                    __p2p::arg::<NodeId>(),
                                ))
                                .kept();
                            let mut __kept_ask = __p2p::on((__p2p::arg::<Ask>(),))
                                .kept();
                            while __inbox.fill().await.is_ok() {
                                while let ::core::option::Option::Some(__delivery) = __inbox
                                    .take()
                                {
                                    let __id = __delivery.id;
                                    match __id {
                                        _ if __id == __ON_SAY.message.id => {
                                            let (__this, __context) = (__this, __context);
                                            let (__to, (__a0, __a1)) = __p2p::on((
                                                    __p2p::arg::<Say>(),
                                                    __p2p::arg::<NodeId>(),
                                                ))
                                                .take(__context, &mut __kept_say, __delivery)?;
                                            let (__outcome, __on) = (
                                                __p2p::send(__this.say(__a0, __a1)).await,
                                                __p2p::on((__p2p::arg::<Say>(), __p2p::arg::<NodeId>())),
                                            );
                                            __on.finish(__outcome, __context, __to).await?;
                                        }
                                        _ if __id == __ON_ASK.message.id => {
                                            let (__this, __context) = (__this, __context);
                                            let (__to, (__a0,)) = __p2p::on((__p2p::arg::<Ask>(),))
                                                .take(__context, &mut __kept_ask, __delivery)?;
                                            let (__outcome, __on) = (
                                                __p2p::send(__this.ask(__a0)).await,
                                                __p2p::on((__p2p::arg::<Ask>(),)),
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
                                    const __INTERVAL: __p2p::Duration = __p2p::interval("30s");
                                    __INTERVAL
                                },
                            );
                            loop {
                                __ticks.next().await;
                                {
                                    let (__this, __context) = (&*__this, &*__shared);
                                    let __a0 = __p2p::extractor::<&P2p>().take(__context)?;
                                    let __outcome = __p2p::send(__this.count(__a0)).await;
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
                                let __a0 = __p2p::extractor::<&Channel>().take(__context)?;
                                let __outcome = __p2p::send(__this.greet(__a0)).await;
                                __p2p::job_outcome(__outcome)
                            }
                        });
                }
                ::core::result::Result::Ok(())
            })
        }
    }
};
