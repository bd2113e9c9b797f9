"""docker-compose.yml and the Dockerfile, read without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from compose import DOCKERFILE, ROOT, read_compose

DATA = ROOT / "tests" / "data"
SERVICES = {"api", "redis", "postgres", "lean-worker", "fstar-worker", "metrics"}
PROVERS = {"lean-worker", "fstar-worker"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose({"POSTGRES_PASSWORD": "p"})


def _schema() -> jsonschema.Draft7Validator:
    schema = json.loads((DATA / "compose" / "compose-spec.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_the_file_fits_the_compose_specification(compose: dict[str, Any]) -> None:
    assert [error.message for error in _schema().iter_errors(compose)] == []
    assert set(compose["services"]) == SERVICES


def test_the_schema_refuses_a_wrong_file(compose: dict[str, Any]) -> None:
    wrong = {**compose["services"]["api"], "read_onyl": True}
    services = {**compose["services"], "api": wrong}
    assert list(_schema().iter_errors({**compose, "services": services}))


def test_the_password_has_no_default() -> None:
    with pytest.raises(KeyError, match="POSTGRES_PASSWORD"):
        read_compose({})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_walled_in(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert {"mem_limit", "cpus", "pids_limit", "healthcheck", "tmpfs"} <= set(service)
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert all("docker.sock" not in volume for volume in service.get("volumes", ()))


def test_provers_reach_broker_database_and_prometheus_alone(compose: dict[str, Any]) -> None:
    services, networks = compose["services"], compose["networks"]
    for name in PROVERS:
        mine = set(services[name]["networks"])
        assert all(networks[network]["internal"] for network in mine)
        reached = {other for other in SERVICES if mine & set(services[other]["networks"])}
        assert reached - PROVERS == {"redis", "postgres", "metrics"}
        assert "ports" not in services[name]


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_images_run_without_rights_and_the_api_without_provers() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)
    final = {s.split(" AS ")[1].split()[0]: s for s in stages if "\nUSER " in s}
    assert set(final) == {"api", *PROVERS}
    assert all("\nUSER 10001:10001\n" in stage for stage in final.values())
    assert "/opt/provers" not in final["api"]
    assert "--from=without-prover" in final["api"]


def test_images_get_the_locked_versions_and_no_tools_for_development() -> None:
    """Mend with: make lock"""
    pin = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
    ours = dict(pin.findall((ROOT / "requirements.lock").read_text()))
    images = dict(pin.findall((ROOT / "docker" / "requirements.lock").read_text()))
    assert images.items() <= ours.items()
    assert "fastapi" in images
    assert "pytest" not in images


def test_the_build_gets_every_package() -> None:
    package = ROOT / "src" / "aludel"
    linked = [link.resolve() for link in package.iterdir() if link.is_symlink()]
    folders = {"src", *(str(folder.relative_to(ROOT)) for folder in linked)}
    let_in = re.findall(r"^!(.+?)/?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert folders <= set(let_in)
