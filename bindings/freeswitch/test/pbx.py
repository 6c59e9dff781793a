"""A FreeSWITCH of one's own on 127.0.0.1, its event socket, and SIPp. Everything is in one folder, which is
removed, and ends with the program: processes are ended by their handle."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
MODULE = HERE.parent


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def end_with_me():
    """In a child: killed when this program is, though it be by SIGKILL. (PR_SET_PDEATHSIG)"""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def on_signals(handler):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def end_on_signals():
    """What was started is stopped where it is left, which a signal must not hinder."""
    on_signals(lambda *_: sys.exit(1))


class Esl:
    """A connection to the event socket."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.file = self.socket.makefile("rb")
        self.read()
        self.send("auth loopback")
        headers, _ = self.read()
        if not headers.get("Reply-Text", "").startswith("+OK"):
            raise RuntimeError(f"event socket: {headers}")

    def send(self, line):
        if "\n" in line:
            raise ValueError(line)
        self.socket.sendall(line.encode() + b"\n\n")

    def read(self):
        headers = {}
        while (line := self.file.readline()) not in (b"\n", b""):
            name, _, value = line.decode().rstrip("\n").partition(": ")
            headers[name] = value
        if not headers:
            raise EOFError("the event socket is closed")
        length = int(headers.get("Content-Length", 0))
        return headers, self.file.read(length).decode("utf-8", "replace") if length else ""

    def api(self, command):
        self.send("api " + command)
        headers, body = self.read()
        return body if headers.get("Content-Type") == "api/response" else headers.get("Reply-Text", "")


class Events(threading.Thread):
    """What is told by tollgate::… as long as the connection lives."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.esl = Esl(port)
        self.esl.send("event plain CUSTOM tollgate::block tollgate::would_block tollgate::reload")
        self.esl.read()
        self.seen = []
        self.new = threading.Condition()
        self.start()

    def run(self):
        try:
            while True:
                _, body = self.esl.read()
                event = {}
                for line in body.split("\n"):
                    name, separator, value = line.partition(": ")
                    if separator:
                        event[name] = urllib.parse.unquote(value)
                with self.new:
                    self.seen.append(event)
                    self.new.notify_all()
        except (EOFError, OSError):
            pass

    def mark(self):
        with self.new:
            return len(self.seen)

    def since(self, mark, wanted, seconds=5.0):
        """The events after `mark` for which `wanted` holds, waiting for the first of them."""
        end = time.monotonic() + seconds
        with self.new:
            while True:
                found = [e for e in self.seen[mark:] if wanted(e)]
                left = end - time.monotonic()
                if found or left <= 0:
                    return found
                self.new.wait(left)


class FreeSwitch:
    def __init__(self, prefix, module, work, loglevel="notice"):
        self.prefix, self.work = pathlib.Path(prefix), pathlib.Path(work)
        self.process = None
        self.esl_port = free_port(socket.SOCK_STREAM)
        self.internal, self.external, self.trunk = (free_port(socket.SOCK_DGRAM) for _ in range(3))
        self.loglevel = loglevel
        modules = next(
            (d for d in (self.prefix / "mod", self.prefix / "lib/freeswitch/mod",
                         *self.prefix.glob("lib/*/freeswitch/mod")) if d.is_dir()), None)
        if modules is None:
            raise FileNotFoundError(f"{prefix} has no folder of modules")
        self.modules = self.work / "mod"
        self.modules.mkdir(parents=True)
        for so in modules.glob("*.so"):
            (self.modules / so.name).symlink_to(so)
        (self.modules / "mod_tollgate.so").unlink(missing_ok=True)
        shutil.copy(module, self.modules / "mod_tollgate.so")
        self.conf = self.work / "conf"
        for folder in ("dialplan/default", "dialplan/public", "dialplan/tenants", "dialplan/announced",
                       "dialplan/harness", "autoload_configs"):
            (self.conf / folder).mkdir(parents=True)

    def write_conf(self, modules=("mod_tollgate",)):
        text = (HERE / "conf/freeswitch.xml").read_text()
        first = 20000 + os.getpid() % 200 * 100
        levels = ["debug", "info", "notice", "warning", "err", "crit", "alert"]
        values = {
            "MODULES": "".join(f'<load module="{m}"/>' for m in modules),
            "LOGLEVEL": self.loglevel, "LOGLEVELS": ",".join(levels[levels.index(self.loglevel):]),
            "RTP_FIRST": first, "RTP_LAST": first + 4000, "ESL_PORT": self.esl_port,
            "INTERNAL_PORT": self.internal, "EXTERNAL_PORT": self.external, "TRUNK_PORT": self.trunk,
            "RUN": self.work,
        }
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (self.conf / "freeswitch.xml").write_text(text)

    def settings(self, **params):
        """tollgate.conf.xml with these parameters."""
        lines = "".join(f'<param name="{k.replace("_", "-")}" value="{v}"/>' for k, v in params.items())
        (self.conf / "autoload_configs/tollgate.conf.xml").write_text(
            f'<configuration name="tollgate.conf"><settings>{lines}</settings></configuration>\n')

    def start(self):
        folders = ("log", "db", "run", "scripts", "tmp", "cache", "storage", "recordings", "grammar", "certs",
                   "sounds", "htdocs")
        for folder in folders:
            (self.work / folder).mkdir(exist_ok=True)
        names = {"tmp": "temp"}
        arguments = [str(self.prefix / "bin/freeswitch"), "-nf", "-nc", "-nonat", "-nonatmap", "-nocal", "-np",
                     "-base", str(self.work), "-conf", str(self.conf), "-mod", str(self.modules)]
        for folder in folders:
            arguments += ["-" + names.get(folder, folder), str(self.work / folder)]
        self.output = open(self.work / "log/stdout.log", "ab")
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=end_with_me)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                self.esl = Esl(self.esl_port)
                if "is ready" in self.esl.api("status") and \
                        all(self.esl.api(f"sofia status profile {p}").count("RUNNING") or
                            "Name" in self.esl.api(f"sofia status profile {p}") for p in ("internal", "external")):
                    self.events = Events(self.esl_port)
                    return
            except (OSError, EOFError):
                pass
            time.sleep(0.2)
        raise RuntimeError("FreeSWITCH did not start:\n" + self.log()[-4000:])

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            try:
                Esl(self.esl_port).api("fsctl shutdown now")
            except (OSError, EOFError, RuntimeError):
                self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code, self.process = self.process.returncode, None
        self.output.close()
        return code

    def api(self, command):
        return self.esl.api(command)

    def log(self):
        text = ""
        for file in ("log/stdout.log", "log/freeswitch.log"):
            if (self.work / file).exists():
                text += (self.work / file).read_text(errors="replace")
        return text

    def resident(self):
        """Kilobytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


class Trunk:
    """SIPp behind the trunk: answers every call, and notes what was dialled."""

    def __init__(self, pbx, trace=True):
        self.log = pbx.work / "trunk.log"
        self.log.write_text("")
        arguments = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(pbx.trunk), "-mp",
                     str(free_port(socket.SOCK_DGRAM)), "-nd", "-nostdin"]
        if trace:
            arguments += ["-trace_msg", "-message_file", str(self.log)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=pbx.work, preexec_fn=end_with_me)

    def dialled(self, wait=0.0, more_than=0):
        """The numbers that reached the trunk, in order, each call once."""
        end = time.monotonic() + wait
        while True:
            calls = {}
            for message in re.split(r"^-{20,}.*$", self.log.read_text(errors="replace"), flags=re.M):
                invite = re.search(r"^INVITE sip:([^@;>\s]*)@", message, re.M)
                call = re.search(r"^Call-ID: *(\S+)", message, re.M | re.I)
                if invite and call:
                    calls.setdefault(call[1], invite[1])
            found = list(calls.values())
            if len(found) > more_than or time.monotonic() >= end:
                return found
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def scenario(work, name, target, sender, headers, expected):
    text = (HERE / "sipp/call.xml").read_text()
    text = text.replace("@BYE@", (HERE / "sipp/bye.xml").read_text() if expected == 200 else "")
    rtp = free_port(socket.SOCK_DGRAM)
    for key, value in {"TARGET": target, "FROM": sender, "HEADERS": "".join(h + "\n" for h in headers),
                       "EXPECTED": expected, "RTP_PORT": rtp}.items():
        text = text.replace(f"@{key}@", str(value))
    path = work / f"{name}.xml"
    path.write_text(text)
    return path


def call(pbx, target, expected, port=None, address="127.0.0.1", sender=None, headers=()):
    """One call: the final answer that was seen, 0 where there was none, and its Call-ID."""
    sender = sender or f'"t" <sip:+421232784100@{address}>'
    path = scenario(pbx.work, "call", target, sender, headers, expected)
    log = pbx.work / "call.log"
    log.unlink(missing_ok=True)
    local = free_port(socket.SOCK_DGRAM)
    subprocess.run(["sipp", "-sf", str(path), "-i", address, "-p", str(local), "-m", "1", "-nd", "-nostdin",
                    "-trace_msg", "-message_file", str(log), "-timeout", "15s", "-timeout_error", "-recv_timeout",
                    "12000", f"127.0.0.1:{port or pbx.internal}"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=pbx.work,
                   timeout=60)
    text = log.read_text(errors="replace") if log.exists() else ""
    final = re.findall(r"^SIP/2\.0 ([2-6]\d\d)", text, re.M)
    call_id = re.search(r"^Call-ID: *(\S+)", text, re.M)
    return int(final[0]) if final else 0, call_id[1] if call_id else None


class Load:
    """Calls at a rate, all to one number: how many got what they should."""

    def __init__(self, pbx, name, target, expected, rate, calls, address="127.0.0.1"):
        self.stat = pbx.work / f"{name}.csv"
        self.stat.unlink(missing_ok=True)
        self.errors = pbx.work / f"{name}.errors"
        self.errors.unlink(missing_ok=True)
        path = scenario(pbx.work, name, target, '"t" <sip:+421232784100@127.0.0.1>', (), expected)
        self.process = subprocess.Popen(
            ["sipp", "-sf", str(path), "-i", address, "-p", str(free_port(socket.SOCK_DGRAM)), "-m", str(calls),
             "-r", str(rate), "-nd", "-nostdin", "-trace_err", "-error_file", str(self.errors), "-trace_stat", "-stf", str(self.stat), "-fd", "1", "-recv_timeout",
             "10000", f"127.0.0.1:{pbx.internal}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=pbx.work,
            preexec_fn=end_with_me)

    def running(self):
        return self.process.poll() is None

    def unexpected(self):
        """The final answers that were not expected, as SIPp tells of them."""
        text = self.errors.read_text(errors="replace") if self.errors.exists() else ""
        return re.findall(r"SIP/2\.0 ([2-6]\d\d)", text)

    def result(self):
        """(successful, failed)"""
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        lines = self.stat.read_text().splitlines()
        row = dict(zip(lines[0].split(";"), lines[-1].split(";")))
        return int(row["SuccessfulCall(C)"]), int(row["FailedCall(C)"])
