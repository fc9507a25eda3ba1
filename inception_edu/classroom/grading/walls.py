"""The walls around a notebook that nobody trusts: bubblewrap, a filter of system calls, and limits.

Inside there are no network, no other processes, no keys of the teacher's, a read-only system, a /tmp of its own in
memory, and of all files only Python, this package and its assets. Where there is no bubblewrap, `why_unprotected` says
so in a sentence.
"""

import ctypes
import os
import platform
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...data.files import asset

PACKAGE = Path(__file__).resolve().parents[2]
MB = 2**20
BOOT = 120  # seconds that Python and this package may compute until the first cell starts
DOOR = "/run"
"""The folder with the kernel's sockets, in the sandbox's own memory; outside it is /proc/PID/root/run."""


@dataclass(frozen=True)
class Limits:
    """What one notebook may use. Sizes are megabytes (2**20 bytes).

    Seconds are those that its processes compute, so a busy machine takes none away. A cell that computes little and
    waits may last `PATIENCE` times as long by the clock on the wall.
    """

    cell_seconds: float = 60
    notebook_seconds: float = 600
    memory: int = 3072  # addresses of each process, beyond what Python and torch take themselves
    processes: int = 64  # threads count
    file_size: int = 64
    scratch: int = 256  # /tmp and /dev/shm, each
    characters: int = 500_000  # kept of what a cell outputs


@cache
def why_unprotected() -> str | None:
    """Why notebooks cannot be sandboxed here, in a sentence, or None where they can."""
    if sys.platform != "linux":
        return f"bubblewrap runs on Linux only, and this is {platform.system()}"
    if platform.machine() not in ARCHITECTURES:
        return f"the system call filter is written for {' and '.join(ARCHITECTURES)}, not for {platform.machine()}"
    for program, package in (("bwrap", "bubblewrap"), ("prlimit", "util-linux"), ("setpriv", "util-linux")):
        if not shutil.which(program):
            return f"{package} is not installed (on Debian and Ubuntu: sudo apt install {package})"
    with start_walled(["/usr/bin/true"], Limits(), {}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tried:
        said = tried.communicate()[0].decode(errors="replace")
    return None if tried.returncode == 0 else f"bubblewrap is not permitted here ({said.strip()[-300:]})"


def start_walled(
    program: list[str], limits: Limits, files: Mapping[str, str], **more: Any
) -> "subprocess.Popen[bytes]":
    """Starts `program` inside the walls; `more` goes to Popen, and its `env` is all the environment that there is.

    `files` are to be read: the path inside, by the path outside.
    """
    wall = [str(shutil.which("bwrap")), "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"]
    wall += ["--unshare-net", "--unshare-uts", "--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev"]
    for secret in ("/proc/keys", "/proc/key-users"):
        wall += ["--ro-bind", "/dev/null", secret] if os.path.exists(secret) else []
    limited = ["prlimit", f"--cpu={int(limits.notebook_seconds) + BOOT}", "--nofile=256", "--core=0"]
    limited += [f"--nproc={limits.processes}"]
    if os.getuid() == 0:  # the count of processes holds neither for root nor in a user namespace that root made
        wall += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        user = str(random.SystemRandom().randrange(20_000, 60_000))  # nobody else's, as processes count for a user
        limited += ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs"]
    else:
        wall += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
        if tuple(map(int, platform.release().split(".")[:2])) < (5, 14):
            limited.pop()  # these kernels count the processes outside as well
    for scratch, size in (("/dev/shm", limits.scratch * MB), ("/tmp", limits.scratch * MB), (DOOR, MB)):
        wall += ["--size", str(size), "--perms", "1777", "--tmpfs", scratch]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        link = Path("/", name)
        if link.is_symlink():
            wall += ["--symlink", os.readlink(link), str(link)]
    for place in _readable():
        for parent in reversed(place.parents[:-1]):
            wall += ["--dir", str(parent)]  # bubblewrap would make them readable for root alone
        wall += ["--ro-bind", str(place), str(place)]
    for path, inside in files.items():
        wall += ["--ro-bind", path, inside]
    wall += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    with tempfile.TemporaryFile() as calls:
        calls.write(seccomp_filter(platform.machine()))
        calls.seek(0)
        wall += ["--seccomp", str(calls.fileno())]
        more |= {"stdin": subprocess.DEVNULL, "start_new_session": True, "pass_fds": [calls.fileno()]}
        return subprocess.Popen([*wall, *limited, *program], **more)


def _readable() -> list[Path]:
    """What the sandbox can read: the system's programs, Python, this package and its assets."""
    python = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()]
    course = [PACKAGE, asset("photos").parent]
    system = [Path("/", name) for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")]
    system += [Path("/etc", name) for name in ("alternatives", "fonts", "ld.so.cache", "localtime")]
    places = {place for place in (*python, *course, *system) if place.exists()}
    places -= {place for place in system if place.is_symlink()}
    return sorted(place for place in places if not any(other in place.parents for other in places))


# ---- keys --------------------------------------------------------------------------------------

_JOIN_SESSION_KEYRING = 1


def leave_keyring() -> None:
    """Gives this thread, and what it starts, a session keyring of its own: the teacher's may hold secrets."""
    if sys.platform == "linux" and (columns := ARCHITECTURES.get(platform.machine())):
        ctypes.CDLL(None).syscall(_FORBIDDEN["keyctl"][columns.index], _JOIN_SESSION_KEYRING, None)


# ---- system calls ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Architecture:
    index: int  # the column of the tables below
    audit: int  # what seccomp calls it
    foreign: int  # the first number of another ABI on the same machine: x32


ARCHITECTURES = {
    "x86_64": _Architecture(0, 0xC000003E, 0x4000_0000),
    "aarch64": _Architecture(1, 0xC00000B7, 0xFFFF_FFFF),
}
_FORBIDDEN = {  # name: number on x86_64, on aarch64
    "keyctl": (250, 219),  # keys: shared by everything that one user runs
    "add_key": (248, 217),
    "request_key": (249, 218),
    "flock": (73, 32),  # locks and watches on files that all sandboxes read: a way to talk to each other
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "ptrace": (101, 117),  # other processes
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),  # what opens more of the kernel than a notebook needs
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_CLONE, _CLONE3, _FCNTL = (56, 220), 435, (72, 25)
_NAMESPACES = 0x7E02_0000  # the flags of clone that ask for new namespaces
_LOCKS = (6, 7, 37, 38, 1024, 1026)  # the commands of fcntl that lock, lease and watch a file
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _NOT_PERMITTED, _NOT_THERE = 0x7FFF_0000, 0x8000_0000, 0x0005_0001, 0x0005_0026
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # bytes in `struct seccomp_data`


def seccomp_filter(machine: str) -> bytes:
    """The program, in the kernel's classic BPF, that refuses system calls which a notebook never needs."""
    here = ARCHITECTURES[machine]
    steps: list[tuple[int, int, str, str]] = [  # (code, operand, where to if so, where to if not); "" is the next
        (_LOAD, _ARCHITECTURE, "", ""),
        (_EQUAL, here.audit, "", "kill"),
        (_LOAD, _NUMBER, "", ""),
        (_AT_LEAST, here.foreign, "kill", ""),
        (_EQUAL, _CLONE3, "not there", ""),  # its flags are out of sight; without it libc takes clone
    ]
    steps += [(_EQUAL, n, "no", "") for row in _FORBIDDEN.values() if (n := row[here.index]) is not None]
    steps += [(_EQUAL, _CLONE[here.index], "clone", ""), (_EQUAL, _FCNTL[here.index], "fcntl", "yes")]
    labels = {"clone": len(steps)}
    steps += [(_LOAD, _FIRST, "", ""), (_ANY_BIT, _NAMESPACES, "no", "yes")]
    labels["fcntl"] = len(steps)
    steps += [(_LOAD, _SECOND, "", ""), *((_EQUAL, command, "no", "") for command in _LOCKS)]
    for name, value in (("yes", _ALLOW), ("no", _NOT_PERMITTED), ("not there", _NOT_THERE), ("kill", _KILL)):
        labels[name] = len(steps)
        steps.append((_RETURN, value, "", ""))
    far = [[labels[to] - at - 1 if to else 0 for to in step[2:]] for at, step in enumerate(steps)]
    return b"".join(
        struct.pack("=HBBI", code, *jumps, operand) for (code, operand, *_), jumps in zip(steps, far, strict=True)
    )
