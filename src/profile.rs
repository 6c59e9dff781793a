//! Profiles: named pairs of rule sets, and what a rule set blocks.
//!
//! Rule sets are shared: ten thousand tenants with the same rules cost a name and two numbers each.

use crate::error::Error;
use crate::index::format::Sections;
use crate::number::{Name, NumberType};
use crate::plan::Class;
use crate::verdict::{Action, Direction};

/// The bits of [`RuleSet::blocks`] that are no number type.
pub(crate) const SATELLITE_BIT: u16 = 1 << 12;

/// The rules of one profile and direction.
#[derive(Debug, Clone)]
pub(crate) struct RuleSet {
    /// (list, rank): sorted by list; the rank is the position in the profile's own order.
    pub(crate) lists: Box<[(u32, u32)]>,
    types: u16,
    /// Bit n of word n / 64: territory n is blocked; bit 0 stands for "no territory".
    countries: [u64; 4],
    blocks_countries: bool,
    decisions: u8,
}

/// The questions a rule set answers with a plain allow or block: bit positions in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Anonymous = 0,
    Internal = 1,
    Short = 2,
    Invalid = 3,
    Unassigned = 4,
    Default = 5,
}

impl RuleSet {
    /// The rank of a list in this rule set; none where the rule set does not name it.
    #[inline]
    pub(crate) fn rank(&self, list: u32) -> Option<u32> {
        // Most profiles name a handful of lists, where a scan beats a search.
        if self.lists.len() <= 8 {
            return self.lists.iter().find(|(l, _)| *l == list).map(|&(_, rank)| rank);
        }
        let at = self.lists.binary_search_by_key(&list, |&(l, _)| l).ok()?;
        Some(self.lists[at].1)
    }

    /// True where numbers of this type are blocked.
    #[inline]
    pub(crate) fn blocks_type(&self, t: NumberType) -> bool {
        self.types >> (t as u8) & 1 == 1
    }

    /// True where any type at all is blocked.
    #[inline]
    pub(crate) fn blocks_types(&self) -> bool {
        self.types != 0
    }

    /// True where satellite numbers are blocked.
    #[inline]
    pub(crate) fn blocks_satellite(&self) -> bool {
        self.types & SATELLITE_BIT != 0
    }

    /// True where this territory is blocked; 0 is "no territory".
    #[inline]
    pub(crate) fn blocks_territory(&self, territory: u8) -> bool {
        self.countries[territory as usize / 64] >> (territory % 64) & 1 == 1
    }

    /// True where any country rule exists.
    #[inline]
    pub(crate) fn blocks_countries(&self) -> bool {
        self.blocks_countries
    }

    /// Whether a number of this class, which somebody has, certainly passes the rules: none speaks of it, and the default
    /// is to allow. Asked of every call: without a way out in between.
    #[inline(always)]
    pub(crate) fn pass(&self, class: Class) -> bool {
        let by_type = self.types >> class.type_code() & 1 != 0;
        let as_satellite = class.is_satellite() & self.blocks_satellite();
        let territory = class.territory();
        let by_default = self.decisions >> Decision::Default as u8 & 1 != 0;
        // Where the plan cannot tell whose it is, its beginning may.
        !(by_type | as_satellite | self.blocks_territory(territory) | (territory == 0) | by_default)
    }

    /// What the rule set says to one of the plain questions.
    #[inline]
    pub(crate) fn decision(&self, question: Decision) -> Action {
        if self.decisions >> question as u8 & 1 == 1 { Action::Block } else { Action::Allow }
    }
}

#[derive(Debug, Clone)]
struct Profile {
    name: Name,
    outbound: u32,
    inbound: u32,
}

/// The profiles of an index; the first is the default one.
#[derive(Debug)]
pub(crate) struct Profiles {
    profiles: Box<[Profile]>,
    /// Positions in `profiles`, sorted by name.
    by_name: Box<[u32]>,
    rule_sets: Box<[RuleSet]>,
}

impl Profiles {
    pub(crate) fn decode(bytes: &[u8], sections: &Sections, lists: usize) -> Result<Profiles, Error> {
        let mut c = sections.cursor(bytes, "RULE")?;
        let count = c.count(40)?;
        let mut rule_sets = Vec::with_capacity(count);
        for _ in 0..count {
            let types = c.u16()?;
            let decisions = c.u16()?;
            if decisions > 0b11_1111 {
                return Err(c.corrupt(c.position() - 2, "a rule set answers unknown questions"));
            }
            let mut countries = [0; 4];
            for word in &mut countries {
                *word = c.u64()?;
            }
            let named = c.count(4)?;
            let mut own = Vec::with_capacity(named);
            for rank in 0..named {
                let at = c.position();
                let list = c.u32()?;
                if list as usize >= lists {
                    return Err(c.corrupt(at, "a rule set's list does not exist"));
                }
                own.push((list, rank as u32));
            }
            own.sort_unstable();
            if own.windows(2).any(|w| w[0].0 == w[1].0) {
                return Err(c.corrupt(c.position(), "a rule set names a list twice"));
            }
            let blocks_countries = countries != [0; 4];
            rule_sets.push(RuleSet {
                lists: own.into(),
                types,
                countries,
                blocks_countries,
                decisions: decisions as u8,
            });
        }
        c.finish()?;

        let mut c = sections.cursor(bytes, "PROF")?;
        let count = c.count(10)?;
        let mut profiles = Vec::with_capacity(count);
        for _ in 0..count {
            let at = c.position();
            let (outbound, inbound) = (c.u32()?, c.u32()?);
            if outbound as usize >= rule_sets.len() || inbound as usize >= rule_sets.len() {
                return Err(c.corrupt(at, "a profile's rule set does not exist"));
            }
            let name = Name::of_index(c.text()?).map_err(|what| c.corrupt(at, what))?;
            profiles.push(Profile { name, outbound, inbound });
        }
        if profiles.is_empty() {
            return Err(c.corrupt(0, "there is no profile"));
        }
        c.finish()?;
        let mut by_name: Vec<u32> = (0..profiles.len() as u32).collect();
        by_name.sort_unstable_by_key(|&i| profiles[i as usize].name.as_bytes());
        Ok(Profiles { profiles: profiles.into(), by_name: by_name.into(), rule_sets: rule_sets.into() })
    }

    /// The position of the profile with this name.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let name_of = |i: u32| self.profiles.get(i as usize).map_or(&[][..], |profile| profile.name.as_bytes());
        let at = self.by_name.binary_search_by(|&i| name_of(i).cmp(name)).ok()?;
        self.by_name.get(at).map(|&i| i as usize)
    }

    /// Name and rules of a profile; of the default one where the position is unknown.
    #[inline(always)]
    pub(crate) fn rules(&self, profile: usize, direction: Direction) -> (&Name, &RuleSet) {
        let profile = self.profiles.get(profile).unwrap_or(&self.profiles[0]);
        let rules = match direction {
            Direction::Outbound => profile.outbound,
            Direction::Inbound => profile.inbound,
        };
        (&profile.name, &self.rule_sets[rules as usize])
    }

    /// Every profile with its outbound and inbound rules, in the policy's order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Name, &RuleSet, &RuleSet)> {
        let rules = |i: u32| &self.rule_sets[i as usize];
        self.profiles.iter().map(move |p| (p.name, rules(p.outbound), rules(p.inbound)))
    }

    /// Every profile's name, in the policy's order.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> {
        self.profiles.iter().map(|p| p.name)
    }
}
