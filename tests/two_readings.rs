//! Texts that a site and its network could read differently: no reading of a text may be a blocked
//! number, whichever is the first one. Each of these got through once; found in review.

#![cfg(feature = "compile")]

mod common;

use common::index;
use tollgate::{Action, Index, Query, Reason, Region, Verdict};

const RULES: &str = r#"
[profiles.default.outbound]
countries.block = ["LV"]
types.block = ["premium_rate", "shared_cost", "satellite"]
"#;

fn at(home: &str, site: &str, rest: &str) -> Index {
    index(&format!("[site]\nhome = \"{home}\"\n{site}\n{RULES}{rest}"))
}

fn screen(index: &Index, text: &str) -> Verdict {
    index.screen(text.as_bytes())
}

#[track_caller]
fn blocks(index: &Index, text: &str, reason: Reason) {
    let verdict = screen(index, text);
    assert_eq!((verdict.action, verdict.reason), (Action::Block, reason), "{text}: {verdict}");
}

#[track_caller]
fn allows(index: &Index, text: &str, reason: Reason) {
    let verdict = screen(index, text);
    assert_eq!((verdict.action, verdict.reason), (Action::Allow, reason), "{text}: {verdict}");
}

/// Whoever ignores the phone-context dials the user part: Germany's plan assigns nearly anything
/// behind +4930, so the context was a free wild card.
#[test]
fn a_phone_context_hides_nothing() {
    let sk = at("SK", "", "");
    blocks(&sk, "tel:0037126123456;phone-context=+4930", Reason::Country);
    blocks(&sk, "tel:0900123456;phone-context=+39", Reason::Type);
    blocks(&sk, "tel:26123456;phone-context=+371", Reason::Country);
    let us = at("US", "", "");
    allows(&us, "tel:5550123;phone-context=+1-212", Reason::Default);
}

/// With a context the digits are a number of their own, unless that is nobody's.
#[test]
fn an_emergency_number_with_a_context() {
    let us = at("US", "", "");
    allows(&us, "tel:911;phone-context=+1", Reason::Emergency);
    let sk = at("SK", "", "");
    allows(&sk, "tel:112;phone-context=+421", Reason::Emergency);
    allows(&sk, "tel:112;phone-context=+371", Reason::Emergency);
    blocks(&sk, "tel:112;phone-context=+19005550", Reason::Type);
}

/// The network routes by `rn`.
#[test]
fn an_emergency_number_with_a_routing_number() {
    let sk = at("SK", "", "");
    blocks(&sk, "112;npdi;rn=+37190012345", Reason::Type);
    allows(&sk, "112;npdi;rn=+421232123456", Reason::Emergency);
    allows(&sk, "112;npdi;rn=+3711", Reason::Emergency);
}

/// A site that takes pauses and marks out dials what is behind them as well.
#[test]
fn digits_that_are_cut_off_hide_nothing() {
    let ad = at("AD", "", "");
    blocks(&ad, "110p009", Reason::Type);
    blocks(&ad, "110x009", Reason::Type);
    allows(&ad, "110,,5", Reason::Emergency);
    allows(&ad, "110", Reason::Emergency);
    let no = at("NO", "extensions = [3]", "");
    blocks(&no, "829p01234", Reason::Type);
    blocks(&no, "829,01234", Reason::Type);
    allows(&no, "829", Reason::Internal);
    allows(&no, "829p1", Reason::Internal);
    let sk = at("SK", "", "");
    allows(&sk, "112p1", Reason::Emergency);
    allows(&sk, "+421232123456,,123#", Reason::Default);
}

/// An exchange that tells 110009 from 110 ignores the digit behind it.
#[test]
fn over_dialled_premium_numbers_that_begin_like_an_emergency() {
    for (home, text) in [("AD", "1100091"), ("AD", "11819077"), ("JO", "9111895177"), ("NZ", "111429324977")] {
        let index = at(home, "", "");
        let verdict = screen(&index, text);
        assert_eq!((verdict.action, verdict.reason), (Action::Block, Reason::Type), "{text} in {home}: {verdict}");
    }
    allows(&at("JO", "", ""), "9111", Reason::Emergency);
    allows(&at("NZ", "", ""), "11142", Reason::Emergency);
}

/// Digits behind a number that nobody has hide neither its country nor its list.
#[test]
fn digits_behind_hide_neither_country_nor_list() {
    let shared = index(
        r#"
[site]
home = "SK"
[lists.short]
action = "block"
entries = ["1181"]
[profiles.default.outbound]
lists = ["short"]
unassigned = "allow"
countries.block = ["GG", "GP", "CX", "YT"]
"#,
    );
    for text in ["+447911123456", "+447911123456999", "+59069022123499", "+6189164123499", "+26226960123499"] {
        blocks(&shared, text, Reason::Country);
    }
    allows(&shared, "+442079460018", Reason::Default);
    blocks(&shared, "1181", Reason::List);
    blocks(&shared, "118199", Reason::List);
}

#[test]
fn an_ampersand_is_refused_wherever_it_could_be_dialled() {
    let sk = at("SK", "", "");
    for text in
        ["sip:0905123456:5060&SIP/trunk/0900123456", "sip:0905123456@host;x=1&SIP/trunk/0900123456", "0905123456&1"]
    {
        blocks(&sk, text, Reason::Invalid);
    }
}

/// Rule 1 knows no length.
#[test]
fn an_emergency_call_with_a_long_address() {
    let sk = at("SK", "outside_line = \"9\"", "");
    let long = "a".repeat(2000);
    for text in [format!("sip:112@{long}"), format!("\"A\" <sip:9112@{long}>"), format!("tel:112;x={long}")] {
        allows(&sk, &text, Reason::Emergency);
    }
    for text in [format!("sip:0905123456@{long}"), format!("sip:1121@{long}"), long.clone(), format!("112{long}")] {
        blocks(&sk, &text, Reason::Invalid);
    }
    let elsewhere = Query::new().home(Region::new("GB").unwrap());
    let verdict = sk.screen_with(&elsewhere, format!("sip:999@{long}").as_bytes()).unwrap();
    assert_eq!(verdict.reason, Reason::Emergency);
}
