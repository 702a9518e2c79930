use super::*;
use crate::tests::text_of;

fn errors(input: &str) -> Vec<String> {
    let input: DeriveInput = syn::parse_str(input).unwrap();
    let mut mistakes = Mistakes::default();
    let attributes = parse::container(&input.attrs, &mut mistakes);
    let _ = Model::new(&input, attributes, &mut mistakes);
    mistakes.texts()
}

fn expanded(input: &str) -> String {
    text_of(&derive(input.parse().unwrap()))
}

#[test]
fn a_message_has_a_name_limits_and_a_shape() {
    let code = expanded("#[message(max_bytes = 4 * KIB, window = 1 << 20, reply = Pong)] struct PingMe { n: u32 }");
    for part in [
        r#"const NAME : & 'static str = "ping_me" ;"#,
        "const MAX_BYTES : usize = 4 * KIB ;",
        "const WINDOW : u32 = 1 << 20 ;",
        "type Answer = __p2p :: One < Pong > ;",
        "impl __p2p :: Request for PingMe { type Reply = Pong ; }",
        r#"__p2p :: Shape :: Struct ("ping_me" , & [__p2p :: Field { name : "n" , shape : & < u32 as __p2p :: Schema > :: SHAPE , docs : "" }])"#,
        "use :: p2p_net :: __private as __p2p ;",
    ] {
        assert!(code.contains(part), "{part}\n{code}");
    }
}

#[test]
fn a_message_may_have_a_stream_a_rate_and_a_priority() {
    let code = expanded("#[message(stream = Row, rate = \"100/10s\", priority = high)] struct Query;");
    for part in [
        "type Answer = __p2p :: Many < Row > ;",
        "impl __p2p :: StreamRequest for Query { type Row = Row ; }",
        ":: core :: option :: Option < __p2p :: Rate > = __p2p :: rate (\"100/10s\") ;",
        "const PRIORITY : __p2p :: Priority = __p2p :: Priority :: High ;",
    ] {
        assert!(code.contains(part), "{part}\n{code}");
    }
    assert!(!expanded("#[message(priority = normal)] struct A;").contains("PRIORITY"));
    assert_eq!(
        errors("#[message(reply = A, stream = B, rate = 100, priority = urgent)] struct Query;"),
        [
            "a message is answered by one `reply` or by a `stream` of rows, not by both",
            "a rate is a number and a time, as a text: `rate = \"100/10s\"`",
            "a priority is `high` or `normal`",
        ]
    );
}

#[test]
fn what_is_not_given_has_a_default() {
    let code = expanded("struct Say(String);");
    assert!(code.contains("const MAX_BYTES : usize = __p2p :: ONE_FRAME ;"), "{code}");
    assert!(code.contains("type Answer = __p2p :: One < () > ;"), "{code}");
    assert!(!code.contains("WINDOW"), "{code}");
    assert!(!code.contains("Request"), "{code}");
}

#[test]
fn structs_and_enums_of_every_kind_have_a_shape() {
    assert!(expanded("struct Unit;").contains(r#"Shape :: Struct ("unit" , & [])"#));
    assert!(expanded("struct Pair(u8, u16);").contains(r#"name : "1" , shape : & < u16 as"#));
    let code = expanded("enum E { A, B(u8), C { r#type: u16 } }");
    assert!(code.contains(r#"Variant { name : "A" , fields : & [] , docs : "" }"#), "{code}");
    assert!(code.contains(r#"Variant { name : "B" , fields : & [__p2p :: Field { name : "0""#), "{code}");
    assert!(code.contains(r#"Field { name : "type""#), "{code}");
}

#[test]
fn doc_comments_are_kept_beside_the_shape() {
    let code = expanded("/// What.\nenum E { /// Nothing.\n A, B { /// Which.\n n: u8 } }");
    for part in [
        r#"__p2p :: Shape :: Documented ("What." , & __p2p :: Shape :: Enum ("e" ,"#,
        r#"Variant { name : "A" , fields : & [] , docs : "Nothing." }"#,
        r#":: SHAPE , docs : "Which." }"#,
    ] {
        assert!(code.contains(part), "{part}\n{code}");
    }
}

#[test]
fn the_core_may_have_another_name() {
    assert!(expanded("#[message(crate = ::wire)] struct A;").contains("use :: wire :: __private as __p2p"));
    assert!(expanded("#[message(crate = crate)] struct A;").contains("use crate :: __private as __p2p"));
    assert_eq!(
        errors("#[message(crate = \"wire\")] struct A;"),
        ["`crate` is a path without quotes: `crate = ::p2p_net`"]
    );
}

#[test]
fn foreign_types_and_bytes_have_a_shape_by_attribute() {
    let code =
        expanded("struct A { #[message(opaque = \"uuid-1\")] id: Uuid, #[serde(with = \"serde_bytes\")] b: Vec<u8> }");
    assert!(code.contains(r#"Shape :: Opaque ("uuid-1")"#), "{code}");
    assert!(code.contains(r#"{ name : "b" , shape : & __p2p :: Shape :: Bytes , docs : "" }"#), "{code}");
    assert!(!code.contains("BYTE_BY_BYTE"), "{code}");
    let code = expanded("struct A(#[serde(with = \"serde_bytes\")] Option<Vec<u8>>);");
    assert!(code.contains("Shape :: Option (& __p2p :: Shape :: Bytes)"), "{code}");
}

#[test]
fn a_vector_of_bytes_warns() {
    assert!(expanded("struct A { b: Vec<u8> }").contains("BYTE_BY_BYTE"));
    assert!(expanded("struct A { b: std::vec::Vec<u8> }").contains("BYTE_BY_BYTE"));
    assert!(!expanded("struct A { b: Vec<u16> }").contains("BYTE_BY_BYTE"));
    let code = expanded("struct A { #[allow(deprecated)] b: Vec<u8> }");
    assert!(code.contains("# [allow (deprecated)] const _"), "{code}");
}

#[test]
fn serde_attributes_that_bear_on_the_encoding_are_part_of_the_shape() {
    let code =
        expanded("#[serde(rename_all = \"lowercase\", crate = \"s\")] struct A { #[serde(rename = \"y\")] x: u8 }");
    assert!(code.contains(r##"Struct ("a #[serde(rename_all = \"lowercase\")]""##), "{code}");
    assert!(code.contains(r##"name : "x #[serde(rename = \"y\")]""##), "{code}");
}

#[test]
fn serde_attributes_that_need_names_on_the_wire_are_refused() {
    let of_field = |key: &str| errors(&format!("struct A {{ #[serde({key})] x: u8 }}"));
    assert_eq!(
        of_field("flatten"),
        [
            "`#[serde(flatten)]` is not possible in a message: the encoding carries no field names; make it a field of its own"
        ]
    );
    for key in ["skip", "skip_serializing", "skip_deserializing", "skip_serializing_if = \"f\""] {
        assert_eq!(of_field(key).len(), 1, "{key}");
    }
    for key in ["untagged", "tag = \"t\""] {
        assert_eq!(errors(&format!("#[serde({key})] enum A {{ B }}")).len(), 1, "{key}");
    }
    assert_eq!(errors("enum A { #[serde(skip)] B { #[serde(flatten)] x: u8 } }").len(), 2);
    assert!(of_field("default").is_empty());
}

#[test]
fn keys_are_known_and_given_once() {
    assert_eq!(
        errors("#[message(max_byte = 1, name = \"a\", name = \"b\")] struct A;"),
        [
            "unknown key `max_byte`, there are: `name`, `max_bytes`, `window`, `reply`, `stream`, `rate`, `priority`, `crate`",
            "`name` is given twice",
        ]
    );
    assert_eq!(errors("#[message(name = \"a\")] #[message(name = \"b\")] struct A;"), ["`name` is given twice"]);
    assert_eq!(errors("#[message] struct A;").len(), 1);
    assert_eq!(
        errors("struct A { #[message(opaqu = \"x\")] x: u8, #[message(opaque = \"\")] y: u8 }"),
        ["unknown key `opaqu`, there are: `opaque`", "an opaque type has a name and a version: \"uuid-1\"",]
    );
    assert_eq!(errors("enum A { #[message(opaque = \"x\")] B }"), ["`#[message(..)]` goes on the type or on a field"]);
}

#[test]
fn unions_and_generic_messages_are_refused() {
    assert_eq!(errors("union U { a: u8 }"), ["a union has no encoding; use a struct or an enum"]);
    for generic in ["struct A<T>(T);", "struct A<'a>(&'a u8);", "struct A<const N: usize>([u8; N]);"] {
        assert!(errors(generic)[0].starts_with("a message has no generic parameters"), "{generic}");
    }
}

#[test]
fn a_type_that_contains_itself_is_refused() {
    for recursive in [
        "struct Tree { left: Option<Box<Tree>> }",
        "struct Tree(Vec<Self>);",
        "enum Tree { Leaf, Node([Box<Tree>; 2]) }",
        "struct Tree { both: (u8, Box<Tree>) }",
    ] {
        let errors = errors(recursive);
        assert!(errors.len() == 1 && errors[0].starts_with("`Tree` contains itself"), "{recursive}: {errors:?}");
    }
    for fine in
        ["struct Tree { other: forest::Tree }", "struct Tree { #[message(opaque = \"tree-1\")] left: Box<Tree> }"]
    {
        assert!(errors(fine).is_empty(), "{fine}");
    }
}

#[test]
fn a_mistake_leaves_impls_behind() {
    let code = expanded("#[message(max_byte = 1, reply = Pong)] struct A<T> { x: T }");
    for part in
        ["compile_error", "Schema for A < T >", "Message for A < T > where Self : __p2p :: Sendable", "Reply = Pong"]
    {
        assert!(code.contains(part), "{part}\n{code}");
    }
}
