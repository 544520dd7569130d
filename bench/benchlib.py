"""What the commands of this folder share: child processes, a running doorward, the machine, tables and plots."""

import argparse
import ctypes
import html
import json
import math
import os
import platform
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional

TOP = Path(__file__).resolve().parent.parent
RELEASE_BINARY = TOP / "build/release/doorward"
LOOPBACK = "127.0.0.1"
WRONG_PINS_PER_PHONE = 250  # what `doorward bench` sends at most between two resets
READY_SECONDS = 60
STOP_SECONDS = 60


class Failure(Exception):
    """Something the user has to know and no traceback explains better."""


def say(text: str) -> None:
    """The progress line; on a terminal each replaces the one before."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
    elif text:
        sys.stderr.write(text.rstrip("\n") + "\n")
    sys.stderr.flush()


# ---------------------------------------------------------------------------------------------------------------------
# Child processes


def die_with_parent(with_signal: int) -> Callable[[], None]:
    """For preexec_fn: the kernel signals the child when this script is gone, even after SIGKILL."""
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1
    return lambda: libc.prctl(set_parent_death_signal, with_signal)


def run(command: list, *, user: Optional[str] = None, env: Optional[dict] = None, stdin: bytes = b"") -> str:
    """Runs a program to its end and returns what it printed; Failure with its last words when it failed."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, start_new_session=True,
                              preexec_fn=die_with_parent(signal.SIGKILL), env={**os.environ, **(env or {})},
                              cwd="/", **as_user(user))
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        words = (done.stderr + done.stdout).decode(errors="replace").replace("\r", "\n").strip().splitlines()
        raise Failure(f"{Path(command[0]).name} failed ({done.returncode}): " + "\n  ".join(words[-8:]))
    return done.stdout.decode(errors="replace")


def as_user(user: Optional[str]) -> dict:
    """Arguments of subprocess that give up root for this user; none when the user stays."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def program(name: str) -> str:
    """The path of a program, also of those that only root's PATH has."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin")
    if not found:
        raise Failure(f"{name} is not installed")
    return found


def figure(pattern: str, printed: str) -> float:
    """The number that the pattern finds in what a program printed."""
    found = re.search(pattern, printed, re.MULTILINE)
    if not found:
        raise Failure(f"this says nothing about {pattern}:\n{printed}")
    return float(found[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
        return True
    except OSError:
        return False


@contextmanager
def server(command: list, log: Path, ready: Callable[[], bool], *, stop_signal: int = signal.SIGTERM,
           user: Optional[str] = None, ends_itself: bool = False) -> Iterator[subprocess.Popen]:
    """A server that runs while the block does: begins when `ready`, ends stopped, whatever happens. Ending earlier is a
    failure unless it `ends_itself`.

    It has its own session, so that Ctrl-C reaches only this script, which then stops its servers in order.
    """
    command = [str(part) for part in command]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                   preexec_fn=die_with_parent(stop_signal), cwd="/", **as_user(user))
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().splitlines()[-8:]
                raise Failure(f"{Path(command[0]).name} does not start:\n  " + "\n  ".join(last))
            time.sleep(0.05)
        yield process
        if process.poll() is not None and not ends_itself:
            raise Failure(f"{Path(command[0]).name} ended by itself ({process.returncode})")
    finally:
        stop(process, stop_signal)


def stop(process: subprocess.Popen, stop_signal: int) -> None:
    """Asks politely, then less so. SIGQUIT is what stops PostgreSQL together with its children at once."""
    try:
        for number, patience in ((stop_signal, STOP_SECONDS), (signal.SIGQUIT, 5)):
            if process.poll() is None:
                process.send_signal(number)
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    pass
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def turn_signals_into_interrupts() -> None:
    """SIGTERM and SIGHUP end the script like Ctrl-C; a second signal does not disturb the tidying up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number, _frame):
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


# ---------------------------------------------------------------------------------------------------------------------
# doorward


@dataclass(frozen=True)
class Timing:
    seconds: float
    warm_up: float


@dataclass(frozen=True)
class Sample:
    """What one run of a load generator says. Latencies are those of single requests or transactions, microseconds."""

    requests_per_second: float
    p50_us: float
    p99_us: float
    answered: int
    errors: int = 0
    ran_dry: bool = False  # the prepared requests were used up before the time was

    @staticmethod
    def of(told: dict) -> "Sample":
        """From a result of `doorward bench`."""
        return Sample(told["requestsPerSecond"], told["p50us"], told["p99us"], told["answered"],
                      errors=told["unexpected"] + told["broken"], ran_dry=told["ranDry"] > 0)


class DoorwardServer:
    """`doorward serve` on a store, and `doorward bench` with a fleet of that store."""

    def __init__(self, program_file: Path, home: Path, io_threads: int):
        self.program = program_file
        self.home = home
        self.io_threads = io_threads
        self.fleet = home / "fleet.json"
        self.data = home / "data"
        self.device_port = 0
        self.office_port = 0
        self.password = ""

    @contextmanager
    def running(self, *, ends_itself: bool = False) -> Iterator[subprocess.Popen]:
        """On new ports, from when both sides listen on."""
        self.choose_ports()
        with server(self.command(), self.home / "log", lambda: accepts(self.device_port) and accepts(self.office_port),
                    ends_itself=ends_itself) as process:
            yield process

    def choose_ports(self) -> None:
        self.device_port, self.office_port = free_port(), free_port()

    def command(self) -> list:
        return [self.program, "serve", "--data", self.data, "--io-threads", self.io_threads,
                "--device", f"{LOOPBACK}:{self.device_port}", "--office", f"{LOOPBACK}:{self.office_port}"]

    def load(self, workload: str, clients: int, timing: Timing, *options) -> list:
        """One call of `doorward bench`: what it says about each of its runs."""
        results = self.home / "results.json"
        results.unlink(missing_ok=True)
        run([*self.load_command(workload, clients, timing), "--json", results, *options])
        return json.loads(results.read_text())

    def load_command(self, workload: str, clients: int, timing: Timing) -> list:
        return [self.program, "bench", "--device", f"http://{LOOPBACK}:{self.device_port}",
                "--office", f"http://{LOOPBACK}:{self.office_port}", "--password", self.password,
                "--fleet", self.fleet, "--workload", workload, "--connections", clients,
                "--seconds", timing.seconds, "--warm-up", timing.warm_up]

    def refusal(self) -> bytes:
        """The whole answer to a proof that fits nowhere: the answer to a wrong PIN looks exactly the same."""
        return ask(self.device_port, self.false_proof())

    def false_proof(self) -> str:
        """The header line of a proof by the first phone of the fleet that fits at no counter position."""
        fleet = json.loads(self.fleet.read_text())
        proof = ", ".join(f'{name}="{value}"' for name, value in {
            "pa_activation_id": fleet["phones"][0][0],
            "pa_application_key": fleet["appKey"],
            "pa_nonce": "A" * 22 + "==",
            "pa_signature_type": "possession_knowledge",
            "pa_signature": "A" * 43 + "=",
            "pa_version": "3.3"}.items())
        return f"X-PowerAuth-Authorization: PowerAuth {proof}\r\n"

    def version(self) -> str:
        return run([self.program, "version"]).strip()


def await_load(load: subprocess.Popen) -> None:
    """Reads the progress line of a `doorward bench` until it tells that the requests are on their way."""
    seen = b""
    while not re.search(rb"connections: \d+ requests/s", seen):
        part = os.read(load.stderr.fileno(), 4096)
        if not part:
            raise Failure("the load ended before it began: " + seen.decode(errors="replace"))
        seen = seen[-4096:] + part


def ask(port: int, header: str) -> bytes:
    """The bytes of the answer to POST /pa/v3/signature/validate with one more header."""
    return exchange(port, "POST /pa/v3/signature/validate HTTP/1.1\r\nHost: localhost\r\n"
                          f"Content-Type: application/json\r\nContent-Length: 2\r\n{header}\r\n{{}}")


def exchange(port: int, request: str) -> bytes:
    """Sends one request over a connection of its own; the bytes of the answer."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = b""
        while True:
            head, end, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            if end and len(body) >= int(length[1] if length else 0):
                return answer
            received = connection.recv(65536)
            if not received:
                raise Failure("a server closed the connection instead of answering")
            answer += received


def require_release_binary() -> None:
    if not RELEASE_BINARY.exists():
        raise Failure("build/release/doorward is missing; build it with ./run --exit, or "
                      "cmake --preset release && cmake --build --preset release")


# ---------------------------------------------------------------------------------------------------------------------
# The machine


def file_system_of(path: Path) -> str:
    """The type of the file system that holds a path."""
    return run(["findmnt", "-n", "-o", "FSTYPE", "--target", path]).strip().splitlines()[-1]


def sync_microseconds(directory: Path) -> float:
    """The median time that appending 4 KiB and fdatasync take here."""
    times = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(200):
            begin = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1e6)
    return round(statistics.median(times), 1)


def describe_machine(home: Path) -> dict:
    def first(pattern: str, file: str) -> str:
        found = re.search(pattern, Path(file).read_text(), re.MULTILINE)
        return found[1].strip() if found else "unknown"

    return {
        "cpu": first(r"^model name\s*: (.*)$", "/proc/cpuinfo"),
        "cores": len(os.sched_getaffinity(0)),
        "memoryMiB": int(first(r"^MemTotal:\s*(\d+)", "/proc/meminfo")) // 1024,
        "kernel": platform.release(),
        "distribution": first(r'^PRETTY_NAME="?(.*?)"?$', "/etc/os-release"),
        "fileSystem": file_system_of(home),
        "fdatasync4KiBMicroseconds": sync_microseconds(home),
        "loadAverageBefore": round(os.getloadavg()[0], 2),
    }


# ---------------------------------------------------------------------------------------------------------------------
# Tables


def milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f}"


def verdict(met: bool) -> str:
    return "met" if met else "missed"


def plain_table(rows: list) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                       for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def markdown_table(rows: list) -> str:
    head, *rest = rows
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rest))


def machine_line(machine: dict) -> str:
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memoryMiB'] / 1024:.0f} GiB, Linux "
            f"{machine['kernel']}, {machine['fileSystem']}, fdatasync of 4 KiB "
            f"{machine['fdatasync4KiBMicroseconds']:.0f} us")


def camel(name: str) -> str:
    """ran_dry becomes ranDry, p50_us becomes p50us: JSON names as in the rest of the project."""
    first, *rest = name.replace("_us", "us").split("_")
    return first + "".join(word.capitalize() for word in rest)


def as_json(value) -> dict:
    """A dataclass of ours with the names of JSON; samples become part of their run."""
    out = {}
    for name, part in asdict(value).items():
        members = part if isinstance(part, dict) else {name: part}
        out.update({camel(each): round(number, 3) if isinstance(number, float) else number
                    for each, number in members.items()})
    return out


# ---------------------------------------------------------------------------------------------------------------------
# Plots


def round_step(highest: float) -> float:
    """A round distance between grid lines, some five of them up to the highest value."""
    rough = max(highest, 1) / 5
    power = 10 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


@dataclass(frozen=True)
class Bar:
    label: str
    value: Optional[float]  # None: not measured
    text: str  # behind the bar
    colour: str


@dataclass(frozen=True)
class BarGroup:
    title: str
    bars: list
    full: Optional[float] = None  # what the longest possible bar stands for; None: the group's greatest value


def bar_plot(title: str, subtitle: str, groups: list, notes: list, *, step: Optional[float] = None) -> str:
    """Groups of horizontal bars: a complete SVG. step: between grid lines, when all groups have one scale."""
    left, bars_wide, right, bar, gap, group_head, top = 230, 470, 190, 20, 6, 34, 92
    width = left + bars_wide + right
    bottom = top + sum(group_head + len(group.bars) * (bar + gap) for group in groups)
    height = bottom + (44 if step else 26) + 18 * len(notes)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13" fill="#22262b">',
             f'<rect width="{width}" height="{height}" fill="#ffffff"/>']

    def text(x: float, y: float, what: str, **attributes) -> None:
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
        parts.append(f'<text x="{x:g}" y="{y:g}"{extra}>{html.escape(what)}</text>')

    text(24, 36, title, font_size=20, font_weight=600)
    text(24, 58, subtitle, fill="#5b626b")
    if step:
        full = groups[0].full
        for line in range(round(full / step) + 1):
            x = left + bars_wide * line * step / full
            parts.append(f'<line x1="{x:g}" y1="{top}" x2="{x:g}" y2="{bottom}" stroke="#e3e6ea"/>')
            text(x, bottom + 18, f"{line * step:,.0f}", text_anchor="middle", fill="#5b626b", font_size=12)
    y = top
    for group in groups:
        text(24, y + 22, group.title, font_weight=600)
        y += group_head
        full = group.full or max((each.value for each in group.bars if each.value), default=1)
        for each in group.bars:
            text(left - 10, y + bar - 5, each.label, text_anchor="end")
            if each.value is not None:
                long = bars_wide * each.value / full
                parts.append(f'<rect x="{left}" y="{y}" width="{long:.1f}" height="{bar}" fill="{each.colour}"/>')
                text(left + long + 8, y + bar - 5, each.text, font_size=12)
            y += bar + gap
    for number, note in enumerate(notes):
        text(24, bottom + (48 if step else 30) + 18 * number, note, fill="#5b626b", font_size=12)
    return "\n".join(parts) + "\n</svg>\n"


# ---------------------------------------------------------------------------------------------------------------------
# Commands


def at_least(least: float, kind: type) -> Callable:
    """For argparse: reads a number that is not too small."""
    def read(text: str):
        number = kind(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return number
    return read


def numbers(text: str) -> list:
    return sorted({at_least(1, int)(part) for part in text.split(",")})


@contextmanager
def temporary_home(under: Path, free_bytes_needed: int) -> Iterator[Path]:
    """A new directory for everybody's data, gone afterwards. On a real disk: syncing must cost what it costs."""
    made_parent = not under.exists()
    under.mkdir(parents=True, exist_ok=True)
    kind = file_system_of(under)
    if kind in ("tmpfs", "ramfs"):
        raise Failure(f"--data is on a {kind}, where syncing costs nothing; choose a directory on a disk")
    if shutil.disk_usage(under).free < free_bytes_needed:
        raise Failure(f"--data has less than {free_bytes_needed >> 30} GiB free")
    home = Path(tempfile.mkdtemp(prefix="run-", dir=under))
    home.chmod(0o711)  # PostgreSQL's user passes through
    try:
        yield home
    finally:
        with suppress(OSError):
            say("removing the data")
        shutil.rmtree(home, ignore_errors=True)
        if made_parent:
            try:
                under.rmdir()
            except OSError:
                pass  # another run's data
        say("")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    say(f"wrote {os.path.relpath(path)}\n")
