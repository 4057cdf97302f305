//! Types without borrowed lifetimes: a table's columns are the same for every lifetime of the rows put into them, so
//! what is generated once for a type names it with `'static`.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens of `syntax`, each lifetime replaced by `'static`.
pub(crate) fn made_static(syntax: &impl ToTokens) -> TokenStream {
    replace(syntax.to_token_stream())
}

fn replace(tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => {
                let mut replaced = Group::new(group.delimiter(), replace(group.stream()));
                replaced.set_span(group.span());
                TokenTree::Group(replaced)
            }
            TokenTree::Ident(name) if std::mem::take(&mut after_quote) => Ident::new("static", name.span()).into(),
            other => {
                after_quote = matches!(&other, TokenTree::Punct(mark) if mark.as_char() == '\'');
                other
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::made_static;

    #[test]
    fn every_lifetime_becomes_static_and_nothing_else_changes() {
        let before: syn::Type = syn::parse_quote!(Result<Vec<Row<'a, &'_ str, (u8, &'b [u8])>>, Reject>);
        let after: syn::Type = syn::parse_quote!(Result<Vec<Row<'static, &'static str, (u8, &'static [u8])>>, Reject>);
        assert_eq!(made_static(&before).to_string(), quote::quote!(#after).to_string());
    }
}
