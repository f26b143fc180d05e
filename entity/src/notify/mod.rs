//! Rows of the notify slice.

pub mod choice;
pub mod mute;
pub mod notification;
pub mod read;
pub mod subscription;
