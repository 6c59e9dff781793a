//! What comes before what: a table of plain cases that the naive twin leaves out. Each case is a
//! sentence of DESIGN's "Precedence, in one breath" or of `docs/policy.md` that somebody may rely on.

#![cfg(feature = "compile")]

mod common;

use common::index;
use tollgate::{Direction, Index, Query, Rule};

const IN: Direction = Direction::Inbound;
const OUT: Direction = Direction::Outbound;

/// The verdict as one line, and what only a log list would have done.
fn line(index: &Index, profile: &str, direction: Direction, dialled: &str) -> String {
    let query = Query::new().profile(profile).direction(direction);
    let verdict = index.screen_with(&query, dialled.as_bytes()).expect("the profile exists");
    if verdict.would_block() { format!("{verdict}, noted {}", verdict.shadow) } else { verdict.to_string() }
}

fn check(policy: &str, cases: &[(&str, Direction, &str, &str)]) {
    let index = index(policy);
    for &(profile, direction, dialled, expected) in cases {
        assert_eq!(
            line(&index, profile, direction, dialled),
            expected,
            "{dialled:?}, profile {profile}, {}",
            direction.as_str()
        );
    }
}

/// Short and internal numbers that a list names get the list's answer, others the profile's.
#[test]
fn local_numbers_and_lists() {
    let policy = r#"
[site]
home = "SK"
extensions = [3]
[lists.good]
action = "allow"
entries = ["201", "1181"]
[lists.bad]
action = "block"
entries = ["202", "1188", "20*"]
[lists.watch]
action = "log"
entries = ["203", "301", "1180"]
[profiles.default.outbound]
lists = ["good", "bad", "watch"]
[profiles.closed.outbound]
lists = ["good", "bad", "watch"]
internal = "block"
short = "block"
[profiles.without.outbound]
internal = "block"
"#;
    check(
        policy,
        &[
            // The profile's word, where no list names the number.
            ("default", OUT, "345", "allow internal"),
            ("closed", OUT, "345", "block internal"),
            ("default", OUT, "1185", "allow short"),
            ("closed", OUT, "1185", "block short"),
            // A list's, where one does; whole numbers before prefixes.
            ("closed", OUT, "201", "allow list good"),
            ("closed", OUT, "1181", "allow list good"),
            ("default", OUT, "202", "block list bad"),
            ("default", OUT, "204", "block list bad"),
            ("default", OUT, "1188", "block list bad"),
            // A log list notes, and the profile decides; or the prefix of a list below.
            ("default", OUT, "301", "allow internal, noted watch"),
            ("closed", OUT, "301", "block internal, noted watch"),
            ("default", OUT, "1180", "allow short, noted watch"),
            ("default", OUT, "203", "block list bad, noted watch"),
            // A profile that names no list is not touched by any.
            ("without", OUT, "201", "block internal"),
            ("without", OUT, "1188", "allow short"),
            // The same digits as part of a number are no local number.
            ("default", OUT, "+421232201201", "allow default +421232201201"),
        ],
    );
}

/// Each direction has rules of its own, and defaults of its own: inbound is open.
#[test]
fn each_direction_has_its_own_rules() {
    let policy = r#"
[site]
home = "SK"
[lists.spam]
action = "block"
entries = ["+37126123456"]
[lists.partners]
action = "allow"
entries = ["+37126123456"]
[profiles.default.outbound]
lists = ["partners"]
countries.block = ["LV"]
types.block = ["premium_rate"]
[profiles.default.inbound]
lists = ["spam"]
anonymous = "block"
[profiles.open.outbound]
"#;
    check(
        policy,
        &[
            ("default", OUT, "+37126123456", "allow list partners +37126123456"),
            ("default", IN, "+37126123456", "block list spam +37126123456"),
            ("default", OUT, "+37126123457", "block country LV +37126123457"),
            ("default", IN, "+37126123457", "allow default +37126123457"),
            ("default", OUT, "0900 123 456", "block type premium_rate +421900123456"),
            ("default", IN, "+421900123456", "allow default +421900123456"),
            ("default", IN, "anonymous", "block anonymous"),
            ("open", IN, "anonymous", "allow anonymous"),
            // What cannot be read, or nobody has: blocked outbound, open inbound.
            ("open", OUT, "call me", "block invalid"),
            ("open", IN, "call me", "allow invalid"),
            ("open", OUT, "+421999999999", "block unassigned +421999999999"),
            ("open", IN, "+421999999999", "allow default +421999999999"),
            ("default", OUT, "112", "allow emergency"),
            ("default", IN, "112", "allow emergency"),
        ],
    );
}

/// A profile takes every rule that it does not have itself, of both directions; lists as a whole.
#[test]
fn extends_takes_what_is_not_said() {
    let policy = r#"
[site]
home = "SK"
[lists.one]
action = "block"
entries = ["+421905111111"]
[lists.two]
action = "block"
entries = ["+421905222222"]
[profiles.default.outbound]
lists = ["one"]
countries.block = ["LV"]
types.block = ["premium_rate"]
[profiles.default.inbound]
anonymous = "block"
[profiles.child]
extends = "default"
outbound.lists = ["two"]
[profiles.grandchild]
extends = "child"
outbound.countries.allow = ["SK"]
outbound.unassigned = "allow"
[profiles.orphan.outbound]
lists = ["two"]
"#;
    check(
        policy,
        &[
            ("default", OUT, "0905111111", "block list one +421905111111"),
            ("child", OUT, "0905111111", "allow default +421905111111"),
            ("child", OUT, "0905222222", "block list two +421905222222"),
            ("child", OUT, "+37126123456", "block country LV +37126123456"),
            ("child", OUT, "0900123456", "block type premium_rate +421900123456"),
            ("child", IN, "anonymous", "block anonymous"),
            ("grandchild", OUT, "0905222222", "block list two +421905222222"),
            ("grandchild", OUT, "+4930200123", "block country DE +4930200123"),
            ("grandchild", OUT, "0900123456", "block type premium_rate +421900123456"),
            ("grandchild", OUT, "+421999999999", "allow default +421999999999"),
            ("grandchild", IN, "anonymous", "block anonymous"),
            // What extends nothing starts from the built-in defaults, not from `default`.
            ("orphan", OUT, "+37126123456", "allow default +37126123456"),
            ("orphan", OUT, "0900123456", "allow default +421900123456"),
            ("orphan", IN, "anonymous", "allow anonymous"),
        ],
    );
}

/// Behind the outside-line digit the digits are read as without it; they are never an internal number,
/// and the caller of an inbound call has not dialled one.
#[test]
fn the_outside_line() {
    let policy = r#"
[site]
home = "SK"
outside_line = "9"
extensions = [4]
[lists.bad]
action = "block"
entries = ["0905123456", "7123"]
[profiles.default.outbound]
lists = ["bad"]
countries.block = ["LV"]
[profiles.default.inbound]
lists = ["bad"]
"#;
    check(
        policy,
        &[
            ("default", OUT, "90905123456", "block list bad +421905123456"),
            ("default", OUT, "0905123456", "block list bad +421905123456"),
            ("default", OUT, "9 00371 2612 3456", "block country LV +37126123456"),
            ("default", OUT, "9112", "allow emergency"),
            ("default", OUT, "9", "block invalid"),
            ("default", OUT, "7123", "block list bad"),
            ("default", OUT, "7124", "allow internal"),
            ("default", IN, "7123", "block list bad"),
            ("default", IN, "9123", "allow internal"),
            ("default", IN, "0905123456", "block list bad +421905123456"),
        ],
    );
}

/// A ported number (RFC 4694) is routed by `rn`, so both numbers must pass; a local number is completed
/// by its global `phone-context` (RFC 3966).
#[test]
fn routing_numbers_and_contexts() {
    let policy = r#"
[site]
home = "SK"
[profiles.default.outbound]
countries.block = ["LV"]
"#;
    check(
        policy,
        &[
            ("default", OUT, "tel:+421905123456;npdi;rn=+37126123456", "block country LV +37126123456"),
            ("default", OUT, "tel:+37126123456;npdi;rn=+421905123456", "block country LV +37126123456"),
            ("default", OUT, "tel:+421905123456;npdi;rn=+421232201201", "allow default +421905123456"),
            ("default", OUT, "tel:26123456;phone-context=+371", "block country LV +37126123456"),
            ("default", OUT, "tel:905123456;phone-context=+421", "allow default +421905123456"),
        ],
    );
}

/// Of a calling code that regions share, a deny-list blocks a number of an unknown region only where it
/// blocks them all; an allow-list blocks it as long as it is of no allowed region.
#[test]
fn shared_calling_codes() {
    // +44 is shared by the United Kingdom, Guernsey, the Isle of Man and Jersey.
    let policy = r#"
[site]
home = "SK"
[profiles.default.outbound]
unassigned = "allow"
countries.block = ["GB"]
[profiles.all.outbound]
unassigned = "allow"
countries.block = ["GB", "GG", "IM", "JE"]
[profiles.only.outbound]
unassigned = "allow"
countries.allow = ["GB", "SK"]
"#;
    let index = index(policy);
    let unknown = "+4499";
    let verdict = index.screen_with(&Query::new(), unknown.as_bytes()).expect("the default profile");
    assert!(verdict.region.is_none(), "the plan cannot say whose {unknown} is: {}", verdict.region);
    let cases = [
        ("default", "+442079460000", "block country GB +442079460000"),
        ("default", "+441534440000", "allow default +441534440000"),
        ("all", "+441534440000", "block country JE +441534440000"),
        ("only", "+442079460000", "allow default +442079460000"),
        ("only", "+441534440000", "block country JE +441534440000"),
        ("default", unknown, "allow default +4499"),
        ("all", unknown, "block country +4499"),
        ("only", unknown, "block country +4499"),
    ];
    for (profile, dialled, expected) in cases {
        assert_eq!(line(&index, profile, OUT, dialled), expected, "{dialled}, profile {profile}");
    }
}

/// Raw entries come before everything but emergency calls: before what cannot be read, before a withheld
/// caller, before an entry for the number itself.
#[test]
fn raw_entries_come_first() {
    let policy = r#"
[site]
home = "SK"
extensions = [3]
[lists.raw]
action = "allow"
entries = ["raw:call me*", "raw:anonymous", "raw:0905 123 456", "raw:345"]
[lists.bad]
action = "block"
entries = ["0905123456", "345", "raw:11*", "raw:call me never"]
[profiles.default.outbound]
lists = ["raw", "bad"]
internal = "block"
[profiles.default.inbound]
lists = ["raw"]
anonymous = "block"
"#;
    let found = std::panic::catch_unwind(|| index(policy));
    assert!(found.is_err(), "a raw entry that hides an emergency number is refused");
    let policy = policy.replace(r#""raw:11*", "#, r#""raw:118*", "#);
    check(
        &policy,
        &[
            ("default", OUT, "112", "allow emergency"),
            ("default", OUT, "call me", "allow list raw"),
            ("default", OUT, "call me now", "allow list raw"),
            // Among raw entries as among others: the longest.
            ("default", OUT, "call me never", "block list bad"),
            ("default", OUT, "call him", "block invalid"),
            ("default", IN, "anonymous", "allow list raw"),
            ("default", IN, "Anonymous", "block anonymous"),
            // Byte for byte: another spelling is another text, and the number's own entry counts.
            ("default", OUT, "0905 123 456", "allow list raw +421905123456"),
            ("default", OUT, " 0905 123 456 ", "allow list raw +421905123456"),
            ("default", OUT, "0905123456", "block list bad +421905123456"),
            ("default", OUT, "345", "allow list raw"),
            ("default", OUT, "3-4-5", "block list bad"),
            ("default", OUT, "1181", "block list bad"),
            ("default", OUT, "11-81", "allow short"),
        ],
    );
}

/// Equal lengths: a whole number before a prefix, then the list that the profile names first; the
/// policy's order of lists and their actions have no weight.
#[test]
fn equal_lengths() {
    let policy = r#"
[site]
home = "SK"
[lists.allow]
action = "allow"
entries = ["+421905*", "+421905123456", "+37126123456*"]
[lists.block]
action = "block"
entries = ["+421905*", "+421905123456", "+37126123456"]
[lists.log]
action = "log"
entries = ["+421905*", "+421905123456"]
[profiles.default.outbound]
lists = ["allow", "block"]
[profiles.turned.outbound]
lists = ["block", "allow"]
[profiles.log-first.outbound]
lists = ["log", "block"]
[profiles.log-last.outbound]
lists = ["block", "log"]
"#;
    check(
        policy,
        &[
            ("default", OUT, "0905123456", "allow list allow +421905123456"),
            ("turned", OUT, "0905123456", "block list block +421905123456"),
            ("default", OUT, "0905654321", "allow list allow +421905654321"),
            ("turned", OUT, "0905654321", "block list block +421905654321"),
            ("default", OUT, "+37126123456", "block list block +37126123456"),
            ("log-first", OUT, "0905123456", "block list block +421905123456, noted log"),
            ("log-last", OUT, "0905123456", "block list block +421905123456"),
        ],
    );
    let verdict = index(policy).screen(b"0905123456");
    assert_eq!((verdict.rule, verdict.matched), (Rule::Whole, 12));
    let verdict = index(policy).screen(b"0905654321");
    assert_eq!((verdict.rule, verdict.matched), (Rule::Prefix, 6));
}

/// An entry counts until its time, and not from then on; what it hid comes to light.
#[test]
fn expiry() {
    let policy = r#"
[site]
home = "SK"
extensions = [3]
[lists.guests]
action = "allow"
entries = [{ number = "+37126123456", expires = "2030-01-01T00:00:00Z" },
    { number = "345", expires = "2030-01-01T00:00:00Z" },
    { number = "raw:let me through", expires = "2030-01-01T00:00:00Z" },
    { number = "+4219*", expires = 2029-12-31 }]
[lists.bad]
action = "block"
entries = ["+3712*"]
[lists.watch]
action = "log"
entries = [{ number = "+4930*", expires = "2030-01-01T00:00:00Z" }]
[profiles.default.outbound]
lists = ["guests", "bad", "watch"]
internal = "block"
default = "block"
"#;
    const EXPIRES: i64 = 1_893_456_000; // 2030-01-01T00:00:00Z
    let index = index(policy);
    let cases = [
        ("+37126123456", "allow list guests +37126123456", "block list bad +37126123456"),
        ("345", "allow list guests", "block internal"),
        ("let me through", "allow list guests", "block invalid"),
        // A date is the last day on which it counts.
        ("0905123456", "allow list guests +421905123456", "block default +421905123456"),
    ];
    for (dialled, before, after) in cases {
        for (now, expected) in [(0, before), (EXPIRES - 1, before), (EXPIRES, after), (i64::MAX, after)] {
            let verdict = index.screen_at(&Query::new(), dialled.as_bytes(), now).expect("the default profile");
            assert_eq!(verdict.to_string(), expected, "{dialled} at {now}");
        }
    }
    for (now, noted) in [(EXPIRES - 1, true), (EXPIRES, false)] {
        let verdict = index.screen_at(&Query::new(), b"+4930200123", now).expect("the default profile");
        assert_eq!(verdict.would_block(), noted, "at {now}");
    }
}
