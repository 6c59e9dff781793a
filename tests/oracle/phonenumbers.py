#!/usr/bin/env python3
"""Compare the numbering plan and the dial plan with PyPI's phonenumbers.

    pip install phonenumbers==9.0.33        (the release of the committed plan)
    cargo build --release --features compile --example oracle_answers
    tests/oracle/phonenumbers.py target/release/examples/oracle_answers [cases] [seed]

Every run tries other cases; the seed is printed and can be given again. Compared are the number
that a text is read as, its region and type, and whether the call is an emergency or short one,
which the Rust oracle cannot say. Known and meant differences:

- Western Sahara: we answer EH where the metadata can only answer MA.
- Numbers of more than 17 national digits: we keep them, phonenumbers refuses them.
- An emergency number with digits behind it is no emergency call where the whole is a number that
  somebody has; a short number likewise.
- Uzbekistan's emergency numbers 001 to 003 begin like its calls abroad: over-dialled, or with seven
  digits behind the calling code, those are calls abroad.
- All zeros and the keypad spellings of "anonymous" are withheld caller ids.
"""
import multiprocessing
import random
import subprocess
import sys
import time
import warnings

# This file has the package's name, and its folder comes first on the path.
sys.path = [p for p in sys.path[1:]]

warnings.simplefilter("ignore", DeprecationWarning)
try:
    import re._parser as sre_parse
except ImportError:
    import sre_parse

import phonenumbers as P
from phonenumbers import shortnumberinfo as S
from phonenumbers.data import _COUNTRY_CODE_TO_REGION_CODE as CODES
from phonenumbers.phonemetadata import PhoneMetadata

TYPES = {v: k.lower() for k, v in vars(P.PhoneNumberType).items() if isinstance(v, int) and not k.startswith("_")}
KINDS = ["fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan",
         "voicemail", "general_desc"]
WITHHELD = {"266696687", "7378742833", "86282452253", "2562533", "8656696"}
PARSED = {}


def sample(rng, pattern):
    """Random digits that a pattern matches."""
    if pattern not in PARSED:
        PARSED[pattern] = sre_parse.parse(pattern)

    def walk(nodes):
        out = ""
        for op, value in nodes:
            op = str(op)
            if op == "LITERAL":
                out += chr(value)
            elif op == "IN":
                allowed = []
                for kind, item in value:
                    kind = str(kind)
                    if kind == "LITERAL":
                        allowed.append(chr(item))
                    elif kind == "RANGE":
                        allowed += [chr(c) for c in range(item[0], item[1] + 1)]
                    else:
                        allowed += "0123456789"
                out += rng.choice(allowed)
            elif op == "MAX_REPEAT":
                low, high, sub = value
                for _ in range(rng.randint(low, min(high, low + 12))):
                    out += walk(sub)
            elif op == "SUBPATTERN":
                out += walk(value[3])
            elif op == "BRANCH":
                out += walk(rng.choice(value[1]))
        return out

    return walk(PARSED[pattern])


def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def mutated(rng, number):
    out = list(number)
    for _ in range(rng.randrange(4)):
        if out:
            out[rng.randrange(len(out))] = rng.choice("0123456789")
    if rng.random() < 0.1:
        out.append(rng.choice("0123456789"))
    elif rng.random() < 0.1 and len(out) > 3:
        out.pop()
    return "".join(out)


def cases(rng, count):
    regions = [(code, region, PhoneMetadata.metadata_for_region(region))
               for code, group in CODES.items() for region in group if region != "001"]
    shorts = {region: PhoneMetadata.short_metadata_for_region(region) for _, region, _ in regions}
    patterns = {region: [d.national_number_pattern for d in (getattr(m, k) for k in KINDS)
                         if d and d.national_number_pattern] for _, region, m in regions}

    def number(region):
        out = sample(rng, rng.choice(patterns[region]))
        return mutated(rng, out) if rng.random() < 0.5 else out

    for i in range(count):
        code, region, m = regions[i % len(regions)]
        abroad_code, abroad_region, _ = rng.choice(regions)
        abroad = "%d%s" % (abroad_code, number(abroad_region))
        idd = sample(rng, m.international_prefix) if m.international_prefix else ""
        parsing = sample(rng, m.national_prefix_for_parsing) if m.national_prefix_for_parsing else ""
        prefix = m.national_prefix or ""
        short = shorts[region]
        kind = rng.randrange(16)
        if kind == 0:
            text = number(region)
        elif kind == 1:
            text = prefix + number(region)
        elif kind == 2:
            text = parsing + number(region)
        elif kind == 3:
            text = "+%d%s%s" % (code, rng.choice(["", prefix, parsing]), number(region))
        elif kind == 4:
            text = "%d%s" % (code, number(region))
        elif kind == 5:
            text = idd + abroad
        elif kind == 6:
            text = "+" + mutated(rng, abroad)
        elif kind == 7:
            text = idd + mutated(rng, abroad)
        elif kind == 8:
            text = digits(rng, rng.randint(3, 14))
        elif kind == 9:
            text = "+" + idd + abroad
        elif kind in (10, 11) and short and short.emergency:
            text = sample(rng, short.emergency.national_number_pattern)
            if kind == 11:
                text += digits(rng, rng.randint(1, 7))
        elif kind in (12, 13) and short and short.short_code:
            text = sample(rng, short.short_code.national_number_pattern)
            if kind == 13:
                text = mutated(rng, text)
        else:
            text = digits(rng, rng.randint(1, 6))
        if not text.strip("+"):
            text = digits(rng, 5)
        if rng.random() < 0.3:
            text = "".join(c if j < 2 or rng.random() > 0.2 else rng.choice(" -./") + c for j, c in enumerate(text))
        yield region, text


def expected(case):
    """What phonenumbers says: number, region, type, kind."""
    region, text = case
    try:
        parsed = P.parse(text, region)
        number = "+%d%s" % (parsed.country_code, P.national_significant_number(parsed))
        answer = (number, P.region_code_for_number(parsed) or "-", TYPES[P.number_type(parsed)])
    except P.NumberParseException as error:
        too_long = error.error_type == P.NumberParseException.TOO_LONG
        answer = ("too long" if too_long else "-", "-", "-")
    plain = "".join(c for c in text if c.isdigit())
    assigned = answer[2] not in ("-", "unknown")
    plus = text.startswith("+")
    if not plus and (S.is_emergency_number(plain, region)
                     or S.connects_to_emergency_number(plain, region) and not assigned):
        return answer + ("emergency",)
    if not plain.strip("0") or plus and plain in WITHHELD:
        return answer + ("withheld",)
    if not plus and not assigned:
        own = P.PhoneNumber(country_code=P.country_code_for_region(region), national_number=int(plain))
        zeros = len(plain) - len(plain.lstrip("0"))
        if zeros:
            own.italian_leading_zero, own.number_of_leading_zeros = True, zeros
        if S.is_valid_short_number_for_region(own, region):
            return answer + ("short",)
    return answer + ("number" if answer[0] != "-" else "invalid",)


def main():
    binary = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else time.time_ns()
    print("phonenumbers %s, %d cases, seed %d" % (P.__version__, count, seed))
    todo = list(cases(random.Random(seed), count))
    lines = "".join("%s\t%s\n" % case for case in todo)
    output = subprocess.run([binary], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    with multiprocessing.Pool(2) as pool:
        wanted = pool.map(expected, todo, chunksize=1000)
    wrong, sahara, long, uzbek, kinds = [], 0, 0, 0, {}
    for case, line, want in zip(todo, output, wanted, strict=True):
        got = tuple(line.split("\t"))
        kinds[want[3]] = kinds.get(want[3], 0) + 1
        if got == want:
            continue
        if got[1] == "EH" and want[1] == "MA" and (got[0], got[2:]) == (want[0], want[2:]):
            sahara += 1
        elif want[0] == "too long" and got[2] in ("unknown", "-") and got[3] in (want[3], "invalid"):
            long += 1
        elif case[0] == "UZ" and case[1].startswith("00") and (want[3], got[3]) == ("emergency", "number"):
            uzbek += 1
        else:
            wrong.append((case, "we say", got, "phonenumbers says", want))
    print("compared %d: %s" % (count, ", ".join("%d %s" % (n, k) for k, n in sorted(kinds.items()))))
    print("differ as meant: %d Western Sahara, %d too long, %d Uzbekistan; differ otherwise: %d"
          % (sahara, long, uzbek, len(wrong)))
    for difference in wrong[:20]:
        print(*difference)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
