//! `tollgate_verdict`, the numbers in it and their names.

use crate::NAME_BYTES;
use crate::error::{MESSAGE_BYTES, Message};
use crate::panic::guard_or;
use std::ffi::{CStr, c_char};
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use tollgate::{Action, ListAction, MAX_NUMBER_DIGITS, NumberType, Reason, Rule, Verdict};

/// Whether the call may go through. 0 is neither: a verdict that was never written allows nothing.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_action {
    /// It may.
    TOLLGATE_ALLOW = 1,
    /// It may not.
    TOLLGATE_BLOCK = 2,
}

/// Which step decided. Below TOLLGATE_REASONS; more may come.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // C reads these; a test compares them with what is written
pub enum tollgate_reason {
    /// An emergency number of the home region: always allowed.
    TOLLGATE_REASON_EMERGENCY = 1,
    /// An entry of a list.
    TOLLGATE_REASON_LIST = 2,
    /// The number's type, or the satellite class.
    TOLLGATE_REASON_TYPE = 3,
    /// The number's region.
    TOLLGATE_REASON_COUNTRY = 4,
    /// Nothing matched: the profile's default.
    TOLLGATE_REASON_DEFAULT = 5,
    /// The numbering plan assigns the number to nobody.
    TOLLGATE_REASON_UNASSIGNED = 6,
    /// The text could not be read as a number.
    TOLLGATE_REASON_INVALID = 7,
    /// A withheld caller id.
    TOLLGATE_REASON_ANONYMOUS = 8,
    /// A short number of the home region.
    TOLLGATE_REASON_SHORT = 9,
    /// An internal extension.
    TOLLGATE_REASON_INTERNAL = 10,
}

/// The kind of rule that decided, inside the step.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_rule {
    /// The step has one rule only.
    TOLLGATE_RULE_NONE = 0,
    /// A number type is blocked.
    TOLLGATE_RULE_TYPE = 1,
    /// The satellite class is blocked.
    TOLLGATE_RULE_SATELLITE = 2,
    /// A region is blocked, or is not on the allow-list.
    TOLLGATE_RULE_COUNTRY = 3,
    /// A list entry for one whole number, or a pattern of whole numbers.
    TOLLGATE_RULE_WHOLE = 4,
    /// A list entry for all numbers that begin with the matched digits.
    TOLLGATE_RULE_PREFIX = 5,
    /// A list entry for dialled bytes.
    TOLLGATE_RULE_RAW = 6,
}

/// What kind of number it is, in libphonenumber's terms.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // C reads these; a test compares them with what is written
pub enum tollgate_number_type {
    /// The plan assigns the number to nobody, or there is no number.
    TOLLGATE_TYPE_UNKNOWN = 0,
    /// The caller pays more than for the call.
    TOLLGATE_TYPE_PREMIUM_RATE = 1,
    /// The called party pays.
    TOLLGATE_TYPE_TOLL_FREE = 2,
    /// Caller and called party share the cost.
    TOLLGATE_TYPE_SHARED_COST = 3,
    /// Voice over IP.
    TOLLGATE_TYPE_VOIP = 4,
    /// A number for life.
    TOLLGATE_TYPE_PERSONAL_NUMBER = 5,
    /// A pager.
    TOLLGATE_TYPE_PAGER = 6,
    /// A universal access number.
    TOLLGATE_TYPE_UAN = 7,
    /// Access to a voice mailbox.
    TOLLGATE_TYPE_VOICEMAIL = 8,
    /// A geographic number.
    TOLLGATE_TYPE_FIXED_LINE = 9,
    /// A mobile number.
    TOLLGATE_TYPE_MOBILE = 10,
    /// The plan cannot tell the two apart, as in North America.
    TOLLGATE_TYPE_FIXED_LINE_OR_MOBILE = 11,
}

/// Which way the call goes.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_direction {
    /// The text is what was dialled.
    TOLLGATE_OUTBOUND = 0,
    /// The text is the calling party's number.
    TOLLGATE_INBOUND = 1,
}

/// What a match in a list means.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_list_action {
    /// The call is allowed.
    TOLLGATE_LIST_ALLOW = 1,
    /// The call is blocked.
    TOLLGATE_LIST_BLOCK = 2,
    /// The verdict says what would have been; the call goes on.
    TOLLGATE_LIST_LOG = 3,
}

/// The bytes of a number's text: `+`, 40 digits, NUL, and two to spare.
const NUMBER_BYTES: usize = 44;
/// The bytes of a rule's text: `raw:`, the 64 bytes that such an entry has at most, NUL, and room.
const RULE_BYTES: usize = 72;

/// The answer, a plain value: it can be copied and kept, and nothing in it points anywhere. All texts
/// are NUL-terminated UTF-8, empty where there is nothing to say. Two equal answers have equal bytes.
#[repr(C)]
pub struct tollgate_verdict {
    /// A tollgate_action.
    pub action: u8,
    /// A tollgate_reason: which step decided.
    pub reason: u8,
    /// A tollgate_rule: which kind of rule, inside the step.
    pub rule: u8,
    /// A tollgate_number_type; unknown for an unassigned or over-dialled number.
    pub number_type: u8,
    /// 1 where a `log` list would have blocked the call; `shadow` names it.
    pub would_block: u8,
    /// How many of the number's digits the deciding entry or prefix covers; for `raw:` entries, the
    /// dialled bytes; 0 where no digits decided.
    pub matched: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// The number's region, "SK" or "001"; empty where the plan cannot say.
    pub region: [c_char; 4],
    /// The number that was judged, E.164 with `+`; empty where there is none (emergency, short,
    /// internal, withheld, unreadable).
    pub number: [c_char; 44],
    /// The list that decided; empty where none did.
    pub list: [c_char; 48],
    /// The first `log` list that matched; empty where none did.
    pub shadow: [c_char; 48],
    /// The profile that was asked.
    pub profile: [c_char; 48],
    /// The rule as text: "premium_rate", "satellite", "LV", "+3712*", "+37126123456", "raw:100". Empty
    /// where the step has one rule only, and for list entries of short and internal numbers (which
    /// tollgate_explain names).
    pub rule_text: [c_char; 72],
    /// Zero.
    pub reserved_words: [u64; 2],
}

const _: () = {
    assert!(size_of::<tollgate_verdict>() == 288);
    assert!(NUMBER_BYTES > MAX_NUMBER_DIGITS + 1 && NAME_BYTES == 48 && RULE_BYTES == 72);
};

/// The longest text a rule of a list has: whatever covers it.
const MAX_RAW: usize = RULE_BYTES - RAW.len() - 1;
const RAW: &[u8] = b"raw:";

fn action(action: Action) -> tollgate_action {
    match action {
        Action::Allow => tollgate_action::TOLLGATE_ALLOW,
        Action::Block => tollgate_action::TOLLGATE_BLOCK,
    }
}

pub(crate) fn list_action(action: ListAction) -> tollgate_list_action {
    match action {
        ListAction::Allow => tollgate_list_action::TOLLGATE_LIST_ALLOW,
        ListAction::Block => tollgate_list_action::TOLLGATE_LIST_BLOCK,
        ListAction::Log => tollgate_list_action::TOLLGATE_LIST_LOG,
    }
}

/// C's number of a reason: one more than Rust's, so that 0 is none.
#[inline]
pub(crate) fn reason(reason: Reason) -> u8 {
    reason as u8 + 1
}

/// Copies bytes into an array, as far as they fit.
#[inline]
fn put(text: &mut [c_char], bytes: &[u8]) {
    for (to, from) in text.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
}

/// Nothing in it: what is not written behind a text is zero.
const EMPTY: tollgate_verdict = tollgate_verdict {
    action: 0,
    reason: 0,
    rule: 0,
    number_type: 0,
    would_block: 0,
    matched: 0,
    reserved: [0; 2],
    region: [0; 4],
    number: [0; NUMBER_BYTES],
    list: [0; NAME_BYTES],
    shadow: [0; NAME_BYTES],
    profile: [0; NAME_BYTES],
    rule_text: [0; RULE_BYTES],
    reserved_words: [0; 2],
};

/// The bytes of the longest name of a number type, and more.
const TYPE_BYTES: usize = 24;

/// The types' names at their numbers, with zeros behind them: copies of known size.
const TYPE_NAMES: [[u8; TYPE_BYTES]; NumberType::ALL.len()] = {
    let mut names = [[0; TYPE_BYTES]; NumberType::ALL.len()];
    let mut i = 0;
    while i < names.len() {
        let name = NumberType::ALL[i].as_str().as_bytes();
        let mut at = 0;
        while at < name.len() {
            names[i][at] = name[at];
            at += 1;
        }
        i += 1;
    }
    names
};

/// Writes a verdict of Rust as one of C, in place: all of it, so that no byte of what was there before
/// is left. This is what a call through C costs more, so all copies have a size that the compiler knows.
#[inline]
pub(crate) fn write_verdict<'o>(
    room: &'o mut MaybeUninit<tollgate_verdict>,
    verdict: &Verdict,
    dialled: &[u8],
) -> &'o mut tollgate_verdict {
    let v = verdict;
    let out = room.write(EMPTY);
    out.action = action(v.action) as u8;
    out.reason = reason(v.reason);
    out.number_type = v.number_type as u8;
    out.matched = v.matched;
    put(&mut out.region, v.region.padded());
    put(&mut out.profile, v.profile.padded());
    if v.has_number() {
        out.number[0] = b'+' as c_char;
        put(&mut out.number[1..], v.number.padded());
    }
    if !v.list.is_empty() {
        put(&mut out.list, v.list.padded());
    }
    if v.would_block() {
        out.would_block = 1;
        put(&mut out.shadow, v.shadow.padded());
    }
    out.rule = match v.rule {
        Rule::Type(class) => {
            if let Some(name) = TYPE_NAMES.get(class as usize) {
                put(&mut out.rule_text, name);
            }
            tollgate_rule::TOLLGATE_RULE_TYPE
        }
        Rule::Satellite => {
            put(&mut out.rule_text, b"satellite");
            tollgate_rule::TOLLGATE_RULE_SATELLITE
        }
        Rule::Country(region) => {
            put(&mut out.rule_text, region.padded());
            tollgate_rule::TOLLGATE_RULE_COUNTRY
        }
        Rule::Whole => {
            covered(out, v);
            tollgate_rule::TOLLGATE_RULE_WHOLE
        }
        Rule::Prefix => {
            covered(out, v);
            if let Some(end) = out.rule_text.get_mut(v.matched as usize + 1).filter(|_| v.has_number()) {
                *end = b'*' as c_char;
            }
            tollgate_rule::TOLLGATE_RULE_PREFIX
        }
        Rule::Raw => {
            raw_text(&mut out.rule_text, dialled, v.matched);
            tollgate_rule::TOLLGATE_RULE_RAW
        }
        _ => tollgate_rule::TOLLGATE_RULE_NONE,
    } as u8;
    out
}

/// The digits that an entry covers, with `+`: nothing where there is no number. From where they come from, and
/// not from the text beside it: to read again what was written a moment ago waits until it is written.
#[inline]
fn covered(out: &mut tollgate_verdict, v: &Verdict) {
    if !v.has_number() {
        return;
    }
    let mut digits = *v.number.padded();
    for (i, digit) in digits.iter_mut().enumerate() {
        *digit = if i < v.matched as usize { *digit } else { 0 };
    }
    out.rule_text[0] = b'+' as c_char;
    put(&mut out.rule_text[1..], &digits);
}

/// `raw:` and the dialled bytes that the entry covers. They are an entry's, so text that somebody wrote
/// into a policy; what is none all the same is replaced, for this ends up in logs.
#[cold]
fn raw_text(text: &mut [c_char; RULE_BYTES], dialled: &[u8], matched: u8) {
    let dialled = dialled.trim_ascii();
    let covered = dialled.get(..matched as usize).unwrap_or(dialled);
    let covered = &covered[..covered.len().min(MAX_RAW)];
    put(text, RAW);
    let mut places = text[RAW.len()..].iter_mut();
    let mut write = |bytes: &[u8]| {
        // In this order: the other one would take a place for the byte that is not there.
        for (from, to) in bytes.iter().zip(places.by_ref()) {
            *to = *from as c_char;
        }
    };
    for chunk in covered.utf8_chunks() {
        for c in chunk.valid().chars() {
            let is_fit = !tollgate::is_unseen(c);
            write((if is_fit { c } else { '?' }).encode_utf8(&mut [0; 4]).as_bytes());
        }
        write(&b"???"[..chunk.invalid().len().min(3)]);
    }
}

const UNKNOWN: &CStr = c"?";

/// The name of a tollgate_action: "allow", "block"; "?" for any other number. The text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_action_text(action: i32) -> *const c_char {
    match action {
        1 => c"allow",
        2 => c"block",
        _ => UNKNOWN,
    }
    .as_ptr()
}

/// The name of a tollgate_reason: "emergency", "list", "type", "country", "default", "unassigned",
/// "invalid", "anonymous", "short", "internal"; "?" for any other number. The text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_reason_text(reason: i32) -> *const c_char {
    match reason {
        1 => c"emergency",
        2 => c"list",
        3 => c"type",
        4 => c"country",
        5 => c"default",
        6 => c"unassigned",
        7 => c"invalid",
        8 => c"anonymous",
        9 => c"short",
        10 => c"internal",
        _ => UNKNOWN,
    }
    .as_ptr()
}

/// The name of a tollgate_rule: "none", "type", "satellite", "country", "whole", "prefix", "raw"; "?"
/// for any other number. The text is constant. (What the rule says is the verdict's `rule_text`.)
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_rule_text(rule: i32) -> *const c_char {
    match rule {
        0 => c"none",
        1 => c"type",
        2 => c"satellite",
        3 => c"country",
        4 => c"whole",
        5 => c"prefix",
        6 => c"raw",
        _ => UNKNOWN,
    }
    .as_ptr()
}

/// The name of a tollgate_number_type: as in policies: "premium_rate", "mobile", "unknown"; "?" for
/// any other number. The text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_number_type_text(number_type: i32) -> *const c_char {
    match number_type {
        0 => c"unknown",
        1 => c"premium_rate",
        2 => c"toll_free",
        3 => c"shared_cost",
        4 => c"voip",
        5 => c"personal_number",
        6 => c"pager",
        7 => c"uan",
        8 => c"voicemail",
        9 => c"fixed_line",
        10 => c"mobile",
        11 => c"fixed_line_or_mobile",
        _ => UNKNOWN,
    }
    .as_ptr()
}

/// The name of a tollgate_direction: "outbound", "inbound"; "?" for any other number. The text is
/// constant.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_direction_text(direction: i32) -> *const c_char {
    match direction {
        0 => c"outbound",
        1 => c"inbound",
        _ => UNKNOWN,
    }
    .as_ptr()
}

/// The name of a tollgate_list_action: "allow", "block", "log"; "?" for any other number. The text is
/// constant.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_list_action_text(action: i32) -> *const c_char {
    match action {
        1 => c"allow",
        2 => c"block",
        3 => c"log",
        _ => UNKNOWN,
    }
    .as_ptr()
}

/// A text in an array of C's, which may be anybody's bytes, up to its NUL or its end.
struct Text<'t>(&'t [c_char]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|&c| c == 0).unwrap_or(self.0.len());
        let mut bytes = [0; RULE_BYTES];
        for (to, from) in bytes.iter_mut().zip(&self.0[..end]) {
            *to = *from as u8;
        }
        for chunk in bytes[..end.min(RULE_BYTES)].utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// Writes a verdict as one line for a log: "block country LV +37126123456". As snprintf: writes at most
/// `size` bytes with the NUL, cut between two characters where it must be, and returns how long the
/// whole text is without its NUL. 256 bytes are always enough. With `size` 0 nothing is written, and
/// `text` may be NULL. A verdict that is NULL is an empty text.
///
/// Any thread; allocates nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_verdict_text(
    verdict: *const tollgate_verdict,
    text: *mut c_char,
    size: usize,
) -> usize {
    guard_or(0, || {
        let mut line = [0; MESSAGE_BYTES];
        if !verdict.is_null() && verdict.is_aligned() {
            // SAFETY: not NULL, aligned, and C promises a verdict, which may have any bytes in it.
            let verdict = unsafe { &*verdict };
            // What is too long is nothing that the library wrote, and is cut.
            let _ = write_line(&mut Message::new(&mut line), verdict);
        }
        let line = CStr::from_bytes_until_nul(&line).ok().and_then(|line| line.to_str().ok()).unwrap_or_default();
        if !text.is_null() && size > 0 {
            let mut end = line.len().min(size - 1);
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            // SAFETY: C's promise: room for `size` bytes that are the caller's; `end` is less.
            unsafe {
                std::ptr::copy_nonoverlapping(line.as_ptr(), text.cast(), end);
                text.add(end).write(0);
            }
        }
        line.len()
    })
}

fn write_line(line: &mut impl Write, v: &tollgate_verdict) -> fmt::Result {
    let word = |text: *const c_char| {
        // SAFETY: one of the constants above.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
    };
    line.write_str(word(tollgate_action_text(v.action.into())))?;
    write!(line, " {}", word(tollgate_reason_text(v.reason.into())))?;
    for text in [&v.list[..], &v.rule_text[..], &v.number[..]] {
        if text[0] != 0 {
            write!(line, " {}", Text(text))?;
        }
    }
    if v.would_block != 0 {
        write!(line, " (list {} would block)", Text(&v.shadow))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pointer: *const c_char) -> &'static str {
        // SAFETY: constants.
        unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
    }

    /// The names are written out here, since C wants them terminated; they are the library's.
    #[test]
    fn names_are_those_of_the_library() {
        for r in Reason::ALL {
            assert_eq!(text(tollgate_reason_text(reason(r).into())), r.as_str());
        }
        for t in NumberType::ALL {
            assert_eq!(text(tollgate_number_type_text(t as i32)), t.as_str());
        }
        for a in [Action::Allow, Action::Block] {
            assert_eq!(text(tollgate_action_text(action(a) as i32)), a.as_str());
        }
        for a in [ListAction::Allow, ListAction::Block, ListAction::Log] {
            assert_eq!(text(tollgate_list_action_text(list_action(a) as i32)), a.as_str());
        }
        use tollgate::Direction;
        assert_eq!(text(tollgate_direction_text(0)), Direction::Outbound.as_str());
        assert_eq!(text(tollgate_direction_text(1)), Direction::Inbound.as_str());
        for other in [-1, 12, 255, i32::MIN, i32::MAX] {
            assert_eq!(text(tollgate_reason_text(other)), "?");
            assert_eq!(text(tollgate_number_type_text(other)), "?");
        }
    }

    /// C's constants have the numbers that verdicts carry.
    #[test]
    fn numbers_are_those_of_the_header() {
        assert_eq!(i32::from(reason(Reason::Emergency)), tollgate_reason::TOLLGATE_REASON_EMERGENCY as i32);
        assert_eq!(i32::from(reason(Reason::Internal)), tollgate_reason::TOLLGATE_REASON_INTERNAL as i32);
        let types = [
            tollgate_number_type::TOLLGATE_TYPE_UNKNOWN,
            tollgate_number_type::TOLLGATE_TYPE_PREMIUM_RATE,
            tollgate_number_type::TOLLGATE_TYPE_TOLL_FREE,
            tollgate_number_type::TOLLGATE_TYPE_SHARED_COST,
            tollgate_number_type::TOLLGATE_TYPE_VOIP,
            tollgate_number_type::TOLLGATE_TYPE_PERSONAL_NUMBER,
            tollgate_number_type::TOLLGATE_TYPE_PAGER,
            tollgate_number_type::TOLLGATE_TYPE_UAN,
            tollgate_number_type::TOLLGATE_TYPE_VOICEMAIL,
            tollgate_number_type::TOLLGATE_TYPE_FIXED_LINE,
            tollgate_number_type::TOLLGATE_TYPE_MOBILE,
            tollgate_number_type::TOLLGATE_TYPE_FIXED_LINE_OR_MOBILE,
        ];
        for (ours, theirs) in types.into_iter().zip(NumberType::ALL) {
            assert_eq!(ours as i32, theirs as i32);
            let name = format!("TOLLGATE_TYPE_{}", theirs.as_str().to_uppercase());
            assert_eq!(format!("{ours:?}"), name);
        }
    }

    #[test]
    fn raw_texts_are_bounded_and_fit_for_a_log() {
        let shown = |dialled: &[u8], matched| {
            let mut room = [0; RULE_BYTES];
            raw_text(&mut room, dialled, matched);
            Text(&room).to_string()
        };
        assert_eq!(shown(b" 1005 ", 3), "raw:100");
        assert_eq!(shown("é\r\nX".as_bytes(), 6), "raw:é??X");
        assert_eq!(shown(b"\xff\r\nX", 9), "raw:???X");
        assert_eq!(shown("a\u{85}\u{2028}\u{202e}b".as_bytes(), 10), "raw:a???b");
        assert_eq!(shown(&[b'x'; 300], 255), format!("raw:{}", "x".repeat(MAX_RAW)));
    }
}
