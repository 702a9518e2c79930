/// No key: everything has its default.
#[derive(Message, Serialize, Deserialize)]
struct Say(String, [u8; 4]);
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    #[automatically_derived]
    impl __p2p::Schema for Say {
        const SHAPE: __p2p::Shape = __p2p::Shape::Documented(
            "No key: everything has its default.",
            &__p2p::Shape::Struct(
                "say",
                &[
                    __p2p::Field {
                        name: "0",
                        shape: &<String as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                    __p2p::Field {
                        name: "1",
                        shape: &<[u8; 4] as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                ],
            ),
        );
    }
    #[automatically_derived]
    impl __p2p::Message for Say {
        const NAME: &'static str = "say";
        const MAX_BYTES: usize = __p2p::ONE_FRAME;
        type Answer = __p2p::One<()>;
    }
    #[automatically_derived]
    impl<'__context> __p2p::Argument<'__context> for Say {
        type Role = __p2p::Received<Self>;
        const ROLE: Self::Role = __p2p::Received::NEW;
    }
    const _: () = __p2p::check_max_bytes::<Say>();
    const _: () = __p2p::check_window::<Say>();
    const _: () = __p2p::check_bounded::<Say>();
};
#[derive(Message, Serialize, Deserialize)]
struct Nothing;
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    #[automatically_derived]
    impl __p2p::Schema for Nothing {
        const SHAPE: __p2p::Shape = __p2p::Shape::Struct("nothing", &[]);
    }
    #[automatically_derived]
    impl __p2p::Message for Nothing {
        const NAME: &'static str = "nothing";
        const MAX_BYTES: usize = __p2p::ONE_FRAME;
        type Answer = __p2p::One<()>;
    }
    #[automatically_derived]
    impl<'__context> __p2p::Argument<'__context> for Nothing {
        type Role = __p2p::Received<Self>;
        const ROLE: Self::Role = __p2p::Received::NEW;
    }
    const _: () = __p2p::check_max_bytes::<Nothing>();
    const _: () = __p2p::check_window::<Nothing>();
    const _: () = __p2p::check_bounded::<Nothing>();
};
