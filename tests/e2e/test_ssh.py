"""Over a real sshd on loopback: a lost connection loses nothing and leaves nothing running."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.e2e.keys import press
from tests.e2e.screen import STORY, answered, generating, letters, opened, rows
from tests.e2e.terminal import (
    Terminal,
    assert_no_process_left,
    command,
    environment,
    marked_processes,
    wait_until,
)

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.slow,
    # In CI they are installed, so that there a missing sshd fails the test.
    *(
        []
        if (SSHD and shutil.which("ssh")) or os.environ.get("CI")
        else [pytest.mark.skip(reason="needs sshd and ssh")]
    ),
]


@dataclass
class Server:
    """A running sshd and how to log in to it."""

    port: int
    folder: Path

    def login(self, *remote: str) -> list[str]:
        """The ssh command that runs ``remote`` in a terminal."""
        options = ["-tt", "-F", "/dev/null", "-p", str(self.port), "-i", str(self.folder / "user")]
        for option in (
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.folder / 'known'}",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "LogLevel=ERROR",
        ):
            options += ["-o", option]
        return ["ssh", *options, f"{getpass.getuser()}@127.0.0.1", shlex.join(remote)]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Server]:
    """An sshd of the test's own: its keys, its port, its configuration."""
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=20
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "config").write_text(
        f"""Port {port}
ListenAddress 127.0.0.1
HostKey {folder / "host"}
AuthorizedKeysFile {folder / "user.pub"}
PidFile {folder / "pid"}
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PrintMotd no
"""
    )
    if os.getuid() == 0:
        # sshd insists on its empty directory for privilege separation.
        Path("/run/sshd").mkdir(mode=0o755, parents=True, exist_ok=True)
    assert SSHD, "sshd is missing"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "config")], stdin=subprocess.DEVNULL, stderr=log
        )
    try:
        wait_until(lambda: _listens(port) or server.poll() is not None, 20, "sshd does not listen")
        assert server.poll() is None, (folder / "log").read_text()
        yield Server(port, folder)
    finally:
        server.terminate()
        server.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _login(server: Server, data: Path, *arguments: str) -> Terminal:
    window = Terminal(120, 36)
    env = environment(data)
    program = ["env", *(f"{name}={value}" for name, value in env.items()), *command(*arguments)]
    window.start(server.login(*program), env)
    return window


def test_a_lost_connection_loses_nothing_and_leaves_nothing_running(data: Path, sshd: Server) -> None:
    window = _login(sshd, data)
    try:
        opened(window)
        assert answered(window, data, "What is 12*34?")["status"] == "ok"
        window.wait_for("408")
        said = generating(window, data, words=15)
        assert marked_processes(data)
        client: psutil.Process = window.program()
        assert client.name() == "ssh"
        client.kill()
        assert_no_process_left(data, timeout=20)
    finally:
        window.close()
    kept = rows(data, "SELECT role, content, status FROM messages ORDER BY created_at, seq")
    assert [row["content"] for row in kept if row["role"] == "user"] == ["What is 12*34?", STORY]
    assert letters(kept[-1]["content"]).startswith(letters(said))
    assert kept[-1]["status"] in {"cancelled", "interrupted"}

    again = _login(sshd, data, "--session", "last")
    try:
        opened(again)
        again.wait_for(lambda text: STORY[:30] in text)
        assert answered(again, data, "What is 2+3?")["status"] == "ok"
        press(again, "quit")
        assert again.exit_code() == 0
    finally:
        again.close()
    assert_no_process_left(data)
