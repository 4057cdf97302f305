//! `#[derive(Rows)]`: an enum with one variant a table.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Index, spanned::Spanned};

use crate::lifetimes::made_static;

pub(crate) fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let Data::Enum(body) = &item.data else {
        return Err(Error::new(
            item.ident.span(),
            "`Rows` is for an enum with one variant a table; for a struct see `derive(Row)`",
        ));
    };

    let mut variants = Vec::with_capacity(body.variants.len());
    let mut members = Vec::with_capacity(body.variants.len());
    for variant in &body.variants {
        match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                variants.push(&variant.ident);
                members.push(made_static(&fields.unnamed[0].ty));
            }
            other => return Err(Error::new(other.span(), "a variant holds one row, or rows: `Order(OrderRow)`")),
        }
    }

    let name = &item.ident;
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    let positions = (0..variants.len()).map(Index::from);
    Ok(quote! {
        impl #generics ::sluicebox::Rows for #name #arguments #bounds {
            type Tables = (#(<#members as ::sluicebox::Rows>::Tables,)*);

            fn describe(tables: &mut ::std::vec::Vec<::sluicebox::description::Table>) {
                #(<#members as ::sluicebox::Rows>::describe(tables);)*
            }
            #[inline]
            fn write(self, tables: &mut Self::Tables, record: u32) -> usize {
                match self {
                    #(Self::#variants(rows) => ::sluicebox::Rows::write(rows, &mut tables.#positions, record),)*
                }
            }
        }

        impl #generics ::sluicebox::IntoRows for #name #arguments #bounds {
            type Rows = Self;

            #[inline]
            fn into_rows(self) -> ::core::result::Result<Self, ::sluicebox::Reject> {
                ::core::result::Result::Ok(self)
            }
        }
    })
}
