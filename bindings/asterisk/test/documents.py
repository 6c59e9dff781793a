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


def documents(version, pbx, index):
    check(version, "contexts of docs/asterisk.md that are called", sorted(set(contexts())),
          sorted({row[0] for row in CALLS}))
    place(version, pbx, True)
    pbx.rx("module unload res_tollgate.so")
    place(version, pbx, False)
    said = pbx.rx("module load res_tollgate.so")
    check(version, "module load", "Loaded", said.strip()[:60], "Loaded" in said)
    sample = (HERE.parent / "tollgate.conf.sample").read_text().replace("/var/lib/tollgate/policy.tgx", str(index))
    for name, text in (("as it is", sample), ("everything in it switched on", re.sub(r"^;(\w+ = )", r"\1", sample,
                                                                                     flags=re.M))):
        pbx.settings(text)
        check(version, f"tollgate.conf.sample, {name}", True, reload(pbx))
    check(version, "a blocked call then, sent to the context", 480, pbx.call(CALLER, "0900123456", "outbound"))
    pbx.settings(settings(index))
    check(version, "module reload, settings as they were", True, reload(pbx))
