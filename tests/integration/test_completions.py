"""Completion in bash, zsh and fish, in the shells themselves, against the programs of the build tree."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import BUILD, SOURCE

COMPLETIONS = SOURCE / "packaging" / "completions"
Complete = Callable[[str], set[str]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with all five programs."""
    folder = tmp_path_factory.mktemp("bin")
    for program in (BUILD / "src/restmarkd", BUILD / "src/restmarkctl", BUILD / "bench/load/restmark-load", SOURCE / "bench/restmark-rss", SOURCE / "bench/restmark"):
        (folder / program.name).symlink_to(program)
    return f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(path: str) -> dict[str, str]:
    return {"PATH": path, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}


def bash(path: str, line: str) -> set[str]:
    """What bash offers at the end of the line."""
    program = line.split()[0]
    file = COMPLETIONS / "bash" / ("restmark" if program == "restmark" else "restmarkd")
    # The words as readline makes them: "=" stands by itself.
    script = """
        compopt() { :; } # needs a completion under way
        source "$1"; line=$2; program=${line%% *}
        COMP_LINE=$line COMP_POINT=${#line}
        read -ra COMP_WORDS <<<"${line//=/ = }"; [[ $line != *\\  ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        eval "$(complete -p "$program" | sed -E 's/.*-F ([^ ]+).*/\\1/')" "$program" "${COMP_WORDS[COMP_CWORD]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", str(file), line],
        capture_output=True, text=True, timeout=300, check=False, env=environment(path),
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    return {word for word in done.stdout.split("\n") if word}


def fish(path: str, line: str) -> set[str]:
    program = line.split()[0]
    file = COMPLETIONS / "fish" / ("restmark.fish" if program == "restmark" else "restmarkd.fish")
    done = subprocess.run(
        ["fish", "--no-config", "--command", f"source {file}; complete --do-complete '{line}'"],
        capture_output=True, text=True, timeout=300, check=False, env=environment(path),
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return {word.split("\t")[0] for word in done.stdout.split("\n") if word}


def zsh(path: str, line: str) -> set[str]:
    """An interactive zsh on a terminal, whose completion widget tells what would be offered instead of showing it."""
    setup = (
        f"fpath=({COMPLETIONS}/zsh $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=0\n"
        "zstyle ':completion:*' list-max 0; unsetopt prompt_sp list_ambiguous; PS1= PS2= RPS1=\n"
        # Every completion ends in compadd: this one prints what would be added.
        "compadd() { local -a got; builtin compadd -O got \"$@\"; print -rl -- '<offer>'${^got}; builtin compadd \"$@\"; }\n"
        # Told by the line editor itself: what is typed before it has the terminal would be the terminal's own.
        "zle-line-init() { print -r -- '<'ready'>' }; zle -N zle-line-init\n"
    )
    master, slave = pty.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=slave, stdout=slave, stderr=slave, env=environment(path), start_new_session=True
    )
    os.close(slave)
    seen = b""

    def until(mark: bytes) -> None:
        nonlocal seen
        end = time.monotonic() + 60
        while mark not in seen:
            assert time.monotonic() < end, f"zsh says {seen!r}"
            if select.select([master], [], [], 0.1)[0]:
                seen += os.read(master, 65536)

    try:
        os.write(master, setup.encode())
        until(b"<ready>")
        seen = b""
        os.write(master, line.encode() + b"\t\x15print -r -- '<'done'>'\n")
        until(b"<done>")
    finally:
        shell.kill()
        shell.wait()
        os.close(master)
    return set(re.findall(r"<offer>([^\r\n]+)", seen.decode(errors="replace")))


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(request: pytest.FixtureRequest, path: str) -> Complete:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    shell = {"bash": bash, "zsh": zsh, "fish": fish}[request.param]
    return lambda line: shell(path, line)


def help_of(path: str, program: str) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=True, env=environment(path)).stdout


def long_options(text: str) -> set[str]:
    """The long options that a help text describes, one to a line."""
    return set(re.findall(r"(?m)^ +(?:-[a-zA-Z], )?(--[a-z][a-z-]*)", text))


@pytest.mark.parametrize("program", ["restmarkd", "restmarkctl", "restmark-rss", "restmark-load"])
def test_every_option_of_the_help_is_offered(complete: Complete, path: str, program: str) -> None:
    options = long_options(help_of(path, program))
    assert {"--help", "--version"} <= options
    assert options <= complete(f"{program} --")


def test_files_to_merge_are_offered_one_after_the_other(complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first.hlog").touch()
    (tmp_path / "second.hlog").touch()
    monkeypatch.chdir(tmp_path)
    for before in ("", "first.hlog "):
        assert complete(f"restmark-load --merge {before}sec") == {"second.hlog"}


def test_every_command_of_restmarkctl_is_offered_once(complete: Complete, path: str) -> None:
    offered = complete("restmarkctl ")
    described = set(re.findall(r"(?m)^  ([a-z][a-z-]*)", help_of(path, "restmarkctl")))
    assert {"status", "reload"} <= described
    assert described <= offered
    assert "status" not in complete("restmarkctl reload ")
    assert "reload" in complete("restmarkctl rel")


def test_every_option_of_the_configuration_is_offered(complete: Complete) -> None:
    offered = complete("restmarkd -o server.")
    assert {"server.listen=", "server.processes="} <= offered
    assert all(word.startswith("server.") for word in offered)


def test_files_are_offered_where_files_are_wanted(complete: Complete, tmp_path: Path) -> None:
    (tmp_path / "mine.ini").touch()
    offered = complete(f"restmarkd -c {tmp_path}/mi")
    assert any(word.endswith("mine.ini") for word in offered), offered


def test_the_rig_offers_its_commands_and_their_options(complete: Complete) -> None:
    assert {"run", "verify", "report", "doctor"} <= complete("restmark ")
    assert "--rounds" in complete("restmark run --")
