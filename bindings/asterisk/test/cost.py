"""What a question costs, beside the database that comes with Asterisk: one server, one call, in turns.

Measured is the time that the processor spent on the call's thread (TOLLGATE_CPU of the test module), so what
else runs on the machine is hardly in it.
"""

import re
import subprocess
import time

from report import check, measured

ENTRIES = 100000
# Short turns, of which some are not disturbed.
EVALUATIONS = 800
TURNS, MORE_TURNS = 25, 120
NATIONAL, ABROAD, PLUS = "0905000111", "00421905000111", "+421905000111"
LISTED = "+421910000007"


def exists(*keys):
    return "".join(f"${{DB_EXISTS(blacklist/{key})}}" for key in keys)


# What is evaluated, what it gives, and how often in one step of the loop (a line of extensions.conf has an end).
# "none" is the loop alone; the floor a function that does nothing: what Asterisk takes to call any. The others
# are for a number that is on no list, and for one that is. One that is blocked is logged and raises an event;
# one on a list that allows is not.
QUESTIONS = {
    "none": ("", "", 80),
    "none, 8 a step": ("", "", 8),
    "floor": ("${TOLLGATE_FLOOR(0905000111,default,outbound)}", "allow", 80),
    "TOUPPER": ("${TOUPPER(0905000111)}", "0905000111", 80),
    "TOLLGATE": ("${TOLLGATE(0905000111,default,outbound)}", "allow", 80),
    "TOLLGATE, a profile": ("${TOLLGATE(0905000111,tenant-7,outbound)}", "allow", 80),
    "TOLLGATE, listed": ("${TOLLGATE(0910000007,allowing,outbound)}", "allow", 80),
    "TOLLGATE, blocked": ("${TOLLGATE(0910000007,default,outbound)}", "block", 80),
    "DB_EXISTS": (exists(PLUS), "0", 80),
    "DB_EXISTS, listed": (exists(LISTED), "1", 80),
    "DB_EXISTS, 3 spellings": (exists(PLUS, NATIONAL, ABROAD), "000", 8),
    "DB_EXISTS, 12 prefixes": (exists(*(PLUS[:n] for n in range(len(PLUS), 1, -1))), "0" * 12, 8),
}


def numbers():
    return [f"+{421910000000 + 7 * n}" for n in range(ENTRIES)]


def policy(work):
    (work / "cost.txt").write_text("\n".join(numbers()) + "\n")
    (work / "cost.toml").write_text("""[policy]
name = "cost"
[site]
home = "SK"
outside_line = "9"
[lists.blacklist]
action = "block"
files = ["cost.txt"]
[lists.whitelist]
action = "allow"
files = ["cost.txt"]
[profiles.default.outbound]
lists = ["blacklist"]
countries.block = ["LV"]
types.block = ["premium_rate", "shared_cost", "satellite"]
[profiles.tenant-7]
extends = "default"
[profiles.allowing.outbound]
lists = ["whitelist"]
""")
    return work / "cost.toml"


def dialplan(turns=TURNS):
    """One call that asks all of them in turns, and leaves the times in global variables."""
    text = "\n[cost]\nexten => all,1,Set(turn=0)\n same => n(turn),NoOp()\n"
    for number, (function, _, a_step) in enumerate(QUESTIONS.values()):
        text += f""" same => n,Set(i=0)
 same => n,Set(begin=${{TOLLGATE_CPU()}})
 same => n,While($[${{i}} < {EVALUATIONS // a_step}])
 same => n,Set(x={function * a_step})
 same => n,Set(i=$[${{i}} + 1])
 same => n,EndWhile()
 same => n,Set(GLOBAL(cost_{number}_${{turn}})=${{begin}} ${{TOLLGATE_CPU()}} ${{x:0:24}} ${{LEN(${{x}})}})
"""
    return text + f""" same => n,Set(turn=$[${{turn}} + 1])
 same => n,GotoIf($[${{turn}} < {turns}]?turn)
 same => n,Set(GLOBAL(cost_end)=yes)
 same => n,Hangup()
"""


def measure(version, pbx, turns):
    """Microseconds of one evaluation each, the loop included: the best turn, since whatever disturbs only adds."""
    pbx.rx("channel originate Local/all@cost application Wait 1")
    end = time.monotonic() + 120
    while "cost_end=yes" not in (said := pbx.rx("dialplan show globals")):
        if time.monotonic() > end or not pbx.alive():
            raise RuntimeError("the measurement did not end")
        time.sleep(0.3)
    best = {}
    for number, (name, (_, answer, a_step)) in enumerate(QUESTIONS.items()):
        found = re.findall(rf"cost_{number}_\d+=(\d+) (\d+) ?(\S*) (\d+)", said)
        answers = {(text, int(length)) for _, _, text, length in found}
        wanted = {((answer * a_step)[:24], len(answer * a_step))}
        check(version, f"answers, {turns} times {EVALUATIONS}: {name}", str(wanted)[:38], answers,
              answers == wanted and len(found) == turns)
        best[name] = min(int(end) - int(begin) for begin, end, *_ in found) / 1000 / EVALUATIONS
    return best


def cost(version, pbx, index, work, command, reload, turns=TURNS):
    before = index.read_bytes()
    subprocess.run([command, "build", policy(work), "-o", index], check=True, capture_output=True)
    check(version, "module reload, for the measurement", True, reload(pbx))
    pbx.rx("core set verbose 0")
    best = measure(version, pbx, turns)
    pbx.rx("core set verbose 3")
    each = {name: best[name] - best["none, 8 a step" if a_step == 8 else "none"]
            for name, (_, _, a_step) in QUESTIONS.items()}
    own = {name: value - each["floor"] * QUESTIONS[name][0].count("${") for name, value in each.items()}
    for name, value in each.items():
        if not name.startswith("none"):
            measured(version, f"{turns} times {EVALUATIONS}, {ENTRIES} entries: {name}",
                     f"{value:6.2f} us each, {own[name]:6.2f} us above the floor")
    for name, other in (("TOLLGATE", "DB_EXISTS"), ("TOLLGATE, a profile", "DB_EXISTS"),
                        ("TOLLGATE, listed", "DB_EXISTS, listed"), ("TOLLGATE, blocked", "DB_EXISTS, listed"),
                        ("TOLLGATE", "DB_EXISTS, 3 spellings"), ("TOLLGATE", "DB_EXISTS, 12 prefixes"),
                        ("floor", "DB_EXISTS")):
        measured(version, f"{name} : {other}", f"{each[name] / each[other]:.3f}; above the floor "
                                               f"{own[name] / own[other]:.3f}")
    # The one ratio with room for what a busy machine does to it.
    prefixes = own["TOLLGATE"] / own["DB_EXISTS, 12 prefixes"]
    check(version, "TOLLGATE : DB_EXISTS, 12 prefixes, above the floor", "less than 0.1", f"{prefixes:.3f}", prefixes < 0.1)
    aside = index.with_suffix(".aside")
    aside.write_bytes(before)
    aside.rename(index)
    pbx.rx("tollgate reload force")
