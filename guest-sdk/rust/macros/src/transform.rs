//! `#[transform]`: the function stays as it is; beside it comes a type of the same name that implements
//! `sluicebox::Transform`, and, in a guest, the component's exports.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, ItemFn, ReturnType, Type, spanned::Spanned};

use crate::{lifetimes::made_static, options::TransformOptions};

pub(crate) fn expand(options: TokenStream, function: TokenStream) -> syn::Result<TokenStream> {
    let options = TransformOptions::parse(options)?;
    let function: ItemFn = syn::parse2(function)?;
    refuse_what_cannot_run(&function)?;
    let ReturnType::Type(_, returned) = &function.sig.output else {
        return Err(Error::new(
            function.sig.span(),
            "a transform returns a row: `-> Row`, `Option`, `Vec`, `Result<_, Reject>` of it",
        ));
    };

    let (visibility, name) = (&function.vis, &function.sig.ident);
    let parameters = function.sig.inputs.iter().map(Parameter::of).collect::<syn::Result<Vec<_>>>()?;
    let arguments = parameters.iter().map(Parameter::argument);
    let configuration = configuration_of(&parameters)?;
    let returned = made_static(returned);
    let transform_name = options.name.map_or_else(|| quote!(env!("CARGO_PKG_NAME")), |name| quote!(#name));
    let version = options.version.map_or_else(|| quote!(env!("CARGO_PKG_VERSION")), |version| quote!(#version));
    let (names, values): (Vec<_>, Vec<_>) =
        options.properties.iter().map(|property| (&property.name, &property.value)).unzip();
    let doc = format!("The transform [`{name}`](fn@{name}): what the host runs, and what tests name.");
    let exported = format_ident!("{name}");

    Ok(quote! {
        #function

        #[doc = #doc]
        #[expect(non_camel_case_types, reason = "named like the function that it runs")]
        #visibility struct #name {
            configuration: #configuration,
        }

        impl ::sluicebox::Transform for #name {
            fn describe() -> ::sluicebox::description::Description {
                ::sluicebox::transform::describe::<#returned, #configuration>(#transform_name, #version)
                    #(.property(#names, #values))*
            }

            fn configure(configuration: &str) -> ::core::result::Result<Self, ::sluicebox::configuration::Error> {
                ::core::result::Result::Ok(Self { configuration: ::sluicebox::configuration::read(configuration)? })
            }

            fn process(&self, batch: &::sluicebox::batch::Batch) -> ::sluicebox::outcome::Outcome {
                ::sluicebox::transform::process(batch, |record| {
                    ::sluicebox::IntoRows::into_rows(#name(#(#arguments),*))
                })
            }
        }

        #[cfg(target_arch = "wasm32")]
        ::sluicebox::export_transform!(#exported);
    })
}

/// Where an argument of the function comes from.
enum Parameter {
    /// `&Record`
    Record,
    /// `&Settings`: any other reference is the configuration.
    Configuration(Box<Type>),
    /// Anything else reads itself from the record.
    Extracted,
}

impl Parameter {
    fn of(argument: &FnArg) -> syn::Result<Self> {
        let FnArg::Typed(parameter) = argument else {
            return Err(Error::new(argument.span(), "a transform is a free function, without `self`"));
        };
        let Type::Reference(reference) = &*parameter.ty else { return Ok(Self::Extracted) };
        if reference.mutability.is_some() {
            return Err(Error::new(
                reference.span(),
                "nothing may be carried from one record to the next: take `&`, not `&mut`",
            ));
        }
        let is_record = matches!(&*reference.elem, Type::Path(path)
            if path.path.segments.last().is_some_and(|segment| segment.ident == "Record"));
        Ok(if is_record { Self::Record } else { Self::Configuration(reference.elem.clone()) })
    }

    fn argument(&self) -> TokenStream {
        match self {
            Self::Record => quote!(&record),
            Self::Configuration(_) => quote!(&self.configuration),
            Self::Extracted => quote!(::sluicebox::FromRecord::from_record(record)?),
        }
    }
}

fn configuration_of(parameters: &[Parameter]) -> syn::Result<TokenStream> {
    let mut types = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Configuration(settings) => Some(settings),
        Parameter::Record | Parameter::Extracted => None,
    });
    match (types.next(), types.next()) {
        (None, _) => Ok(quote!(::sluicebox::configuration::Nothing)),
        (Some(settings), None) => Ok(quote!(#settings)),
        (Some(_), Some(second)) => Err(Error::new(
            second.span(),
            "a transform has one configuration: only one parameter may be a reference to settings",
        )),
    }
}

fn refuse_what_cannot_run(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new(
            keyword.span(),
            "a transform is a pure function of its record: it has nothing to await",
        ));
    }
    if let Some(parameter) = signature.generics.type_params().next() {
        return Err(Error::new(parameter.span(), "a transform names its types: the tables' columns follow from them"));
    }
    if signature.inputs.is_empty() {
        return Err(Error::new(
            signature.paren_token.span.span(),
            "a transform takes what it reads, such as `order: Json<Order>`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::expand;

    fn message(function: TokenStream) -> String {
        expand(TokenStream::new(), function).map_or_else(|error| error.to_string(), |expanded| expanded.to_string())
    }

    #[test]
    fn what_cannot_be_a_transform_is_told_so() {
        for (function, expected) in [
            (
                quote!(
                    fn f(order: Json<Order>) {}
                ),
                "a transform returns a row",
            ),
            (
                quote!(
                    async fn f(order: Json<Order>) -> Row {}
                ),
                "it has nothing to await",
            ),
            (
                quote!(
                    fn f<T>(order: Json<T>) -> Row {}
                ),
                "a transform names its types",
            ),
            (
                quote!(
                    fn f() -> Row {}
                ),
                "a transform takes what it reads",
            ),
            (
                quote!(
                    fn f(&self) -> Row {}
                ),
                "a free function",
            ),
            (
                quote!(
                    fn f(count: &mut u64) -> Row {}
                ),
                "take `&`, not `&mut`",
            ),
            (
                quote!(
                    fn f(a: &Settings, b: &Other) -> Row {}
                ),
                "only one parameter may be a reference to settings",
            ),
        ] {
            let message = message(function);
            assert!(message.contains(expected), "{message}");
        }
        let unknown = expand(
            quote!(nmae = "x"),
            quote!(
                fn f(order: Json<Order>) -> Row {}
            ),
        );
        assert!(unknown.is_err_and(|error| error.to_string().contains("`name`, `version` and `properties`")));
    }

    #[test]
    fn arguments_come_from_where_their_types_say() {
        let expanded = message(quote!(
            fn f(a: &Record<'_>, b: Json<Order>, c: &my::Settings) -> Row<'_> {}
        ));
        let call = quote!(f(&record, ::sluicebox::FromRecord::from_record(record)?, &self.configuration)).to_string();
        assert!(expanded.contains(&call), "{expanded}");
        assert!(expanded.contains("configuration : my :: Settings"), "{expanded}");
        assert!(expanded.contains("describe :: < Row < 'static >"), "{expanded}");
    }
}
