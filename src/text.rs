//! Dialled text to digits: what a PBX holds, or a list entry, becomes a [`Dialled`].
//!
//! Everything a call can be dialled with, or a caller can call himself, ends here: `00371…`,
//! `+371 …`, `tel:` (RFC 3966), `sip:` and `sips:` URIs bare or as a name-addr (RFC 3261), routing
//! numbers (RFC 4694), `urn:service:sos` (RFC 5031), `anonymous`. The compiler reads list entries
//! with the same function, so that an entry and a call cannot be read differently.
//!
//! The rule above all others: **the number judged is the number that would be dialled.** A text
//! with two readings is refused, and nothing is thrown away silently but what no exchange dials:
//! separators, an extension, what follows a pause.
//!
//! # What is read, in this order
//!
//! 1. *Plain text* of `+`, ASCII digits and ASCII separators: nearly every call, and therefore a
//!    loop of its own, [`plain`]. The rest may take longer; the result is the same.
//! 2. *Around the text*: white space is trimmed. Control characters but TAB are refused anywhere:
//!    a line break in a dialled string is an attempt to write a second header or command.
//! 3. *Name-addr*: `"Bob <7>" <sip:…>;tag=…`, `Bob <sip:…>`, `<sip:…>`. The URI counts and the
//!    display name never does. A text that is all in quotes is read without them.
//! 4. *Scheme*: `tel:`, `sip:`, `sips:`, `urn:`, or none, in any case.
//! 5. *User part*: up to the first `@`, and in it up to a `:` (a password). A second `@` in the
//!    host is refused, since programs differ on which one ends the user part; behind the host's
//!    first `;` or `?` everything is ignored, as are these. `sip:` without `@` names a host, but
//!    phones send `sip:112` all the same: it is read as a user part where it begins with `+` or a
//!    digit and has neither a dot nor a letter. An `&` is refused wherever it stands, but in a quoted
//!    display name: in Asterisk's `Dial` it joins a second destination.
//! 6. *Parameters* of the user part: `phone-context` (global: kept as [`Dialled::context`] unless
//!    the number has a plus; a domain: ignored; empty, malformed or twice: refused), `rn` (kept as
//!    [`Dialled::routing`]); `ext`, `isub`, `npdi` and all others are dropped. Names in any case.
//!    A local `rn` with an `rn-context` is refused: read without its context, it would be another
//!    number.
//! 7. *Percent-encoding*, decoded exactly once and after the delimiters were found, so that `%3B`
//!    or `%40` never delimit.
//! 8. *Feature codes* that only prefix a call ([`CALL_PREFIXES`]). Any other `*` or `#` is refused:
//!    `*21*…#` would forward every later call to a number that nobody screens.
//! 9. *Pauses* (`p`, `w`, `,`) and what is sent behind them; then an *extension* ([`extension`]).
//!    So `112,,5` and `911p1` are the emergency number.
//! 10. *Digits* of every script that Unicode knows, *separators*, *letters*: three or more are a
//!     vanity number by the keypad of ITU-T E.161 (`1-800-FLOWERS`), provided that a digit came
//!     first; one or two are a user name or a trick and refused. `O30…` is not `30…`.
//!
//! Withheld caller ids are the words in [`WITHHELD`], no user part at all, and the host
//! `anonymous.invalid` (RFC 3323) with a user part that has no digit. All-zero digits and keypad
//! spellings of *anonymous* stay digits here: what they mean depends on the home region.
//!
//! # Differences from libphonenumber
//!
//! A plainly formatted number gives the same digits. On purpose
//! - refused here, accepted there: junk in front (`Phone: 212…`) and behind; one or two letters,
//!   among them `x` as a placeholder between digits; `*` between digits; `#` without a number of
//!   three digits before or with more than seven behind, and so other extension marks (it allows
//!   nine digits, or twenty behind `ext`); an extension mark that ends a word (`LINUX12`);
//!   `0123 45#`, which is an extension to it, and to an exchange the send key; two phone-contexts;
//! - accepted here, refused there: URIs around the number, percent-encoding, feature codes, the
//!   send key (`112#`), one digit, vanity numbers with fewer than three digits in front, white
//!   space and invisible marks of Unicode that it does not know;
//! - read differently: `~` is a separator (`8~10` is a Russian pause for the tone), never an
//!   extension mark; behind `p` and `w` everything is cut, however long, where it deletes the one
//!   letter and joins the digits, or reads three of them as a vanity number.

use std::fmt;

/// The most digits that are kept of one dialled string.
pub(crate) const MAX_DIALLED: usize = 64;

/// The most bytes a dialled string may have.
///
/// Real ones have up to 250: a SIP request in one datagram (RFC 3261 §18.1.1) has 1,300 bytes for
/// everything. The bound makes the longest time that one call can take a constant, and gives
/// percent-decoding a buffer on the stack.
pub(crate) const MAX_TEXT: usize = 1024;

/// Digits as dialled, ASCII.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    len: u8,
    bytes: [u8; MAX_DIALLED],
}

impl Digits {
    pub(crate) const EMPTY: Digits = Digits { len: 0, bytes: [0; MAX_DIALLED] };

    /// Appends an ASCII digit; behind the sixty-fourth they are dropped, since they can change no
    /// answer (`docs/design.md`, "How many digits").
    #[inline]
    pub(crate) fn push(&mut self, digit: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len as usize) {
            *slot = digit;
            self.len += 1;
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..(self.len as usize).min(MAX_DIALLED)]
    }

    #[cfg(any(feature = "compile", test))]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", std::str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}

/// What the text turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Digits, perhaps with a leading plus.
    Digits,
    /// A caller id that says that there is none: `anonymous`, empty, …
    Withheld,
    /// `urn:service:sos` and its children (RFC 5031).
    EmergencyUrn,
    /// More than [`MAX_TEXT`] bytes, with these digits in front: too long for anything but an
    /// emergency.
    Overlong,
    /// No number: why, for `explain`.
    Refused(&'static str),
}

/// A dialled string after reading.
///
/// Only [`Kind::Digits`] has digits (at least one), a context or a routing number. What hardly any
/// text has is an option, so that a call does not have to clear room for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialled<'t> {
    pub(crate) kind: Kind,
    /// The digits are international: `+`, `%2B`, a full-width plus.
    pub(crate) plus: bool,
    /// The digits, without plus, feature code, extension, or what follows a pause.
    pub(crate) digits: Digits,
    /// The digits of a global `phone-context`, to be put before `digits` (and then international).
    /// Never empty.
    pub(crate) context: Option<Digits>,
    /// The value of `rn=` (RFC 4694), text to be read in its turn; empty where there is none.
    pub(crate) routing: &'t [u8],
    /// What was cut off behind the digits.
    pub(crate) cut: Cut,
    /// The digits together with those that were cut off, where something was. Never empty.
    pub(crate) joined: Option<Digits>,
}

/// What was cut off behind the digits of a number: digits all the same, which a site whose dial
/// plan only takes letters and signs out would dial. So it may only follow what is complete
/// without it ([`DialPlan::read`](crate::dial::DialPlan::read)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    Nothing,
    /// Behind `p`, `w` or `,`: sent after the answer.
    Pause,
    /// Behind `x`, `ext`, `#`.
    Extension,
}

impl Dialled<'_> {
    /// True where there is nothing but digits, with or without plus.
    #[inline]
    pub(crate) fn is_digits_alone(&self) -> bool {
        self.kind == Kind::Digits && self.cut == Cut::Nothing && self.context.is_none() && self.routing.is_empty()
    }

    /// A result without digits.
    const fn of(kind: Kind) -> Dialled<'static> {
        let digits = Digits::EMPTY;
        Dialled { kind, plus: false, digits, context: None, routing: b"", cut: Cut::Nothing, joined: None }
    }
}

/// The digits of a text that is eight to sixteen of them and nothing else but perhaps a plus in
/// front: what [`read`] gives for it, without copying anything.
#[inline(always)]
pub(crate) fn clean_digits(text: &[u8]) -> Option<(bool, &[u8])> {
    let (plus, digits) = match text {
        [b'+', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    Clean::of(digits).map(|_| (plus, digits))
}

/// As [`clean_digits`], of a text with a plus in front.
#[inline(always)]
pub(crate) fn clean_e164(text: &[u8]) -> Option<Clean<'_>> {
    match text {
        [b'+', digits @ ..] => Clean::of(digits),
        _ => None,
    }
}

/// Eight to sixteen ASCII digits.
#[derive(Clone, Copy)]
pub(crate) struct Clean<'t> {
    pub(crate) digits: &'t [u8],
    /// The first eight of them.
    pub(crate) first: [u8; 8],
    /// The last eight.
    pub(crate) last: [u8; 8],
}

impl Clean<'_> {
    #[inline(always)]
    fn of(digits: &[u8]) -> Option<Clean<'_>> {
        let (first, last) = (*digits.first_chunk()?, *digits.last_chunk()?);
        (digits.len() <= 16 && no_digits(first) | no_digits(last) == 0).then_some(Clean { digits, first, last })
    }
}

/// The most bytes of a text that [`plain_digits`] looks at.
pub(crate) const SHORT_TEXT: usize = 32;

/// The digits of a short text of `+`, ASCII digits and ASCII separators, put together in `buffer`:
/// what [`read`] gives for it, without the room that other texts need.
#[inline(never)]
pub(crate) fn plain_digits<'b>(text: &[u8], buffer: &'b mut [u8; SHORT_TEXT]) -> Option<(bool, &'b [u8])> {
    if text.len() > SHORT_TEXT {
        return None;
    }
    // What is in front of the first digit, mostly nothing or a plus; a plus behind one is no plain text.
    let is_front = |byte: u8| MARKS[byte as usize] & (A_DIGIT | ANOTHER) == 0;
    let (front, rest) = text.split_at(text.iter().position(|&byte| !is_front(byte))?);
    let plus = front.contains(&b'+');
    let (mut len, mut marks) = (0, 0);
    for &byte in rest {
        let mark = MARKS[byte as usize];
        // Every byte is put down, and only a digit stays: there is no branch to guess.
        buffer[len % SHORT_TEXT] = byte;
        marks |= mark;
        len += usize::from(mark & A_DIGIT);
    }
    if marks & (ANOTHER | A_PLUS) != 0 || len == 0 { None } else { buffer.get(..len).map(|digits| (plus, digits)) }
}

const A_DIGIT: u8 = 1;
const A_PLUS: u8 = 2;
const ANOTHER: u8 = 4;

/// What a byte is in a plain text; a separator is nothing.
static MARKS: [u8; 256] = {
    let mut marks = [ANOTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_digit() {
            marks[byte] = A_DIGIT;
        } else if ascii_separator(byte as u8) {
            marks[byte] = 0;
        }
        byte += 1;
    }
    marks[b'+' as usize] = A_PLUS;
    marks
};

/// Reads one dialled string. Never fails, never panics on any bytes, never allocates.
#[inline]
pub(crate) fn read(text: &[u8]) -> Dialled<'_> {
    if text.len() > MAX_TEXT {
        return overlong(text);
    }
    let mut dialled = Dialled::of(Kind::Digits);
    if !plain(text, &mut dialled) {
        dialled = read_any(text);
    }
    dialled
}

/// A text that is too long. Of its beginning the user part is read all the same: an emergency call
/// is one however long the rest of its address is.
#[cold]
fn overlong(text: &[u8]) -> Dialled<'_> {
    let head = &text[..MAX_TEXT];
    if head.contains(&b'&') {
        return Dialled::of(Kind::Refused(AMPERSAND));
    }
    let open = head.iter().rposition(|&b| b == b'<').map_or(0, |at| at + 1);
    let head = up_to(&head[open..], |b| matches!(b, b'@' | b';' | b'?' | b'>'));
    let read = if head.len() < MAX_TEXT { read(head) } else { Dialled::of(Kind::Withheld) };
    match read.kind {
        Kind::Digits if read.cut == Cut::Nothing => Dialled { kind: Kind::Overlong, ..read },
        _ => Dialled::of(Kind::Refused(TOO_LONG)),
    }
}

/// Why a text is no number; every phrase continues "this is no number:".
type Why = &'static str;

pub(crate) const TOO_LONG: Why = "it has more than 1,024 bytes, and no dialled string is that long";
const CONTROL: Why = "it has a control character, such as a line break";
const NOT_UTF8: Why = "its bytes are not UTF-8";
const NO_DIGITS: Why = "it has no digits";
const A_NAME: Why = "it is a name, not a number";
const QUOTES: Why = "its quotes are not closed, or are followed by no address in angle brackets";
const DISPLAY_NAME: Why = "its display name holds what could be an address of its own";
const BRACKETS: Why = "its angle brackets are not closed, or hold more than one address";
const URN: Why = "it is a URN other than urn:service:sos";
const TWO_ATS: Why = "it has a second `@`, so it is unclear where the user part ends";
const TEL_AT: Why = "it is a tel: URI with an `@`, which only sip: has";
const HOST_ONLY: Why = "it is a SIP address without a user part";
const PERCENT: Why = "it has a `%` that is not followed by two hexadecimal digits";
const CONTEXT_TWICE: Why = "it has two phone-contexts";
const CONTEXT_BAD: Why = "its phone-context is empty, or neither a global number nor a domain";
const ROUTING_TWICE: Why = "it has two routing numbers (rn)";
const ROUTING_LOCAL: Why = "its routing number (rn) is local to an rn-context; it must begin with +";
const ROUTING_ALONE: Why = "it has a routing number (rn) but no number";
const AMPERSAND: Why = "it has an `&`, which joins several destinations";
const STAR_HASH: Why = "it has a `*` or `#` that does more than prefix a call";
const FEW_LETTERS: Why = "it has one or two letters, which are neither an extension nor a vanity number";
const LETTERS_FIRST: Why = "it begins with letters";
const LATE_PLUS: Why = "it has a `+` behind the first digit";
const LATE_PAUSE: Why = "it has a `,` that is followed by more than digits to send";
const AT_ENCODED: Why = "it has an encoded `@`";
const SEMICOLON_ENCODED: Why = "it has an encoded `;`";
const COLON: Why = "it has a `:`, and its scheme is none of tel, sip, sips and urn";
const PERCENT_TWICE: Why = "it is percent-encoded twice";
const VARIABLE: Why = "it has a `$`, which the PBX would expand";
const QUOTE_INSIDE: Why = "it has quotes inside the number";
const ANGLE_INSIDE: Why = "it has angle brackets inside the number";
const QUESTION: Why = "it has a `?` inside the number";
const OTHER_ASCII: Why = "it has a punctuation mark that no number is written with";
const OTHER_LETTER: Why = "it has a letter of another alphabet";
const OTHER: Why = "it has a character that no number is written with";

/// Zero where all eight bytes are ASCII digits: each byte's high half is 3, and still is when 6 is
/// added to the byte.
#[inline(always)]
fn no_digits(bytes: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(bytes);
    // No carry goes from byte to byte where every byte is below 0xfa; where one is not, its own
    // high half is not 3.
    let above = word.wrapping_add(0x0606_0606_0606_0606);
    (word ^ 0x3030_3030_3030_3030 | above ^ 0x3030_3030_3030_3030) & 0xf0f0_f0f0_f0f0_f0f0
}

/// The commonest texts: `+`, ASCII digits, ASCII separators. False where there is anything else,
/// or no digit; `dialled`, which must come without digits, is then of no use.
///
/// Written in place, because copying a [`Dialled`] takes as long as reading ten digits.
#[inline]
fn plain(text: &[u8], dialled: &mut Dialled<'_>) -> bool {
    let mut len = 0;
    for &byte in text {
        if byte.is_ascii_digit() {
            // As in `Digits::push`, with the length in a register.
            if let Some(slot) = dialled.digits.bytes.get_mut(len) {
                *slot = byte;
                len += 1;
            }
        } else if byte == b'+' && len == 0 {
            dialled.plus = true;
        } else if !ascii_separator(byte) {
            return false;
        }
    }
    dialled.digits.len = len as u8;
    len > 0
}

/// Every text: the outside first, then [`user_part`].
#[inline(never)]
fn read_any(text: &[u8]) -> Dialled<'_> {
    unwrapped(text).unwrap_or_else(|why| Dialled::of(Kind::Refused(why)))
}

/// A text without what is around its user part.
fn unwrapped(text: &[u8]) -> Result<Dialled<'_>, Why> {
    let text = text.trim_ascii();
    if text.iter().any(|&b| is_control(b)) {
        return Err(CONTROL);
    }
    // Wherever it stands, also behind what is ignored: a PBX that pastes the whole text into its dial
    // command would call what is behind it. Only a quoted name ("AT&T" <sip:…>) may hold one.
    let named = text.first() == Some(&b'"');
    let behind = closing_quote(text).filter(|_| named).and_then(|end| text.get(end + 1..));
    let outside = behind.filter(|behind| behind.trim_ascii_start().starts_with(b"<")).unwrap_or(text);
    if outside.contains(&b'&') {
        return Err(AMPERSAND);
    }
    let uri = address(text)?.trim_ascii();
    if let Some(rest) = strip_prefix_any_case(uri, b"urn:") {
        return emergency_urn(rest);
    }
    if let Some(rest) = strip_prefix_any_case(uri, b"tel:") {
        if rest.contains(&b'@') {
            return Err(TEL_AT);
        }
        return user_part(rest, false);
    }
    let sip = strip_prefix_any_case(uri, b"sip:").or_else(|| strip_prefix_any_case(uri, b"sips:"));
    let rest = sip.unwrap_or(uri);
    let Some(at) = position(rest, b'@') else {
        return match sip {
            None => user_part(rest, false),
            Some(rest) => {
                let rest = up_to(rest, |b| b == b'?');
                if is_anonymous_host(up_to(rest, |b| matches!(b, b':' | b';'))) {
                    return Ok(Dialled::of(Kind::Withheld));
                }
                user_part(up_to(rest, |b| b == b':'), true)
            }
        };
    };
    let (user, host) = (&rest[..at], up_to(&rest[at + 1..], |b| matches!(b, b';' | b'?')));
    if host.contains(&b'@') {
        return Err(TWO_ATS);
    }
    let user = up_to(user, |b| b == b':');
    // A number in front of that host is still the number a PBX would dial, so it counts.
    let no_digit = !user.iter().any(|b| b.is_ascii_digit() || !b.is_ascii());
    if no_digit && is_anonymous_host(up_to(host, |b| b == b':')) {
        return Ok(Dialled::of(Kind::Withheld));
    }
    user_part(user, false)
}

/// The URI of a name-addr (RFC 3261 §25.1), or the text itself where it is none.
fn address(text: &[u8]) -> Result<&[u8], Why> {
    let bracketed = if text.first() == Some(&b'"') {
        let end = closing_quote(text).ok_or(QUOTES)?;
        let rest = text[end + 1..].trim_ascii_start();
        match rest.first() {
            None => return Ok(&text[1..end]),
            Some(b'<') => &rest[1..],
            Some(_) => return Err(QUOTES),
        }
    } else {
        let Some(open) = position(text, b'<') else { return Ok(text) };
        // Names may be sloppier than RFC 3261's tokens, but not so that they could be dialled.
        if text[..open].iter().any(|b| b":@;,&\"?>".contains(b)) {
            return Err(DISPLAY_NAME);
        }
        &text[open + 1..]
    };
    let close = position(bracketed, b'>').ok_or(BRACKETS)?;
    let rest = bracketed[close + 1..].trim_ascii_start();
    if !(rest.is_empty() || rest[0] == b';') || rest.contains(&b'<') {
        return Err(BRACKETS);
    }
    Ok(&bracketed[..close])
}

/// Where the quoted string that `text` begins with ends; a backslash hides the byte behind it.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut hidden = false;
    for (i, &byte) in text.iter().enumerate().skip(1) {
        if hidden {
            hidden = false;
        } else if byte == b'\\' {
            hidden = true;
        } else if byte == b'"' {
            return Some(i);
        }
    }
    None
}

/// What follows `urn:`. An emergency is always allowed, so nothing but the grammar of RFC 5031
/// may be one: a PBX must not find a number of its own in the rest.
fn emergency_urn(rest: &[u8]) -> Result<Dialled<'_>, Why> {
    let children = strip_prefix_any_case(rest, b"service:sos").ok_or(URN)?;
    let label = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
    let valid = match children {
        [] => true,
        [b'.', labels @ ..] => labels.split(|&b| b == b'.').all(|l| !l.is_empty() && l.iter().all(label)),
        _ => false,
    };
    if valid { Ok(Dialled::of(Kind::EmergencyUrn)) } else { Err(URN) }
}

/// The host that RFC 3323 §4.1.1.3 gives to callers who withhold their address.
fn is_anonymous_host(host: &[u8]) -> bool {
    host.eq_ignore_ascii_case(b"anonymous.invalid")
}

/// A user part, or a tel: URI behind its scheme: a number and its parameters.
fn user_part(user: &[u8], no_host: bool) -> Result<Dialled<'_>, Why> {
    let body = up_to(user, |b| b == b';');
    let parameters = Parameters::read(&user[body.len()..])?;

    // As at the top: most user parts are plain numbers, too.
    let mut dialled = Dialled::of(Kind::Digits);
    if !no_host && plain(body, &mut dialled) {
        return Ok(parameters.around(dialled));
    }
    encoded_user_part(body, parameters, no_host)
}

/// A number with percent-encoding, letters, marks or other scripts in it, or none.
#[inline(never)]
fn encoded_user_part<'t>(body: &[u8], parameters: Parameters<'t>, no_host: bool) -> Result<Dialled<'t>, Why> {
    let mut buffer = [0; MAX_TEXT];
    let body = decode(body, &mut buffer)?;
    if body.iter().any(|&b| is_control(b)) {
        return Err(CONTROL);
    }
    let body = std::str::from_utf8(body).map_err(|_| NOT_UTF8)?;
    let name = body.trim_matches(|c| c == '"' || c == ' ' || c == '\t');
    if name.is_empty() || WITHHELD.iter().any(|w| name.eq_ignore_ascii_case(w)) {
        return if parameters.routing.is_empty() { Ok(Dialled::of(Kind::Withheld)) } else { Err(ROUTING_ALONE) };
    }
    if no_host {
        let first = body.chars().next().is_some_and(|c| is_plus(c) || digit(c).is_some());
        if !first || body.bytes().any(|b| b == b'.' || b.is_ascii_alphabetic()) {
            return Err(HOST_ONLY);
        }
    }
    Ok(parameters.around(number(body)?))
}

/// What the parameters of a user part say (RFC 3966 §3, RFC 4694 §4).
struct Parameters<'t> {
    context: Option<Digits>,
    routing: &'t [u8],
}

impl<'t> Parameters<'t> {
    /// Reads `;name=value;name…`, or nothing.
    fn read(text: &'t [u8]) -> Result<Parameters<'t>, Why> {
        let mut context: Option<Digits> = None;
        let mut routing: Option<&[u8]> = None;
        let mut routing_context = false;
        for parameter in text.split(|&b| b == b';').skip(1) {
            check_parameter(parameter)?;
            let name = up_to(parameter, |b| b == b'=');
            let value = parameter.get(name.len() + 1..).unwrap_or_default();
            if name.eq_ignore_ascii_case(b"phone-context") {
                if context.replace(phone_context(value)?).is_some() {
                    return Err(CONTEXT_TWICE);
                }
            } else if name.eq_ignore_ascii_case(b"rn") && !value.is_empty() {
                if routing.replace(value).is_some() {
                    return Err(ROUTING_TWICE);
                }
            } else if name.eq_ignore_ascii_case(b"rn-context") && !value.is_empty() {
                routing_context = true;
            }
        }
        let routing = routing.unwrap_or_default();
        let global = routing.first() == Some(&b'+') || strip_prefix_any_case(routing, b"%2B").is_some();
        if routing_context && !routing.is_empty() && !global {
            return Err(ROUTING_LOCAL);
        }
        Ok(Parameters { context, routing })
    }

    /// Adds what the parameters say to the number they belong to.
    fn around(self, mut dialled: Dialled<'t>) -> Dialled<'t> {
        if !dialled.plus {
            // A domain has no digits.
            dialled.context = self.context.filter(|digits| !digits.is_empty());
        }
        dialled.routing = self.routing;
        dialled
    }
}

/// What no parameter may hold, even one that is ignored: PBXs pass user parts on as they are.
fn check_parameter(parameter: &[u8]) -> Result<(), Why> {
    let mut rest = parameter;
    while let Some((byte, behind)) = next_byte(rest)? {
        if byte == b'&' {
            return Err(AMPERSAND);
        }
        if is_control(byte) {
            return Err(CONTROL);
        }
        rest = behind;
    }
    Ok(())
}

/// The digits of a global phone-context; none for a domain.
fn phone_context(value: &[u8]) -> Result<Digits, Why> {
    let mut buffer = [0; MAX_TEXT];
    let value = std::str::from_utf8(decode(value, &mut buffer)?).map_err(|_| NOT_UTF8)?;
    let mut digits = Digits::EMPTY;
    if let Some(global) = value.strip_prefix(is_plus) {
        for c in global.chars() {
            match digit(c) {
                Some(d) => digits.push(d),
                None if is_separator(c) => {}
                None => return Err(CONTEXT_BAD),
            }
        }
        return if digits.is_empty() { Err(CONTEXT_BAD) } else { Ok(digits) };
    }
    // A domain's last label begins with a letter (RFC 3966 §3); `1212` is a forgotten plus.
    let domain = value.strip_suffix('.').unwrap_or(value).as_bytes();
    let label = |l: &[u8]| !l.is_empty() && l.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let top = domain.rsplit(|&b| b == b'.').next().unwrap_or_default();
    if top.first().is_some_and(u8::is_ascii_alphabetic) && domain.split(|&b| b == b'.').all(label) {
        Ok(digits)
    } else {
        Err(CONTEXT_BAD)
    }
}

/// Whole user parts that say "no number", in any case.
const WITHHELD: [&str; 16] = [
    "anonymous",
    "unknown",
    "restricted",
    "private",
    "unavailable",
    "withheld",
    "blocked",
    "no number",
    "not available",
    "private number",
    "unknown number",
    "restricted number",
    "withheld number",
    "number withheld",
    "blocked number",
    "no caller id",
];

/// Codes that only prefix a call: presenting or withholding the caller's number (`*31#`, `#31#`
/// of 3GPP TS 22.030 and their relatives, `*67` and `*82` of North America), no call waiting
/// during the call (`*70`).
const CALL_PREFIXES: [&str; 8] = ["*31#", "#31#", "*31*", "#31*", "#67#", "*67", "*82", "*70"];

/// A decoded number text to its plus and digits.
fn number(text: &str) -> Result<Dialled<'static>, Why> {
    let mut text = text.trim_matches(is_separator);
    // `*70*67212…` is dialled in North America, so there may be several.
    while let Some(rest) = CALL_PREFIXES.iter().find_map(|code| text.strip_prefix(code)) {
        text = rest.trim_start_matches(is_separator);
        if text.is_empty() {
            return Err(STAR_HASH);
        }
    }
    let whole = text;
    let mut cut = Cut::Nothing;
    if let Some(end) = pause(text) {
        text = &text[..end];
        cut = Cut::Pause;
    }
    if let Some(end) = extension(text) {
        text = &text[..end];
        cut = Cut::Extension;
        // "… x302/x2303" is two extensions of one number.
        if let Some(first) = text.strip_suffix(['/', '\\']) {
            text = first.trim_end_matches(is_separator);
            text = &text[..extension(text).unwrap_or(text.len())];
        }
    } else if let Some(keyed) = text.strip_suffix('#')
        && keyed.chars().all(|c| is_plus(c) || digit(c).is_some())
    {
        // The send key. With separators, libphonenumber takes the last group for an extension.
        text = keyed;
    }
    let vanity = text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3;
    let mut plus = false;
    let mut digits = Digits::EMPTY;
    for c in text.chars() {
        if let Some(d) = digit(c) {
            digits.push(d);
        } else if is_separator(c) {
        } else if is_plus(c) && digits.is_empty() {
            plus = true;
        } else if vanity && c.is_ascii_alphabetic() && !digits.is_empty() {
            digits.push(keypad(c));
        } else {
            return Err(why_not(c, vanity, text));
        }
    }
    if digits.is_empty() {
        return Err(NO_DIGITS);
    }
    let mut joined = None;
    if cut != Cut::Nothing && !vanity {
        let mut all = Digits::EMPTY;
        whole.chars().filter_map(digit).for_each(|d| all.push(d));
        joined = Some(all);
    }
    Ok(Dialled { plus, digits, cut, joined, ..Dialled::of(Kind::Digits) })
}

/// Why a character refuses the number text it stands in.
#[cold]
fn why_not(c: char, vanity: bool, text: &str) -> Why {
    match c {
        '&' => AMPERSAND,
        '*' | '#' => STAR_HASH,
        '+' | '\u{ff0b}' => LATE_PLUS,
        ',' => LATE_PAUSE,
        '@' => AT_ENCODED,
        ';' => SEMICOLON_ENCODED,
        ':' => COLON,
        '%' => PERCENT_TWICE,
        '$' => VARIABLE,
        '"' => QUOTE_INSIDE,
        '<' | '>' => ANGLE_INSIDE,
        '?' => QUESTION,
        'a'..='z' | 'A'..='Z' if !text.chars().any(|c| digit(c).is_some()) => A_NAME,
        'a'..='z' | 'A'..='Z' if vanity => LETTERS_FIRST,
        'a'..='z' | 'A'..='Z' => FEW_LETTERS,
        _ if c.is_ascii() => OTHER_ASCII,
        _ if c.is_alphabetic() => OTHER_LETTER,
        _ => OTHER,
    }
}

/// Where a number ends that is followed by pauses and digits to send after the answer.
///
/// Only what can be sent may follow up to the end; otherwise the comma or letter is refused or read
/// as what it is. A `p` or `w` that ends a word (`1-800-FLOW 5`) is a letter of it.
fn pause(text: &str) -> Option<usize> {
    let is_pause = |c: char| matches!(c, 'p' | 'P' | 'w' | 'W' | ',');
    let sent = |c: char| is_pause(c) || matches!(c, '*' | '#' | ';') || digit(c).is_some() || is_separator(c);
    let head = text.trim_end_matches(sent);
    let mut tail = &text[head.len()..];
    if head.ends_with(|c: char| c.is_alphabetic()) {
        tail = tail.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    }
    let end = text.len() - tail.len() + tail.find(is_pause)?;
    text[..end].chars().any(|c| digit(c).is_some()).then_some(end)
}

/// The most digits of an extension. Seven are more than any PBX has and fewer than a subscriber
/// number with its area code.
const MAX_EXTENSION: usize = 7;

/// Marks in front of an extension, as libphonenumber knows them.
const EXTENSION_MARKS: [&str; 9] = ["x", "xt", "xtn", "ext", "extn", "extension", "int", "anexo", "доб"];

/// Where a number of at least three digits ends that is followed by an extension: `x45`,
/// ` ext. 345`, `#9`, ` extension: 12#`.
fn extension(text: &str) -> Option<usize> {
    let text = text.trim_end_matches(is_separator);
    let text = text.strip_suffix('#').unwrap_or(text);
    let marked = text.trim_end_matches(|c| digit(c).is_some());
    if !(1..=MAX_EXTENSION).contains(&text[marked.len()..].chars().count()) {
        return None;
    }
    let marked = marked.trim_end_matches([' ', '\u{a0}', '\t', ',', '-']);
    let marked = marked.strip_suffix([':', '.', '\u{ff0e}']).unwrap_or(marked);
    let before = match marked.strip_suffix(['#', '\u{ff03}']) {
        Some(before) => before,
        None => {
            // The whole word, so that the last letter of a vanity number is never a mark.
            let before = marked.trim_end_matches(|c: char| c.is_alphabetic() || c == ACUTE);
            let word = &marked[before.len()..];
            let folded = || word.chars().filter(|&c| c != ACUTE).map(fold);
            if !EXTENSION_MARKS.iter().any(|mark| mark.chars().eq(folded())) {
                return None;
            }
            before
        }
    };
    let before = before.trim_end_matches([' ', '\u{a0}', '\t', ',']);
    (before.chars().filter(|&c| digit(c).is_some()).take(3).count() == 3).then_some(before.len())
}

/// The combining acute accent of a decomposed `ó`.
const ACUTE: char = '\u{301}';

/// Lower case, ASCII for full-width letters, `o` for `ó`.
fn fold(c: char) -> char {
    let narrow = match c {
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    match narrow.to_lowercase().next() {
        Some('ó') => 'o',
        Some(lower) => lower,
        None => narrow,
    }
}

/// The key a letter stands on (ITU-T E.161), as an ASCII digit; the caller has checked that it is
/// an ASCII letter.
fn keypad(letter: char) -> u8 {
    match letter.to_ascii_lowercase() {
        'a'..='c' => b'2',
        'd'..='f' => b'3',
        'g'..='i' => b'4',
        'j'..='l' => b'5',
        'm'..='o' => b'6',
        'p'..='s' => b'7',
        't'..='v' => b'8',
        _ => b'9',
    }
}

/// A plus; several are read like one.
fn is_plus(c: char) -> bool {
    matches!(c, '+' | '\u{ff0b}')
}

/// Separators among ASCII. `x`, libphonenumber's placeholder for a carrier, is none: it is a letter.
#[inline]
const fn ascii_separator(byte: u8) -> bool {
    // A bit set, for the fast path: space and tab below 64, brackets and tilde above.
    const LOW: u64 = 1 << b'\t' | 1 << b' ' | 1 << b'(' | 1 << b')' | 1 << b'-' | 1 << b'.' | 1 << b'/';
    const HIGH: u64 = 1 << (b'[' - 64) | 1 << (b']' - 64) | 1 << (b'~' - 64);
    let set = if byte < 64 { LOW } else { HIGH };
    byte < 128 && set >> (byte & 63) & 1 == 1
}

/// What stands between digits without meaning: libphonenumber's `VALID_PUNCTUATION` without `x`,
/// every white space of Unicode but line breaks, and the marks that nobody sees: joiners,
/// direction marks and isolates, which messengers and address books wrap around numbers.
fn is_separator(c: char) -> bool {
    match c {
        '\0'..='\x7f' => ascii_separator(c as u8),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => true,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff0d}'..='\u{ff0f}' => true,
        '\u{ff08}' | '\u{ff09}' | '\u{ff3b}' | '\u{ff3d}' | '\u{2053}' | '\u{223c}' | '\u{ff5e}' => true,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{2069}' | '\u{feff}' => true,
        _ => false,
    }
}

/// The zero of every script's ten digits: the characters of Unicode's general category Nd with the
/// decimal value 0. Nd comes in runs of ten in order (Unicode's stability policy), so the zeros are
/// enough. These are the 76 runs of Unicode 16, taken from the Unicode Character Database
/// (`DerivedGeneralCategory.txt`, every tenth character of Nd); later versions only add runs.
const ZEROS: [char; 76] = [
    '0',
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{104a0}',
    '\u{10d30}',
    '\u{10d40}',
    '\u{11066}',
    '\u{110f0}',
    '\u{11136}',
    '\u{111d0}',
    '\u{112f0}',
    '\u{11450}',
    '\u{114d0}',
    '\u{11650}',
    '\u{116c0}',
    '\u{116d0}',
    '\u{116da}',
    '\u{11730}',
    '\u{118e0}',
    '\u{11950}',
    '\u{11bf0}',
    '\u{11c50}',
    '\u{11d50}',
    '\u{11da0}',
    '\u{11f50}',
    '\u{16130}',
    '\u{16a60}',
    '\u{16ac0}',
    '\u{16b50}',
    '\u{16d70}',
    '\u{1ccf0}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
    '\u{1e140}',
    '\u{1e2f0}',
    '\u{1e4f0}',
    '\u{1e5f1}',
    '\u{1e950}',
    '\u{1fbf0}',
];

/// The ASCII digit that a digit of any script stands for.
#[inline]
fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c as u8);
    }
    let above = ZEROS.partition_point(|&zero| zero <= c);
    let zero = ZEROS[..above].last().copied()?;
    let value = c as u32 - zero as u32;
    (value < 10).then(|| b'0' + value as u8)
}

/// Undoes percent-encoding once; `buffer` is used only where there is any.
fn decode<'a>(text: &'a [u8], buffer: &'a mut [u8; MAX_TEXT]) -> Result<&'a [u8], Why> {
    if !text.contains(&b'%') {
        return Ok(text);
    }
    let mut len = 0;
    let mut rest = text;
    while let Some((byte, behind)) = next_byte(rest)? {
        // The text is no longer than the buffer, and decoding never lengthens it.
        *buffer.get_mut(len).ok_or(TOO_LONG)? = byte;
        len += 1;
        rest = behind;
    }
    Ok(&buffer[..len])
}

/// The first byte with its percent-encoding undone, and the rest.
#[inline]
fn next_byte(text: &[u8]) -> Result<Option<(u8, &[u8])>, Why> {
    let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    match text {
        [] => Ok(None),
        [b'%', high, low, rest @ ..] => match (nibble(*high), nibble(*low)) {
            (Some(high), Some(low)) => Ok(Some((high << 4 | low, rest))),
            _ => Err(PERCENT),
        },
        [b'%', ..] => Err(PERCENT),
        [byte, rest @ ..] => Ok(Some((*byte, rest))),
    }
}

/// ASCII's control characters but TAB, which is a separator.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

fn position(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|&b| b == byte)
}

/// What stands before the first byte that `ends` it, or everything.
fn up_to(text: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    &text[..text.iter().position(|&b| ends(b)).unwrap_or(text.len())]
}

fn strip_prefix_any_case<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A result in one line: kind or plus and digits, then context and routing where there are any.
    fn shown(text: &[u8]) -> String {
        let dialled = read(text);
        if !matches!(dialled.kind, Kind::Digits | Kind::Overlong) {
            assert!(dialled.digits.is_empty() && dialled.context.is_none() && dialled.routing.is_empty());
            assert!(!dialled.plus);
        }
        let ascii = |digits: &Digits| String::from_utf8(digits.as_bytes().to_vec()).unwrap();
        match dialled.kind {
            Kind::Withheld => return "withheld".into(),
            Kind::EmergencyUrn => return "sos".into(),
            Kind::Refused(_) => return "refused".into(),
            Kind::Overlong => return format!("overlong {}", ascii(&dialled.digits)),
            Kind::Digits => assert!(!dialled.digits.is_empty()),
        }
        let mut out = format!("{}{}", if dialled.plus { "+" } else { "" }, ascii(&dialled.digits));
        if let Some(context) = &dialled.context {
            assert!(!context.is_empty());
            out += &format!(" context {}", ascii(context));
        }
        if !dialled.routing.is_empty() {
            out += &format!(" routing {}", String::from_utf8_lossy(dialled.routing));
        }
        out
    }

    fn check(rows: &[(&str, &str)]) {
        for (text, expected) in rows {
            assert_eq!(shown(text.as_bytes()), *expected, "{text:?}: {:?}", read(text.as_bytes()).kind);
        }
    }

    #[test]
    fn plain_numbers() {
        check(&[
            ("0236618300", "0236618300"),
            ("00155511961234567", "00155511961234567"),
            ("+447911123456", "+447911123456"),
            ("1", "1"),
            ("+911", "+911"),
            ("000", "000"),
            ("9911", "9911"),
            ("+266696687", "+266696687"),
            ("212.555.0123", "2125550123"),
            ("(212) 555\u{2011}0123", "2125550123"),
            ("212/555/0123", "2125550123"),
            ("212~555~0123", "2125550123"),
            ("8~10 44 20 7946 0018", "810442079460018"),
            ("+44 (0) 20 7946 0018", "+4402079460018"),
            ("+44(0)2079460018", "+4402079460018"),
            ("0044 020 7946 0018", "004402079460018"),
            ("020 7946 0018 / 020 7946 0019", "0207946001802079460019"),
            ("(020) 7946 0018 (020) 7946 0019", "0207946001802079460019"),
            ("  +442079460018\r\n", "+442079460018"),
            ("\u{200e}+12125550123", "+12125550123"),
            ("+12125550123\u{202c}", "+12125550123"),
            ("+\t44\t20", "+4420"),
            ("\"0207 946\"", "0207946"),
        ]);
    }

    #[test]
    fn plus_signs() {
        check(&[
            ("＋1 212 555 0123", "+12125550123"),
            ("+１２１２５５５０１２３", "+12125550123"),
            ("++442079460018", "+442079460018"),
            ("+＋44", "+44"),
            ("+0044 2079460018", "+00442079460018"),
            ("+ 00 64 3 331 6005", "+006433316005"),
            ("(+44) 20", "+4420"),
            ("%2B442079460018", "+442079460018"),
            ("%2b442079460018", "+442079460018"),
            ("%EF%BC%8B44", "+44"),
            ("44+20", "refused"),
            ("+", "refused"),
            ("+-", "refused"),
        ]);
    }

    #[test]
    fn uris() {
        check(&[
            ("tel:+1-212-555-0123", "+12125550123"),
            ("TEL:112", "112"),
            ("tel:", "withheld"),
            ("tel:100@host", "refused"),
            ("sip:+37126123456@host;user=phone", "+37126123456"),
            ("sips:+37126123456@host", "+37126123456"),
            ("SIP:+12125550123@example.com", "+12125550123"),
            ("+12125550123@10.0.0.1", "+12125550123"),
            ("2125550123@pbx.example", "2125550123"),
            ("sip:2125550123@10.0.0.1:5060", "2125550123"),
            ("sip:100:pass@host", "100"),
            ("sip:100@host;user=phone;x=y?Replaces=a@b", "100"),
            ("sip:100@host?Subject=a;Priority=b", "100"),
            ("sip:100@", "100"),
            ("sip:%2B371%32@host", "+3712"),
            ("sip:%252B371@host", "refused"),
            ("sip:100@0900@host", "refused"),
            ("sip:100%400900@host", "refused"),
            ("sip:100;a=b@host", "100"),
            ("sip:112", "112"),
            ("sip:+37126123456;user=phone", "+37126123456"),
            ("sip:%2B37126123456", "+37126123456"),
            ("sip:100:5060", "100"),
            ("sip:100?x=y", "100"),
            ("sip:10.0.0.1", "refused"),
            ("sip:example.com", "refused"),
            ("sip:1host", "refused"),
            ("sip:[2001:db8::1]", "refused"),
            ("sip:alice@example.com", "refused"),
            ("mailto:100@host", "refused"),
            ("h323:100", "refused"),
            ("http://100", "refused"),
        ]);
    }

    #[test]
    fn name_addr() {
        check(&[
            ("<sip:+37126123456@host;user=phone>", "+37126123456"),
            ("<+37126123456>", "+37126123456"),
            ("<tel:112>", "112"),
            ("\"Bob\" <sip:100@host>;tag=a", "100"),
            ("\"Bob \\\"x\\\" <y> @ 0900\" <sip:100@host>;tag=a", "100"),
            ("\"<sip:112@host>\" <sip:100@host>", "100"),
            ("\"0900\"<sip:100@host>", "100"),
            ("\"AT&T\" <sip:100@host>", "100"),
            ("\"\\\\\" <sip:100@host>", "100"),
            ("Bob <sip:100@host>", "100"),
            ("Bob 7 <sip:100@host>  ;tag=b", "100"),
            ("Jürgen <sip:100@host>", "100"),
            ("\"Anonymous\" <sip:+37126123456@host>", "+37126123456"),
            ("\"Bob <sip:100@host>", "refused"),
            ("\"Bob\" sip:100@host", "refused"),
            ("\"Bob\\\" <sip:100@host>", "refused"),
            ("Bob <sip:100@host", "refused"),
            ("sip:0900@a <sip:100@host>", "refused"),
            ("0900, <sip:100@host>", "refused"),
            ("<sip:100@a>, <sip:0900@b>", "refused"),
            ("<sip:100@a>;x=<sip:0900@b>", "refused"),
            ("<<sip:100@a>>", "refused"),
            ("\"", "refused"),
        ]);
    }

    #[test]
    fn emergency_urns() {
        check(&[
            ("urn:service:sos", "sos"),
            ("URN:Service:SOS", "sos"),
            ("urn:service:sos.fire", "sos"),
            ("urn:service:sos.animal-control", "sos"),
            ("<urn:service:sos.ambulance>", "sos"),
            ("urn:service:sos.", "refused"),
            ("urn:service:sos.&0900", "refused"),
            ("urn:service:sosx", "refused"),
            ("urn:service:sos@host", "refused"),
            ("urn:service:counseling", "refused"),
            ("urn:uuid:0900", "refused"),
        ]);
    }

    #[test]
    fn parameters() {
        check(&[
            ("tel:5550123;phone-context=+1-212", "5550123 context 1212"),
            ("tel:5550123;Phone-Context=%2B1(212)", "5550123 context 1212"),
            ("tel:+15550123;phone-context=+1-212", "+15550123"),
            ("tel:2125550123;phone-context=example.com", "2125550123"),
            ("tel:2125550123;phone-context=", "refused"),
            ("tel:2125550123;phone-context", "refused"),
            ("tel:2125550123;phone-context=+", "refused"),
            ("tel:2125550123;phone-context=1212", "refused"),
            ("tel:2125550123;phone-context=+1x", "refused"),
            ("tel:2125550123;phone-context=a..b", "refused"),
            ("tel:2125550123;phone-context=+1;phone-context=+2", "refused"),
            ("tel:02079460018;ext=45", "02079460018"),
            ("+442079460018;ext=45", "+442079460018"),
            ("+442079460018;isub=12345", "+442079460018"),
            ("02079460018;isub=12345;phone-context=+44", "02079460018 context 44"),
            ("+12125550123;npdi;rn=+12145550000", "+12125550123 routing +12145550000"),
            ("+1-212-555-0123;npdi;rn=+1-214-555-0000", "+12125550123 routing +1-214-555-0000"),
            ("2125550123;npdi", "2125550123"),
            ("2125550123;RN=2145550000;npdi", "2125550123 routing 2145550000"),
            ("2125550123;rn=", "2125550123"),
            ("2125550123;rn", "2125550123"),
            ("2125550123;rn=1;rn=2", "refused"),
            ("2125550123;rn=214;rn-context=+1", "refused"),
            ("2125550123;rn=+1214;rn-context=+1", "2125550123 routing +1214"),
            ("sip:+12125550123;npdi;rn=+12145550000@example.com", "+12125550123 routing +12145550000"),
            ("sip:100@host;rn=+12145550000", "100"),
            ("2125550123;7", "2125550123"),
            ("2125550123;", "2125550123"),
            ("2125550123;cic=+1-6789;x", "2125550123"),
            ("2125550123;x=%2", "refused"),
            ("2125550123;x=a&0900", "refused"),
            ("2125550123;x=%26", "refused"),
            ("2125550123;x=%0D", "refused"),
            ("sip:;rn=+1900@host", "refused"),
            ("anonymous;rn=+1900", "refused"),
        ]);
    }

    #[test]
    fn percent_encoding() {
        check(&[
            ("%30%31", "01"),
            ("%D9%A3%D9%A7%D9%A1", "371"),
            ("%2A67%202125550123", "2125550123"),
            ("%2331%23030123456", "030123456"),
            ("21%3Brn=5", "refused"),
            ("100%26200", "refused"),
            ("1%", "refused"),
            ("1%3", "refused"),
            ("1%3g", "refused"),
            ("1%zz", "refused"),
            ("1%00", "refused"),
            ("1%0A", "refused"),
            ("1%FF", "refused"),
            ("1%09%32", "12"),
        ]);
    }

    #[test]
    fn feature_codes() {
        check(&[
            ("#31#030123456", "030123456"),
            ("*31#030123456", "030123456"),
            ("*31*0812345678", "0812345678"),
            ("#31*0812345678", "0812345678"),
            ("#67#2125550123", "2125550123"),
            ("*6712125550123", "12125550123"),
            ("*67 212 555 0123", "2125550123"),
            ("*82+12125550123", "+12125550123"),
            ("*70*672125550123", "2125550123"),
            ("*67911", "911"),
            ("sip:*67112@host", "112"),
            ("*67", "refused"),
            ("#31#", "refused"),
            ("*21*0900123456#", "refused"),
            ("**21*0900123456#", "refused"),
            ("*31#*21*0900123456#", "refused"),
            ("#21#", "refused"),
            ("*72", "refused"),
            ("*911", "refused"),
            ("21*0900", "refused"),
            ("112#", "112"),
            ("15#", "15"),
            ("+12125550123#", "+12125550123"),
            ("212 555 0123#", "refused"),
            ("212##", "refused"),
            ("#", "refused"),
            ("*", "refused"),
            ("141 02079460018", "14102079460018"),
        ]);
    }

    #[test]
    fn extensions() {
        check(&[
            ("02079460018 x45", "02079460018"),
            ("020 7946 0018 X 45", "02079460018"),
            ("020 7946 0018 ext. 345", "02079460018"),
            ("020 7946 0018 ext: 345#", "02079460018"),
            ("020 7946 0018 extn 345", "02079460018"),
            ("020 7946 0018, extension 345", "02079460018"),
            ("020 7946 0018 extensi\u{f3}n 345", "02079460018"),
            ("020 7946 0018 extensio\u{301}n 345", "02079460018"),
            ("020 7946 0018 anexo 345", "02079460018"),
            ("020 7946 0018 int 345", "02079460018"),
            ("020 7946 0018 доб. 345", "02079460018"),
            ("020 7946 0018 ｅｘｔ 345", "02079460018"),
            ("020 7946 0018 x1234", "02079460018"),
            ("0207x٤٥", "0207"),
            ("212-555-0123#45", "2125550123"),
            ("212-555-0123#9", "2125550123"),
            ("112#5", "112"),
            ("911x1", "911"),
            ("(530) 583-6985 x302/x2303", "5305836985"),
            ("020 7946 0018 / x99", "02079460018"),
            ("1800FLOWERS x12", "18003569377"),
            ("2125550123 x12345678", "refused"),
            ("2125550123#12345678", "refused"),
            ("21x45", "refused"),
            ("21#45", "refused"),
            ("212x555x0123", "refused"),
            ("2125550123 y45", "refused"),
            ("2125550123 x", "refused"),
            ("2125550123 x&45", "refused"),
            ("*21*0900123#45", "refused"),
        ]);
    }

    #[test]
    fn pauses() {
        check(&[
            ("2125550123p123", "2125550123"),
            ("2125550123w9", "2125550123"),
            ("2125550123P1W2,3", "2125550123"),
            ("2125550123,,123#", "2125550123"),
            ("2125550123,*9;1 - 2", "2125550123"),
            ("2125550123 x45,,1", "2125550123"),
            ("2125550123,", "2125550123"),
            ("112,,5", "112"),
            ("911p1", "911"),
            ("15ppp1", "15"),
            ("911p123456789012345", "911"),
            ("p911", "refused"),
            (",911", "refused"),
            ("911p1&2", "refused"),
            ("911,x", "refused"),
            ("911q1", "refused"),
        ]);
    }

    #[test]
    fn letters() {
        check(&[
            ("1-800-FLOWERS", "18003569377"),
            ("1-800-flowers", "18003569377"),
            ("1800FLOWERSX", "180035693779"),
            ("1800FLOWERSP5", "1800356937775"),
            ("1-800-FLOW 5", "180035695"),
            ("1-800-LINUX12", "18005468912"),
            ("1-800-ABCDEFGHIJKLMNOPQRSTUVWXYZ5", "1800222333444555666777788899995"),
            ("18005LOWERS", "18005569377"),
            ("+3367a829916", "refused"),
            ("O30 123456", "refused"),
            ("OOO 123456", "refused"),
            ("123ab", "refused"),
            ("alice", "refused"),
            ("alice123", "refused"),
            ("1800ФЛОВЕРС", "refused"),
            ("Phone: 2125550123", "refused"),
        ]);
    }

    #[test]
    fn other_characters() {
        check(&[
            ("100&200", "refused"),
            ("sip:100&SIP/trunk/0900@host", "refused"),
            ("sip:100:a&b@host", "refused"),
            ("sip:100@host&200", "refused"),
            // Found in review: behind what is ignored, and dialled all the same by `Dial(PJSIP/${EXTEN})`.
            ("0905123457@h?&PJSIP/0900123456", "refused"),
            ("0<0905123457>;&PJSIP/0900123456", "refused"),
            ("112@h?&PJSIP/0900123456", "refused"),
            ("sip:100@host?Subject=a&Priority=b", "refused"),
            ("100\r\n200", "refused"),
            ("100\0", "refused"),
            ("100\x7f", "refused"),
            ("sip:100@ho\nst", "refused"),
            ("212·555·0123", "refused"),
            ("100;x\n", "100"),
            ("${EXTEN}", "refused"),
            ("100_200", "refused"),
            ("100?x", "refused"),
            ("1️⃣", "refused"),
        ]);
        assert_eq!(read(b"100&200").kind, Kind::Refused(AMPERSAND));
        assert_eq!(read(b"*21*1#").kind, Kind::Refused(STAR_HASH));
        assert_eq!(read(b"alice").kind, Kind::Refused(A_NAME));
        assert_eq!(read(b"O30 123456").kind, Kind::Refused(FEW_LETTERS));
        assert_eq!(read(b"1\xff").kind, Kind::Refused(NOT_UTF8));
    }

    #[test]
    fn withheld() {
        for word in WITHHELD {
            for text in [
                word.to_string(),
                word.to_uppercase(),
                format!(" {word} "),
                format!("\"{word}\""),
                format!("<sip:{}@host>", word.replace(' ', "%20")),
                format!("\"x\" <{word}>;tag=1"),
                format!("tel:{word}"),
            ] {
                assert_eq!(shown(text.as_bytes()), "withheld", "{text}");
            }
        }
        check(&[
            ("", "withheld"),
            (" \t\r\n", "withheld"),
            ("\"\"", "withheld"),
            ("<>", "withheld"),
            ("sip:@host", "withheld"),
            ("@host", "withheld"),
            ("sip:", "withheld"),
            ("\"Anonymous\" <sip:anonymous@anonymous.invalid>", "withheld"),
            ("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1", "withheld"),
            ("sip:alice@Anonymous.Invalid:5060;x", "withheld"),
            ("sip:anonymous.invalid", "withheld"),
            // What a PBX would dial counts, whatever the host says.
            ("sip:+37190012345@anonymous.invalid", "+37190012345"),
            ("sip:100&200@anonymous.invalid", "refused"),
            ("0000000", "0000000"),
            ("anonymous1", "refused"),
            ("anonymousx", "refused"),
        ]);
    }

    #[test]
    fn length_is_bounded() {
        assert_eq!(read(&[b'1'; MAX_TEXT]).digits.len(), MAX_DIALLED);
        assert_eq!(read(&[b'1'; MAX_TEXT + 1]).kind, Kind::Refused(TOO_LONG));
        let encoded = "%31".repeat(MAX_TEXT / 3);
        assert_eq!(read(encoded.as_bytes()).digits.as_bytes(), [b'1'; MAX_DIALLED]);
    }

    const SEPARATORS: &str = "\t ()-./[]~\u{a0}\u{ad}\u{61c}\u{1680}\u{2000}\u{200a}\u{200b}\u{200c}\u{200d}\u{200e}\
        \u{200f}\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\
        \u{202e}\u{202f}\u{2053}\u{205f}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{2212}\u{223c}\u{3000}\u{30fc}\
        \u{feff}\u{ff08}\u{ff09}\u{ff0d}\u{ff0e}\u{ff0f}\u{ff3b}\u{ff3d}\u{ff5e}";

    #[test]
    fn every_separator() {
        for c in SEPARATORS.chars() {
            for text in [format!("+44{c}20"), format!("{c}+{c}44{c}{c}20{c}")] {
                assert_eq!(shown(text.as_bytes()), "+4420", "{c:?}");
            }
        }
        // A separator is never anything else.
        for c in '\0'..=char::MAX {
            if is_separator(c) {
                assert!(digit(c).is_none() && !is_plus(c) && !c.is_alphanumeric() || c == '\u{30fc}', "{c:?}");
            }
        }
    }

    #[test]
    fn every_script() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            let text: String = "+4409271".chars().map(|c| in_script(c, zero)).collect();
            assert_eq!(shown(text.as_bytes()), "+4409271", "{zero:?}");
            for value in 0..10 {
                let c = char::from_u32(zero as u32 + value).unwrap();
                assert!(c.is_numeric(), "{c:?}");
            }
        }
        // Numerals that are no decimal digits are not guessed at.
        check(&[("2²", "refused"), ("2①", "refused"), ("2Ⅷ", "refused"), ("二", "refused")]);
    }

    fn in_script(c: char, zero: char) -> char {
        c.to_digit(10).and_then(|value| char::from_u32(zero as u32 + value)).unwrap_or(c)
    }

    /// The reader without any speed: for plus, digits and separators only. `None` for other texts.
    fn naive(text: &str) -> Option<(bool, String)> {
        let mut plus = false;
        let mut digits = String::new();
        for c in text.chars() {
            let value = ZEROS.iter().find_map(|&zero| (c as u32).checked_sub(zero as u32).filter(|&v| v < 10));
            match value {
                Some(value) => digits.push_str(&value.to_string()),
                None if "+＋".contains(c) && digits.is_empty() => plus = true,
                None if SEPARATORS.contains(c) => {}
                None => return None,
            }
        }
        digits.truncate(MAX_DIALLED);
        (!digits.is_empty()).then_some((plus, digits))
    }

    /// A generator for tests that need bytes without a shape (Marsaglia's xorshift64).
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % n as u64) as usize
        }
    }

    #[test]
    fn no_bytes_panic() {
        const PIECES: [&str; 40] = [
            "sip:",
            "tel:",
            "urn:",
            "service:sos",
            "<",
            ">",
            "\"",
            "\\",
            "@",
            ";",
            "?",
            ":",
            "%",
            "%2",
            "%2B",
            "%EF",
            "%BC",
            "%8B",
            "+",
            "＋",
            "x",
            "ext",
            "доб",
            "p",
            ",",
            "w",
            "#",
            "*",
            "*31#",
            "*67",
            "&",
            "rn=",
            "phone-context=",
            "112",
            "0",
            "٣",
            "\u{301}",
            "/",
            " ",
            "anonymous",
        ];
        for seed in 1..=2000 {
            let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
            let len = random.below(60);
            let bytes: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
            shown(&bytes);
            let mut mixed = Vec::new();
            for _ in 0..random.below(30) {
                match random.below(12) {
                    0 => mixed.push(random.below(256) as u8),
                    _ => mixed.extend(PIECES[random.below(PIECES.len())].bytes()),
                }
            }
            shown(&mixed);
        }
    }

    /// Texts of plus, digits of some scripts, and separators.
    fn plain_text() -> impl Strategy<Value = String> {
        proptest::string::string_regex("[+＋]{0,2}[0-9٠-٩０-９ ()./~\u{a0}\u{200e}\u{2011}\u{3000}-]{0,80}").unwrap()
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            shown(&bytes);
        }

        #[test]
        fn equals_its_naive_twin(text in plain_text()) {
            let dialled = read(text.as_bytes());
            match naive(&text) {
                Some((plus, digits)) => {
                    prop_assert_eq!(dialled.kind, Kind::Digits);
                    prop_assert_eq!(dialled.plus, plus);
                    prop_assert_eq!(dialled.digits.as_bytes(), digits.as_bytes());
                }
                None => prop_assert_ne!(dialled.kind, Kind::Digits),
            }
        }

        #[test]
        fn spelling_changes_nothing(
            plus in any::<bool>(),
            digits in "[0-9]{1,20}",
            marks in proptest::collection::vec((any::<u8>(), any::<bool>()), 64),
            kind in 0..4,
        ) {
            let canonical = format!("{}{digits}", if plus { "+" } else { "" });
            let separators: Vec<char> = SEPARATORS.chars().collect();
            let mut text = String::new();
            for (c, &(mark, also)) in canonical.chars().zip(&marks) {
                text.push(in_script(c, ZEROS[mark as usize % ZEROS.len()]));
                if also {
                    text.push(separators[mark as usize % separators.len()]);
                }
            }
            let encoded: String = text
                .bytes()
                .enumerate()
                .map(|(i, b)| {
                    if !b.is_ascii() || marks[i % 64].1 { format!("%{b:02x}") } else { (b as char).to_string() }
                })
                .collect();
            let text = match kind {
                0 => text,
                1 => encoded,
                2 => format!("tel:{encoded}"),
                _ => format!("\"0900\" <sip:{encoded}@host;user=phone>;tag=9"),
            };
            prop_assert_eq!(shown(text.as_bytes()), canonical, "{}", text);
        }
    }

    /// The short ways give what the long one gives, and `plain_digits` gives all that `plain` does.
    #[test]
    fn short_ways_equal_the_long_one() {
        let mut state = 5u64;
        let mut below = |n: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as usize % n
        };
        let alphabet = b"0123456789012345678901234567890123456789+ -().[]~\t/:;?@\xf9\xfa\xff\0x*#,\r\n";
        let (mut clean, mut spaced) = (0, 0);
        for _ in 0..300_000 {
            let kind = below(3);
            let byte = |i: usize, below: &mut dyn FnMut(usize) -> usize| match (kind, i) {
                (1, 0) => below(41),
                (0 | 1, _) => below(10),
                _ => below(alphabet.len()),
            };
            let text: Vec<u8> = (0..below(36)).map(|i| alphabet[byte(i, &mut below)]).collect();
            let long = read(&text);
            let same = |plus: bool, digits: &[u8]| {
                assert!(long.is_digits_alone() && long.plus == plus && long.digits.as_bytes() == digits, "{text:?}");
            };
            if let Some((plus, digits)) = clean_digits(&text) {
                clean += 1;
                same(plus, digits);
            }
            match plain_digits(&text, &mut [0; SHORT_TEXT]) {
                Some((plus, digits)) => {
                    spaced += 1;
                    same(plus, digits);
                }
                None => assert!(text.len() > SHORT_TEXT || !plain(&text, &mut Dialled::of(Kind::Digits)), "{text:?}"),
            }
        }
        assert!(clean > 10_000 && spaced > 30_000, "{clean} {spaced}");
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for beside in [b'1', 0x2f, 0x39, 0x3a, 0xf9, 0xfa, 0xff] {
                    let mut word = *b"12345678";
                    (word[(at + 7) % 8], word[at]) = (beside, byte);
                    assert_eq!(no_digits(word) == 0, word.iter().all(u8::is_ascii_digit), "{word:?}");
                }
            }
        }
    }
}
