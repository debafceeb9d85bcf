//! When an account's attachments are fetched.

/// When the bytes of attachments are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MediaPolicy {
    /// When somebody asks for them first.
    #[default]
    Lazy,
    /// In the sync, after the messages.
    Eager,
    /// Never.
    Off,
}

impl MediaPolicy {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Eager => "eager",
            Self::Off => "off",
        }
    }

    /// The policy with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Lazy, Self::Eager, Self::Off].into_iter().find(|policy| policy.as_str() == name)
    }
}
