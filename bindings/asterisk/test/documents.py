"""The dialplans of docs/asterisk.md and the sample configuration, as they are written there."""

import re

from asterisk import HERE
from report import check
from reloading import reload
from settings import settings

DOCUMENT = HERE.parent.parent.parent / "docs/asterisk.md"
CALLER = "+421232101234"
SPAMMER = "+421232100000"
# Context, callee, caller, status with the module, status without; a pair is of 22 and of 16.
CALLS = [
    ("from-phones", "0905000111", CALLER, 200, 603),
    ("from-phones", "0900123456", CALLER, 403, 603),
    ("from-phones", "112", CALLER, 200, 603),
    ("from-phones-announced", "0905000111", CALLER, 200, 403),
    ("from-phones-announced", "0900123456", CALLER, 403, 403),
    ("from-phones-announced", "0900123456,default,inbound", CALLER, 403, 403),
    ("from-trunk", "200", CALLER, 200, 603),
    ("from-trunk", "200", SPAMMER, (607, 603), 603),
    ("from-trunk", "200", "anonymous", 200, 603),
    ("from-trunk-strict", "200", CALLER, 200, 603),
    ("from-trunk-strict", "200", SPAMMER, (607, 603), 603),
    ("from-trunk-strict", "200", "anonymous", 200, 603),
    ("from-tenants", "0041446681800", CALLER, 403, 603),
    ("from-tenants", "00420602234567", CALLER, 200, 603),
    ("from-phones-fail-closed", "0905000111", CALLER, 200, 503),
    ("from-phones-fail-closed", "0900123456", CALLER, 403, 503),
    ("from-phones-fail-closed", "112", CALLER, 200, 200),
    ("from-phones-fail-closed", "155", CALLER, 200, 200),
]


def dialplans():
    """What stands in the document between ```ini extensions.conf and ```."""
    return "\n".join(re.findall(r"^```ini extensions\.conf\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S))


def contexts():
    return re.findall(r"^\[(.*)\]$", dialplans(), re.M)


def place(version, pbx, loaded):
    for context, callee, caller, *statuses in CALLS:
        status = statuses[not loaded]
        if isinstance(status, tuple):
            status = status[version == "16"]
        who = callee if caller == CALLER and not context.startswith("from-trunk") else f"from {caller}"
        check(version, f"{context}{'' if loaded else ', no module'}: {who}"[:58], status,
              pbx.call(caller, callee, context))


def words(version, pbx):
    """What the dialplans do with what a stranger sends, and which number is called, by the log."""
    before = len(pbx.log())
    # Found in review: the dialplan took what stood behind a colon in a withheld number for the number.
    seen = pbx.call(CALLER, "200", "from-trunk-strict", f"P-Asserted-Identity: <sip:1%3A{SPAMMER}@127.0.0.1>", "Privacy: id")
    check(version, "from-trunk-strict, withheld, a colon in the number", (200, True),
          (seen, '"anonymous,default,inbound"' in pbx.log_with('"anonymous,default,inbound"', before)))
    # Found in review: 150, 155 and 158 called 112.
    for number in ("112", "150", "155", "158"):
        before = len(pbx.log())
        seen = pbx.call(CALLER, number, "from-phones-fail-closed")
        called = re.findall(r"Executing \[(\w+)@carrier:1\]", pbx.log_with("@carrier:1]", before))
        check(version, f"from-phones-fail-closed, {number}: what the carrier gets", (200, [number]), (seen, called))


def documents(version, pbx, index):
    check(version, "contexts of docs/asterisk.md that are called", sorted(set(contexts())),
          sorted({row[0] for row in CALLS}))
    place(version, pbx, True)
    words(version, pbx)
    said = pbx.rx("module unload res_tollgate.so")
    check(version, "module unload", "Unloaded", said.strip()[:60], "Unloaded" in said)
    place(version, pbx, False)
    said = pbx.rx("module load res_tollgate.so")
    check(version, "module load", "Loaded", said.strip()[:60], "Loaded" in said)
    sample = (HERE.parent / "tollgate.conf.sample").read_text().replace("/var/lib/tollgate/policy.tgx", str(index))
    for name, text in (("as it is", sample), ("everything in it switched on", re.sub(r"^;(\w+ = )", r"\1", sample,
                                                                                     flags=re.M))):
        pbx.settings(text)
        check(version, f"tollgate.conf.sample, {name}", True, reload(pbx))
    check(version, "a blocked call then, sent to the context", 480, pbx.call(CALLER, "0900123456", "outbound"))
    check(version, "a blocked caller then, sent to the context", 480, pbx.call(SPAMMER, "200", "inbound"))
    pbx.settings(re.sub(r"^context.*", "", re.sub(r"^;(\w+ = )", r"\1", sample, flags=re.M), flags=re.M))
    check(version, "tollgate.conf.sample, without its contexts", True, reload(pbx))
    check(version, "a blocked call then, hangup = 403", 403, pbx.call(CALLER, "0900123456", "outbound"))
    check(version, "a blocked caller then, hangup = 603", 603, pbx.call(SPAMMER, "200", "inbound"))
    pbx.settings(settings(index))
    check(version, "module reload, settings as they were", True, reload(pbx))
