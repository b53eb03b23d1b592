"""The Helm chart and the kustomization: what they come to, by the tools themselves, and that it is what the API has."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_schemas
import pytest
import root
import yaml
from root import SOURCE

CHART = SOURCE / "packaging" / "helm" / "restmarkd"
KUSTOMIZE = SOURCE / "packaging" / "kustomize"
TOOLS = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1",
}
ALL = "autoscaling.enabled=true,serviceMonitor.enabled=true,load.enabled=true,imagePullSecrets[0].name=mine,podLabels.team=a,podAnnotations.note=b"

Object = dict[str, Any]


@pytest.fixture(scope="module")
def go() -> str:
    found = shutil.which("go")
    if not found:
        pytest.skip("no Go, with which helm, kustomize and kubeconform are built")
    return found


def tool(name: str, go: str) -> str:
    """Built from its Go module once, and kept."""
    folder = root.CACHE / "go" / TOOLS[name].rsplit("@", 1)[1]
    if not (folder / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [go, "install", TOOLS[name]], capture_output=True, text=True, timeout=1800, check=False, env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
        )  # fmt: skip
        if done.returncode != 0:
            pytest.skip(f"{TOOLS[name]} cannot be built here: {done.stderr.strip()[-300:]}")
    return str(folder / name)


@pytest.fixture(scope="module")
def helm(go: str) -> str:
    return tool("helm", go)


@pytest.fixture(scope="module")
def schemas(go: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    kubernetes_schemas.write(folder, go)
    return folder


def conform(text: str, schemas: Path, go: str) -> subprocess.CompletedProcess[str]:
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    return subprocess.run(
        [tool("kubeconform", go), "-strict", "-summary", "-schema-location", location, "-"],
        input=text, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def template(helm: str, *arguments: str) -> str:
    return root.run(helm, "template", "a", str(CHART), *arguments)


def objects(text: str) -> dict[str, Object]:
    """By kind and name."""
    found: dict[str, Object] = {}
    for one in yaml.safe_load_all(text):
        if one:
            found[f"{one['kind']}/{one['metadata']['name']}"] = one
    return found


def pod_of(one: Object) -> Object:
    return one["spec"]["template"]["spec"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("values", ["", ALL, "networkPolicy.enabled=false,podDisruptionBudget.enabled=false,serviceAccount.create=false"])
def test_the_chart_is_good_with_these_values(helm: str, go: str, schemas: Path, values: str) -> None:
    root.run(helm, "lint", "--strict", str(CHART), "--set", values)
    done = conform(template(helm, "--set", values), schemas, go)
    assert done.returncode == 0, done.stdout
    assert "Skipped: 0" in done.stdout, done.stdout


def test_the_schemas_find_what_is_wrong(helm: str, go: str, schemas: Path) -> None:
    """A check that cannot fail is none."""
    good = template(helm)
    for before, after in (("readOnlyRootFilesystem", "readOnlyRootFilesytem"), ("containerPort: 8080", "containerPort: http"), ("kind: Service\n", "kind: Servise\n")):
        assert before in good
        done = conform(good.replace(before, after), schemas, go)
        assert done.returncode != 0, (after, done.stdout)


def test_pods_are_confined_and_stop_gently(helm: str) -> None:
    made = objects(template(helm, "--set", "load.enabled=true"))
    for name in ("Deployment/a-restmarkd", "Job/a-restmarkd-load"):
        pod = pod_of(made[name])
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for one in pod["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert one["resources"]["limits"] and one["resources"]["requests"]
    pod = pod_of(made["Deployment/a-restmarkd"])
    (server,) = pod["containers"]
    admin = next(port["name"] for port in server["ports"] if port["containerPort"] == 9180)
    assert {kind: server[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")} == {
        "startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz",
    }  # fmt: skip
    assert all(server[f"{kind}Probe"]["httpGet"]["port"] == admin for kind in ("startup", "readiness", "liveness"))
    waits = int(server["lifecycle"]["preStop"]["exec"]["command"][1])
    mercy = 30  # [workers] worker-reload-mercy of values.yaml
    assert pod["terminationGracePeriodSeconds"] >= waits + mercy


def test_selectors_find_their_pods_alone(helm: str) -> None:
    made = objects(template(helm, "--set", ALL))
    labels = made["Deployment/a-restmarkd"]["spec"]["template"]["metadata"]["labels"]
    load = made["Job/a-restmarkd-load"]["spec"]["template"]["metadata"]["labels"]
    selectors = {
        "Deployment": made["Deployment/a-restmarkd"]["spec"]["selector"]["matchLabels"],
        "Service": made["Service/a-restmarkd"]["spec"]["selector"],
        "admin": made["Service/a-restmarkd-admin"]["spec"]["selector"],
        "budget": made["PodDisruptionBudget/a-restmarkd"]["spec"]["selector"]["matchLabels"],
        "policy": made["NetworkPolicy/a-restmarkd"]["spec"]["podSelector"]["matchLabels"],
    }
    for name, selector in selectors.items():
        assert selector.items() <= labels.items(), name
        assert not selector.items() <= load.items(), f"{name}: the load is no server"
    monitor = made["ServiceMonitor/a-restmarkd"]["spec"]["selector"]["matchLabels"]
    assert monitor.items() <= made["Service/a-restmarkd-admin"]["metadata"]["labels"].items()
    assert not monitor.items() <= made["Service/a-restmarkd"]["metadata"]["labels"].items()
    assert "replicas" not in made["Deployment/a-restmarkd"]["spec"], "they are the autoscaler's"
    assert pod_of(made["Job/a-restmarkd-load"])["containers"][0]["args"][-1] == "http://a-restmarkd:8080/"


def test_a_change_of_the_configuration_replaces_the_pods(helm: str) -> None:
    def annotation(*values: str) -> str:
        made = objects(template(helm, *values))
        return str(made["Deployment/a-restmarkd"]["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert annotation() != annotation("--set-string", "config=[log]\nlevel = debug")


def test_the_configuration_of_the_chart_is_understood(helm: str, tmp_path: Path) -> None:
    """By the daemon, with the image's own file before it."""
    program = SOURCE / "build" / "release" / "src" / "restmarkd"
    if not program.exists():
        pytest.skip("build/release is not built")
    folder = tmp_path / "conf.d"
    folder.mkdir()
    shutil.copy(SOURCE / "packaging" / "oci" / "10-container.ini", folder)
    (folder / "50-values.ini").write_text(objects(template(helm))["ConfigMap/a-restmarkd"]["data"]["50-values.ini"])
    shutil.copy(SOURCE / "etc" / "restmarkd.ini", tmp_path)
    shown = root.run(program, "-T", "-c", tmp_path / "restmarkd.ini")
    for line in ("listen = 0.0.0.0:8080", "listen = 0.0.0.0:9180", "allow-remote = yes", "worker-reload-mercy = 30s"):
        assert f"\n{line}\n" in shown


def test_a_grace_period_that_is_too_short_is_refused(helm: str) -> None:
    done = subprocess.run([helm, "template", "a", str(CHART), "--set", "terminationGracePeriodSeconds=5"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "has to be longer than drainDelay" in done.stderr


def test_the_kustomization_is_good_and_the_same_as_the_chart(helm: str, go: str, schemas: Path) -> None:
    built = {name: root.run(tool("kustomize", go), "build", str(KUSTOMIZE / name)) for name in ("base", "load")}
    for text in built.values():
        done = conform(text, schemas, go)
        assert done.returncode == 0 and "Skipped: 0" in done.stdout, done.stdout
    values = ("--set", "autoscaling.enabled=true,load.enabled=true")
    chart = objects(root.run(helm, "template", "restmarkd", str(CHART), *values))
    plain = {**objects(built["base"]), **objects(built["load"])}
    config = next(name for name in plain if name.startswith("ConfigMap/"))
    plain["ConfigMap/restmarkd"] = plain.pop(config)
    assert set(plain) == set(chart)
    for name in plain:
        if name == "ConfigMap/restmarkd":
            continue
        one, other = copy.deepcopy(plain[name].get("spec", {})), copy.deepcopy(chart[name].get("spec", {}))
        if name == "Deployment/restmarkd":
            other["template"]["metadata"].pop("annotations")  # the name of the ConfigMap changes instead
            pod_of({"spec": one})["volumes"][0]["configMap"].pop("name")
            pod_of({"spec": other})["volumes"][0]["configMap"].pop("name")
        assert one == other, name
