"""What a question costs, beside the database that comes with Asterisk: one server, one run.

Measured and printed, not tested: what else runs on the machine is in it.
"""

import re
import subprocess
import time

from report import check, measured

ENTRIES = 100000
A_STEP, STEPS = 80, 125
# What is evaluated, and what it gives: nothing, for the cost of the loop and of the substitution; a function
# that does next to nothing, for what Asterisk takes to call one; then the two, for a number that is on no
# list, and for one that is.
FUNCTIONS = {
    "empty": ("${EXTEN:99}", ""),
    "function": ("${TOUPPER(0905000111)}", "0905000111"),
    "database": ("${DB_EXISTS(blacklist/+421905000111)}", "0"),
    "tollgate": ("${TOLLGATE(0905000111,default,outbound)}", "allow"),
    "database-hit": ("${DB_EXISTS(blacklist/+421910000007)}", "1"),
    "tollgate-hit": ("${TOLLGATE(0910000007,default,outbound)}", "block"),
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
[profiles.default.outbound]
lists = ["blacklist"]
countries.block = ["LV"]
types.block = ["premium_rate", "shared_cost", "satellite"]
""")
    return work / "cost.toml"


def dialplan():
    """10,000 evaluations each, eighty in a step."""
    text = "\n[cost]\n"
    for name, (function, _) in FUNCTIONS.items():
        text += f"""exten => {name},1,Set(i=0)
 same => n,Set(GLOBAL(begin_{name})=${{STRFTIME(,,%s.%6q)}})
 same => n,While($[${{i}} < {STEPS}])
 same => n,Set(x={function * A_STEP})
 same => n,Set(i=$[${{i}} + 1])
 same => n,EndWhile()
 same => n,Set(GLOBAL(x_{name})=${{x}})
 same => n,Set(GLOBAL(end_{name})=${{STRFTIME(,,%s.%6q)}})
 same => n,Hangup()
"""
    return text


def measure(pbx, name):
    pbx.rx(f"dialplan set global end_{name} none")
    pbx.rx(f"channel originate Local/{name}@cost application Wait 1")
    for _ in range(300):
        said = pbx.rx("dialplan show globals")
        end = re.search(rf"end_{name}=([\d.]+)", said)
        if end:
            value = re.search(rf"x_{name}=(.*)", said)
            return float(end[1]) - float(re.search(rf"begin_{name}=([\d.]+)", said)[1]), value[1].strip()
        time.sleep(0.1)
    raise RuntimeError(f"{name} did not end")


def cost(version, pbx, index, work, command, reload):
    before = index.read_bytes()
    subprocess.run([command, "build", policy(work), "-o", index], check=True, capture_output=True)
    check(version, "module reload, for the measurement", True, reload(pbx))
    pbx.rx("core set verbose 0")
    # The best of five: what else runs on the machine only adds.
    best = {}
    for _ in range(5):
        for name in FUNCTIONS:
            seconds, value = measure(pbx, name)
            expected = FUNCTIONS[name][1] * A_STEP
            if value != expected:
                check(version, f"answers of {name}", expected[:20], value[:20])
                return
            best[name] = min(seconds, best.get(name, seconds))
    pbx.rx("core set verbose 3")
    each = {name: (best[name] - best["empty"]) * 1e6 / (A_STEP * STEPS) for name in best}
    for name, seconds in best.items():
        measured(version, f"10,000 evaluations with {ENTRIES} entries: {name}",
                 f"{seconds * 1000:.1f} ms, {each[name]:.2f} us each without the loop")
    measured(version, "TOLLGATE in DB_EXISTS's, a number that is not listed", f"{each['tollgate'] / each['database']:.2f}")
    measured(version, "TOLLGATE in DB_EXISTS's, a listed one (with log and event)",
             f"{each['tollgate-hit'] / each['database-hit']:.2f}")
    aside = index.with_suffix(".aside")
    aside.write_bytes(before)
    aside.rename(index)
    pbx.rx("tollgate reload force")
