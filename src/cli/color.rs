//! Whether to use colours.

use super::args::Color;
use std::env;
use std::io::{self, IsTerminal};

/// `--color` said `when`; `auto` asks the terminal and the environment. Older Windows consoles are told to obey colours.
#[must_use]
pub fn wanted(when: Color) -> bool {
    let wanted = asked(when);
    if wanted {
        let _ = anstyle_query::windows::enable_ansi_colors();
    }
    wanted
}

fn asked(when: Color) -> bool {
    match when {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => automatic(
            io::stdout().is_terminal(),
            env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            env::var_os("TERM").is_some_and(|term| term == "dumb"),
        ),
    }
}

/// On a terminal that can, unless the user set `NO_COLOR` (no-color.org: to anything but nothing).
fn automatic(terminal: bool, no_color: bool, dumb: bool) -> bool {
    terminal && !no_color && !dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_asks_terminal_and_environment() {
        assert!(automatic(true, false, false));
        assert!(!automatic(false, false, false) && !automatic(true, true, false) && !automatic(true, false, true));
    }
}
