"""What the checks of a whole server share: one that runs in a temporary directory, with a certificate if it is wanted."""

import json
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

from benchlib import (LOOPBACK, RELEASE_BINARY, TOP, DoorwardServer, Failure, Sample, Timing, program,  # noqa: E402
                      require_release_binary, run, say, turn_signals_into_interrupts)

__all__ = ["LOOPBACK", "TOP", "ConfiguredServer", "Failure", "Sample", "Timing", "in_a_home", "main", "make_certificate", "many_descriptors",
           "program", "run", "say"]


class ConfiguredServer(DoorwardServer):
    """A doorward with a new store and more arguments."""

    def __init__(self, home: Path, *more) -> None:
        super().__init__(RELEASE_BINARY, home, 0)
        self.more = more
        self.password = json.loads(run([self.program, "init", "--data", self.data]))["password"]

    def command(self) -> list:
        return [*super().command(), *self.more]


@contextmanager
def in_a_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="doorward-appliance-") as home:
        yield Path(home)


def make_certificate(home: Path) -> tuple:
    """An authority, and a certificate of it for localhost, as a public one would look. Files: authority, chain, key."""
    openssl = program("openssl")
    authority, authority_key = home / "ca.crt", home / "ca.key"
    chain, key, request, extensions = home / "tls.crt", home / "tls.key", home / "tls.csr", home / "tls.ext"
    run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 3650,
         "-subj", "/CN=Test Authority", "-keyout", authority_key, "-out", authority])
    run([openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
         "-keyout", key, "-out", request])
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nkeyUsage=critical,digitalSignature\n"
                          "extendedKeyUsage=serverAuth\ncrlDistributionPoints=URI:http://localhost/ca.crl\n"
                          "basicConstraints=critical,CA:FALSE\n")
    run([openssl, "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial",
         "-days", 90, "-sha256", "-extfile", extensions, "-out", chain])
    key.chmod(0o600)
    return authority, chain, key


def many_descriptors(count: int) -> None:
    """For this process and those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Failure(f"only {hard} descriptors may be open here, {count} are needed (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def main(check) -> None:
    """Runs a check; its last line says how it ended, and so does the status."""
    turn_signals_into_interrupts()
    try:
        require_release_binary()
        problems = check()
    except (Failure, OSError, subprocess.SubprocessError) as problem:
        problems = [str(problem)]
    for problem in problems:
        print(f"FAILED: {problem}")
    print("FAILED" if problems else "passed")
    sys.exit(1 if problems else 0)
