/// A `Vec<u8>` is a warning, where its lint is not allowed.
#[derive(Message, Serialize, Deserialize)]
struct Blob {
    bytes: Vec<u8>,
    #[allow(deprecated)]
    more: Vec<u8>,
}
#[allow(unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::p2p_net::__private as __p2p;
    #[automatically_derived]
    impl __p2p::Schema for Blob {
        const SHAPE: __p2p::Shape = __p2p::Shape::Documented(
            "A `Vec<u8>` is a warning, where its lint is not allowed.",
            &__p2p::Shape::Struct(
                "blob",
                &[
                    __p2p::Field {
                        name: "bytes",
                        shape: &<Vec<u8> as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                    __p2p::Field {
                        name: "more",
                        shape: &<Vec<u8> as __p2p::Schema>::SHAPE,
                        docs: "",
                    },
                ],
            ),
        );
    }
    const _: () = {
        #[deprecated = "a `Vec<u8>` field is encoded byte by byte, 10 to 50 times slower than `p2p_net::Bytes`"]
        const BYTE_BY_BYTE: () = ();
        BYTE_BY_BYTE
    };
    #[allow(deprecated)]
    const _: () = {
        #[deprecated = "a `Vec<u8>` field is encoded byte by byte, 10 to 50 times slower than `p2p_net::Bytes`"]
        const BYTE_BY_BYTE: () = ();
        BYTE_BY_BYTE
    };
    #[automatically_derived]
    impl __p2p::Message for Blob {
        const NAME: &'static str = "blob";
        const MAX_BYTES: usize = __p2p::ONE_FRAME;
        type Answer = __p2p::One<()>;
    }
    #[automatically_derived]
    impl<'__context> __p2p::Argument<'__context> for Blob {
        type Role = __p2p::Received<Self>;
        const ROLE: Self::Role = __p2p::Received::NEW;
    }
    const _: () = __p2p::check_max_bytes::<Blob>();
    const _: () = __p2p::check_window::<Blob>();
    const _: () = __p2p::check_bounded::<Blob>();
};
