"""JSON Schemas of the Kubernetes objects that we write, made of what the API server publishes of itself.

It is in the Go module k8s.io/kube-openapi (Apache License 2.0), fetched when the tests run: nothing of it is kept here. The schema of a ServiceMonitor,
of which there is no module without the whole operator, is our own and has what we use of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

MODULE = "k8s.io/kube-openapi@v0.0.0-20260721132016-d427ff9ee9ad"
FILE = "pkg/schemaconv/testdata/swagger.json"  # of Kubernetes 1.27

KINDS = {
    "apps.v1.Deployment", "autoscaling.v2.HorizontalPodAutoscaler", "batch.v1.Job", "core.v1.ConfigMap", "core.v1.Service", "core.v1.ServiceAccount",
    "networking.v1.NetworkPolicy", "policy.v1.PodDisruptionBudget",
}  # fmt: skip

_SERVICE_MONITOR = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["selector", "endpoints"],
            "additionalProperties": False,
            "properties": {
                "selector": {"type": "object", "required": ["matchLabels"], "properties": {"matchLabels": {"type": "object", "minProperties": 1}}},
                "endpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["port"],
                        "additionalProperties": False,
                        "properties": {
                            "port": {"type": "string"},
                            "path": {"type": "string", "pattern": "^/"},
                            "interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                        },
                    },
                },
            },
        }
    },
}


def _strict(definition: dict[str, Any]) -> dict[str, Any]:
    """Unknown keys are errors, which the API server only warns of; and the two texts that may be numbers."""
    if definition.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    if "properties" in definition and "additionalProperties" not in definition:
        return {**definition, "additionalProperties": False}
    return definition


def write(folder: Path, go: str) -> None:
    """A file KIND-GROUP-VERSION.json for each, as kubeconform names them."""
    done = subprocess.run([go, "mod", "download", "-json", MODULE], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    swagger = json.loads((Path(json.loads(done.stdout)["Dir"]) / FILE).read_text())
    definitions = {name: _strict(definition) for name, definition in swagger["definitions"].items()}
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    for name in KINDS:
        definition = definitions[f"io.k8s.api.{name}"]
        kind = definition["x-kubernetes-group-version-kind"][0]
        group = f"-{kind['group'].split('.')[0]}" if kind["group"] else ""
        schema = {**definition, "required": ["apiVersion", "kind", "metadata"], "definitions": definitions}
        (folder / f"{kind['kind'].lower()}{group}-{kind['version']}.json").write_text(json.dumps(schema))
    (folder / "servicemonitor-monitoring-v1.json").write_text(json.dumps(_SERVICE_MONITOR))
