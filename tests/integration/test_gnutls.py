"""GnuTLS, to which libmicrohttpd is linked: a library that does nothing stands in its place, and has all of its names."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import BUILD, Daemon, run

Start = Callable[..., Daemon]
UNIMPLEMENTED = -1250  # GNUTLS_E_UNIMPLEMENTED_FEATURE
BROUGHT = ("gnutls", "p11-kit", "idn2", "unistring", "tasn1", "nettle", "hogweed", "gmp", "ffi")

shown = re.search(r"^gnutls: (.*)$", run("-V").stdout, re.MULTILINE)
within = re.fullmatch(r"no, (.*) is in its place", shown[1]) if shown else None
standing_in = pytest.mark.skipif(within is None, reason="no library stands in GnuTLS's place in this build")


def libraries(pid: int) -> set[str]:
    return set(re.findall(r"/\S+\.so\S*$", Path(f"/proc/{pid}/maps").read_text(), re.MULTILINE))


def stand_in() -> Path:
    assert within
    return Path(within[1]).resolve()


def installed() -> str:
    """Where the build's installation has it."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    prefix, folder = (re.search(rf"^{key}:PATH=(.*)$", cache, re.MULTILINE) for key in ("CMAKE_INSTALL_PREFIX", "CMAKE_INSTALL_LIBDIR"))
    assert prefix and folder
    return str(Path(prefix[1], folder[1], "restmark"))


def exports(library: Path) -> dict[str, str]:
    """By its name with its version, whether each is a function or an object, and an object's size."""
    told = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", "-S", str(library)], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^[0-9a-f]+ ([0-9a-f]+) ([A-Za-z]) (\S+)$", told, re.MULTILINE)
    return {name: "function" if kind in "TWi" else size for size, kind, name in found}


def test_nothing_of_it_is_in_any_process(start: Start) -> None:
    daemon = start("server.processes=2")
    for pid in (daemon.pid, *daemon.workers()):
        named = {name for name in libraries(pid) if any(f"/lib{one}." in name for one in BROUGHT)}
        assert named <= ({str(stand_in())} if within else set())


@standing_in
def test_it_is_of_the_build_and_libmicrohttpd_of_the_system(start: Start) -> None:
    assert BUILD in stand_in().parents
    daemon = start("server.processes=1")
    (library,) = (Path(name) for name in libraries(daemon.pid) if "/libmicrohttpd." in name)
    assert BUILD not in library.parents


@standing_in
def test_the_loader_looks_for_libraries_nowhere_else() -> None:
    """An empty folder in the list is the current one, where anybody may have put a library."""
    told = subprocess.run(["readelf", "--dynamic", str(BUILD / "src" / "restmarkd")], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", told) == [f"$ORIGIN/../{stand_in().parent.relative_to(BUILD)}:{installed()}"]


@standing_in
def test_it_has_what_gnutls_has() -> None:
    """Else the loader ends a process that has, beside libmicrohttpd, another library that is linked to GnuTLS."""
    found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    real = re.search(rf"^\s*{re.escape(stand_in().name)} .* => (\S+)$", found, re.MULTILINE)
    assert real
    ours, theirs = exports(stand_in()), exports(Path(real[1]))
    assert len(theirs) > 1000
    assert {name: kind for name, kind in ours.items() if name in theirs} == theirs
    assert [name for name in ours if name not in theirs] == ["restmark_no_gnutls@@RESTMARK"]


@standing_in
def test_it_begins_and_fails() -> None:
    library = ctypes.CDLL(str(stand_in()))
    session = ctypes.c_void_p()
    assert library.gnutls_global_init() == 0
    assert library.gnutls_init(ctypes.byref(session), 1) == UNIMPLEMENTED
    assert session.value is None
    # What returns an address returns none, and to a question the answer is no: nothing is ever taken for verified.
    for name in ("gnutls_check_version", "gnutls_session_get_ptr"):
        function = getattr(library, name)
        function.restype = ctypes.c_void_p
        assert function(None) is None
    assert library.gnutls_x509_crt_check_hostname(None, None) == 0 and library.gnutls_hash_get_len(1) == 0
    library.gnutls_strerror.restype = ctypes.c_char_p
    assert library.gnutls_strerror(UNIMPLEMENTED) == b"GnuTLS is not loaded in this process."
    free = ctypes.CFUNCTYPE(None, ctypes.c_void_p).in_dll(library, "gnutls_free")
    malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t).in_dll(library, "gnutls_malloc")
    free(malloc(16))
    free(None)
    library.gnutls_global_deinit()


@standing_in
def test_without_the_file_gnutls_itself_is_loaded(tmp_path: Path) -> None:
    """So a program that is copied elsewhere starts as well."""
    program = tmp_path / "restmarkd"
    program.write_bytes((BUILD / "src" / "restmarkd").read_bytes())
    program.chmod(0o755)
    told = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^gnutls: loaded for libmicrohttpd and not used: /\S+$", told, re.MULTILINE)
