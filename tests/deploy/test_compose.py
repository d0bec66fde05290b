# SPDX-License-Identifier: Apache-2.0
"""The promises of ``deploy/compose.yaml``. ``make cluster-test`` runs what it describes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from cryptography.fernet import Fernet
from tests.cluster.compose import ROOT, Service, load, read_env, services, size, variables

from deploy import new_env

SECRETS = {*new_env.SECRETS}
#: A service that ends by itself: its exit code is its check.
ENDS = "airflow-init"
DATA = {"postgres", "redis"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return load()


@pytest.fixture(scope="module")
def env() -> dict[str, str]:
    arguments = ["TWITCH_BUCKET=my-lake", "EXECUTOR=CeleryExecutor"]
    return read_env(new_env.render(new_env.read(arguments)))


@pytest.fixture(scope="module")
def running(document: dict[str, Any], env: dict[str, str]) -> dict[str, Service]:
    return services(document, env)


@pytest.fixture(scope="module")
def airflow(running: dict[str, Service]) -> dict[str, Service]:
    return {name: each for name, each in running.items() if name not in DATA}


def test_it_is_as_the_compose_specification_has_it(document: dict[str, Any]) -> None:
    vendored = pytest.importorskip("check_jsonschema", reason="of the extra dev")
    schema = json.loads((files(vendored) / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(document)


@pytest.mark.parametrize(
    ("executor", "names"),
    [
        ("LocalExecutor", set()),
        ("CeleryExecutor", {"redis", "airflow-worker"}),
    ],
)
def test_executor_decides_what_runs(document: dict[str, Any], executor: str, names: set[str]) -> None:
    arguments = ["TWITCH_BUCKET=my-lake", f"EXECUTOR={executor}"]
    found = services(document, read_env(new_env.render(new_env.read(arguments))))
    always = {"postgres", "airflow-init", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor"}
    assert found.keys() == always | {"airflow-triggerer", "maintenance"} | names
    assert {each.environment.get("AIRFLOW__CORE__EXECUTOR") for each in found.values()} <= {executor, None}


def test_two_workers_and_no_name_that_keeps_more_away(running: dict[str, Service]) -> None:
    worker = running["airflow-worker"]
    assert worker.replicas == 2
    assert not worker.raw.keys() & {"container_name", "hostname", "ports"}


def test_only_the_ui_is_published_and_only_to_this_machine(running: dict[str, Service]) -> None:
    published = {name: each.raw["ports"] for name, each in running.items() if "ports" in each.raw}
    assert published == {"airflow-apiserver": ["127.0.0.1:8080:8080"]}
    assert not [name for name, each in running.items() if "network_mode" in each.raw]


def test_data_services_are_on_an_inner_network_alone(
    document: dict[str, Any], running: dict[str, Service]
) -> None:
    assert document["networks"]["inside"] == {"internal": True}
    assert {tuple(running[name].raw["networks"]) for name in DATA} == {("inside",)}


def test_every_service_has_a_health_check(running: dict[str, Service]) -> None:
    assert {name for name, each in running.items() if not each.raw.get("healthcheck", {}).get("test")} == {
        ENDS
    }


def test_whatever_goes_on_is_started_anew_unless_somebody_stopped_it(running: dict[str, Service]) -> None:
    policies = {name: each.raw["restart"] for name, each in running.items()}
    assert policies.pop(ENDS) == "no"
    # With "always", a restart of the engine or of the machine would start what was stopped for a migration.
    assert set(policies.values()) == {"unless-stopped"}


def test_nothing_begins_before_the_database_is_ready(airflow: dict[str, Service]) -> None:
    for name, each in airflow.items():
        needed = {other: how["condition"] for other, how in each.raw["depends_on"].items()}
        assert needed.pop("postgres") == "service_healthy", name
        # docker compose up --wait waits for its end only where somebody depends on it so.
        assert name == ENDS or needed.pop(ENDS) == "service_completed_successfully", name
        assert set(needed.values()) <= {"service_healthy"}, name


def test_no_default_service_depends_on_one_of_a_profile(document: dict[str, Any]) -> None:
    profiled = {name for name, each in document["services"].items() if each.get("profiles")}
    for name, each in document["services"].items():
        assert name in profiled or not profiled & each.get("depends_on", {}).keys(), name


def test_all_of_airflow_has_the_same_settings(airflow: dict[str, Service]) -> None:
    own = {"airflow-worker": {"DUMB_INIT_SETSID"}, ENDS: {"ADMIN_PASSWORD"}}
    shared = [
        {key: value for key, value in each.environment.items() if key not in own.get(name, set())}
        for name, each in airflow.items()
    ]
    assert all(each == shared[0] for each in shared)
    assert shared[0]["AIRFLOW__API_AUTH__JWT_SECRET"]


def test_volumes_are_shared_and_named(document: dict[str, Any], airflow: dict[str, Service]) -> None:
    mounts = {tuple(each.raw["volumes"]) for each in airflow.values()}
    assert mounts == {("logs:/opt/airflow/logs", "twitch-tokens:/opt/airflow/twitch_tokens")}
    used = {
        mount.partition(":")[0] for each in document["services"].values() for mount in each.get("volumes", ())
    }
    assert used == document["volumes"].keys()


def test_variables_are_those_that_new_env_writes(document: dict[str, Any], env: dict[str, str]) -> None:
    used = {name for name, _ in variables(document)}
    assert used | {"COMPOSE_PROFILES"} == env.keys()


def test_what_may_not_be_empty_says_what_to_do(document: dict[str, Any]) -> None:
    may_be_empty = {name for name, setting in new_env.SETTINGS.items() if setting.default == ""}
    required = {name for name, kind in variables(document) if kind == ":?"}
    assert required == {name for name, _ in variables(document)} - may_be_empty
    with pytest.raises(
        KeyError, match=r"deploy/\.env is missing or incomplete, make it with deploy/new_env\.py"
    ):
        services(document, {})


def test_no_secret_stands_in_the_file(document: dict[str, Any]) -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    assert not re.search(r"[A-Za-z0-9+/_-]{40,}", re.sub(r"AIRFLOW__\w+|https?://\S+|airflow\.\S+", "", text))
    for entry in document["services"].values():
        for name, value in entry.get("environment", {}).items():
            if re.search(
                "PASSWORD|SECRET_KEY|FERNET|JWT_SECRET|ALCHEMY_CONN|BROKER_URL|RESULT_BACKEND", name
            ):
                used = {variable for variable, _ in variables(value)}
                assert used & SECRETS, name


def test_no_secret_is_an_argument(
    document: dict[str, Any], env: dict[str, str], running: dict[str, Service]
) -> None:
    for each in running.values():
        arguments = [*each.command, *map(str, each.raw.get("healthcheck", {}).get("test", ()))]
        for name in SECRETS:
            assert env[name] not in " ".join(arguments), (each.name, name)
    # Else the image's entrypoint gives the broker's address to a command:
    # https://airflow.apache.org/docs/docker-stack/entrypoint.html#waiting-for-celery-broker-connection
    assert document["services"]["airflow-worker"]["environment"]["CONNECTION_CHECK_MAX_COUNT"] == "0"


def test_only_airflow_init_knows_the_password_of_the_admin(
    env: dict[str, str], running: dict[str, Service]
) -> None:
    knows = {
        name
        for name, each in running.items()
        if any(env["ADMIN_PASSWORD"] in v for v in each.environment.values())
    }
    assert knows == {ENDS}


def test_images_are_pinned(document: dict[str, Any]) -> None:
    images = {name: document["services"][name]["image"] for name in DATA}
    assert re.fullmatch(r"postgres:\d+\.\d+-bookworm", images["postgres"])
    assert re.fullmatch(r"redis:\d+\.\d+\.\d+-bookworm", images["redis"])


def test_no_service_can_gain_rights(running: dict[str, Service]) -> None:
    for name, each in running.items():
        assert each.raw["cap_drop"] == ["ALL"], name
        assert each.raw["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in each.raw, name
        assert not [mount for mount in each.raw.get("volumes", ()) if mount.startswith(("/", "."))], name
    for name in DATA:
        assert running[name].raw["read_only"], name
        # Without rights to change it, they begin as the user that they shall be.
        assert running[name].raw["user"] == name, name


def test_logs_of_containers_cannot_fill_the_disk(running: dict[str, Service]) -> None:
    for name, each in running.items():
        assert each.raw["logging"]["driver"] == "json-file", name
        assert each.raw["logging"]["options"].keys() == {"max-size", "max-file"}, name


def memory(each: Service, name: str = "mem_limit") -> int:
    """The limit of all containers of a service that does not end, in MiB."""
    return each.replicas * size(each.raw[name]) // 2**20 if each.name != ENDS else 0


def local(document: dict[str, Any]) -> dict[str, Service]:
    """The services of the LocalExecutor, the deployment's default."""
    return services(document, read_env(new_env.render(new_env.read(["TWITCH_BUCKET=my-lake"]))))


def test_all_of_it_fits_into_the_memory_of_a_machine(document: dict[str, Any]) -> None:
    total = sum(map(memory, local(document).values()))
    machine, system = int(7.6 * 1024), 800
    assert total == 6848 <= machine - system
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    assert f"adds up to {total:,} MiB of the 7.6 GiB" in text


def test_celery_needs_more_and_the_file_says_so(
    document: dict[str, Any], running: dict[str, Service]
) -> None:
    total = sum(map(memory, running.values()))
    assert 8 * 1024 < total < 15 * 1024
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    assert f"CeleryExecutor adds {total - sum(map(memory, local(document).values())):,} MiB" in text
    assert "two workers (--scale airflow-worker=4 for more), and needs 16 GB" in text


def test_no_service_can_take_all_swap(document: dict[str, Any], running: dict[str, Service]) -> None:
    for name, each in running.items():
        assert size(each.raw["memswap_limit"]) - size(each.raw["mem_limit"]) == 256 * 2**20, name
    swap = sum(memory(each, "memswap_limit") - memory(each) for each in local(document).values())
    # Of the 2 GB that start.sh makes.
    assert swap == 1536


def test_the_kernel_spares_the_database_first_and_tasks_last(running: dict[str, Service]) -> None:
    scores = {name: each.raw["oom_score_adj"] for name, each in running.items()}
    assert {name for name, score in scores.items() if score < 0} == DATA
    assert {name for name, score in scores.items() if score == max(scores.values())} == {
        "airflow-scheduler",
        "airflow-worker",
    }


def test_no_service_has_endless_processes_or_files_or_leaves_a_core(running: dict[str, Service]) -> None:
    for name, each in running.items():
        assert 256 <= each.raw["pids_limit"] <= 1024, name
        assert each.raw["ulimits"] == {"nofile": {"soft": 16384, "hard": 16384}, "core": 0}, name


# Answers `airflow db migrate` with the file, and fails if that is an error.
AIRFLOW = r"""#!/bin/sh
echo "$*" >>"$FOLDER/calls"
if [ "$1" = users ]; then exec cat >"$FOLDER/input"; fi
cat "$FOLDER/answer"
! grep -q Error "$FOLDER/answer"
"""


def initialize(service: Service, folder: Path, answer: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the command of airflow-init with a stand-in for ``airflow``; return also what that was asked."""
    (folder / "answer").write_text(f"{answer}\n")
    (folder / "airflow").write_text(AIRFLOW)
    (folder / "airflow").chmod(0o755)
    command = [part.replace("/tmp/", f"{folder}/") for part in service.command]  # noqa: S108 - of the container
    env = {"PATH": f"{folder}:{os.defpath}", "FOLDER": str(folder), "ADMIN_PASSWORD": "made-up"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)
    return done, (folder / "calls").read_text()


def test_a_database_of_an_older_airflow_is_migrated(running: dict[str, Service], tmp_path: Path) -> None:
    done, calls = initialize(running[ENDS], tmp_path, "Running upgrade 1 -> 2")
    assert (done.returncode, done.stderr) == (0, "")
    assert calls.startswith("db migrate\nusers create --username admin")
    assert (tmp_path / "input").read_text() == "made-up\nmade-up\n"


def test_a_database_of_a_newer_airflow_is_left_alone_in_one_sentence(
    running: dict[str, Service], tmp_path: Path
) -> None:
    # What Airflow 3.3.2 ends with, after its traceback: see the next test.
    answer = "alembic.util.exc.CommandError: Can't locate revision identified by 'ffffffffffff'"
    done, calls = initialize(running[ENDS], tmp_path, answer)
    assert (done.returncode, calls) == (1, "db migrate\n")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("error: The database was migrated by a newer Airflow than this image has")
    assert sentence.endswith("or restore a snapshot from before the update.")


def test_alembic_says_so_of_a_revision_that_airflow_does_not_have(running: dict[str, Service]) -> None:
    script = ScriptDirectory(str(files("airflow") / "migrations"))
    with pytest.raises(CommandError) as error:
        script.get_revision("ffffffffffff")
    (sought,) = re.findall(r'grep -q "([^"]+)"', " ".join(running[ENDS].command))
    assert sought in str(error.value)


def test_another_failure_of_the_migration_is_not_called_that(
    running: dict[str, Service], tmp_path: Path
) -> None:
    done, calls = initialize(running[ENDS], tmp_path, "sqlalchemy.exc.OperationalError: no route to host")
    assert (done.returncode, calls, done.stderr) == (1, "db migrate\n", "")
    assert "no route to host" in done.stdout


def test_a_worker_may_finish_its_task(running: dict[str, Service]) -> None:
    # The longest execution_timeout of our DAGs is five minutes.
    assert running["airflow-worker"].raw["stop_grace_period"] == "6m"
    assert running["airflow-worker"].environment["DUMB_INIT_SETSID"] == "0"


def test_a_death_is_noticed_well_within_a_tick(airflow: dict[str, Service]) -> None:
    settings = airflow["airflow-scheduler"].environment
    heartbeats = [
        settings[f"AIRFLOW__SCHEDULER__TASK_{name}"]
        for name in ("INSTANCE_HEARTBEAT_TIMEOUT", "QUEUED_TIMEOUT")
    ]
    assert [int(seconds) < 150 for seconds in heartbeats] == [True, True]


def test_the_lake_is_reached_by_the_role(airflow: dict[str, Service]) -> None:
    settings = airflow["airflow-scheduler"].environment
    assert settings["AIRFLOW__TWITCH__AWS_CONN_ID"] == ""
    assert settings["AIRFLOW__TWITCH__BUCKET"] == "my-lake"
    assert not [name for name in settings if name.startswith("AWS_") and name != "AWS_DEFAULT_REGION"]


def test_settings_of_twitch_are_those_that_we_declare(airflow: dict[str, Service]) -> None:
    from twitch_provider.get_provider_info import get_provider_info

    options = get_provider_info()["config"]["twitch"]["options"]
    declared = {f"AIRFLOW__TWITCH__{name.upper()}" for name in options}
    used = {name for name in airflow["airflow-scheduler"].environment if name.startswith("AIRFLOW__TWITCH__")}
    assert used == declared


def test_fernet_key_is_a_real_one(airflow: dict[str, Service]) -> None:
    Fernet(airflow["airflow-scheduler"].environment["AIRFLOW__CORE__FERNET_KEY"])


def test_scripts_and_health_checks_are_sound_shell(running: dict[str, Service], tmp_path: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck is of the extra dev")
    scripts = []
    for name, each in running.items():
        if each.command and each.command[0] in {"bash", "sh"}:
            text = next(part for part in each.command if "\n" in part)
            scripts.append((f"{name}.{each.command[0]}", text))
        kind, *test = each.raw.get("healthcheck", {}).get("test", ["CMD"])
        if kind == "CMD-SHELL":
            scripts.append((f"{name}-check.sh", test[0]))
    assert len(scripts) >= 5
    for place, text in scripts:
        path = tmp_path / place
        path.write_text(f"{text}\n")
        # SC3028: sh does not set HOSTNAME, but Docker puts it into the environment.
        command = [str(shellcheck), f"--shell={path.suffix[1:]}", "--exclude=SC3028", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.stdout, done.stdout


def test_the_image_brings_every_folder_that_a_volume_covers(airflow: dict[str, Service]) -> None:
    # logs is the official image's own; a missing one would be root's, and Airflow could not write there.
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "mkdir --mode=0700 /opt/airflow/twitch_tokens" in dockerfile


def test_the_comment_at_the_top_is_what_works() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    (line,) = re.findall(
        r"^# +\(umask 077; python deploy/new_env\.py (.*) > deploy/\.env\)$", text, re.MULTILINE
    )
    assert new_env.read(shlex.split(line))["TWITCH_BUCKET"] == "my-lake"
    assert yaml.safe_load(text)["name"] == "twitch"
