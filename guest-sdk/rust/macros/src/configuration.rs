//! `#[derive(Configuration)]`: the JSON Schema of a struct of settings, from its fields and their doc comments.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Lit, LitStr, Meta, Token, punctuated::Punctuated};

pub(crate) fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let Data::Struct(syn::DataStruct { fields: Fields::Named(fields), .. }) = &item.data else {
        return Err(Error::new(item.ident.span(), "a configuration is a struct with named fields"));
    };
    let serde = Serde::of(&item.attrs);
    let properties = fields.named.iter().map(|field| {
        let options = Serde::of(&field.attrs);
        let name = options.rename.unwrap_or_else(|| field.ident.as_ref().map(ToString::to_string).unwrap_or_default());
        let (value, documentation) = (&field.ty, documentation(&field.attrs));
        let optional = serde.default || options.default;
        quote!(::sluicebox::configuration::Property::of::<#value>(#name, #documentation, #optional))
    });

    let (name, strict, documentation) = (&item.ident, serde.deny_unknown_fields, documentation(&item.attrs));
    Ok(quote! {
        impl ::sluicebox::Configuration for #name {
            fn schema() -> ::core::option::Option<::std::string::String> {
                ::core::option::Option::Some(::sluicebox::configuration::schema(#documentation, #strict, &[#(#properties),*]))
            }
        }
    })
}

/// What serde's own attributes say that a schema must repeat.
#[derive(Default)]
struct Serde {
    default: bool,
    deny_unknown_fields: bool,
    rename: Option<String>,
}

impl Serde {
    fn of(attributes: &[Attribute]) -> Self {
        let mut found = Self::default();
        let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
        for option in lists
            .filter_map(|list| list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok())
            .flatten()
        {
            found.default |= option.path().is_ident("default");
            found.deny_unknown_fields |= option.path().is_ident("deny_unknown_fields");
            if let (true, Some(text)) = (option.path().is_ident("rename"), text(&option)) {
                found.rename = Some(text.value());
            }
        }
        found
    }
}

/// The doc comment, in one line.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let lines: Vec<_> = lines.filter_map(|line| text(&line.meta)).map(|line| line.value().trim().to_owned()).collect();
    lines.join(" ").trim().to_owned()
}

/// `text` of `name = "text"`
fn text(option: &Meta) -> Option<&LitStr> {
    match option {
        Meta::NameValue(syn::MetaNameValue { value: Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }), .. }) => {
            Some(text)
        }
        _ => None,
    }
}
