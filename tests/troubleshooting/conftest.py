# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every symptom of docs/troubleshooting.md is produced by a test here, and must then be in the report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "platform"), str(HERE.parent / "unit/plugins/modules")]
if (COLLECTIONS := HERE.parents[1] / ".collections").is_dir():
    sys.path.insert(0, str(COLLECTIONS))


def pytest_sessionfinish() -> None:
    """Note for docs/test-report.md how many symptoms were found, in all sessions since the results were emptied."""
    from harness import RESULTS, note
    from looking import SEEN

    from ansible_collections.meshgate.eks_istio.plugins.module_utils.report_symptoms import SYMPTOMS

    path = RESULTS / "report" / "troubleshooting.json"
    before = json.loads(path.read_text(encoding="utf-8"))["seen"] if path.exists() else []
    seen = sorted(SEEN | set(before))
    rows = [["symptoms in docs/troubleshooting.md", len(SYMPTOMS)], ["produced, and found in the report of diagnose.yml", len(seen)]]
    note("troubleshooting", "Troubleshooting", rows, seen=seen)
