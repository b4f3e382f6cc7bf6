# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""teardown.yml is killed again and again; then nothing is left, neither in the account nor on the machine."""

from __future__ import annotations

import subprocess

from chain import LOGS, After
from harness import CLUSTER, STATE, our_containers
from secret_scan import scan
from story import FULL


def killed(story, stop, request, cluster) -> None:
    run = story.teardown(stop)
    if FULL and run.code == 0 and stop.point not in run.executed:
        assert story.site().code == 0
        story.remember_secrets(cluster)
        run = story.teardown(stop)
    assert run.was_killed, run.end()
    if isinstance(stop, After):
        assert run.executed[-1] == stop.point
    else:
        assert (run.started[-1], stop.point in run.executed) == (stop.point, False)
    request.node.user_properties.append(("killed teardown", type(stop).__name__))


def test_it_goes_on_from_the_last_kill_until_it_is_killed(story, teardown_stop, request, cluster):
    killed(story, teardown_stop, request, cluster)


def test_the_account_is_as_it_was(story):
    assert story.account() == story.before


def test_the_laptop_s_part_goes_on_too(story, laptop_stop, request, cluster):
    killed(story, laptop_stop, request, cluster)


def test_the_next_run_finishes(story):
    run = story.teardown()
    assert run.code == 0, run.end()


def test_no_container_no_network_and_no_file_is_left():
    assert our_containers() == []
    argv = ["docker", "network", "ls", "--quiet", "--filter", "label=meshgate.io/cluster"]
    networks = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert networks == ""
    assert not (STATE / CLUSTER).exists()


def test_another_run_changes_nothing(story):
    run = story.teardown()
    assert (run.code, run.changed) == (0, 0), run.end()


def test_no_output_of_these_runs_holds_a_secret(story):
    logs = sorted(LOGS.glob("*-teardown.log"))
    assert logs and story.secrets
    known = {f"{number} {name}": value for number, (value, name) in enumerate(story.secrets.items())}
    assert scan(logs, known) == []
