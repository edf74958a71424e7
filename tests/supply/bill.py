"""The bill of materials (CycloneDX) of the lock: libraries, licences, who needs whom. One lock, the same bytes."""

from __future__ import annotations

import tomllib
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from tests.supply.parts import LOCK, ROOT, Part, direct, licence, locked, shipped

VERSION: Final = SchemaVersion.V1_6


class NotValid(Exception):
    """The bill does not follow CycloneDX's own schema; the message is that of its judge."""


def component(part: Part) -> Component:
    """Return one library. Its hashes are those of each file that the lock allows, wheels and source alike."""
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        bom_ref=part.name,
        purl=PackageURL("pypi", None, part.name, part.version),
        scope=ComponentScope.REQUIRED,
        licenses=[LicenseFactory().make_from_string(licence(part.name))],
        properties=[Property(name="portal:file:sha256", value=one) for one in part.hashes],
    )


def bill() -> Bom:
    """Return what an installation ships. Nothing in it depends on the day or on where it is made."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    root = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        bom_ref=project["name"],
        description=project["description"],
    )
    made = Bom(serial_number=uuid5(NAMESPACE_URL, f"{root.version}\n{LOCK.read_text('utf-8')}"))
    made.metadata.component = root
    components = {name: component(locked()[name]) for name in shipped()}
    for name, one in components.items():
        made.components.add(one)
        made.register_dependency(one, [components[other] for other in sorted(shipped()[name])])
    made.register_dependency(
        root, [components[name] for name in sorted({canonicalize_name(one.name) for one in direct()})]
    )
    return made


def written() -> str:
    """Return the bill as JSON; raise NotValid where its schema says so."""
    made = bill()
    made.metadata.timestamp = None  # type: ignore[assignment]  # else no two are the same
    text = JsonV1Dot6(made).output_as_string(indent=2)
    if problem := JsonStrictValidator(VERSION).validate_str(text):
        raise NotValid(str(problem))
    return text + "\n"
