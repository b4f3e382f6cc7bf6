"""status.yml on a platform that works, on one whose istiod is gone, and how long it takes."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess

import pytest
from harness import REPO, ask, until

from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.checks import CHECKS

# The whole run, in runs of a playbook that prints one word. In processor time, which other programs on the machine hardly change.
EMPTY_PLAYBOOKS = 3.0


def status(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """As a user sees it."""
    return playbook("playbooks/status.yml", *arguments)


def playbook(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    before = processor_seconds()
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    argv = ["ansible-playbook", *arguments]
    done = subprocess.run(argv, cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done, processor_seconds() - before


def processor_seconds() -> float:
    """Of all programs that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(text: str) -> dict[str, str]:
    """State of each check on the screen."""
    return {name: state for state, name in re.findall(r"^  (ok|note|failed|unknown) +(\S.*?)  +\S", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def good() -> tuple[subprocess.CompletedProcess[str], float]:
    """The better of two: the first one may read Python for the first time."""
    return min((status() for _time in range(2)), key=lambda found: found[1])


def test_a_platform_that_works_is_healthy_on_one_screen(good):
    done, _seconds = good
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(done.stdout)
    assert list(found) == [name for name, _check in CHECKS]
    assert {name for name, state in found.items() if state == "failed"} == set()
    assert re.search(r"^sandbox, us-west-2: healthy", done.stdout, re.MULTILINE)
    assert " -> service-b\n" in done.stdout


def test_it_takes_no_longer_than_three_empty_playbooks(good, tmp_path):
    _done, seconds = good
    empty = tmp_path / "empty.yml"
    empty.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {msg: nothing}\n", encoding="utf-8")
    least = min(playbook(str(empty))[1] for _time in range(2))
    print(f"status.yml: {seconds:.2f} s of processor time, an empty playbook: {least:.2f} s")
    assert seconds < EMPTY_PLAYBOOKS * least


def test_it_changes_nothing(play):
    run = play("playbooks/status.yml")
    assert (run.changed, run.failed) == (0, 0)


def test_its_files_are_for_a_program_and_a_browser(play, tmp_path, cluster):
    data, page = tmp_path / "status.json", tmp_path / "status.html"
    play("playbooks/status.yml", "-e", f"status_json={data}", "-e", f"status_html={page}")
    found = json.loads(data.read_text(encoding="utf-8"))
    assert found["healthy"] is True and "page" not in found and "screen" not in found
    pods = {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item["spec"]["replicas"] for item in cluster.find("Deployment", "rust-services")}
    assert {one["name"]: one["ready"] for one in found["apps"] if one["name"] in pods} == pods
    ways = {(one["source"], one["target"]) for one in found["calls"]}
    assert {("istio-ingress/istio-ingressgateway", "rust-services/service-b"), ("rust-services/service-b", "rust-services/service-a")} <= ways
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "<svg" in text and "<script" not in text


def test_json_can_be_printed():
    done, _seconds = status("-e", "status_output=json")
    start = done.stdout.index("\n{\n")
    found, _end = json.JSONDecoder().raw_decode(done.stdout[start:].lstrip())
    assert found["healthy"] is True


def test_another_format_is_refused_by_name():
    done, _seconds = status("-e", "status_output=xml")
    assert done.returncode == 2
    assert 'status_output is "xml"; accepted: text, json' in done.stdout + done.stderr


def connected(cluster) -> int:
    """Proxies that istiod has a connection with, as it counts them itself; none while there is no istiod."""
    pods = cluster.find("Pod", "istio-system", "app=istiod")
    if not pods:
        return 0
    told = cluster.kubectl("get", "--raw", f"/api/v1/namespaces/istio-system/pods/{pods[0]['metadata']['name']}:15014/proxy/metrics", ok=False).stdout
    return sum(int(float(count)) for count in re.findall(r"^pilot_xds\{.*\} (\S+)$", told, re.MULTILINE))


def test_without_istiod_it_fails_and_says_so_and_with_it_again_it_waits_until_all_is_well(cluster):
    replicas, proxies = cluster.get("Deployment", "istiod", "istio-system")["spec"]["replicas"], connected(cluster)
    assert proxies >= 4, "sidecars and gateways"
    alb = cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]
    cluster.kubectl("-n", "istio-system", "scale", "deployment/istiod", "--replicas=0")
    try:
        done, _seconds = status()
        assert done.returncode == 2
        assert {name for name, state in rows(done.stdout).items() if state == "failed"} == {"istiod"}
        assert re.search(r"^sandbox, us-west-2: not healthy: 1 of \d+ checks failed \(istiod\)$", done.stdout, re.MULTILINE)
        assert ask(alb, "/health").status == 200, "requests go on without istiod: the screen must not say otherwise"
    finally:
        cluster.kubectl("-n", "istio-system", "scale", "deployment/istiod", f"--replicas={replicas}")
    done, _seconds = status("-e", "status_wait=90")
    assert done.returncode == 0, done.stdout
    # A proxy tries again at growing intervals. Until then it learns nothing: whoever restarts pods now sends requests to those that are gone.
    until("all proxies are connected again", lambda: connected(cluster) >= proxies, 120)
