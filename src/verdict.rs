//! The answer to "may this call go through?": [`Verdict`], a plain value.

use crate::number::{Name, Number, NumberType, Region};
use std::fmt;

/// Which way the call goes, and so which of a profile's two rule sets is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The number is the one that was dialled.
    #[default]
    Outbound,
    /// The number is the calling party's.
    Inbound,
}

impl Direction {
    /// `outbound` or `inbound`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Outbound => "outbound",
            Direction::Inbound => "inbound",
        }
    }
}

/// Whether the call may go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It may.
    Allow,
    /// It may not.
    Block,
}

impl Action {
    /// `allow` or `block`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Block => "block",
        }
    }
}

/// Which step decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Reason {
    /// An emergency number of the home region: always allowed.
    Emergency = 0,
    /// An entry of a list.
    List = 1,
    /// The number's type, or the satellite class.
    Type = 2,
    /// The number's region.
    Country = 3,
    /// Nothing matched: the profile's default.
    Default = 4,
    /// The numbering plan assigns the number to nobody.
    Unassigned = 5,
    /// The text could not be read as a number.
    Invalid = 6,
    /// A withheld caller id.
    Anonymous = 7,
    /// A short number of the home region.
    Short = 8,
    /// An internal extension.
    Internal = 9,
}

impl Reason {
    /// Every reason, in the order of the discriminants.
    pub const ALL: [Reason; 10] = [
        Reason::Emergency,
        Reason::List,
        Reason::Type,
        Reason::Country,
        Reason::Default,
        Reason::Unassigned,
        Reason::Invalid,
        Reason::Anonymous,
        Reason::Short,
        Reason::Internal,
    ];

    /// The name in answers: `emergency`, `list`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Emergency => "emergency",
            Reason::List => "list",
            Reason::Type => "type",
            Reason::Country => "country",
            Reason::Default => "default",
            Reason::Unassigned => "unassigned",
            Reason::Invalid => "invalid",
            Reason::Anonymous => "anonymous",
            Reason::Short => "short",
            Reason::Internal => "internal",
        }
    }
}

/// The rule inside the step that decided, as far as the step has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Rule {
    /// The step has one rule only.
    #[default]
    None,
    /// This number type is blocked (also for a short number whose cost is premium rate, and for an
    /// over-dialled number, whose own type is unknown).
    Type(NumberType),
    /// The satellite class is blocked.
    Satellite,
    /// This region is blocked, or is not on the allow-list; no region: the calling code's regions.
    Country(Region),
    /// A list entry for one whole number (or a pattern of whole numbers).
    Whole,
    /// A list entry for all numbers that begin with the matched digits.
    Prefix,
    /// A list entry for dialled bytes.
    Raw,
}

/// The answer, a plain value: nothing in it points into an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the call may go through.
    pub action: Action,
    /// Which step decided.
    pub reason: Reason,
    /// The rule inside that step.
    pub rule: Rule,
    /// The number judged, E.164; empty where there is none (emergency, short, internal, withheld,
    /// unreadable).
    pub number: Number,
    /// The number's region; none where the plan cannot say.
    pub region: Region,
    /// The number's type; unknown for an unassigned or over-dialled number.
    pub number_type: NumberType,
    /// How many of the number's digits the deciding entry or prefix covers; for `raw:` entries,
    /// the dialled bytes; 0 where no digits decided.
    pub matched: u8,
    /// The list that decided; empty where none did.
    pub list: Name,
    /// The first `log` list that matched: it would have blocked the call. Empty where none did.
    pub shadow: Name,
    /// The profile that was asked.
    pub profile: Name,
}

impl Verdict {
    /// What a verdict is made from: nothing read, nothing decided. All of its bytes are zero, which
    /// is quicker to write than anything else of that size is to copy.
    pub(crate) const BLANK: Verdict = Verdict {
        action: Action::Allow,
        reason: Reason::Emergency,
        rule: Rule::None,
        number: Number::EMPTY,
        region: Region::NONE,
        number_type: NumberType::Unknown,
        matched: 0,
        list: Name::EMPTY,
        shadow: Name::EMPTY,
        profile: Name::EMPTY,
    };

    /// Room for a verdict that is still to be written, for `screen_many`. Until then it blocks, with the
    /// reason [`Reason::Invalid`]: what nobody has judged lets no call through.
    pub const EMPTY: Verdict = Verdict { action: Action::Block, reason: Reason::Invalid, ..Verdict::BLANK };

    /// True where the call may not go through.
    #[inline]
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.action == Action::Block
    }

    /// True where a `log` list would have blocked the call.
    #[inline]
    #[must_use]
    pub fn would_block(&self) -> bool {
        !self.shadow.is_empty()
    }

    /// True where a number was read: [`number`](Verdict::number) is not empty. Whose it is, and of
    /// which type, the plan may still not know.
    #[inline]
    #[must_use]
    pub fn has_number(&self) -> bool {
        !self.number.is_empty()
    }
}

impl fmt::Display for Verdict {
    /// One line for a log: `block country LV +37126123456`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.as_str(), self.reason.as_str())?;
        match self.rule {
            Rule::Type(t) => write!(f, " {t}")?,
            Rule::Satellite => f.write_str(" satellite")?,
            Rule::Country(r) if !r.is_none() => write!(f, " {r}")?,
            _ => {}
        }
        if !self.list.is_empty() {
            write!(f, " {}", self.list)?;
        }
        if self.has_number() {
            write!(f, " {}", self.number)?;
        }
        Ok(())
    }
}
