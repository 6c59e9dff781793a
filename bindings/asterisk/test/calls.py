"""Who calls whom, and what must come of it."""

import re

from report import check

# Call, context, callee, caller, status, and of the event: reason, region, type, list, rule. A status that is
# a pair is that of 22 and of 16, which cannot send 607. No reason: no event, the call is answered.
NATIONAL, ABROAD, OUTSIDE, PLUS = "national", "00", "outside line", "+"
CALLER = "+421232101234"


def spellings(name, number, spelt, *expected, context="outbound"):
    """One number in every spelling that there is: national where it is at home."""
    return [(f"{name}, {how}", context, dialled, CALLER, *expected) for how, dialled in spelt(number)]


def home(number):
    return [(NATIONAL, "0" + number), (ABROAD, "00421" + number), (OUTSIDE, "90" + number),
            (PLUS, "+421" + number), ("outside line and 00", "900421" + number)]


def foreign(number):
    return [(ABROAD, "00" + number), (OUTSIDE, "900" + number), (PLUS, "+" + number)]


CALLS = [
    *spellings("allowed", "905000111", home, 200),
    *spellings("allowed, CZ", "420602234567", foreign, 200),
    *spellings("blocked country", "37126123456", foreign, 403, "country", "LV", "mobile", "", "LV"),
    *spellings("premium", "900123456", home, 403, "type", "SK", "premium_rate", "", "premium_rate"),
    *spellings("blacklisted", "905123456", home, 403, "list", "SK", "mobile", "blacklist", "+421905123456"),
    *spellings("blacklisted, GB", "442079460000", foreign, 403, "list", "GB", "fixed_line", "blacklist",
               "+442079460000"),
    *spellings("over-dialled premium", "900123456789", home, 403, "type", "SK", "unknown", "", "premium_rate"),
    *spellings("unassigned", "199123456", home, 403, "unassigned", "SK", "unknown", "", ""),
    *spellings("over-dialled blacklisted", "905123456789", home, 403, "list", "SK", "unknown", "blacklist",
               "+421905123456"),
    # A country that is blocked has national spellings where it is the own one.
    *spellings("own country blocked", "905000111", home, 403, "country", "SK", "mobile", "", "SK", context="abroad"),
    ("internal", "outbound", "101", CALLER, 200),
    ("a log list lets through", "outbound", "+420601234567", CALLER, 200),
    ("emergency", "outbound", "112", CALLER, 200),
    ("emergency, everything blocked", "locked", "112", CALLER, 200),
    ("emergency, everything blocked, outside line", "locked", "9112", CALLER, 200),
    ("emergency 155, everything blocked", "locked", "155", CALLER, 200),
    ("everything blocked", "locked", "0905000111", CALLER, 403, "type", "SK", "mobile", "", "mobile"),
    ("everything blocked, internal", "locked", "101", CALLER, 403, "internal", "", "unknown", "", ""),
    ("CH, profile default", "outbound", "0041446681800", CALLER, 200),
    ("CH, profile tenant-7", "tenant-7", "0041446681800", CALLER, 403, "country", "CH", "fixed_line", "", "CH"),
    ("function and result", "function", "0905123456", CALLER, 403, "list", "SK", "mobile", "blacklist",
     "+421905123456"),
    ("profile that does not exist", "nobody", "0905000111", CALLER, 403, "error", "", "", "", ""),
    ("profile that does not exist, emergency", "nobody", "112", CALLER, 200),
    ("misspelt direction", "misspelt", "0905000111", CALLER, 403, "error", "", "", "", ""),
    ("misspelt direction, emergency", "misspelt", "112", CALLER, 200),
    ("caller", "inbound", "200", "+421232100001", 200),
    ("caller on the blacklist, +", "inbound", "200", "+421232100000", (607, 603), "list", "SK", "fixed_line",
     "spam", "+421232100000"),
    ("caller on the blacklist, national", "inbound", "200", "0232100000", (607, 603), "list", "SK",
     "fixed_line", "spam", "+421232100000"),
    ("caller on the blacklist, 00", "inbound", "200", "00421232100000", (607, 603), "list", "SK", "fixed_line",
     "spam", "+421232100000"),
    ("withheld caller, allowed by the profile", "inbound", "200", "anonymous", 200),
    ("withheld caller, blocked by the profile", "inbound-strict", "200", "anonymous", (607, 603), "anonymous",
     "", "unknown", "", ""),
    # A dialled ampersand, with which Dial would call a second number.
    ("an ampersand is dialled", "outbound", "0905123457&PJSIP/0900123456", CALLER, 403, "error", "", "", "", ""),
    # A dialled comma chooses neither profile nor direction.
    ("a comma is dialled", "outbound", "0900123456,default,inbound", CALLER, 403, "error", "", "", "", ""),
    ("a comma is dialled, one argument", "outbound-bare", "0900123456,default,inbound", CALLER, 403, "error", "",
     "", "", ""),
    # Found in review: a part of what was dialled is not what was looked for.
    ("a comma is dialled, 20 characters taken", "outbound-cut", "0900123456,x,inbound,yyyy", CALLER, 403, "error", "", "",
     "", ""),
    ("20 characters taken", "outbound-cut", "0905000111", CALLER, 200),
    ("a comma is dialled, another extension", "outbound-moved", "112,default,outbound", CALLER, 403, "error", "", "", "",
     ""),
    ("emergency, another extension", "outbound-moved", "112", CALLER, 200),
    ("a comma in the caller's number, one argument", "inbound-bare", "200", "+421232100001,default,inbound", 403, "error",
     "", "", "", ""),
    # Found in review: a caller whose own number ends in a comma could not even make an emergency call.
    ("emergency, a comma in the caller's number", "outbound", "112", "200,", 200),
    ("emergency, the arguments in the caller's number", "outbound", "112", "200,default,outbound)%3A0", 200),
    ("emergency, function, they are in the number", "function-tenant", "112", "200,default,outbound)%3A0", 200),
    ("a comma in the caller's number", "outbound", "0905000111", "200,", 200),
    ("a comma in the caller's number, blocked", "outbound", "0900123456", "200,", 403, "type", "SK", "premium_rate", "",
     "premium_rate"),
    # Nor do a parenthesis and a colon, with which Asterisk forgets the arguments behind them.
    ("CH by the function, profile tenant-7", "function-tenant", "0041446681800", CALLER, 403, "country", "CH", "fixed_line",
     "", "CH"),
    ("a parenthesis and a colon are dialled", "function-tenant", "0041446681800)%3A0%3A5", CALLER, 403, "error", "", "", "",
     ""),
    ("a parenthesis and a colon, one argument", "outbound-bare", "0905000111)%3A0%3A5", CALLER, 403, "error", "", "", "",
     ""),
    # Found in review: with commas in front of the parenthesis there are as many as the dialplan gives, and the call was
    # judged by the default profile, and as outbound.
    ("commas and a parenthesis, function", "function-tenant", "0041446681800,,)%3A0%3A5", CALLER, 403, "error", "", "", "",
     ""),
    ("commas and a parenthesis, moved", "function-moved", "0041446681800,,)%3A0%3A5", CALLER, 403, "error", "", "", "", ""),
    ("CH, moved", "function-moved", "0041446681800", CALLER, 403, "country", "CH", "fixed_line", "", "CH"),
    ("CZ, moved", "function-moved", "00420602234567", CALLER, 200),
    ("caller, function", "inbound-function", "200", "+421232100001", 200),
    ("caller on the blacklist, function", "inbound-function", "200", "+421232100000", 403, "list", "SK", "fixed_line",
     "spam", "+421232100000"),
    ("commas and a parenthesis", "inbound-function", "200", "+421232100000,,)%3A0%3A5", 403, "error", "", "", "", ""),
    ("a parenthesis", "inbound-function", "200", "+421232100000)%3A0%3A5", 403, "error", "", "", "", ""),
    ("a second parenthesis", "inbound-function", "200", "()%3A+421232100000,,)%3A0%3A5", 403, "error", "", "", "", ""),
    ("an own parenthesis behind it", "inbound-function", "200", "+421232100000,,))(%3A0%3A5", 403, "error", "", "", "", ""),
    ("nothing but a parenthesis", "inbound-function", "200", ")%3A0%3A5", 403, "error", "", "", "", ""),
    ("a part, commas and a parenthesis", "inbound-function-cut", "200", "0232100000,,)%3A0%3A5", 403, "error", "", "", "",
     ""),
    ("a part and a parenthesis", "inbound-function-cut", "200", "0232100000)%3A0%3A5", 403, "error", "", "", "", ""),
    ("a part", "inbound-function-cut", "200", "0232100001", 200),
    # Found in review: what was refused went through where the caller's number, and not the dialled one, was 112.
    ("a comma behind 112 in the caller's number", "inbound-bare", "200", "112,x", 403, "error", "", "", "", ""),
    ("a parenthesis behind 112 in it", "inbound-function", "200", "112)%3A0%3A5", 403, "error", "", "", "", ""),
    ("commas behind 112 in it", "inbound-function", "200", "112,,)%3A0%3A5", 403, "error", "", "", "", ""),
    ("a quote is dialled", "outbound", "%220900123456", CALLER, 403, "invalid", "", "unknown", "", ""),
    # Nor does a dialled line break write a header of the event.
    ("a line break is dialled", "locked", "0900123456%0D%0AReason:%20emergency", CALLER, 403, "invalid", "",
     "unknown", "", ""),
]
CONTEXTS = sorted({row[1] for row in CALLS} | {"inbound-function-name", "live", "screened", "agi", "try"})


AT_A_TIME = 8


def described(name, context, callee, caller):
    return f"{name}: {caller if context[:2] == 'in' or ',' in caller else callee}"[:58]


def calls(version, pbx, manager):
    # Those that are answered take most of a second each, and raise no event that would have to be told apart.
    answered = [call for call in CALLS if len(call) == 5 and call[4] == 200]
    manager.forget()
    while answered:
        batch, answered = answered[:AT_A_TIME], answered[AT_A_TIME:]
        placed = [pbx.place(caller, callee, context) for _, context, callee, caller, _ in batch]
        for (name, context, callee, caller, status), one in zip(batch, placed):
            check(version, described(name, context, callee, caller), status, pbx.outcome(one))
    check(version, "an event of those", None, manager.blocked(0.5))
    for name, context, callee, caller, status, *event in CALLS:
        if not event:
            continue
        if isinstance(status, tuple):
            status = status[version == "16"]
        manager.forget()
        seen = pbx.call(caller, callee, context)
        expected = [str(status), *event]
        got = manager.blocked(2)
        result = [str(seen)]
        if got:
            result += [got.get(key, "-") for key in ("Reason", "Region", "Type", "List", "Rule")]
            broken = [line for line in got[""] if line.startswith("Reason:")]
            if len(broken) != 1:
                result.append(f"{len(broken)} reasons")
        check(version, described(name, context, callee, caller), " ".join(filter(None, expected)),
              " ".join(filter(None, result)), expected == result)
    check(version, "a second event of one call", None, manager.blocked(0.2))
    # Found in review: a display name with a parenthesis and a colon stopped its owner's calls.
    for display, context, callee, status in (
            ("Acme (Prague): reception", "outbound-bare", "0905000111", 200),
            ("Acme (Prague): reception", "function-tenant", "00420602234567", 200),
            ("Acme (outbound): reception", "function-tenant", "00420602234567", 200),
            # It is one that chooses profile and direction where it is in the arguments.
            ("+421232100000,,):0:5", "inbound-function-name", "200", 403),
            ("Acme, 7): 8", "inbound-function-name", "200", 403)):
        seen = pbx.call(CALLER, callee, context, f'P-Asserted-Identity: "{display}" <sip:{CALLER}@127.0.0.1>')
        check(version, f"{context}, name {display}"[:58], status, seen)
    counted(version, pbx)


def counted(version, pbx):
    """What is counted of calls without a verdict. Found in review: what on_error blocked counted as allowed."""
    def all_of():
        return tuple(int(n) for n in re.search(r"^all +(\d+) +(\d+)", pbx.rx("tollgate show stats"), re.M).groups())

    for context in ("nobody", "misspelt"):
        for callee, status, more in (("0905000111", 403, 0), ("112", 200, 1)):
            allowed, blocked = all_of()
            check(version, f"{context}, {callee}: status, and what is counted", (status, (allowed + more, blocked)),
                  (pbx.call(CALLER, callee, context), all_of()))
