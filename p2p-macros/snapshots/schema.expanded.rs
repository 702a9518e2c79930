#[derive(Schema, Serialize, Deserialize)]
struct Page<T> {
    rows: Vec<T>,
    next: Option<Cursor>,
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    #[automatically_derived]
    impl<T> __p2p::Schema for Page<T>
    where
        T: __p2p::Schema,
    {
        const SHAPE: __p2p::Shape = __p2p::Shape::Struct(
            "Page",
            &[
                __p2p::Field {
                    name: "rows",
                    shape: &<Vec<T> as __p2p::Schema>::SHAPE,
                    docs: "",
                },
                __p2p::Field {
                    name: "next",
                    shape: &<Option<Cursor> as __p2p::Schema>::SHAPE,
                    docs: "",
                },
            ],
        );
    }
};
#[derive(Schema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cursor {
    End,
    At(u64),
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    #[automatically_derived]
    impl __p2p::Schema for Cursor {
        const SHAPE: __p2p::Shape = __p2p::Shape::Enum(
            "Cursor #[serde(rename_all = \"lowercase\")]",
            &[
                __p2p::Variant {
                    name: "End",
                    fields: &[],
                    docs: "",
                },
                __p2p::Variant {
                    name: "At",
                    fields: &[
                        __p2p::Field {
                            name: "0",
                            shape: &<u64 as __p2p::Schema>::SHAPE,
                            docs: "",
                        },
                    ],
                    docs: "",
                },
            ],
        );
    }
};
