//! What the compiler says to authors of protocols: each file under `ui/fail` holds one mistake and must give the errors
//! in its `.stderr`; each under `ui/pass` compiles.
//!
//! `TRYBUILD=overwrite cargo test -p p2p-tests --test ui` writes the expected errors anew; read the difference.

#[test]
fn mistakes_are_explained_where_they_were_made() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
