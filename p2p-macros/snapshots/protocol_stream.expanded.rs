impl Shelf {
    async fn things(&self, ask: Things) -> impl Stream<Item = Thing> {
        futures::stream::iter(self.list(ask.most))
    }
    async fn found(
        &self,
        ask: Find,
        state: State<Index>,
    ) -> Result<impl Stream<Item = Result<Thing>>> {
        state.search(ask.word)
    }
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __ON_THINGS: __p2p::Handles = __p2p::on((__p2p::arg::<Things>(),))
        .handles(&[__p2p::arg::<Things>().requires()]);
    const __ON_FOUND: __p2p::Handles = __p2p::on((
            __p2p::arg::<Find>(),
            __p2p::arg::<State<Index>>(),
        ))
        .handles(
            &[__p2p::arg::<Find>().requires(), __p2p::arg::<State<Index>>().requires()],
        );
    const _: () = __p2p::check_new(&[__ON_THINGS], &__ON_FOUND);
    const __SESSIONS: __p2p::SessionFlags = __p2p::SessionFlags::ALL;
    #[automatically_derived]
    impl __p2p::Protocol for Shelf {
        const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &__p2p::ProtocolDescriptor {
            name: "shelf",
            version: 1u16,
            sessions: __SESSIONS,
            phase: __p2p::Phase::Main,
            handlers: &[__ON_THINGS, __ON_FOUND],
            requires: &[],
            construct: __p2p::Construct::Channel(__construct),
            at: ::core::concat!(::core::file!(), ":", ::core::line!()),
            module: ::core::module_path!(),
            docs: "",
        };
    }
    __p2p::inventory::submit! {
        __p2p::Linked(< Shelf as __p2p::Protocol > ::DESCRIPTOR)
    }
    fn __construct(
        __context: &__p2p::Context,
    ) -> __p2p::BoxFuture<'_, __p2p::Result<::std::sync::Arc<dyn __p2p::ProtocolBase>>> {
        ::std::boxed::Box::pin(async move {
            let __instance: Shelf = __p2p::by_default::<Shelf>();
            ::core::result::Result::Ok(
                ::std::sync::Arc::new(__instance)
                    as ::std::sync::Arc<dyn __p2p::ProtocolBase>,
            )
        })
    }
    #[automatically_derived]
    impl __p2p::ProtocolBase for Shelf {
        fn name(&self) -> &'static str {
            "shelf"
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
                            let mut __kept_found = __p2p::on((
                                    __p2p::arg::<Find>(),
                                    __p2p::arg::<State<Index>>(),
                                ))
                                .kept();
                            while __inbox.fill().await.is_ok() {
                                while let ::core::option::Option::Some(__delivery) = __inbox
                                    .take()
                                {
                                    let __id = __delivery.id;
                                    match __id {
                                        _ if __id == __ON_THINGS.message.id => {
                                            if let ::core::option::Option::Some((__asked, __owned)) = __context
                                                .channel()
                                                .asked(__delivery)
                                                .await?
                                            {
                                                let (__own, __shared) = (
                                                    ::core::clone::Clone::clone(&__own),
                                                    ::core::clone::Clone::clone(&__shared),
                                                );
                                                __context
                                                    .jobs()
                                                    .answer(
                                                        __asked,
                                                        async move {
                                                            let (__this, __context) = (&*__own, &*__shared);
                                                            let (__to, (__a0,)) = __p2p::on((__p2p::arg::<Things>(),))
                                                                .take(
                                                                    __context,
                                                                    &mut __p2p::on((__p2p::arg::<Things>(),)).kept(),
                                                                    __owned.borrow(),
                                                                )?;
                                                            let (__outcome, __on) = (
                                                                __p2p::send(__this.things(__a0)).await,
                                                                __p2p::on((__p2p::arg::<Things>(),)),
                                                            );
                                                            __on.finish_rows(__outcome, __context, __to).await
                                                        },
                                                    );
                                            }
                                        }
                                        _ if __id == __ON_FOUND.message.id => {
                                            let (__this, __context) = (__this, __context);
                                            let (__to, (__a0, __a1)) = __p2p::on((
                                                    __p2p::arg::<Find>(),
                                                    __p2p::arg::<State<Index>>(),
                                                ))
                                                .take(__context, &mut __kept_found, __delivery)?;
                                            let (__outcome, __on) = (
                                                __p2p::send(__this.found(__a0, __a1)).await,
                                                __p2p::on((
                                                    __p2p::arg::<Find>(),
                                                    __p2p::arg::<State<Index>>(),
                                                )),
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
    }
};
