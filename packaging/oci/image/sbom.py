"""What is in an image, as an SPDX 2.3 document."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import quote

from image.build import Sources
from image.debian import Deb


def _package(deb: Deb) -> dict[str, object]:
    url = f"pkg:deb/debian/{deb.package}@{quote(deb.version, safe='')}?arch={deb.architecture}"
    return {
        "SPDXID": f"SPDXRef-deb-{deb.package.replace('+', 'plus').replace('_', '-')}",
        "name": deb.package,
        "versionInfo": deb.version,
        "supplier": f"Person: {deb.maintainer}" if deb.maintainer else "NOASSERTION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": deb.sha256}],
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",  # in usr/share/doc/PACKAGE/copyright of the image
        "copyrightText": "NOASSERTION",
        "homepage": deb.homepage or "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}],
    }


def document(name: str, sources: Sources, architecture: str, debs: list[Deb]) -> str:
    own = {
        "SPDXID": f"SPDXRef-{name}",
        "name": name,
        "versionInfo": sources.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "MIT",
        "licenseDeclared": "MIT",
        "copyrightText": "NOASSERTION",
        "sourceInfo": f"built from commit {sources.commit}",
    }
    packages = [own, *[_package(deb) for deb in debs]]
    about = json.dumps([packages, architecture], sort_keys=True).encode()
    text = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{sources.version}-{architecture}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{sources.version}-{architecture}-{hashlib.sha256(about).hexdigest()}",
        "creationInfo": {
            "created": datetime.fromtimestamp(sources.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: restmark-build-image-{sources.version}"],
        },
        "packages": packages,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": own["SPDXID"]},
            *[{"spdxElementId": own["SPDXID"], "relationshipType": "CONTAINS", "relatedSpdxElement": p["SPDXID"]} for p in packages[1:]],
        ],
    }
    return json.dumps(text, indent=1) + "\n"
