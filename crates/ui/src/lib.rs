//! The design system: parts that every page is built from, with all their states.
//!
//! Responsible for markup, roles and class names (the classes stand in `style/main.css`). Not responsible
//! for words: every visible text is handed in, so that pages decide the language.
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

mod banner;
mod button;
mod card;
mod copy;
mod dialog;
mod field;
mod icon;
mod pill;
mod stepper;
mod toast;
mod whole;

pub use banner::{Banner, Tone};
pub use button::{Button, Kind};
pub use card::{Badge, Card, EmptyState, Skeleton, Stat};
pub use copy::{CodeBlock, CopyText};
pub use dialog::{Dialog, Opener};
pub use field::{Field, SecretField};
pub use icon::{Glyph, Icon};
pub use pill::StatePill;
pub use stepper::{Step, StepState, Stepper};
pub use toast::{ToastHost, Toasts, provide_toasts};
pub use whole::{IntoWhole, Within};
