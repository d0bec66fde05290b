# SPDX-License-Identifier: Apache-2.0
"""Resolve and install our wheel with what managed services pin (``make managed-test``; needs PyPI).

Amazon MWAA's oldest and newest set are installed as MWAA does it: the wheel comes in ``plugins.zip``, and the
requirements file is that of ``deploy/``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.managed.sets import ROOT, SETS, PinSet
from tests.matrix.cells import find_python

UV = (sys.executable, "-m", "uv", "pip")
PLUGINS = "/usr/local/airflow/plugins"
MWAA = [pin_set for pin_set in SETS if pin_set.name.startswith("mwaa")]

#: Of the versions that parse them: the DAGs are for Airflow 3.
PARSE = """
import sys
from {module} import DagBag
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
print(*sorted(bag.dags))
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def run(*command: str | Path, home: Path | None = None) -> str:
    foreign = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    if home:
        env |= {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("extra", ["", "[metrics]"])
@pytest.mark.parametrize("pin_set", SETS, ids=lambda pin_set: pin_set.name)
def test_the_wheel_resolves_with_its_pins(pin_set: PinSet, extra: str, wheel: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.in"
    requirements.write_text(
        f"airflow-provider-twitch{extra} @ {wheel.as_uri()}\napache-airflow=={pin_set.airflow}.*\n"
    )
    constraints = ("--constraint", pin_set.file, "--python-version", pin_set.python)
    resolved = run(*UV, "compile", "--quiet", "--no-header", "--no-annotate", *constraints, requirements)
    versions = dict(line.split("==") for line in resolved.splitlines() if "==" in line)
    pins = pin_set.pins()
    assert {name: versions[name] for name in pins.keys() & versions.keys()} == {
        name: pins[name] for name in pins.keys() & versions.keys()
    }


@pytest.mark.parametrize("pin_set", [MWAA[0], MWAA[-1]], ids=lambda pin_set: pin_set.name)
def test_mwaa_installs_it_and_airflow_finds_it(pin_set: PinSet, wheel: Path, tmp_path: Path) -> None:
    interpreter = find_python(pin_set.python)
    assert interpreter, f"no Python {pin_set.python} on the PATH or among pyenv's"
    archive, plugins = tmp_path / "plugins.zip", tmp_path / "plugins"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.write(wheel, wheel.name)
    zipfile.ZipFile(archive).extractall(plugins)
    lines = (
        (ROOT / "deploy" / "mwaa-requirements.txt").read_text().replace(PLUGINS, str(plugins)).splitlines()
    )
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("\n".join(line for line in lines if not line.startswith("--constraint")))

    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", interpreter, tmp_path / "venv")
    install = (*UV, "install", "--quiet", "--python", python, "--constraint", pin_set.file)
    run(*install, f"apache-airflow=={pin_set.airflow}", "apache-airflow-providers-amazon")
    freeze = (*UV, "freeze", "--python", python)
    before = set(run(*freeze).splitlines())
    run(*install, f"apache-airflow=={pin_set.airflow}", "--requirement", requirements)
    assert before <= set(run(*UV, "freeze", "--python", python).splitlines()), (
        "our wheel moved what was there"
    )
    run(*UV, "check", "--python", python)

    home = tmp_path / "home"
    airflow, plain = (python, "-m", "airflow"), ("--output", "plain")
    assert "airflow-provider-twitch" in run(*airflow, "providers", "list", *plain, home=home)
    assert "twitch" in run(*airflow, "plugins", *plain, home=home)
    if pin_set.airflow >= "3":
        module = "airflow.dag_processing.dagbag" if pin_set.airflow >= "3.2" else "airflow.models.dagbag"
        run(*airflow, "db", "migrate", home=home)
        parsed = run(python, "-c", PARSE.format(module=module), ROOT / "dags", home=home)
        assert {path.stem for path in (ROOT / "dags").glob("twitch_*.py")} <= set(parsed.split())
