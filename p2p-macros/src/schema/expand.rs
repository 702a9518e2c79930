//! Turns a shape into constant data.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Generics, parse_quote};

use super::model::{Body, Field, FieldShape, Model, Slow, Target};
use crate::spans::ends;

/// The `Schema` impl; goes [into scope](in_scope).
pub(crate) fn expand(target: &Target, model: &Model) -> TokenStream {
    let (name, ident) = (&model.name, &target.ident);
    let shape = match &model.body {
        Body::Struct(fields) => {
            let fields = fields.iter().map(field);
            quote!(__p2p::Shape::Struct(#name, &[#(#fields),*]))
        }
        Body::Enum(variants) => {
            let variants = variants.iter().map(|variant| {
                let (name, docs, fields) = (&variant.name, &variant.docs, variant.fields.iter().map(field));
                quote!(__p2p::Variant { name: #name, fields: &[#(#fields),*], docs: #docs })
            });
            quote!(__p2p::Shape::Enum(#name, &[#(#variants),*]))
        }
    };
    let shape = if model.replaced {
        quote!(__p2p::Shape::Replaced(&#shape))
    } else if model.transparent {
        quote!(__p2p::Shape::Transparent(&#shape))
    } else {
        shape
    };
    let shape = match model.docs.as_str() {
        "" => shape,
        docs => quote!(__p2p::Shape::Documented(#docs, &#shape)),
    };
    let generics = with_bounds(&target.generics);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let warnings = model.slow.iter().map(|slow| warning(target, slow));
    quote! {
        #[automatically_derived]
        impl #parameters __p2p::Schema for #ident #arguments #bounds {
            const SHAPE: __p2p::Shape = #shape;
        }
        #(#warnings)*
    }
}

/// An impl that keeps the rest of the program compiling after a mistake.
pub(crate) fn stub(target: &Target) -> TokenStream {
    let (ident, (parameters, arguments, bounds)) = (&target.ident, target.generics.split_for_impl());
    quote! {
        #[automatically_derived]
        impl #parameters __p2p::Schema for #ident #arguments #bounds {
            const SHAPE: __p2p::Shape = __p2p::Shape::Unit;
        }
    }
}

/// Wraps code in a block of its own, where `__p2p` is the core.
pub(crate) fn in_scope(target: &Target, code: &TokenStream) -> TokenStream {
    let core = &target.core;
    quote! {
        #[allow(unused_qualifications)]
        const _: () = {
            #[allow(unused_imports)]
            use #core::__private as __p2p;
            #code
        };
    }
}

fn with_bounds(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let parameters: Vec<_> = generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    if !parameters.is_empty() {
        let bounds = generics.make_where_clause();
        for parameter in parameters {
            bounds.predicates.push(parse_quote!(#parameter: __p2p::Schema));
        }
    }
    generics
}

fn field(field: &Field) -> TokenStream {
    let (name, docs) = (&field.name, &field.docs);
    let shape = match &field.shape {
        FieldShape::Of(ty) => {
            let (first, last) = ends(ty);
            let open = quote_spanned!(first=> <);
            let close = quote_spanned!(last=> as __p2p::Schema>::SHAPE);
            quote!(#open #ty #close)
        }
        FieldShape::Bytes => quote!(__p2p::Shape::Bytes),
        FieldShape::OptionBytes => quote!(__p2p::Shape::Option(&__p2p::Shape::Bytes)),
        FieldShape::Opaque(name) => quote!(__p2p::Shape::Opaque(#name)),
    };
    let shape = if field.replaced { quote!(__p2p::Shape::Replaced(&#shape)) } else { shape };
    quote!(__p2p::Field { name: #name, shape: &#shape, docs: #docs })
}

/// A lint of our own: stable Rust warns in our words only about what is deprecated.
fn warning(target: &Target, slow: &Slow) -> TokenStream {
    let (of_type, of_field) = (&target.allowed, &slow.allowed);
    let name = syn::Ident::new("BYTE_BY_BYTE", slow.span());
    quote! {
        #(#of_type)*
        #(#of_field)*
        const _: () = {
            #[deprecated = "a `Vec<u8>` field is encoded byte by byte, 10 to 50 times slower than `p2p_net::Bytes`"]
            const BYTE_BY_BYTE: () = ();
            #name
        };
    }
}
