//! The shapes of the standard library's types, and of this library's own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Field, Memory, Schema, Shape, Variant};

macro_rules! plain {
    ($($type:ty),*) => { $(impl Schema for $type { const SHAPE: Shape = Shape::Plain(stringify!($type)); })* };
}
plain!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64, bool, char);

impl Schema for () {
    const SHAPE: Shape = Shape::Unit;
}
impl Schema for String {
    const SHAPE: Shape = Shape::Text;
}
impl Schema for crate::node_url::NodeUrl {
    const SHAPE: Shape = Shape::Text;
}
impl Schema for crate::identity::NodeId {
    const SHAPE: Shape = Shape::Array(&u8::SHAPE, 32);
}
impl Schema for crate::message::Bytes {
    const SHAPE: Shape = Shape::Bytes;
}
impl Schema for Duration {
    const SHAPE: Shape = Shape::Opaque("std::time::Duration");
}
impl Schema for std::net::IpAddr {
    const SHAPE: Shape = Shape::Opaque("std::net::IpAddr");
}
impl Schema for std::net::SocketAddr {
    const SHAPE: Shape = Shape::Opaque("std::net::SocketAddr");
}
impl<T: Schema> Schema for Option<T> {
    const SHAPE: Shape = Shape::Option(&T::SHAPE);
}
impl<T: Schema> Schema for Vec<T> {
    const SHAPE: Shape = Shape::Seq(&T::SHAPE, Memory::of::<T>());
}
impl<T: Schema> Schema for VecDeque<T> {
    const SHAPE: Shape = Shape::Seq(&T::SHAPE, Memory::of::<T>());
}
impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    const SHAPE: Shape = Shape::Map(&K::SHAPE, &V::SHAPE, Memory::of::<(K, V)>());
}
impl<T: Schema, E: Schema> Schema for Result<T, E> {
    const SHAPE: Shape = Shape::Enum(
        "Result",
        &[
            Variant { name: "Ok", fields: &[Field { name: "0", shape: &T::SHAPE, docs: "" }], docs: "" },
            Variant { name: "Err", fields: &[Field { name: "0", shape: &E::SHAPE, docs: "" }], docs: "" },
        ],
    );
}
impl<T: Schema, const N: usize> Schema for [T; N] {
    const SHAPE: Shape = Shape::Array(&T::SHAPE, N);
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: Schema),+> Schema for ($($name,)+) { const SHAPE: Shape = Shape::Tuple(&[$(&$name::SHAPE),+]); }
    };
}
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
