//! Characters that nobody sees, in texts that others have written.

/// Whether a character has no shape of its own: control characters (Unicode's `Cc`), and those that hide
/// text, turn it round or end a line (most of `Cf`, `Zl` and `Zp`: soft hyphen, zero-width and directional
/// marks, invisible operators, tags).
///
/// Such a character in a name, a note or a dialled text makes a line of a log into two, or shows
/// another number than there is. Names of lists and profiles have none; of what else comes from
/// outside, the command and the C library show an escape or a `?`.
///
/// ```
/// assert!(tollgate::is_unseen('\u{202e}') && tollgate::is_unseen('\n') && !tollgate::is_unseen('é'));
/// ```
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
