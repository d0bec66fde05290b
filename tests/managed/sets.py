# SPDX-License-Identifier: Apache-2.0
"""What managed services pin, as they have published it: one line here and one file for each set.

A file lists the pins of what we and our dependencies need, ``name==version`` in each line, and nothing
else of the source. To add a set, add both and run ``make managed-test``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "constraints" / "managed"


@dataclass(frozen=True)
class PinSet:
    """The pins of one image of a service.

    :param name: of the service and its release; the file's name
    :param airflow: the version of Airflow in it
    :param python: the version of Python in it
    :param source: where it was read
    :param as_of: what it is: its date or commit there
    :param whole: whether each package that we need and the source pins is in the file; otherwise only a part
        of the source could be read
    """

    name: str
    airflow: str
    python: str
    source: str
    as_of: str
    whole: bool

    @property
    def file(self) -> Path:
        """Its pins."""
        return FOLDER / f"{self.name}.txt"

    def pins(self) -> dict[str, str]:
        """Return the pinned versions by normalized name."""
        lines = (line.split("==") for line in self.file.read_text().splitlines())
        return {canonicalize_name(name): version for name, version in lines}


MWAA = "aws/amazon-mwaa-docker-images, images/airflow/{}/etc/airflow_constraints.txt"
COMPOSER = (
    "Google Cloud's page on the preinstalled packages of Managed Airflow (Cloud Composer), its beginning"
)
ASTRO = "Astronomer's page on the provider packages of Astro Runtime"

SETS = (
    PinSet("mwaa-2.11.0", "2.11.0", "3.12", MWAA.format("2.11.0"), "22eee9d", whole=True),
    PinSet("mwaa-3.0.6", "3.0.6", "3.12", MWAA.format("3.0.6"), "495e82a", whole=True),
    PinSet("mwaa-3.2.1", "3.2.1", "3.12", MWAA.format("3.2.1"), "269c40c", whole=True),
    PinSet("mwaa-3.3.0", "3.3.0", "3.12", MWAA.format("3.3.0"), "8889659", whole=True),
    PinSet("composer-3-airflow-3.1.7-build.0", "3.1.7", "3.11", COMPOSER, "2026-03-03", whole=False),
    PinSet("composer-3-airflow-3.3.1-build.0", "3.3.1", "3.11", COMPOSER, "2026-08-26", whole=False),
    PinSet("astro-runtime-3.1-12", "3.1", "3.12", ASTRO, "3.1-12", whole=False),
    PinSet("astro-runtime-3.3-2", "3.3", "3.12", ASTRO, "3.3-2", whole=False),
)
