"""Manifests: what is read, and that every fault is named with file, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig.contestants import contestant, placeholders, registry, requirements
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host import installation
from restmark_rig.model.errors import ManifestError, UsageFault

from .helpers import manifest_text, write_contestant

ARGV = ["server", "{port}"]

FULL = """
notes = "Some notes."
routes = ["/million-loop", "/"]

[[requires]]
command = "no-such-command"
packages = ["first-package", "second-package"]
hint = "or from its site"

[[requires]]
command = "/etc/hostname"
packages = []

[build]
steps = [["make", "OUT={build}"], ["true"]]
inputs = ["*.c"]
env = { A = "{{b}}" }

[ready]
path = "/healthy"
timeout_s = 2.5

[limits]
max_connections = 64
"""


def write(tmp_path: Path, text: str, name: str = "mine") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "contestant.toml").write_text(text, encoding="utf-8")
    return folder


def with_top(extra: str) -> str:
    """A valid manifest with lines added before its tables."""
    return manifest_text("mine", ARGV).replace("\n[start]", f"\n{extra}\n[start]", 1)


def fault_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        contestant.load(write(tmp_path, text))
    assert f"{tmp_path}/mine/contestant.toml" in caught.value.message
    return str(caught.value)


def test_all_keys_are_read(tmp_path: Path) -> None:
    loaded = contestant.load(write(tmp_path, with_top(FULL)))
    assert loaded.notes == "Some notes."
    assert loaded.routes == ("/", "/million-loop")
    assert loaded.requires[0].packages == ("first-package", "second-package")
    assert loaded.build is not None
    assert loaded.build.steps == (("make", "OUT={build}"), ("true",))
    assert (loaded.ready_path, loaded.ready_timeout_s, loaded.max_connections) == ("/healthy", 2.5, 64)
    assert loaded.parameter_routes() == ("/million-loop",)
    assert not loaded.needs_repo


def test_level_and_whether_it_takes_part_by_default(tmp_path: Path) -> None:
    plain = contestant.load(write_contestant(tmp_path, "plain", ARGV))
    assert (plain.level, plain.optional) == ("idiomatic", False)
    tuned = contestant.load(write_contestant(tmp_path, "fast", ARGV, level="tuned"))
    assert tuned.level == "tuned"
    for text, fault in [
        ('level = "quick"', "key 'level' has the wrong value \"quick\"; remedy: give \"idiomatic\""),
        ('optional = "yes"', "key 'optional' has the wrong value"),
    ]:
        folder = tmp_path / text[:5]
        folder.mkdir()
        assert fault in fault_of(folder, with_top(text))


def test_defaults(tmp_path: Path) -> None:
    loaded = contestant.load(write_contestant(tmp_path, "mine", ARGV))
    assert len(loaded.routes) == 5
    assert (loaded.ready_path, loaded.ready_timeout_s, loaded.max_connections) == ("/", 30.0, None)
    assert loaded.build is None
    assert loaded.versions == {"CPython": ("/usr/bin/python3", "--version")}


def requires(command: str, **keys: str) -> str:
    """A manifest with one [[requires]]."""
    lines = [f'{key} = "{value}"' for key, value in {"command": command, **keys}.items()]
    return manifest_text("mine", ARGV, "\n".join(["[[requires]]", *lines, "packages = []"]))


def with_version(word: str) -> str:
    return manifest_text("mine", ARGV).replace("[versions]", f'[versions]\nX = ["{word}"]')


def requirement_with(key: str, packages: str = "packages = []") -> str:
    """A manifest with a requirement that has one more key."""
    return manifest_text("mine", ARGV, f"[[requires]]\ncommand = 'x'\n{packages}\n{key}")


FAULTS = [
    ("name = 'mine'\ntitle = \nmodel = 1", "not valid TOML", "line 2"),
    (manifest_text("mine", ARGV).replace('title = "mine"\n', ""), "key 'title' is missing", "28 characters"),
    (manifest_text("mine", ARGV).replace("[versions]\nCPython", "[version]\nCPython"), "key 'versions' is missing", "did you mean 'versions'"),
    (manifest_text("mine", ARGV, title="x" * 29), f"key 'title' has the wrong value \"{'x' * 29}\" of 29 characters; remedy:", "at most 28 characters"),
    (manifest_text("mine", ARGV, model="object"), "key 'model' has the wrong value \"object\"", '"tree"'),
    (manifest_text("other", ARGV), "key 'name' is 'other', the folder is 'mine'", "make the two equal"),
    (manifest_text("Mine", ARGV), "key 'name' has the wrong value", "lower-case"),
    (with_top('discription = "x"'), "key 'discription' is unknown", "did you mean 'description'?"),
    (with_top("zzz = 1"), "key 'zzz' is unknown", "remove it; known here: name, title"),
    (with_top('routes = ["/nope"]'), "key 'routes[0]' has the wrong value", "one of"),
    (manifest_text("mine", []), "key 'start.argv' has the wrong value []", "list of words"),
    (manifest_text("mine", ARGV).replace('"{port}"', "8080"), "key 'start.argv[1]' has the wrong value 8080", "in quotes"),
    (manifest_text("mine", ["server", "{prot}"]), "key 'start.argv[1]': unknown placeholder '{prot}'", "did you mean {port}?"),
    (manifest_text("mine", ["server", "{Port}"]), "key 'start.argv[1]': unknown placeholder '{Port}'", "did you mean {port}?"),
    (manifest_text("mine", [*ARGV, "{x}"]), "key 'start.argv[2]': unknown placeholder '{x}'", "written twice: {{x}}"),
    (manifest_text("mine", ["server", "{port}", "{"]), "key 'start.argv[2]': stray '{'", "write a literal brace twice"),
    (manifest_text("mine", ["server"]), "key 'start.argv' never uses {port} or {address}", "pass one of them"),
    (manifest_text("mine", ARGV, '[build]\nsteps = [["make", "{port}"]]\ninputs = ["x"]'), "'{port}' in '{port}' is known only when the server starts", "use it in [start] argv or env; allowed here: {build}"),
    (manifest_text("mine", ARGV, '[build]\nsteps = [["make"]]\ninputs = ["{build}/x"]'), "key 'build.inputs[0]': '{build}' in", "allowed here: {repo} {source}"),
    (with_version("{dataset}"), "key 'versions.X[0]': '{dataset}' in '{dataset}' is known only", "[start] argv or env"),
    (manifest_text("mine", ARGV, '[ready]\npath = "/{host}"'), "key 'ready.path': '{host}' in", "no placeholder can be used here"),
    (requires("{port}"), "key 'requires[0].command': '{port}' in '{port}' is known only", "[start] argv or env"),
    (requires("{build}/x"), "key 'requires[0].command': without a [build] nothing is in {build}", "add [build]"),
    (requires("venv/bin/x"), "key 'requires[0].command' is 'venv/bin/x', a relative path", "begin with / or {source}/"),
    (requires("~/x"), "key 'requires[0].command' is '~/x', a relative path", "begin with / or {source}/"),
    (requires("x", hint="see {build}"), "key 'requires[0].hint': '{build}' in", "allowed here: {repo} {source}"),
    (manifest_text("mine", ARGV).replace("\n[versions]", 'env = { "{port}" = "1" }\n[versions]'), "key 'start.env' has the wrong value \"{port}\"", "environment variable"),
    (manifest_text("mine", ARGV, "[build]\nsteps = [[]]\ninputs = []"), "key 'build.inputs' has the wrong value", "globs"),
    (manifest_text("mine", ARGV, "[build]\nsteps = [[]]\ninputs = []"), "key 'build.steps[0]' has the wrong value", "list of words"),
    (manifest_text("mine", ARGV, "[limits]\nmax_connections = 0"), "key 'limits.max_connections'", "1 or more"),
    (manifest_text("mine", ARGV, "[ready]\ntimeout_s = true"), "key 'ready.timeout_s'", "seconds"),
    (manifest_text("mine", ARGV, "[[requires]]\ncommand = 'x'"), "key 'requires[0].packages' is missing", "Debian packages"),
    (manifest_text("mine", ARGV, model="none"), "key 'routes' is missing", "list those it offers"),
    (requirement_with("minimum_version = 1.3"), "key 'requires[0].minimum_version' has the wrong value 1.3", "a string: 1.30 is not 1.3"),
    (requirement_with('version_command = ["x", "-V"]'), "key 'requires[0]' has the wrong value", "minimum_version"),
    (requirement_with('packages = ["old|"]', ""), "key 'requires[0].packages[0]' has the wrong value", "with | between them"),
    (requirement_with('pip_requirements = "none.txt"'), "key 'requires[0].pip_requirements': there is no file", "none.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "remedy"), FAULTS, ids=range(len(FAULTS)))
def test_faults_name_key_and_remedy(tmp_path: Path, text: str, message: str, remedy: str) -> None:
    fault = fault_of(tmp_path, text)
    assert message in fault
    assert remedy in fault


def test_model_none_has_no_record_routes(tmp_path: Path) -> None:
    text = manifest_text("mine", ARGV, model="none").replace(
        "\n[start]", '\nroutes = ["/", "/encode-json"]\n[start]', 1
    )
    assert "key 'model' is \"none\"" in fault_of(tmp_path, text)


def test_folder_without_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no such file"):
        contestant.load(tmp_path)


def test_placeholders_expand_and_braces_double() -> None:
    assert placeholders.expand("{host}:{port} {{x}}", {"host": "h", "port": 1}) == "h:1 {x}"
    with pytest.raises(
        placeholders.PlaceholderError, match="'{port}' in '{port}' is known only when the server starts"
    ):
        placeholders.expand("{port}", {"host": "h"})
    with pytest.raises(placeholders.PlaceholderError, match="stray '}'"):
        placeholders.expand("}", {})


def load_full(tmp_path: Path) -> Contestant:
    return contestant.load(write(tmp_path, with_top(FULL)))


def test_missing_requirements_name_the_remedy(tmp_path: Path) -> None:
    (missing,) = requirements.missing(load_full(tmp_path))
    assert missing.what == "no-such-command not found"
    assert missing.remedy == f"restmark setup {tmp_path / 'mine'} (or from its site)"


def test_a_requirement_without_package_names_its_hint() -> None:
    assert requirements.remedy_of(contestant.Requirement("x", (), "install X from x.org")) == "install X from x.org"
    assert requirements.remedy_of(contestant.Requirement("x", ())) == "install x and put it on PATH"


def test_requirements_in_the_contestants_folder(tmp_path: Path) -> None:
    folder = write(tmp_path, requires("{source}/venv/bin/x", hint="make {source}/venv"))
    (missing,) = requirements.missing(contestant.load(folder))
    assert missing == requirements.Missing(f"{folder}/venv/bin/x not found", f"make {folder}/venv")
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "bin" / "x").touch()
    assert requirements.missing(contestant.load(folder)) == []


def test_repo_contestants_need_a_checkout(tmp_path: Path) -> None:
    build = '[build]\nsteps = [["make", "-C", "{repo}"]]\ninputs = ["{repo}/src/**"]'
    peers = tmp_path / "checkout" / "bench" / "peers"
    peers.mkdir(parents=True)
    folder = write_contestant(peers, "mine", ARGV, build)
    (missing,) = requirements.missing(contestant.load(folder))
    assert "checkout of restmark" in missing.remedy
    (tmp_path / "checkout" / "CMakeLists.txt").touch()
    loaded = contestant.load(folder)
    assert requirements.missing(loaded) == []
    assert loaded.repo == tmp_path / "checkout"


def test_selection(tmp_path: Path) -> None:
    peers = tmp_path / "peers"
    for name in ("beta", "alpha"):
        write_contestant(peers, name, ARGV)
    own = write_contestant(tmp_path / "elsewhere", "own", ARGV)
    names = [c.name for c in registry.select([str(own)], peers, include_built_in=True)]
    assert names == ["alpha", "beta", "own"]
    assert [c.name for c in registry.select(["beta", "beta", str(own)], peers, False)] == ["beta", "own"]


def test_optional_contestants_take_part_when_asked_to(tmp_path: Path) -> None:
    peers = tmp_path / "peers"
    write_contestant(peers, "alpha", ARGV)
    (write_contestant(peers, "extra", ARGV) / "contestant.toml").write_text(with_top("optional = true").replace('"mine"', '"extra"'))

    def names(selectors: list[str], include_built_in: bool) -> list[str]:
        return [c.name for c in registry.select(selectors, peers, include_built_in)]

    assert names([], False) == ["alpha"]
    assert names([], True) == ["alpha", "extra"]
    assert names(["extra"], False) == ["extra"]
    assert names(["alpha"], True) == ["alpha", "extra"]


def test_selection_errors(tmp_path: Path) -> None:
    peers = tmp_path / "peers"
    write_contestant(peers, "alpha", ARGV)
    with pytest.raises(UsageFault) as caught:
        registry.resolve("alhpa", peers)
    assert "did you mean alpha?" in caught.value.remedy
    with pytest.raises(UsageFault, match="there is no such folder"):
        registry.resolve(str(tmp_path / "nothing"), peers)
    twin = write_contestant(tmp_path / "elsewhere", "alpha", ARGV)
    with pytest.raises(UsageFault, match="has the name of the built-in contestant alpha"):
        registry.select([str(twin)], peers, include_built_in=False)
    with pytest.raises(UsageFault, match="two contestants are named alpha"):
        registry.select([str(twin), str(peers / "alpha")], tmp_path / "no-peers", include_built_in=False)


def test_the_manifests_in_this_tree_are_valid() -> None:
    names = [c.name for c in registry.built_in(installation.PEERS)]
    assert {"restmarkd", "restmarkd-tree"} <= set(names)
