"""The templates of new-contestant (test_docs.py verifies asgi, test_verify.py stdlib)."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

import pytest
from restmark_rig.contestants import builder, contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.server.launcher import StartFailed, StartOptions, launch
from restmark_rig.store import dataset
from restmark_rig.store.dataset import Dataset
from restmark_rig.ui.commands.new_contestant import SHARED, TEMPLATE_DIR, TEMPLATES
from restmark_rig.verify.checks import Verdict
from restmark_rig.verify.verifier import VerifyPlan

from .helpers import ROOT, Silent, run_rig, verify_until_decided

sys.path.append(str(ROOT / "tests" / "peers"))
import peer_digest  # noqa: E402  (the path had to be set first)

DIGEST_FAULTS = [
    *("digest", "digest=", "digest=0", "digest=9", "digest=-1", "digest=1&digest=1", "digest=1&count=8", "digest=1&x=1"),
    *("seed=1", "seed=0&count=1", "digest=1&seed=", "digest=1&seed=2147483648", "digest=1&seed=1&seed=1"),
]


def written(tmp_path: Path, template: str, name: str = "mine") -> Path:
    done = run_rig(tmp_path / "cache", "new-contestant", name, "--template", template, "--directory", tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(str(path) for path in (tmp_path / name).iterdir())
    return tmp_path / name


def test_every_template_can_be_chosen() -> None:
    assert {path.name for path in TEMPLATE_DIR.iterdir()} == set(TEMPLATES) | set(SHARED.values())


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_longest_name_fits_into_the_title(tmp_path: Path, template: str) -> None:
    name = "n" * 28
    assert contestant.load(written(tmp_path, template, name)).title == name


def test_an_unknown_template(tmp_path: Path) -> None:
    done = run_rig(tmp_path / "cache", "new-contestant", "mine", "--template", "cgi", cwd=tmp_path)
    assert done.returncode == 1
    assert "'stdlib', 'asgi', 'node'" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_node_passes_everything(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    subject = contestant.load(written(tmp_path, "node"))
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path))
    report = verify_until_decided(subject, plan, cache)
    assert (report.state, report.problem) == ("verified", "")
    assert [f for f in report.findings if f.verdict is not Verdict.OK] == []
    assert report.versions["Node"].startswith("v")


@pytest.mark.parametrize("template", ["stdlib", "node"])
def test_a_bad_dataset_ends_the_server_with_a_message(tmp_path: Path, cache: Cache, template: str) -> None:
    subject = contestant.load(written(tmp_path, template))
    (tmp_path / "bad").write_bytes(b"\x92\xc4\x01")
    with pytest.raises(StartFailed, match=r"the server ended with exit code [1-9](.|\n)*MessagePack ends too early"):
        with launch(subject, StartOptions(tmp_path / "bad", workers=2), cache):
            pass


def records_up_to(largest: int) -> list[dict[str, object]]:
    """Seven records with texts that are not all ASCII, and integers of both signs as large as that."""
    names = ["", "K\u00e4se \u6f22\u5b57 \U0001f600", 'quotes " and \\']
    return [
        {**record, "name": names[i % 3], "id": largest - i, "count": -largest + i}
        for i, record in enumerate(dataset.default_records(7))
    ]


@pytest.mark.parametrize(
    ("template", "largest"),
    [("stdlib", 2**63 - 1), ("node", 2**52)],  # JavaScript's integers have 53 bits
)
def test_digests_of_the_definition(tmp_path: Path, cache: Cache, template: str, largest: int) -> None:
    check_digests(contestant.load(written(tmp_path, template)), cache, tmp_path, largest)


@pytest.mark.xdist_group("workshop")
def test_asgi_digests_of_the_definition(tmp_path: Path, workshop: Path) -> None:
    subject = contestant.load(workshop / "my-api")
    assert (workshop / "my-api" / "app.py").read_bytes() == (TEMPLATE_DIR / "asgi" / "app.py").read_bytes()
    check_digests(subject, Cache(workshop / "cache"), tmp_path, 2**63 - 1)


def check_digests(subject: Contestant, cache: Cache, tmp_path: Path, largest: int) -> None:
    records = records_up_to(largest)
    (tmp_path / "far").write_bytes(dataset.encode(tuple(records)))
    builder.build(subject, cache, Silent())
    with launch(subject, StartOptions(tmp_path / "far"), cache) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=20)

        def get(target: str) -> tuple[int, str]:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read().decode()

        for count in (0, 1, 7):
            for repetitions, seed in ((1, 0), (2, 12345), (8, 2**31 - 1)):
                asked = (records[:count], repetitions, seed)
                query = f"seed={seed}&count={count}&digest={repetitions}"
                assert get(f"/parse-msgpack?{query}") == (200, str(peer_digest.of_decoded(*asked))), query
                assert get(f"/encode-json?{query}") == (200, str(peer_digest.of_encoded(*asked))), query
        assert get("/parse-msgpack?digest=1") == (200, str(peer_digest.of_decoded(records, 1, 0)))
        assert get("/encode-json?digest=1") == (200, str(peer_digest.of_encoded(records, 1, 0)))
        targets = [f"{route}?{fault}" for route in ("/parse-msgpack", "/encode-json") for fault in DIGEST_FAULTS]
        for target in [*targets, "/transfer-data?digest=1", "/million-loop?digest=1&seed=1"]:
            assert get(target)[0] in (400, 422), target
        connection.close()
