//! The author's types, made fit for a constant outside of their impl.

use proc_macro2::Ident;
use syn::visit_mut::{VisitMut, visit_type_mut};
use syn::{Lifetime, PatType, Type, TypeImplTrait};

use crate::mistakes::Mistakes;

/// An argument's type without names that only its method knows: lifetimes are left to the compiler, `Self` is `own`.
pub(crate) fn portable(argument: &PatType, own: Option<&Type>, mistakes: &mut Mistakes) -> Type {
    let mut ty = (*argument.ty).clone();
    Portable { own, mistakes }.visit_type_mut(&mut ty);
    ty
}

struct Portable<'a> {
    own: Option<&'a Type>,
    mistakes: &'a mut Mistakes,
}

impl VisitMut for Portable<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let is_self = matches!(ty, Type::Path(path) if path.path.is_ident("Self"));
        match self.own {
            Some(own) if is_self => *ty = own.clone(),
            _ => visit_type_mut(self, ty),
        }
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            lifetime.ident = Ident::new("_", lifetime.ident.span());
        }
    }

    fn visit_type_impl_trait_mut(&mut self, ty: &mut TypeImplTrait) {
        self.mistakes.add(ty, "an argument has a type of its own, since the type tells what to pass: name it");
    }
}
