//! Rows of the notify slice.

pub mod choice;
pub mod held;
pub mod mute;
pub mod notification;
pub mod read;
pub mod subscription;
