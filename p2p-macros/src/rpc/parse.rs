//! Reads the arguments of `#[rpc(..)]` on the impl, and the marks on its methods.

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, LitStr, Meta, Path};

use crate::keys::{Keys, core_path, default_core};
use crate::mistakes::Mistakes;

/// The namespace that the server answers itself.
const OWN_NAMESPACE: &str = "rpc";

/// What `#[rpc(..)]` on the impl says.
pub(super) struct Arguments {
    pub(super) namespace: String,
    pub(super) version: String,
    pub(super) client: Option<Ident>,
    pub(super) core: Path,
}

impl Arguments {
    /// Reads the tokens in the brackets.
    pub(super) fn read(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let (mut namespace, mut given) = (None, false);
        let mut read = Self { namespace: String::new(), version: "1.0".to_owned(), client: None, core: default_core() };
        let mut keys = Keys::new(&["namespace", "version", "client", "crate"]);
        let parser = |input: ParseStream| {
            keys.read(input, mistakes, |key, input| {
                match key {
                    "namespace" => {
                        given = true;
                        namespace = Some(namespace_of(input)?);
                    }
                    "version" => read.version = version(input)?,
                    "client" => read.client = Some(client(input)?),
                    _ => read.core = core_path(input)?,
                }
                Ok(())
            });
            Ok(())
        };
        // The parser never fails and leaves nothing.
        let _: syn::Result<()> = parser.parse2(tokens);
        if !given {
            let text = "an API has a namespace, which its methods' names begin with: `#[rpc(namespace = \"chat\")]`";
            mistakes.add_error(syn::Error::new(Span::call_site(), text));
        }
        read.namespace = namespace.unwrap_or_default();
        read
    }
}

fn namespace_of(input: ParseStream) -> syn::Result<String> {
    let literal: LitStr = input.parse()?;
    let name = literal.value();
    let problem = if name == OWN_NAMESPACE {
        "the namespace `rpc` is the server's own: it says what there is to call"
    } else if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        "a namespace has 1 to 64 letters and digits, without `_`, which ends it in a method's name"
    } else {
        return Ok(name);
    };
    Err(syn::Error::new(literal.span(), problem))
}

fn version(input: ParseStream) -> syn::Result<String> {
    let literal: LitStr = input.parse()?;
    let version = literal.value();
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(syn::Error::new(literal.span(), "a version has digits and dots, like `1.0`"));
    }
    Ok(version)
}

fn client(input: ParseStream) -> syn::Result<Ident> {
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), "a client has a name of its own: `client = ChatClient`"))
}

/// What `#[rpc(..)]` on a method says.
#[derive(Default)]
pub(super) struct Mark {
    /// Its name on the wire.
    pub(super) name: Option<(String, Span)>,
    /// It is no method of the API.
    pub(super) skip: bool,
}

/// Takes the marks off a method's attributes.
pub(super) fn take_mark(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Mark {
    let (mut mark, mut seen) = (Mark::default(), false);
    attributes.retain(|attribute| {
        let segments: Vec<_> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
        if !matches!(segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), ["rpc"] | ["p2p_net", "rpc"]) {
            return true;
        }
        if std::mem::replace(&mut seen, true) {
            mistakes.add(attribute, "a method takes one `#[rpc(..)]`");
        }
        read_mark(attribute, &mut mark, mistakes);
        false
    });
    mark
}

fn read_mark(attribute: &Attribute, mark: &mut Mark, mistakes: &mut Mistakes) {
    let Meta::List(list) = &attribute.meta else {
        return mistakes.add(attribute, "on a method: `#[rpc(name = \"..\")]` or `#[rpc(skip)]`");
    };
    if list.parse_args::<Ident>().is_ok_and(|ident| ident == "skip") {
        mark.skip = true;
        return;
    }
    let mut keys = Keys::new(&["name", "skip"]);
    keys.read_attribute(attribute, mistakes, |key, input| {
        if key == "skip" {
            return Err(input.error("`skip` stands alone: `#[rpc(skip)]`"));
        }
        let literal: LitStr = input.parse()?;
        let name = literal.value();
        if name.is_empty() || name.len() > 128 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            let text = "a method's name has 1 to 128 letters, digits and `_`, without its namespace";
            return Err(syn::Error::new(literal.span(), text));
        }
        mark.name = Some((name, literal.span()));
        Ok(())
    });
}
