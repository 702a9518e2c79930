/// Every key, and fields of every kind.
#[derive(Message, Serialize, Deserialize)]
#[message(
    name = "say",
    max_bytes = 4*KIB,
    window = 1<<20,
    reply = Heard,
    rate = "100/10s",
    priority = high
)]
struct SayLoud {
    text: String,
    to: Vec<Option<NodeId>>,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
    #[message(opaque = "uuid-1")]
    id: Uuid,
    #[serde(rename = "kind")]
    r#type: u8,
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    #[automatically_derived]
    impl __p2p::Schema for SayLoud {
        const SHAPE: __p2p::Shape = __p2p::Shape::Documented(
            "Every key, and fields of every kind.",
            &__p2p::Shape::Struct(
                "say",
                &[
                    __p2p::Field {
                        name: "text",
                        shape: &<String as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                    __p2p::Field {
                        name: "to",
                        shape: &<Vec<Option<NodeId>> as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                    __p2p::Field {
                        name: "data",
                        shape: &__p2p::Shape::Bytes,
                        docs: "",
                    },
                    __p2p::Field {
                        name: "id",
                        shape: &__p2p::Shape::Opaque("uuid-1"),
                        docs: "",
                    },
                    __p2p::Field {
                        name: "type #[serde(rename = \"kind\")]",
                        shape: &<u8 as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                ],
            ),
        );
    }
    #[automatically_derived]
    impl __p2p::Message for SayLoud {
        const NAME: &'static str = "say";
        const MAX_BYTES: usize = 4 * KIB;
        const WINDOW: u32 = 1 << 20;
        const RATE: ::core::option::Option<__p2p::Rate> = __p2p::rate("100/10s");
        const PRIORITY: __p2p::Priority = __p2p::Priority::High;
        type Answer = __p2p::One<Heard>;
    }
    #[automatically_derived]
    impl __p2p::Request for SayLoud {
        type Reply = Heard;
    }
    #[automatically_derived]
    impl<'__context> __p2p::Argument<'__context> for SayLoud {
        type Role = __p2p::Received<Self>;
        const ROLE: Self::Role = __p2p::Received::NEW;
    }
    const _: () = __p2p::check_max_bytes::<SayLoud>();
    const _: () = __p2p::check_window::<SayLoud>();
    const _: () = __p2p::check_rate("100/10s");
    const _: () = __p2p::check_bounded::<SayLoud>();
};
