///The protocol of the function [`halves()`].
#[allow(non_camel_case_types)]
struct halves {}
async fn halves(Halve(number): Halve) -> Half {
    Half(number / 2)
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __ON_HALVES: __p2p::Handles = __p2p::on((__p2p::arg::<Halve>(),))
        .handles(&[__p2p::arg::<Halve>().requires()]);
    const __SESSIONS: __p2p::SessionFlags = __p2p::SessionFlags::ALL;
    #[automatically_derived]
    impl __p2p::Protocol for halves {
        const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &__p2p::ProtocolDescriptor {
            name: "halves",
            version: 1u16,
            sessions: __SESSIONS,
            phase: __p2p::Phase::Main,
            handlers: &[__ON_HALVES],
            requires: &[],
            construct: __p2p::Construct::Channel(__construct),
            at: ::core::concat!(::core::file!(), ":", ::core::line!()),
            module: ::core::module_path!(),
            docs: "",
        };
    }
    __p2p::inventory::submit! {
        __p2p::Linked(< halves as __p2p::Protocol > ::DESCRIPTOR)
    }
    fn __construct(
        __context: &__p2p::Context,
    ) -> __p2p::BoxFuture<'_, __p2p::Result<::std::sync::Arc<dyn __p2p::ProtocolBase>>> {
        ::std::boxed::Box::pin(async move {
            let __instance: halves = halves {};
            ::core::result::Result::Ok(
                ::std::sync::Arc::new(__instance)
                    as ::std::sync::Arc<dyn __p2p::ProtocolBase>,
            )
        })
    }
    #[automatically_derived]
    impl __p2p::ProtocolBase for halves {
        fn name(&self) -> &'static str {
            "halves"
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
                            let mut __kept_halves = __p2p::on((__p2p::arg::<Halve>(),))
                                .kept();
                            while __inbox.fill().await.is_ok() {
                                while let ::core::option::Option::Some(__delivery) = __inbox
                                    .take()
                                {
                                    let __id = __delivery.id;
                                    match __id {
                                        _ if __id == __ON_HALVES.message.id => {
                                            let (__this, __context) = (__this, __context);
                                            let (__to, (__a0,)) = __p2p::on((__p2p::arg::<Halve>(),))
                                                .take(__context, &mut __kept_halves, __delivery)?;
                                            let (__outcome, __on) = (
                                                __p2p::send(halves(__a0)).await,
                                                __p2p::on((__p2p::arg::<Halve>(),)),
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
