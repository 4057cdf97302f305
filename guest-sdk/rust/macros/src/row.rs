//! `#[derive(Row)]`: the columns of a struct, and how a value of it is pushed into them.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Fields, LitStr, spanned::Spanned};

use crate::{
    lifetimes::made_static,
    options::{FieldOptions, Property, RowOptions},
};

/// One field of the struct, and the column that it becomes.
struct Column {
    field: Ident,
    name: String,
    /// The field's type with every lifetime `'static`.
    cell: TokenStream,
    properties: Vec<Property>,
}

pub(crate) fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let options = RowOptions::parse(&item.attrs)?;
    let columns = columns(&item)?;
    refuse_unknown_columns(&options, &columns)?;

    let roles = roles(&options, &columns);
    let writer = columns_writer(&columns);
    let row = row(&item, &options, &columns);
    let cell = cell(&item);
    Ok(quote! {
        const _: () = {
            #roles
            #writer
            #row
            #cell
        };
    })
}

fn columns(item: &DeriveInput) -> syn::Result<Vec<Column>> {
    if let Some(parameter) = item.generics.type_params().next() {
        return Err(Error::new(parameter.span(), "a row names its types: the table's columns follow from them"));
    }
    let Data::Struct(syn::DataStruct { fields: Fields::Named(fields), .. }) = &item.data else {
        return Err(Error::new(
            item.ident.span(),
            "a row is a struct with named fields; for rows of several tables see `derive(Rows)`",
        ));
    };
    if fields.named.is_empty() {
        return Err(Error::new(item.ident.span(), "a row has one field or more"));
    }
    fields
        .named
        .iter()
        .filter_map(|field| {
            let ident = field.ident.clone()?;
            Some(FieldOptions::parse(field).map(|options| Column {
                name: options.column.unwrap_or_else(|| ident.to_string()),
                field: ident,
                cell: made_static(&field.ty),
                properties: options.properties,
            }))
        })
        .collect()
}

fn refuse_unknown_columns(options: &RowOptions, columns: &[Column]) -> syn::Result<()> {
    let mut named = options.partition_by.iter().chain(&options.key).chain(&options.event_time);
    match named.find(|name| !columns.iter().any(|column| column.name == name.value())) {
        Some(unknown) => Err(Error::new(unknown.span(), "no column of this row has that name")),
        None => Ok(()),
    }
}

/// What has the compiler check the types of key and event time, with its error at the name in the attribute.
fn roles(options: &RowOptions, columns: &[Column]) -> TokenStream {
    let check = |name: &LitStr, role: TokenStream| {
        let column = columns.iter().find(|column| column.name == name.value())?;
        let cell = &column.cell;
        Some(quote_spanned!(name.span()=> const _: () = ::sluicebox::role::#role::<#cell>();))
    };
    let keys = options.key.iter().filter_map(|name| check(name, quote!(is_key)));
    let event_time = options.event_time.iter().filter_map(|name| check(name, quote!(is_event_time)));
    keys.chain(event_time).collect()
}

/// A struct with one writer a field, the same for all lifetimes of the row.
fn columns_writer(columns: &[Column]) -> TokenStream {
    let fields: Vec<_> = columns.iter().map(|column| &column.field).collect();
    let cells = columns.iter().map(|column| &column.cell);
    quote! {
        #[derive(Default)]
        pub struct Columns {
            #(#fields: <#cells as ::sluicebox::cell::Cell>::Writer,)*
        }

        impl ::sluicebox::writer::Members for Columns {
            fn reserve(&mut self, slots: usize) {
                #(::sluicebox::writer::Writer::reserve(&mut self.#fields, slots);)*
            }
            fn fill(&mut self) {
                #(::sluicebox::writer::Writer::fill(&mut self.#fields);)*
            }
            fn finish(self, columns: &mut ::std::vec::Vec<::sluicebox::column::Column>) {
                #(::sluicebox::writer::Writer::finish(self.#fields, columns);)*
            }
        }
    }
}

/// The row as a row of its table, and as all that a transform returns.
fn row(item: &DeriveInput, options: &RowOptions, columns: &[Column]) -> TokenStream {
    let name = &item.ident;
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    let table = options.table.as_ref().map_or_else(|| snake_case(&name.to_string()), syn::LitStr::value);
    let RowOptions { partition_by, key, .. } = options;
    let event_time = options
        .event_time
        .as_ref()
        .map_or_else(|| quote!(::core::option::Option::None), |name| quote!(::core::option::Option::Some(#name)));
    let properties = options.properties.iter().map(|Property { name, value }| quote!((#name, #value)));
    let fields: Vec<_> = columns.iter().map(|column| &column.field).collect();
    let described = columns.iter().map(|Column { name, cell, properties, .. }| {
        let properties = properties.iter().map(|Property { name, value }| quote!(.property(#name, #value)));
        quote!(::sluicebox::description::Field::of::<#cell>(#name) #(#properties)*)
    });
    let writer =
        if options.json { quote!(::sluicebox::row::JsonRows) } else { quote!(::sluicebox::row::TypedRows<Columns>) };
    quote! {
        impl #generics ::sluicebox::Row for #name #arguments #bounds {
            const TABLE: &'static str = #table;
            const PARTITION_BY: &'static [&'static str] = &[#(#partition_by),*];
            const KEY: &'static [&'static str] = &[#(#key),*];
            const EVENT_TIME: ::core::option::Option<&'static str> = #event_time;
            const PROPERTIES: &'static [(&'static str, &'static str)] = &[#(#properties),*];
            type Columns = Columns;
            type Writer = #writer;

            fn fields() -> ::std::vec::Vec<::sluicebox::description::Field> {
                ::std::vec![#(#described),*]
            }
            #[inline]
            fn write(&self, columns: &mut Columns) {
                #(::sluicebox::cell::Cell::write(&self.#fields, &mut columns.#fields);)*
            }
        }

        impl #generics ::sluicebox::Rows for #name #arguments #bounds {
            type Tables = ::sluicebox::row::TableWriter<<Self as ::sluicebox::Row>::Writer>;

            fn describe(tables: &mut ::std::vec::Vec<::sluicebox::description::Table>) {
                tables.push(::sluicebox::description::Table::of::<Self>());
            }
            #[inline]
            fn write(self, tables: &mut Self::Tables, record: u32) -> usize {
                tables.push(&self, record)
            }
        }

        impl #generics ::sluicebox::IntoRows for #name #arguments #bounds {
            type Rows = Self;

            #[inline]
            fn into_rows(self) -> ::core::result::Result<Self, ::sluicebox::Reject> {
                ::core::result::Result::Ok(self)
            }
        }
    }
}

/// The row as one struct column of another row.
fn cell(item: &DeriveInput) -> TokenStream {
    let name = &item.ident;
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    quote! {
        impl #generics ::sluicebox::cell::Cell for #name #arguments #bounds {
            type Writer = ::sluicebox::writer::StructWriter<Columns>;

            fn data_type() -> ::sluicebox::description::DataType {
                ::sluicebox::description::DataType::Struct(<Self as ::sluicebox::Row>::fields())
            }
            #[inline]
            fn write(&self, writer: &mut Self::Writer) {
                <Self as ::sluicebox::Row>::write(self, writer.slot());
            }
        }
    }
}

/// `CleanOrder` → `clean_order`
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
