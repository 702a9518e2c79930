/// Ends when its jobs have, and starts from `Default`.
impl Hello {
    async fn hello(&self, hello: Hail, channel: &Channel) -> Result<Signalled<Hail>> {
        self.answer(hello, channel)
    }
    async fn introduce(&self, channel: &Channel) -> Result<()> {
        channel.request(Hail).await.map(drop)?;
        Ok(())
    }
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __ON_HELLO: __p2p::Handles = __p2p::on((
            __p2p::arg::<Hail>(),
            __p2p::arg::<&Channel>(),
        ))
        .handles(
            &[__p2p::arg::<Hail>().requires(), __p2p::arg::<&Channel>().requires()],
        );
    const __SESSIONS: __p2p::SessionFlags = __p2p::SessionFlags::ALL;
    #[automatically_derived]
    impl __p2p::Protocol for Hello {
        const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &__p2p::ProtocolDescriptor {
            name: "hello",
            version: 1u16,
            sessions: __SESSIONS,
            phase: __p2p::Phase::Handshake,
            handlers: &[__ON_HELLO],
            requires: &[__p2p::extractor::<&Channel>().requires()],
            construct: __p2p::Construct::Channel(__construct),
            at: ::core::concat!(::core::file!(), ":", ::core::line!()),
            module: ::core::module_path!(),
            docs: "Ends when its jobs have, and starts from `Default`.",
        };
    }
    __p2p::inventory::submit! {
        __p2p::Linked(< Hello as __p2p::Protocol > ::DESCRIPTOR)
    }
    fn __construct(
        __context: &__p2p::Context,
    ) -> __p2p::BoxFuture<'_, __p2p::Result<::std::sync::Arc<dyn __p2p::ProtocolBase>>> {
        ::std::boxed::Box::pin(async move {
            let __instance: Hello = __p2p::by_default::<Hello>();
            ::core::result::Result::Ok(
                ::std::sync::Arc::new(__instance)
                    as ::std::sync::Arc<dyn __p2p::ProtocolBase>,
            )
        })
    }
    #[automatically_derived]
    impl __p2p::ProtocolBase for Hello {
        fn name(&self) -> &'static str {
            "hello"
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
                            let mut __kept_hello = __p2p::on((
                                    __p2p::arg::<Hail>(),
                                    __p2p::arg::<&Channel>(),
                                ))
                                .kept();
                            while __inbox.fill().await.is_ok() {
                                while let ::core::option::Option::Some(__delivery) = __inbox
                                    .take()
                                {
                                    let __id = __delivery.id;
                                    match __id {
                                        _ if __id == __ON_HELLO.message.id => {
                                            let (__this, __context) = (__this, __context);
                                            let (__to, (__a0, __a1)) = __p2p::on((
                                                    __p2p::arg::<Hail>(),
                                                    __p2p::arg::<&Channel>(),
                                                ))
                                                .take(__context, &mut __kept_hello, __delivery)?;
                                            let (__outcome, __on) = (
                                                __p2p::send(__this.hello(__a0, __a1)).await,
                                                __p2p::on((__p2p::arg::<Hail>(), __p2p::arg::<&Channel>())),
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
                let mut __jobs = __p2p::Together::new();
                {
                    let (__this, __shared) = (
                        ::core::clone::Clone::clone(&self),
                        ::core::clone::Clone::clone(&__context),
                    );
                    __jobs
                        .add(async move {
                            {
                                let (__this, __context) = (&*__this, &*__shared);
                                let __a0 = __p2p::extractor::<&Channel>().take(__context)?;
                                let __outcome = __p2p::send(__this.introduce(__a0)).await;
                                __p2p::job_outcome(__outcome)
                            }
                        });
                }
                __jobs.all().await?;
                ::core::result::Result::Ok(())
            })
        }
    }
};
