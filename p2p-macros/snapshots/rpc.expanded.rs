/// Talks.
impl Chat {
    /// Says something.
    async fn say_it(&self, text: String, how_often: Option<u8>) -> Result<u64> {
        self.say(text, how_often).await
    }
    async fn names(&self) -> Vec<String> {
        Vec::new()
    }
    /// What others say.
    fn heard(&self, from: NodeId) -> impl Stream<Item = Said> {
        self.listen(from)
    }
    fn count(&self) -> usize {
        0
    }
}
///A typed client of the API `chat`, made from any client: `ChatClient::from(client)`.
#[allow(dead_code, unreachable_pub)]
#[derive(Debug, Clone)]
pub struct ChatClient(::p2p_net::__private::rpc::Client);
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    const __RPC_SAY_IT: __p2p::rpc::MethodDescription = __p2p::rpc::MethodDescription {
        name: "sayIt",
        docs: "Says something.",
        params: &[
            __p2p::rpc::ParamDescription {
                name: "text",
                ty: "String",
                required: true,
            },
            __p2p::rpc::ParamDescription {
                name: "howOften",
                ty: "Option<u8>",
                required: false,
            },
        ],
        result: "u64",
    };
    const __RPC_NAMES: __p2p::rpc::MethodDescription = __p2p::rpc::MethodDescription {
        name: "who",
        docs: "",
        params: &[],
        result: "Vec<String>",
    };
    const __RPC_HEARD: __p2p::rpc::MethodDescription = __p2p::rpc::MethodDescription {
        name: "heard",
        docs: "What others say.",
        params: &[
            __p2p::rpc::ParamDescription {
                name: "from",
                ty: "NodeId",
                required: true,
            },
        ],
        result: "Said",
    };
    #[automatically_derived]
    impl __p2p::rpc::Api for Chat {
        fn description(&self) -> &'static __p2p::rpc::ApiDescription {
            const DESCRIPTION: __p2p::rpc::ApiDescription = __p2p::rpc::ApiDescription {
                namespace: "chat",
                version: "1.2",
                docs: "Talks.",
                at: ::core::concat!(::core::file!(), ":", ::core::line!()),
                methods: &[__RPC_SAY_IT, __RPC_NAMES],
                subscriptions: &[__RPC_HEARD],
            };
            &DESCRIPTION
        }
        fn call<'a>(
            &'a self,
            __name: &'a str,
            __params: __p2p::rpc::Params,
        ) -> __p2p::BoxFuture<'a, __p2p::rpc::Answer> {
            ::std::boxed::Box::pin(async move {
                match __name {
                    "sayIt" => {
                        let __this = self;
                        let mut __arguments = __params.arguments(&__RPC_SAY_IT)?;
                        let __a0 = __p2p::rpc::argument::<String>(&mut __arguments)?;
                        let __a1 = __p2p::rpc::argument::<Option<u8>>(&mut __arguments)?;
                        let __returned = __p2p::send(__this.say_it(__a0, __a1)).await;
                        __p2p::rpc::answer_result(__returned)
                    }
                    "who" => {
                        let __this = self;
                        __params.arguments(&__RPC_NAMES)?;
                        let __returned = __p2p::send(__this.names()).await;
                        __p2p::rpc::answer(__returned)
                    }
                    _ => {
                        ::core::result::Result::Err(
                            __p2p::rpc::RpcError::method_not_found(__name),
                        )
                    }
                }
            })
        }
        fn subscribe<'a>(
            self: ::std::sync::Arc<Self>,
            __name: &'a str,
            __params: __p2p::rpc::Params,
        ) -> __p2p::BoxFuture<
            'a,
            ::core::result::Result<__p2p::rpc::Rows, __p2p::rpc::RpcError>,
        > {
            ::std::boxed::Box::pin(async move {
                match __name {
                    "heard" => {
                        __p2p::rpc::rows(move |__sink| async move {
                                let __this = &*self;
                                let mut __arguments = __params.arguments(&__RPC_HEARD)?;
                                let __a0 = __p2p::rpc::argument::<
                                    NodeId,
                                >(&mut __arguments)?;
                                let __returned = __this.heard(__a0);
                                __p2p::rpc::Sink::forward(__sink, __returned).await
                            })
                            .await
                    }
                    _ => {
                        ::core::result::Result::Err(
                            __p2p::rpc::RpcError::method_not_found(__name),
                        )
                    }
                }
            })
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<__p2p::rpc::Client> for ChatClient {
        fn from(client: __p2p::rpc::Client) -> Self {
            Self(client)
        }
    }
    #[allow(
        dead_code,
        unreachable_pub,
        private_interfaces,
        private_bounds,
        clippy::too_many_arguments
    )]
    impl ChatClient {
        ///Calls `chat_sayIt`.
        ///
        ///# Errors
        ///
        ///What the method or the server answers, or that no answer comes.
        ///
        ///# Cancel safety
        ///
        ///When dropped, the server may have run it or not.
        pub async fn say_it(
            &self,
            text: String,
            how_often: Option<u8>,
        ) -> ::core::result::Result<u64, __p2p::rpc::CallError>
        where
            for<'__a> &'__a String: __p2p::rpc::Serialize,
            for<'__a> &'__a Option<u8>: __p2p::rpc::Serialize,
            for<'__de> u64: __p2p::rpc::Deserialize<'__de>,
        {
            self.0
                .call(
                    "chat_sayIt",
                    __p2p::rpc::Params::Positional(
                        ::std::vec![
                            __p2p::rpc::encode("chat_sayIt", & text) ?,
                            __p2p::rpc::encode("chat_sayIt", & how_often) ?
                        ],
                    ),
                )
                .await
        }
        ///Calls `chat_who`.
        ///
        ///# Errors
        ///
        ///What the method or the server answers, or that no answer comes.
        ///
        ///# Cancel safety
        ///
        ///When dropped, the server may have run it or not.
        pub async fn names(
            &self,
        ) -> ::core::result::Result<Vec<String>, __p2p::rpc::CallError>
        where
            for<'__de> Vec<String>: __p2p::rpc::Deserialize<'__de>,
        {
            self.0.call("chat_who", __p2p::rpc::Params::Positional(::std::vec![])).await
        }
        ///Begins the subscription `heard` of `chat`.
        ///
        ///# Errors
        ///
        ///What the method or the server answers, or that no answer comes.
        ///
        ///# Cancel safety
        ///
        ///When dropped, the server may have run it or not.
        pub async fn heard(
            &self,
            from: NodeId,
        ) -> ::core::result::Result<
            __p2p::rpc::Subscription<Said>,
            __p2p::rpc::CallError,
        >
        where
            for<'__a> &'__a NodeId: __p2p::rpc::Serialize,
            for<'__de> Said: __p2p::rpc::Deserialize<'__de>,
        {
            self.0
                .subscribe(
                    "chat",
                    "heard",
                    ::std::vec![__p2p::rpc::encode("chat_heard", & from) ?],
                )
                .await
        }
    }
};
