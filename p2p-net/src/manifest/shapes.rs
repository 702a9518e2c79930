//! Two types, field by field and variant by variant. Pure code.

use super::compare::Changes;
use super::{FieldEntry, Place, Rule, Type, VariantEntry};

impl Changes {
    /// What changed from one type to another.
    pub(super) fn types(&mut self, place: &Place, was: &Type, is: &Type) {
        match (was, is) {
            (Type::Option(was), Type::Option(is)) | (Type::List(was), Type::List(is)) => self.types(place, was, is),
            (Type::Array(was, before), Type::Array(is, after)) if before == after => self.types(place, was, is),
            (Type::Map(key, value), Type::Map(new_key, new_value)) => {
                self.types(&place.in_it("key"), key, new_key);
                self.types(&place.in_it("value"), value, new_value);
            }
            (Type::Tuple(was), Type::Tuple(is)) if was.len() == is.len() => {
                for (at, (was, is)) in was.iter().zip(is).enumerate() {
                    self.types(&place.in_it(format!("part {at}")), was, is);
                }
            }
            (
                Type::Struct { name, docs, fields },
                Type::Struct { name: new_name, docs: new_docs, fields: new_fields },
            ) => {
                self.named(place, (name, docs), (new_name, new_docs));
                self.members(place, fields, new_fields);
            }
            (
                Type::Enum { name, docs, variants },
                Type::Enum { name: new_name, docs: new_docs, variants: new_variants },
            ) => {
                self.named(place, (name, docs), (new_name, new_docs));
                self.members(place, variants, new_variants);
            }
            (was, is) if was == is => {}
            (was, is) => self.add(place, Rule::TypeChanged, was.to_string(), is.to_string()),
        }
    }

    fn named(&mut self, place: &Place, was: (&str, &str), is: (&str, &str)) {
        if was.0 != is.0 {
            self.add(place, Rule::TypeRenamed, format!("`{}`", was.0), format!("`{}`", is.0));
        }
        self.docs(place, was.1, is.1);
    }

    /// Fields of a struct or variants of an enum, in their order.
    fn members<M: Member>(&mut self, place: &Place, was: &[M], is: &[M]) {
        let at = |members: &[M], name: &str| members.iter().position(|member| member.name() == name);
        for (index, old) in was.iter().enumerate() {
            let place = place.in_it(format!("{} {}", M::WHAT, old.name()));
            match at(is, old.name()).map(|at| &is[at]) {
                Some(new) => {
                    self.docs(&place, old.docs(), new.docs());
                    old.compare(new, self, &place);
                }
                None => match is.get(index).filter(|new| old.is_renamed_to(new, was)) {
                    Some(new) => {
                        self.add(&place, M::RENAMED, format!("`{}`", old.name()), format!("`{}`", new.name()));
                        self.docs(&place, old.docs(), new.docs());
                    }
                    None => self.add(&place, M::REMOVED, old.summary(), ""),
                },
            }
        }
        for (index, new) in is.iter().enumerate().filter(|(_, new)| at(was, new.name()).is_none()) {
            let gone = was.get(index).filter(|old| at(is, old.name()).is_none());
            if !gone.is_some_and(|old| old.is_renamed_to(new, was)) {
                self.add(&place.in_it(format!("{} {}", M::WHAT, new.name())), M::ADDED, "", new.summary());
            }
        }
        let both = |some: &[M], others: &[M]| -> Vec<String> {
            let known = some.iter().filter(|member| at(others, member.name()).is_some());
            known.map(|member| member.name().to_owned()).collect()
        };
        let (before, after) = (both(was, is), both(is, was));
        if before != after {
            self.add(place, M::REORDERED, before.join(", "), after.join(", "));
        }
    }
}

impl Type {
    /// Takes the name off a struct or an enum.
    pub(super) fn forget_name(&mut self) {
        if let Self::Struct { name, .. } | Self::Enum { name, .. } = self {
            name.clear();
        }
    }
}

/// A part of a type that has a name and a place in an order.
trait Member: Sized {
    const WHAT: &'static str;
    const ADDED: Rule;
    const REMOVED: Rule;
    const RENAMED: Rule;
    const REORDERED: Rule;

    fn name(&self) -> &str;
    fn docs(&self) -> &str;
    fn summary(&self) -> String;
    /// Whether the two are encoded alike.
    fn is_like(&self, other: &Self) -> bool;
    /// What changed in it.
    fn compare(&self, new: &Self, changes: &mut Changes, place: &Place);

    /// Whether `new`, in the same place, is this one under another name: it is encoded alike, and was not there before.
    fn is_renamed_to(&self, new: &Self, was: &[Self]) -> bool {
        self.is_like(new) && was.iter().all(|old| old.name() != new.name())
    }
}

impl Member for FieldEntry {
    const WHAT: &'static str = "field";
    const ADDED: Rule = Rule::FieldAdded;
    const REMOVED: Rule = Rule::FieldRemoved;
    const RENAMED: Rule = Rule::FieldRenamed;
    const REORDERED: Rule = Rule::FieldsReordered;

    fn name(&self) -> &str {
        &self.name
    }

    fn docs(&self) -> &str {
        &self.docs
    }

    fn summary(&self) -> String {
        self.shape.to_string()
    }

    fn is_like(&self, other: &Self) -> bool {
        self.shape == other.shape
    }

    fn compare(&self, new: &Self, changes: &mut Changes, place: &Place) {
        changes.types(place, &self.shape, &new.shape);
    }
}

impl Member for VariantEntry {
    const WHAT: &'static str = "variant";
    const ADDED: Rule = Rule::VariantAdded;
    const REMOVED: Rule = Rule::VariantRemoved;
    const RENAMED: Rule = Rule::VariantRenamed;
    const REORDERED: Rule = Rule::VariantsReordered;

    fn name(&self) -> &str {
        &self.name
    }

    fn docs(&self) -> &str {
        &self.docs
    }

    fn summary(&self) -> String {
        let fields: Vec<_> = self.fields.iter().map(|field| format!("{}: {}", field.name, field.shape)).collect();
        if fields.is_empty() { "without fields".to_owned() } else { format!("with {}", fields.join(", ")) }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.fields == other.fields
    }

    fn compare(&self, new: &Self, changes: &mut Changes, place: &Place) {
        changes.members(place, &self.fields, &new.fields);
    }
}
