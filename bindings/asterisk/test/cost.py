"""What a question costs, beside the database that comes with Asterisk. Measured on one server in one run."""

import re
import subprocess
import time

from report import check

ENTRIES = 100000
A_STEP, STEPS = 80, 125
FUNCTIONS = {
    "empty": "${EXTEN:99}",
    "database": "${DB_EXISTS(blacklist/+421905000111)}",
    "tollgate": "${TOLLGATE(0905000111,default,outbound)}",
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
    for name, function in FUNCTIONS.items():
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
            expected = {"empty": "", "database": "0" * A_STEP, "tollgate": "allow" * A_STEP}[name]
            if value != expected:
                check(version, f"answers of {name}", expected[:20], value[:20])
                return
            best[name] = min(seconds, best.get(name, seconds))
    pbx.rx("core set verbose 3")
    each = {name: (best[name] - best["empty"]) * 1e6 / (A_STEP * STEPS) for name in best}
    print(f"       {version:3} 10,000 evaluations with {ENTRIES} entries: TOLLGATE {best['tollgate'] * 1000:.1f} ms, "
          f"DB_EXISTS {best['database'] * 1000:.1f} ms, nothing {best['empty'] * 1000:.1f} ms; less that, "
          f"{each['tollgate']:.2f} us and {each['database']:.2f} us each")
    ratio = each["tollgate"] / each["database"]
    check(version, "an evaluation of TOLLGATE, in DB_EXISTS's", "less than 0.1", f"{ratio:.3f}", ratio < 0.1)
    aside = index.with_suffix(".aside")
    aside.write_bytes(before)
    aside.rename(index)
    pbx.rx("tollgate reload force")
