use super::*;
use crate::tests::{assert_parts, errors_in, text_of};

fn errors_with(arguments: &str, item: &str) -> Vec<String> {
    errors_in(annotate(arguments.parse().unwrap(), item.parse().unwrap()))
}

fn errors(methods: &str) -> Vec<String> {
    errors_with("", &format!("impl Chat {{ {methods} }}"))
}

fn expanded(arguments: &str, item: &str) -> String {
    text_of(&annotate(arguments.parse().unwrap(), item.parse().unwrap()))
}

const ON: &str = "#[on] async fn say(&self, say: Say) {}";

#[test]
fn a_protocol_has_a_descriptor() {
    let code = expanded("sessions = !SEED, version = 3, phase = handshake", &format!("impl room::ChatRoom {{ {ON} }}"));
    assert_parts(
        &code,
        &[
            r#"name : "chat_room" , version : 3u16 , sessions : __SESSIONS , phase : __p2p :: Phase :: Handshake"#,
            "(SEED) . complement ()",
            "__p2p :: check_sessions (__SESSIONS)",
            "handlers : & [__ON_SAY] , requires : & []",
            "__p2p :: by_default :: < room :: ChatRoom > ()",
            "impl room :: ChatRoom { async fn say (& self , say : Say) { } }",
        ],
    );
    let code = expanded("name = \"c\"", &format!("/// Talk.\nimpl Chat {{ {ON} }}"));
    assert_parts(
        &code,
        &[r#"name : "c" , version : 1u16"#, "SessionFlags :: ALL ;", "Phase :: Main", r#"docs : "Talk.""#],
    );
}

#[test]
fn arguments_of_the_annotation_are_checked_together() {
    assert_eq!(
        errors_with(
            "session = SEED, version = 0, phase = late, name = 3, sessions = A + B",
            &format!("impl C {{ {ON} }}")
        ),
        [
            "unknown key `session`, there are: `sessions`, `name`, `version`, `phase`, `scope`, `config`, `crate`",
            "a version is a number from 1 to 65535",
            "a phase is `handshake` or `main`",
            "expected string literal",
            "sessions are combined with `!`, `|`, `&`, `-` and `^`",
        ]
    );
    for version in ["version = 65536", "version = \"1\"", "version = -1"] {
        assert!(errors_with(version, &format!("impl C {{ {ON} }}"))[0].starts_with("a version"), "{version}");
    }
}

#[test]
fn handlers_take_shared_self_and_are_async() {
    assert_eq!(
        errors("#[on] fn a(&mut self, x: A) {} #[on] async fn b(self, x: B) {} #[job] async fn c() {}"),
        [
            "`#[on]` takes `&self`: a protocol is shared by all that it runs; keep what changes in a `Mutex` or an atomic",
            "an `#[on]` handler is async: `async fn a`",
            "`#[on]` takes `&self`: a protocol is shared by all that it runs",
            "`#[job]` takes `&self`",
        ]
    );
    assert_eq!(errors("#[job] fn a(&self) {}"), ["a `#[job]` is async: `async fn a`"]);
}

#[test]
fn handlers_are_not_generic() {
    let text = "an `#[on]` handler has no generic parameters, since its arguments' types tell what to pass";
    assert_eq!(errors("#[on] async fn a<T>(&self, x: T) {}"), [text]);
    assert!(errors("#[on] async fn a(&self, x: impl Any) {}")[0].starts_with("an argument has a type of its own"));
    let code = expanded("", "impl Chat { #[on] async fn a<'a>(&'a self, x: Say, c: &'a Channel, s: State<Self>) {} }");
    assert_parts(&code, &["arg :: < & '_ Channel > ()", "arg :: < State < Chat > > ()"]);
}

#[test]
fn a_handler_has_one_to_six_arguments() {
    assert_eq!(
        errors("#[on] async fn a(&self) {}"),
        ["an `#[on]` handler takes exactly one message, by value; this one takes none"]
    );
    let many = |number| (0..number).map(|at| format!("x{at}: X{at}")).collect::<Vec<_>>().join(", ");
    assert!(errors(&format!("#[on] async fn a(&self, {}) {{}}", many(6))).is_empty());
    assert_eq!(
        errors(&format!("#[on] async fn a(&self, {}) {{}}", many(8))),
        ["an `#[on]` handler has at most 6 arguments"]
    );
}

#[test]
fn a_method_has_one_known_mark_without_arguments() {
    assert_eq!(
        errors(
            "#[handle] async fn a(&self) {} #[on(Say)] async fn b(&self, s: Say) {} #[stop(now)] async fn c(&self) {}"
        ),
        [
            "there is no `#[handle]` for the methods of a protocol, there are: `#[on]`, `#[job]`, `#[every]`, `#[stop]`",
            "`#[on]` takes no arguments",
            "`#[stop]` takes no arguments",
        ]
    );
    assert_eq!(
        errors("#[on] #[job] async fn a(&self, s: Say) {}"),
        ["a method is one thing to its protocol: it takes one mark"]
    );
    let code = expanded("", "impl Chat { #[p2p_net::on] #[inline] async fn a(&self, s: Say) {} #[foo::on] fn b() {} }");
    assert_parts(&code, &["impl Chat { # [inline] async fn a", "# [foo :: on] fn b"]);
}

#[test]
fn a_job_repeats_at_an_interval_with_a_unit() {
    let text = "`#[every]` has an interval with a unit, `#[every(\"30s\")]`, or a duration, `#[every(self.interval)]`";
    for wrong in ["every", "every()", "every(30)", "every = \"30s\"", "every(\"1s\", \"2s\")"] {
        assert_eq!(errors(&format!("#[{wrong}] async fn a(&self) {{}}")), [text], "{wrong}");
    }
    let handshake = errors_with("phase = handshake", "impl Chat { #[every(\"1s\")] async fn a(&self) {} }");
    assert_eq!(handshake, ["a handshake comes to its end, and what repeats does not: use `#[job]`"]);
    let code = expanded("", "impl Chat { #[every(BEAT)] async fn a(&self, log: State<Log>) {} }");
    assert_parts(
        &code,
        &[
            "const __INTERVAL : __p2p :: Duration = __p2p :: interval (BEAT) ;",
            "__context . jobs () . repeat (",
            "requires : & [__p2p :: extractor :: < State < Log > > () . requires ()]",
        ],
    );
}

#[test]
fn what_stops_is_kept_before_anything_starts() {
    let code = expanded("", &format!("impl Chat {{ {ON} #[stop] async fn bye(&self, peer: NodeId) {{}} }}"));
    let (stop, serve) = (code.find(". at_stop (").unwrap(), code.find(". serve (").unwrap());
    assert!(stop < serve, "{code}");
    assert_eq!(errors("#[stop] fn bye(&self) {}"), ["a `#[stop]` is async: `async fn bye`"]);
}

#[test]
fn a_protocol_has_one_init() {
    assert_eq!(
        errors(&format!("{ON} #[cfg(a)] fn init() -> Self {{}} #[cfg(b)] fn init() -> Self {{}}")),
        [
            "`init` is there under all conditions; put `#[cfg]` inside of its body",
            "a protocol has one `init`; put `#[cfg]` inside of its body",
        ]
    );
    assert_eq!(
        errors(&format!("{ON} #[job] fn init<T>(&self) {{}}")),
        [
            "`init` makes the protocol, so it cannot be `#[job]` as well",
            "`init` makes the protocol, so there is no `self` yet; it returns `Self`",
            "`init` returns `Self` or `Result<Self>`",
            "`init` has no generic parameters, since its arguments' types tell what to pass",
        ]
    );
    let code = expanded("", &format!("impl Chat {{ {ON} async fn init(log: State<Log>) -> Result<Self> {{}} }}"));
    assert_parts(
        &code,
        &[
            "let __a0 = __p2p :: extractor :: < State < Log > > () . take (__context) ?",
            "__p2p :: send (< Chat > :: init (__a0)) . await",
            "__p2p :: instance :: < Chat , _ > (__made) ?",
            "requires : & [__p2p :: extractor :: < State < Log > > () . requires ()]",
        ],
    );
}

#[test]
fn the_item_is_an_inherent_impl_with_something_to_do() {
    assert_eq!(
        errors("fn other(&self) {}"),
        ["this protocol does nothing: mark an async method with `#[on]`, `#[job]` or `#[every]`"]
    );
    assert!(errors_with("", &format!("impl P for C {{ {ON} }}"))[0].contains("not on the impl of a trait"));
    assert!(
        errors_with("", &format!("impl<T> C<T> {{ {ON} }}"))[0].starts_with("a protocol has no generic parameters")
    );
    assert!(errors_with("", &format!("impl [u8] {{ {ON} }}"))[0].starts_with("a protocol is a type of your own"));
    assert!(errors_with("", "struct Chat;")[0].starts_with("`#[protocol]` goes on an inherent impl"));
}

#[test]
fn conditions_follow_their_method() {
    let code = expanded(
        "",
        &format!(
            "#[cfg(c)] impl Chat {{ {ON} #[cfg(a)] #[on] async fn b(&self, b: B) {{}} #[cfg(d)] #[job] async fn j(&self) {{}} }}"
        ),
    );
    assert_parts(
        &code,
        &[
            "# [cfg (c)] # [allow (unused_qualifications)] const _ : () = {",
            "# [cfg (a)] const __ON_B : __p2p :: Handles",
            "# [cfg (a)] const _ : () = __p2p :: check_new (& [__ON_SAY] , & __ON_B) ;",
            "handlers : & [__ON_SAY , # [cfg (a)] __ON_B]",
            "# [cfg (a)] _ if __id == __ON_B . message . id =>",
            "# [cfg (d)] {",
        ],
    );
}

#[test]
fn a_protocol_of_the_node_does_its_own_work_once() {
    let code = expanded(
        "scope = node, config = Limits",
        &format!(
            "impl Gossip {{ {ON} fn init(s: State<Log>) -> Self {{}} #[job] async fn run(&self, node: &P2p) {{}} }}"
        ),
    );
    assert_parts(
        &code,
        &[
            "construct : __p2p :: Construct :: Node (__construct)",
            "let __a0 = __p2p :: node_extractor :: < State < Log > > () . take (__context) ?",
            "let __a0 = __p2p :: node_extractor :: < & P2p > () . take (__context . node ()) ?",
            "impl __p2p :: Configure for Gossip { type Config = Limits ; }",
        ],
    );
    let (start, on_node) = (code.find("fn start (").unwrap(), code.find("fn start_on_node (").unwrap());
    let (serve, spawn) = (code.find(". serve (").unwrap(), code.find(". spawn (").unwrap());
    assert!(start < serve && serve < on_node && on_node < spawn, "{code}");
    let item = format!("impl Gossip {{ {ON} }}");
    assert_eq!(errors_with("scope = peer", &item), ["a scope is `channel` or `node`"]);
    assert_eq!(
        errors_with("scope = node, phase = handshake", &item),
        ["a handshake is made with one peer: its protocols have `scope = channel`"]
    );
}

#[test]
fn a_stream_is_answered_by_a_task_of_its_own() {
    let code = expanded("", "impl C { #[on] async fn a(&self, q: Query) -> impl Stream<Item = Row> + '_ {} }");
    assert_parts(
        &code,
        &[
            ". finish_rows (__outcome , __context , __to) . await",
            ". asked (__delivery)",
            ". answer (__asked , async move {",
        ],
    );
    let code = expanded("", "impl C { #[on] async fn a(&self, q: Query) -> BoxStream<'static, Row> {} }");
    assert_parts(&code, &[". finish (__outcome , __context , __to) . await ?"]);
    assert!(!code.contains("asked"), "{code}");
}

#[test]
fn a_function_is_a_protocol() {
    let code = expanded("", "pub async fn shout_it(say: Say, channel: &Channel) -> Result<()> { Ok(()) }");
    assert_parts(
        &code,
        &[
            "# [allow (non_camel_case_types)] pub struct shout_it { }",
            "pub async fn shout_it (say : Say , channel : & Channel)",
            "let __instance : shout_it = shout_it { } ;",
            "__p2p :: send (shout_it (__a0 , __a1)) . await",
            r#"name : "shout_it""#,
        ],
    );
    assert_eq!(
        errors_with("", "fn shout() {}"),
        [
            "a function under `#[protocol]` is async: `async fn shout`",
            "a function under `#[protocol]` takes exactly one message, by value; this one takes none",
        ]
    );
}

#[test]
fn a_mistake_leaves_the_item_and_its_descriptor() {
    let code = expanded("", "impl Chat { #[on] async fn a(&mut self, x: A) {} }");
    assert_parts(
        &code,
        &["# [allow (dead_code)] impl Chat { async fn a (& mut self , x : A) { } }", "& __p2p :: STUB"],
    );
    let code = expanded("nam = \"\"", "async fn a(x: A) {}");
    assert_parts(&code, &["struct a { }", "# [allow (dead_code)] async fn a", "& __p2p :: STUB"]);
}
