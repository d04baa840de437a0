//! Declaration of settings: each fact is written once.

/// Declares a table of settings. A setting is documentation, key, type, default, and where it has them range, unit and
/// form of its text. The struct, its `Default`, the check of all ranges and the descriptions
/// ([`SettingsTable`](crate::settings::SettingsTable)) follow. `and { … }` adds fields that are not settings.
///
/// ```ignore
/// settings! {
///     /// Settings of the size stage.
///     #[derive(Clone, Debug, Serialize, Deserialize)]
///     pub struct SizingSettings in "sizing" {
///         /// Share of full Kelly.
///         kelly_fraction: f64 = 0.25, in 1e-6 to 1;
///         /// Time of day, UTC, at which a date rebalances.
///         rebalance_at: Option<String> = None, form "a time of day such as 15:30";
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        #[derive($($derive:path),+)]
        $vis:vis struct $name:ident in $table:literal {
            $(
                $(#[doc = $doc:literal])+
                $(#[serde($($serde:tt)+)])*
                $key:ident: $type:ty = $default:expr
                    $(, in $least:literal to $most:literal $(or $extra:literal)?)?
                    $(, unit $unit:literal)?
                    $(, form $form:expr)?;
            )*
        }
        $(and { $($(#[doc = $own_doc:literal])* $own_vis:vis $own:ident: $own_type:ty),+ $(,)? })?
    ) => {
        $(#[doc = $about])+
        #[derive($($derive),+)]
        #[serde(default, deny_unknown_fields)]
        $vis struct $name {
            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!(
                    "Default: `", stringify!($default), "`."
                    $(, " Range: `", stringify!($least), "` to `", stringify!($most), "`."
                        $(, " Also `", stringify!($extra), "`.")?)?
                    $(, " Unit: ", $unit, ".")?
                )]
                $(#[serde($($serde)+)])*
                pub $key: $type,
            )*
            $($($(#[doc = $own_doc])* #[serde(skip)] $own_vis $own: $own_type,)+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* $($($own: Default::default(),)+)? }
            }
        }

        impl $crate::settings::SettingsTable for $name {
            const TABLE: &'static str = $table;
            const DOC: &'static [&'static str] = &[$($about),+];
            const SETTINGS: &'static [$crate::settings::Setting] = &[$(
                $crate::settings::Setting {
                    key: stringify!($key),
                    kind: <$type as $crate::settings::SettingType>::KIND,
                    optional: <$type as $crate::settings::SettingType>::OPTIONAL,
                    range: [
                        $(Some($crate::settings::Range {
                            least: $least as f64,
                            most: $most as f64,
                            text: (stringify!($least), stringify!($most)),
                            or: [$(Some($extra as f64),)? None][0],
                        }),)?
                        None,
                    ][0],
                    unit: [$($unit,)? ""][0],
                    form: [$($form,)? ""][0],
                    doc: &[$($doc),+],
                },
            )*];

            fn check_ranges(&self) -> Result<(), $crate::settings::Invalid> {
                $crate::settings::check_ranges(Self::SETTINGS, &[$(&self.$key),*])
            }
        }
    };
}

/// Declares the words that a setting accepts, as an enum with the words of a configuration.
///
/// ```ignore
/// choices! {
///     /// Treatment of the part of an order that did not fill on its frame.
///     pub enum Unfilled, default Cancel {
///         /// Cancels the remainder.
///         Cancel = "cancel",
///         /// Keeps the remainder working until the next rebalance, which cancels it.
///         Carry = "carry",
///     }
/// }
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident, default $default:ident {
            $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $variant,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $name {
            /// Word in settings and outputs.
            #[must_use]
            #[allow(dead_code, reason = "not every choice is named in an output")]
            $vis const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::settings::SettingValue for $name {}

        impl $crate::settings::SettingType for $name {
            const KIND: $crate::settings::Kind =
                $crate::settings::Kind::Choice(&[$($crate::settings::Choice { name: $word, doc: &[$($doc),+] }),+]);
        }
    };
}
