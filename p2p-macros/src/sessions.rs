//! `sessions = !SEED | INBOUND & MANUAL`: a set of sessions as a constant.
//!
//! Operators of user types are no constants in Rust, so they become the calls that bitflags has for them. Names are left
//! to the compiler: bare flags are in scope where the expression goes, so are the author's own constants.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{BinOp, Expr, UnOp};

/// The constant expression that `expression` means.
pub(crate) fn rewrite(expression: &Expr) -> syn::Result<TokenStream> {
    match expression {
        // Parentheses have done their work in the tree; kept, they would warn.
        Expr::Paren(paren) => rewrite(&paren.expr),
        Expr::Group(group) => rewrite(&group.expr),
        Expr::Unary(unary) => match &unary.op {
            UnOp::Not(not) => {
                let (of, span) = (rewrite(&unary.expr)?, not.span());
                Ok(quote_spanned!(span=> (#of).complement()))
            }
            other => Err(unknown(other)),
        },
        Expr::Binary(binary) => {
            let method = match &binary.op {
                BinOp::BitOr(_) => "union",
                BinOp::BitAnd(_) => "intersection",
                BinOp::Sub(_) => "difference",
                BinOp::BitXor(_) => "symmetric_difference",
                other => return Err(unknown(other)),
            };
            let method = syn::Ident::new(method, binary.op.span());
            let (left, right) = (rewrite(&binary.left), rewrite(&binary.right));
            let (left, right) = both(left, right)?;
            Ok(quote!((#left).#method(#right)))
        }
        Expr::Lit(literal) => Err(syn::Error::new(
            literal.span(),
            "sessions are named: `INBOUND`, `OUTBOUND`, `MANUAL`, `SEED`, `RELAYED`, `ALL`, or a constant of your own",
        )),
        other => Ok(other.to_token_stream()),
    }
}

fn both<A, B>(left: syn::Result<A>, right: syn::Result<B>) -> syn::Result<(A, B)> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(mut left), Err(right)) => {
            left.combine(right);
            Err(left)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn unknown(operator: &impl ToTokens) -> syn::Error {
    syn::Error::new_spanned(operator, "sessions are combined with `!`, `|`, `&`, `-` and `^`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Result<String, String> {
        let code = rewrite(&syn::parse_str(text).unwrap());
        code.map(|code| code.to_string().replace(' ', "")).map_err(|error| error.to_string())
    }

    #[test]
    fn operators_become_calls() {
        let cases = [
            ("ALL", "ALL"),
            ("!SEED", "(SEED).complement()"),
            ("INBOUND | MANUAL", "(INBOUND).union(MANUAL)"),
            ("ALL - SEED", "(ALL).difference(SEED)"),
            ("A ^ B", "(A).symmetric_difference(B)"),
            ("!SEED | INBOUND & MANUAL", "((SEED).complement()).union((INBOUND).intersection(MANUAL))"),
            ("!(SEED | MANUAL)", "((SEED).union(MANUAL)).complement()"),
            ("((SEED))", "SEED"),
            ("own::FLAGS", "own::FLAGS"),
            ("SessionFlags::SEED | own()", "(SessionFlags::SEED).union(own())"),
        ];
        for (written, code) in cases {
            assert_eq!(rewritten(written).as_deref(), Ok(code));
        }
    }

    #[test]
    fn other_operators_and_numbers_are_refused() {
        for wrong in ["A || B", "A + B", "-A", "A == B", "*A"] {
            assert_eq!(rewritten(wrong).unwrap_err(), "sessions are combined with `!`, `|`, `&`, `-` and `^`");
        }
        assert!(rewritten("3").unwrap_err().starts_with("sessions are named"));
        let two = rewrite(&syn::parse_str("(A + B) | 3").unwrap()).unwrap_err();
        assert_eq!(two.into_iter().count(), 2);
    }
}
