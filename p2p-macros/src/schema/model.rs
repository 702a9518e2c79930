//! The shape of a type, as far as its tokens show it; valid by construction.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, LitStr, Path, Type};

use super::parse;
use crate::docs::docs;
use crate::mistakes::Mistakes;

/// The type that is derived for: what an impl for it needs to say.
pub(crate) struct Target {
    /// Where the core is.
    pub(crate) core: Path,
    /// The type's name.
    pub(crate) ident: Ident,
    /// Its parameters.
    pub(crate) generics: Generics,
    /// The lints its author allowed on it.
    pub(crate) allowed: Vec<Attribute>,
}

/// The shape of a type.
pub(crate) struct Model {
    /// The name in the shape.
    pub(super) name: String,
    /// What its author says about it.
    pub(super) docs: String,
    pub(super) body: Body,
    /// Whether another type or other code decodes it.
    pub(super) replaced: bool,
    /// Whether it is encoded as its only field is.
    pub(super) transparent: bool,
    /// Fields that would be faster as `Bytes`.
    pub(super) slow: Vec<Slow>,
}

pub(super) enum Body {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

pub(super) struct Variant {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) shape: FieldShape,
    /// Whether other code than the type's own decodes it.
    pub(super) replaced: bool,
}

pub(super) enum FieldShape {
    /// Whatever the type's `Schema` says.
    Of(Box<Type>),
    /// A run of bytes.
    Bytes,
    /// A run of bytes that may be absent.
    OptionBytes,
    /// What its author vouches for.
    Opaque(LitStr),
}

/// A plain `Vec<u8>`, and the lints allowed on its field.
pub(super) struct Slow {
    pub(super) ty: Type,
    pub(super) allowed: Vec<Attribute>,
}

impl Target {
    /// The type of `input`.
    pub(crate) fn new(input: &DeriveInput, core: Path) -> Self {
        let (ident, generics) = (input.ident.clone(), input.generics.clone());
        Self { core, ident, generics, allowed: allowed(&input.attrs) }
    }
}

impl Model {
    /// Reads a type; `name` stands for its own in the shape. `None` when there is a mistake that leaves no shape.
    pub(crate) fn new(input: &DeriveInput, name: Option<&str>, mistakes: &mut Mistakes) -> Option<Self> {
        let own_name = input.ident.unraw().to_string();
        let serde = parse::serde_of(&input.attrs, mistakes);
        let mut reader = Reader { own: &input.ident, replaced: serde.replaced, slow: Vec::new(), mistakes };
        let body = match &input.data {
            Data::Struct(data) => Body::Struct(reader.fields(&data.fields)),
            Data::Enum(data) => Body::Enum(data.variants.iter().map(|variant| reader.variant(variant)).collect()),
            Data::Union(data) => {
                mistakes.add(&data.union_token, "a union has no encoding; use a struct or an enum");
                return None;
            }
        };
        let (replaced, slow) = (reader.replaced, reader.slow);
        let (name, docs) = (name.unwrap_or(&own_name).to_owned() + &serde.text, docs(&input.attrs));
        Some(Self { name, docs, body, replaced, transparent: serde.transparent, slow })
    }
}

struct Reader<'a> {
    own: &'a Ident,
    /// Whether the type, or a variant of it, is decoded by other code.
    replaced: bool,
    slow: Vec<Slow>,
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    fn variant(&mut self, variant: &syn::Variant) -> Variant {
        for attribute in parse::ours(&variant.attrs) {
            self.mistakes.add(attribute, "`#[message(..)]` goes on the type or on a field");
        }
        let serde = parse::serde_of(&variant.attrs, self.mistakes);
        self.replaced |= serde.replaced;
        let name = variant.ident.unraw().to_string() + &serde.text;
        Variant { name, docs: docs(&variant.attrs), fields: self.fields(&variant.fields) }
    }

    fn fields(&mut self, fields: &Fields) -> Vec<Field> {
        fields.iter().enumerate().map(|(at, field)| self.field(at, field)).collect()
    }

    fn field(&mut self, at: usize, field: &syn::Field) -> Field {
        let read = parse::field(&field.attrs, self.mistakes);
        let name = field.ident.as_ref().map_or_else(|| at.to_string(), |ident| ident.unraw().to_string());
        let shape = match read.opaque {
            Some(opaque) => FieldShape::Opaque(opaque),
            None if read.bytes && is_option(&field.ty) => FieldShape::OptionBytes,
            None if read.bytes => FieldShape::Bytes,
            None => self.of(field),
        };
        Field { name: name + &read.serde.text, docs: docs(&field.attrs), shape, replaced: read.serde.replaced }
    }

    fn of(&mut self, field: &syn::Field) -> FieldShape {
        let ty = &field.ty;
        if let Some(inner) = find(&ty.to_token_stream(), self.own) {
            let text = format!(
                "`{}` contains itself, so its shape would have no end; keep the parts in a list and refer to them by index",
                self.own.unraw()
            );
            self.mistakes.add(&inner, text);
        }
        if is_vec_of_u8(ty) {
            self.slow.push(Slow { ty: ty.clone(), allowed: allowed(&field.attrs) });
        }
        FieldShape::Of(Box::new(ty.clone()))
    }
}

/// Where `tokens` name the type itself; a path that only ends in the same name is another type.
fn find(tokens: &TokenStream, own: &Ident) -> Option<Ident> {
    let (mut in_path, upper_self) = (false, format_ident!("Self"));
    for token in tokens.clone() {
        let found = match &token {
            TokenTree::Ident(ident) if !in_path && (ident == own || *ident == upper_self) => Some(ident.clone()),
            TokenTree::Group(group) => find(&group.stream(), own),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        in_path = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
    }
    None
}

/// The last segment of a path and its only type argument.
fn last_of(ty: &Type) -> Option<(&Ident, Option<&Type>)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return Some((&last.ident, None)) };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(of)) => Some((&last.ident, Some(of))),
        _ => Some((&last.ident, None)),
    }
}

fn is_option(ty: &Type) -> bool {
    last_of(ty).is_some_and(|(name, _)| name == "Option")
}

fn is_vec_of_u8(ty: &Type) -> bool {
    let of = last_of(ty).and_then(|(name, of)| if name == "Vec" { of } else { None });
    of.and_then(last_of).is_some_and(|(name, of)| name == "u8" && of.is_none())
}

fn allowed(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("allow")).cloned().collect()
}

impl Slow {
    /// Where it is.
    pub(super) fn span(&self) -> proc_macro2::Span {
        self.ty.span()
    }
}
