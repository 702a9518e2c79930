use super::*;
use crate::tests::{errors_in, text_of};

fn expanded(arguments: &str, item: &str) -> String {
    text_of(&annotate(arguments.parse().unwrap(), item.parse().unwrap()))
}

fn errors_with(arguments: &str, item: &str) -> Vec<String> {
    errors_in(annotate(arguments.parse().unwrap(), item.parse().unwrap()))
}

fn errors(item: &str) -> Vec<String> {
    errors_with("", item)
}

#[test]
fn a_service_goes_on_an_impl_of_a_type() {
    assert_eq!(errors("struct Foo;"), ["`#[service]` goes on an inherent impl, `impl Chat { .. }`"]);
    assert_eq!(
        errors("impl Debug for Foo {}"),
        ["`#[service]` goes on an inherent impl, `impl Chat { .. }`, not on the impl of a trait"]
    );
    assert_eq!(
        errors("impl<T> Foo<T> { #[stop] async fn end(&self) {} }"),
        ["a service has no generic parameters, since a node has one of each type"]
    );
    assert_eq!(
        errors("impl Foo { fn places(&self) {} }"),
        [
            "this service does nothing: name its protocols, `protocols = [..]`, or mark a method with `#[api]`, `#[start]` or `#[stop]`"
        ]
    );
}

#[test]
fn arguments_are_checked() {
    let item = "impl Foo { #[stop] async fn end(&self) {} }";
    assert_eq!(errors_with("protocols = Ping", item), ["protocols are a list of types: `protocols = [Chat, Ping]`"]);
    assert_eq!(errors_with("protocols = [Ping, Ping]", item), ["`Ping` is named twice"]);
    assert_eq!(errors_with("apis = [A]", item), ["unknown key `apis`, there are: `protocols`, `name`, `crate`"]);
    assert_eq!(errors_with("name = \"a b\"", item), ["a name on the wire has 1 to 128 bytes and no spaces"]);
}

#[test]
fn methods_have_the_form_of_their_mark() {
    let cases = [
        (
            "#[api] async fn a(&self) -> A {}",
            "an `#[api]` method makes an API and waits for nothing: begin work in `#[start]`",
        ),
        ("#[api] fn a(&self) {}", "an `#[api]` method returns an API: a type with `#[rpc(..)]` on its impl"),
        ("#[api] fn a(self) -> A {}", "`#[api]` takes `&self`: a service is shared by the node and its protocols"),
        ("#[start] fn s(&self) {}", "a `#[start]` is async: `async fn s`"),
        (
            "#[start] async fn s(&mut self) {}",
            "`#[start]` takes `&self`: a service is shared by the node and its protocols; keep what changes in a `Mutex` or an atomic",
        ),
        ("#[stop] async fn s() {}", "`#[stop]` takes `&self`"),
        ("#[stop] async fn s(&self) {} #[stop] async fn t(&self) {}", "a service has one `#[stop]`, and `s` is it"),
        ("#[start] #[stop] async fn s(&self) {}", "a method is one thing to its service: it takes one mark"),
        ("#[start(now)] async fn s(&self) {}", "`#[start]` takes no arguments"),
        (
            "#[job] async fn s(&self) {} #[stop] async fn t(&self) {}",
            "there is no `#[job]` for the methods of a service, there are: `#[api]`, `#[start]`, `#[stop]`; messages and jobs belong to a protocol",
        ),
    ];
    for (method, expected) in cases {
        assert_eq!(errors(&format!("impl Foo {{ {method} }}")), [expected], "{method}");
    }
}

#[test]
fn a_mistake_leaves_the_item_and_a_service() {
    let code = expanded("", "impl Foo { #[start] fn s(&self) {} }");
    assert!(code.contains("# [allow (dead_code)] impl Foo { fn s (& self) { } }"), "{code}");
    assert!(code.contains("impl __p2p :: service :: Service for Foo"), "{code}");
}

#[test]
fn marks_are_known_by_their_path_too() {
    let code = expanded(
        "crate = ::core",
        "impl Foo { #[p2p_net::start] async fn s(&self) {} #[::core::stop] async fn t(&self) {} }",
    );
    assert!(code.contains("fn start < 'a >") && code.contains("fn stop < 'a >"), "{code}");
}
