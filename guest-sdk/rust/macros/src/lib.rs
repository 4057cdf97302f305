//! The attribute and the derives of the `sluicebox` guest SDK, which re-exports and documents them.
//!
//! Macros here only read syntax and name things; what can be a function or a trait is one, in the SDK. They know
//! nothing of the WIT boundary, of JSON, or of how a column is laid out.

mod configuration;
mod lifetimes;
mod options;
mod row;
mod rows;
mod transform;

use proc_macro::TokenStream;

/// Turns a function into a transform; see `sluicebox::transform`.
#[proc_macro_attribute]
pub fn transform(options: TokenStream, function: TokenStream) -> TokenStream {
    transform::expand(options.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a row of a table; see `sluicebox::Row`.
#[proc_macro_derive(Row, attributes(row))]
pub fn row(item: TokenStream) -> TokenStream {
    row::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum of rows a row of one of several tables; see `sluicebox::Rows`.
#[proc_macro_derive(Rows)]
pub fn rows(item: TokenStream) -> TokenStream {
    rows::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Describes a configuration by a JSON Schema; see `sluicebox::Configuration`.
#[proc_macro_derive(Configuration)]
pub fn configuration(item: TokenStream) -> TokenStream {
    configuration::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
