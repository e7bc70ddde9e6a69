//! Colours, where they are wanted; they never carry meaning alone.

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Colours are wanted.
    pub on: bool,
}

impl Paint {
    /// For headings.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what failed.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// For what is worth a look.
    #[must_use]
    pub fn doubtful(self, text: &str) -> String {
        self.with("33", text)
    }

    /// For what is fine.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For what is there to be copied.
    #[must_use]
    pub fn copy(self, text: &str) -> String {
        self.with("36", text)
    }

    /// For labels.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
