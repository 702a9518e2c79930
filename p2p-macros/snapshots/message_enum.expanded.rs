#[derive(Message, Serialize, Deserialize)]
#[message(stream = Row, crate = ::renamed)]
enum Query {
    All,
    Since(u64),
    Named { name: String, most: u16 },
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::renamed::__private as __p2p;
    #[automatically_derived]
    impl __p2p::Schema for Query {
        const SHAPE: __p2p::Shape = __p2p::Shape::Enum(
            "query",
            &[
                __p2p::Variant {
                    name: "All",
                    fields: &[],
                    docs: "",
                },
                __p2p::Variant {
                    name: "Since",
                    fields: &[
                        __p2p::Field {
                            name: "0",
                            shape: &<u64 as __p2p::Schema>::SHAPE,
                            docs: "",
                        },
                    ],
                    docs: "",
                },
                __p2p::Variant {
                    name: "Named",
                    fields: &[
                        __p2p::Field {
                            name: "name",
                            shape: &<String as __p2p::Schema>::SHAPE,
                            docs: "",
                        },
                        __p2p::Field {
                            name: "most",
                            shape: &<u16 as __p2p::Schema>::SHAPE,
                            docs: "",
                        },
                    ],
                    docs: "",
                },
            ],
        );
    }
    #[automatically_derived]
    impl __p2p::Message for Query {
        const NAME: &'static str = "query";
        const MAX_BYTES: usize = __p2p::ONE_FRAME;
        type Answer = __p2p::Many<Row>;
    }
    #[automatically_derived]
    impl __p2p::StreamRequest for Query {
        type Row = Row;
    }
    #[automatically_derived]
    impl<'__context> __p2p::Argument<'__context> for Query {
        type Role = __p2p::Received<Self>;
        const ROLE: Self::Role = __p2p::Received::NEW;
    }
    const _: () = __p2p::check_max_bytes::<Query>();
    const _: () = __p2p::check_window::<Query>();
    const _: () = __p2p::check_bounded::<Query>();
};
