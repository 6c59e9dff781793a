"""A private Asterisk on the loopback interface: started, asked, called and ended."""

import ctypes
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"
MYSELF = os.getpid()
# What a call may come to, beside an answer.
REFUSALS = (401, 403, 404, 410, 480, 484, 486, 488, 500, 501, 502, 503, 504, 603, 607, 608)


def die_with_parent():
    """In a child: ends it when whoever started it is gone, even where that could say nothing any more."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    # It is of no use where that one was gone before.
    if os.getppid() != MYSELF:
        os.kill(os.getpid(), signal.SIGKILL)


given = set()
# Which of the ports, of how many equal parts: two tests at the same time do not give each other's away.
share = (0, 1)


def free_ports(count):
    """Ports that nobody has, neither of UDP nor of TCP, and nobody else was given."""
    ports, sockets = [], []
    while len(ports) < count:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sockets += [udp, tcp]
        udp.bind((LOOPBACK, 0))
        try:
            tcp.bind((LOOPBACK, udp.getsockname()[1]))
        except OSError:
            continue
        port = udp.getsockname()[1]
        if port not in given and port % share[1] == share[0]:
            ports.append(port)
            given.add(port)
    for one in sockets:
        one.close()
    return ports


class Manager(threading.Thread):
    """A session with the manager interface, which gathers the events of blocked calls."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.create_connection((LOOPBACK, port), timeout=10)
        self.socket.settimeout(None)
        self.changed = threading.Condition()
        self.events, self.answers, self.raw = [], {}, b""
        self.count = 0
        self.start()
        answer = self.action("Login", Username="test", Secret="test")
        assert answer.get("Response") == "Success", answer

    def run(self):
        buffer = b""
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            if b"\r\n" in buffer and buffer.startswith(b"Asterisk Call Manager"):
                buffer = buffer.split(b"\r\n", 1)[1]
            while b"\r\n\r\n" in buffer:
                message, buffer = buffer.split(b"\r\n\r\n", 1)
                lines = message.decode("utf-8", "replace").split("\r\n")
                headers = {}
                for line in lines:
                    name, _, value = line.partition(":")
                    headers.setdefault(name, value.strip())
                headers[""] = lines
                with self.changed:
                    if headers.get("Event") == "TollgateBlocked":
                        self.events.append(headers)
                    elif "Response" in headers and "ActionID" in headers:
                        self.answers[headers["ActionID"]] = headers
                    self.changed.notify_all()

    def action(self, action, timeout=10, **headers):
        self.count += 1
        mark = str(self.count)
        lines = [f"Action: {action}", f"ActionID: {mark}"] + [f"{k}: {v}" for k, v in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        with self.changed:
            self.changed.wait_for(lambda: mark in self.answers, timeout)
            return self.answers.pop(mark, {})

    def forget(self):
        with self.changed:
            self.events.clear()

    def blocked(self, timeout):
        """The event of a blocked call; None where there is none in time."""
        with self.changed:
            self.changed.wait_for(lambda: self.events, timeout)
            return self.events.pop(0) if self.events else None

    def close(self):
        self.socket.close()


class Asterisk:
    def __init__(self, folder, fetched, built, contexts, dialplan=""):
        self.folder, self.fetched = Path(folder), fetched
        self.sip, self.ami, self.rtp = *free_ports(2), 0
        self.rtp = 20000 + (os.getpid() * 64) % 20000
        if self.folder.exists():
            shutil.rmtree(self.folder)
        for name in ("etc", "modules", "var", "run", "log", "spool", "sipp", "data"):
            (self.folder / name).mkdir(parents=True)
        for path in Path(fetched["modules"]).glob("*.so"):
            (self.folder / "modules" / path.name).symlink_to(path)
        for path in Path(fetched["data"]).iterdir():
            if path.name != "documentation":
                (self.folder / "data" / path.name).symlink_to(path)
        documents = self.folder / "data/documentation"
        (documents / "thirdparty").mkdir(parents=True)
        for path in (Path(fetched["data"]) / "documentation").glob("*.*"):
            (documents / path.name).symlink_to(path)
        shutil.copy(built / "res_tollgate-en_US.xml", documents / "thirdparty")
        for name in ("res_tollgate.so", "res_tollgate_test.so"):
            shutil.copy(built / name, self.folder / "modules")
        shutil.copy(HERE / "screen.agi", self.folder / "var")
        endpoints = "".join(
            f"\n[{name}](test)\ncontext = {name}\nset_var = TENANT=tenant-7\n\n[identify-{name}]\ntype = identify\nendpoint = {name}\n"
            f"match_header = X-Context: {name}\n" for name in contexts)
        for path in (HERE / "conf").glob("*.conf"):
            text = path.read_text()
            for mark, value in (("DIR", self.folder), ("SIP", self.sip), ("AMI", self.ami), ("RTP0", self.rtp),
                                ("RTP1", self.rtp + 2000), ("ENDPOINTS", endpoints)):
                text = text.replace(f"@{mark}@", str(value))
            (self.folder / "etc" / path.name).write_text(text)
        with open(self.folder / "etc/extensions.conf", "a") as file:
            file.write(dialplan)
        self.program = f"{fetched['bin']}/asterisk"
        self.process = None
        self.calls = 0
        self.callers = []

    def settings(self, text):
        (self.folder / "etc/tollgate.conf").write_text(text)

    def database(self, family, keys):
        """What the server's own database holds, before it is started."""
        with sqlite3.connect(self.folder / "var/astdb.sqlite3") as db:
            db.execute("CREATE TABLE IF NOT EXISTS astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
            db.executemany("INSERT INTO astdb VALUES (?, '1')", ((f"/{family}/{key}",) for key in keys))

    def start(self):
        with open(self.folder / "log/stdout", "ab") as out:
            self.process = subprocess.Popen(
                [self.program, "-C", f"{self.folder}/etc/asterisk.conf", "-f", "-n"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                preexec_fn=die_with_parent)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            if "fully booted" in self.rx("core waitfullybooted"):
                return
            time.sleep(0.1)
        raise RuntimeError("Asterisk did not start:\n" + (self.folder / "log/stdout").read_text()[-2000:])

    def stop(self):
        """Ends it and who calls it; its exit status, None where it had to be killed."""
        for caller in self.callers:
            if caller.poll() is None:
                caller.kill()
                caller.wait()
        if not self.process:
            return 0
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def rx(self, command, timeout=30):
        """What the console says. (It exits with 0 also where the command failed.)"""
        done = subprocess.run([self.program, "-C", f"{self.folder}/etc/asterisk.conf", "-rx", command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False)
        return done.stdout.decode("utf-8", "replace")

    def log(self):
        return (self.folder / "log/full").read_text(errors="replace")

    def log_with(self, text, before, seconds=10):
        """What the log has behind a place, once it has a text there, or will not: Asterisk writes it by a thread of its
        own, so that what a command has logged may come a while after the command has ended."""
        end = time.monotonic() + seconds
        while text not in (said := self.log()[before:]) and time.monotonic() < end:
            time.sleep(0.05)
        return said

    def resident(self):
        """Kilobytes of memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def mapped(self, name):
        """Whether the process has a shared object in its memory."""
        return name in Path(f"/proc/{self.process.pid}/maps").read_text()

    def sipp(self, rows, outcomes, *options, patience=8000, headers=()):
        """Starts SIPp with one row (caller, callee, context) a call; gives the process and its files' stem."""
        self.calls += 1
        stem = self.folder / f"sipp/{self.calls}"
        wanted = [f'  <recv response="{code}" optional="true" next="1"/>' for code in outcomes if code != 200]
        if 200 in outcomes:
            wanted.append('  <recv response="200" rrs="true" next="2"/>')
        else:
            wanted[-1] = wanted[-1].replace(' optional="true"', "")
        Path(f"{stem}.xml").write_text((HERE / "call.xml").read_text().replace("@OUTCOMES@", "\n".join(wanted)).replace(
            "@HEADERS@", "".join(f"\n{header}" for header in headers)))
        Path(f"{stem}.csv").write_text("SEQUENTIAL\n" + "".join(";".join(row) + "\n" for row in rows))
        port, media = free_ports(2)
        with open(f"{stem}.out", "wb") as out:
            process = subprocess.Popen(
                [f"{self.fetched['bin']}/sipp", "-sf", f"{stem}.xml", "-inf", f"{stem}.csv", "-i", LOOPBACK,
                 "-p", str(port), "-mp", str(media), "-nostdin", "-recv_timeout", str(patience), *options,
                 f"{LOOPBACK}:{self.sip}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder / "sipp", start_new_session=True,
                preexec_fn=die_with_parent)
        self.callers = [one for one in self.callers if one.poll() is None] + [process]
        return process, stem

    def place(self, caller, callee, context, *headers):
        """Places a call; gives what `outcome` wants."""
        return self.sipp([(caller, callee, context)], (*REFUSALS, 200), "-m", "1", "-timeout", "12s", "-trace_msg",
                         "-message_file", f"{self.folder}/sipp/{self.calls + 1}.messages", headers=headers)

    def outcome(self, placed):
        """Waits for the end of a call: the status of its final response, 0 where there was none."""
        process, stem = placed
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        try:
            messages = Path(f"{stem}.messages").read_text(errors="replace")
        except FileNotFoundError:
            return 0
        for match in re.finditer(r"^SIP/2\.0 (\d{3}) .*?^CSeq: \d+ (\w+)", messages, re.M | re.S):
            if match[2] == "INVITE" and int(match[1]) >= 200:
                return int(match[1])
        return 0

    def call(self, *call):
        """Places a call: the status of its final response, 0 where there was none."""
        return self.outcome(self.place(*call))
