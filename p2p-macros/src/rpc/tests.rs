use super::*;
use crate::tests::{assert_parts, errors_in, text_of};

fn errors_with(arguments: &str, item: &str) -> Vec<String> {
    errors_in(annotate(arguments.parse().unwrap(), item.parse().unwrap()))
}

fn errors(methods: &str) -> Vec<String> {
    errors_with("namespace = \"chat\"", &format!("impl Chat {{ {methods} }}"))
}

fn expanded(arguments: &str, item: &str) -> String {
    text_of(&annotate(arguments.parse().unwrap(), item.parse().unwrap()))
}

const SAY: &str = "async fn say(&self, text: String) {}";

#[test]
fn a_namespace_is_needed_and_has_a_form() {
    let item = format!("impl Chat {{ {SAY} }}");
    let missing = "an API has a namespace, which its methods' names begin with: `#[rpc(namespace = \"chat\")]`";
    assert_eq!(errors_with("", &item), [missing]);
    let form = "a namespace has 1 to 64 letters and digits, without `_`, which ends it in a method's name";
    for wrong in ["", "a_b", "a b", "ä", &"x".repeat(65)] {
        assert_eq!(errors_with(&format!("namespace = {wrong:?}"), &item), [form], "{wrong}");
    }
    let own = "the namespace `rpc` is the server's own: it says what there is to call";
    assert_eq!(errors_with("namespace = \"rpc\"", &item), [own]);
    assert_eq!(
        errors_with("namespace = \"chat\", version = \"one\", client = 3, names = 1", &item),
        [
            "a version has digits and dots, like `1.0`",
            "a client has a name of its own: `client = ChatClient`",
            "unknown key `names`, there are: `namespace`, `version`, `client`, `crate`",
        ]
    );
}

#[test]
fn a_method_is_async_and_takes_shared_self() {
    assert_eq!(
        errors("fn a(&self) {} async fn b(&mut self) {} async fn c(self) {}"),
        [
            "a method of an API is async, `async fn a`; or leave it out, `#[rpc(skip)]`",
            "a method of an API takes `&self`, since many call it at once: keep what changes in a `Mutex` or an atomic, or \
             leave it out, `#[rpc(skip)]`",
            "a method of an API takes `&self`, since many call it at once; or leave it out, `#[rpc(skip)]`",
        ]
    );
    let rest = "fn new() -> Self {} async fn open() -> Self {} #[rpc(skip)] fn a(&mut self) {} const N: u8 = 1;";
    assert!(errors(&format!("{SAY} {rest}")).is_empty());
    assert_eq!(errors(rest), ["this API has no methods: add an `async fn` that takes `&self`"]);
}

#[test]
fn an_argument_is_owned_and_has_a_name() {
    assert_eq!(
        errors("async fn a(&self, x: &str, (a, b): (u8, u8), _: u8, f: impl Fn(), x_y: u8, xY: u8) {}"),
        [
            "an argument is owned, since it is made from what a caller sent: take `String`, `Vec<T>` or the type itself",
            "an argument has a name, by which callers may give it; take it apart in the body",
            "an argument has a name, by which callers may give it; take it apart in the body",
            "an argument has a type of its own, since the type tells how to read it: name it",
            "two arguments are `xY` to callers: rename one",
        ]
    );
    assert_eq!(
        errors("async fn a<T>(&self, x: T) {}"),
        ["a method of an API has no generic parameters: callers name no types"]
    );
    assert!(errors("async fn a<'a>(&'a self, mut x: u8) {}").is_empty());
}

#[test]
fn names_are_taken_once() {
    assert_eq!(
        errors("async fn a_b(&self) {} async fn aB(&self) {}"),
        ["`a_b` and `aB` are both `aB` to callers: rename one, `#[rpc(name = \"..\")]`"]
    );
    for reserved in ["subscribe", "unsubscribe", "subscription"] {
        let text = format!("every namespace has a `{reserved}` of its own: rename this one, `#[rpc(name = \"..\")]`");
        assert_eq!(errors(&format!("async fn {reserved}(&self) {{}}")), [text.as_str()]);
        assert_eq!(errors(&format!("#[rpc(name = {reserved:?})] async fn a(&self) {{}}")), [text.as_str()]);
    }
    assert!(errors("#[cfg(a)] async fn a_b(&self) {} #[cfg(not(a))] async fn aB(&self) {}").is_empty());
}

#[test]
fn a_mark_on_a_method_is_understood_or_told() {
    assert_eq!(
        errors(
            "#[rpc] async fn a(&self) {} #[rpc(nam = \"b\")] async fn b(&self) {} #[rpc(name = \"a b\")] async fn c(&self) {} \
             #[rpc(skip = true)] async fn d(&self) {} #[rpc(skip)] #[rpc(skip)] async fn e(&self) {} #[rpc(name = \"f\")] fn f() {}"
        ),
        [
            "on a method: `#[rpc(name = \"..\")]` or `#[rpc(skip)]`",
            "unknown key `nam`, there are: `name`, `skip`",
            "a method's name has 1 to 128 letters, digits and `_`, without its namespace",
            "`skip` stands alone: `#[rpc(skip)]`",
            "a method takes one `#[rpc(..)]`",
            "a method of an API takes `&self`",
        ]
    );
}

#[test]
fn the_item_is_an_inherent_impl_of_one_type() {
    let with = |item: &str| errors_with("namespace = \"chat\"", item);
    assert!(with("struct Chat;")[0].starts_with("`#[rpc]` goes on an inherent impl"));
    assert!(with(&format!("impl Talk for Chat {{ {SAY} }}"))[0].contains("not on the impl of a trait"));
    assert!(with(&format!("impl<T> Chat<T> {{ {SAY} }}"))[0].starts_with("an API has no generic parameters"));
    assert!(with(&format!("impl [u8] {{ {SAY} }}"))[0].starts_with("an API is a type of your own"));
}

#[test]
fn methods_are_described_as_callers_see_them() {
    let code = expanded(
        "namespace = \"chat\"",
        "impl Chat { /// Says it.\n async fn say_it(&self, peer_id: Vec<u8>, mark: Option<char>) -> Result<(), Error> {} }",
    );
    assert_parts(
        &code,
        &[
            r#"name : "sayIt" , docs : "Says it.""#,
            r#"ParamDescription { name : "peerId" , ty : "Vec<u8>" , required : true }"#,
            r#"ParamDescription { name : "mark" , ty : "Option<char>" , required : false }"#,
            r#"result : "()""#,
            r#""sayIt" => {"#,
            "let __returned = __p2p :: send (__this . say_it (__a0 , __a1)) . await ;",
            "answer_result (__returned)",
            "pub struct ChatClient (:: p2p_net :: __private :: rpc :: Client)",
            "pub async fn say_it (& self , peer_id : Vec < u8 > , mark : Option < char >)",
        ],
    );
}

#[test]
fn a_stream_is_a_subscription() {
    let code = expanded(
        "namespace = \"chat\", client = Talk",
        "impl Chat { fn a(&self) -> impl Stream<Item = u8> + '_ {} async fn b(&self) -> Result<impl Stream<Item = Self>> {} }",
    );
    assert_parts(
        &code,
        &[
            "methods : & [] , subscriptions : & [__RPC_A , __RPC_B]",
            "let __returned = __this . a () ; __p2p :: rpc :: Sink :: forward (__sink , __returned) . await",
            "let __returned = __p2p :: send (__this . b ()) . await ; __p2p :: rpc :: Sink :: forward_result (__sink , __returned) . await",
            "__p2p :: rpc :: Subscription < u8 >",
            "__p2p :: rpc :: Subscription < Chat >",
            "pub struct Talk",
        ],
    );
}

#[test]
fn conditions_follow_their_method_and_bodies_stay() {
    let code =
        expanded("namespace = \"chat\"", "#[cfg(c)] impl Chat { #[cfg(a)] #[inline] async fn say(&self) { body() } }");
    assert_parts(
        &code,
        &[
            "# [cfg (c)] impl Chat { # [cfg (a)] # [inline] async fn say (& self) { body () } }",
            "# [cfg (c)] # [doc =",
            "# [cfg (a)] const __RPC_SAY",
            "methods : & [# [cfg (a)] __RPC_SAY]",
            "# [cfg (a)] \"say\" => {",
        ],
    );
}

#[test]
fn a_mistake_leaves_the_item_its_api_and_its_client() {
    let code = expanded("namespace = \"chat\"", "impl Chat { fn a(&self) {} }");
    assert_parts(
        &code,
        &["# [allow (dead_code)] impl Chat { fn a (& self) { } }", "rpc :: Api for Chat", "struct ChatClient"],
    );
}
