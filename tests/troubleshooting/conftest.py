# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every symptom of docs/troubleshooting.md is produced by a test here, and must then be in the report."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "platform"), str(HERE.parent / "unit/plugins/modules")]
if (COLLECTIONS := HERE.parents[1] / ".collections").is_dir():
    sys.path.insert(0, str(COLLECTIONS))


def pytest_sessionfinish() -> None:
    """Note for docs/test-report.md how many symptoms were found, in all sessions of a suite."""
    from looking import SEEN
    from noted import note, noted

    from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.symptoms import SYMPTOMS

    seen = sorted(SEEN | set(noted("troubleshooting").get("seen", [])))
    rows = [["symptoms in docs/troubleshooting.md", len(SYMPTOMS)], ["produced, and found in the report of diagnose.yml", len(seen)]]
    note("troubleshooting", "Troubleshooting", rows, seen=seen)
