#!/usr/bin/env bash
# Time site.yml and teardown.yml beside a plain shell script that does the same, in the same run, with everything cached.
# Usage: benchmarks/run.sh [--write]        --write puts the table into docs/benchmarks.md
# The platform of inventories/kind is removed first, and nothing is left afterwards. When a playbook fails, what it left stays for a look.
set -euo pipefail
cd "$(dirname "$0")/.."
BIN=${BIN:-.venv/bin}
PATH="$PWD/$BIN:$PATH"
write=()
case ${1-} in
  "") ;;
  --write) write=(--write docs/benchmarks.md) ;;
  *) echo "unknown option '$1'; known: --write" >&2; exit 2 ;;
esac

work=results/bench
rm -rf "$work"
mkdir -p "$work"
export ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0 MESHGATE_STAGES_TASKS=8

timed() { # NAME COMMAND...: run it, say and write down how long it took; its output goes into a log
  local name=$1 began=${EPOCHREALTIME/./} code=0 took
  shift
  printf '==> %-22s ' "$name"
  "$@" >"$work/$name.log" 2>&1 || code=$?
  took=$(((${EPOCHREALTIME/./} - began) / 1000))
  printf '%s\t%d\t%d\n' "$name" "$took" "$code" >>"$work/times.tsv"
  printf '%6d.%d s\n' $((took / 1000)) $((took % 1000 / 100))
  if [ "$code" -ne 0 ]; then
    tail -n 40 "$work/$name.log"
    echo "$name failed with exit code $code; its whole output is in $work/$name.log"
    exit 1
  fi
}

by_script=0
clean() {
  [ "$by_script" -eq 0 ] || benchmarks/platform.sh clean "$work/inputs" >"$work/clean.log" 2>&1 || echo "cleaning up failed: see $work/clean.log"
}
trap clean EXIT

timed prepare ansible-playbook benchmarks/prepare.yml
timed empty ansible-playbook playbooks/teardown.yml

timed fresh ansible-playbook playbooks/site.yml
MESHGATE_BENCH_RECORD="$work/record.json" ANSIBLE_CALLBACK_PLUGINS=benchmarks/callback_plugins \
  ANSIBLE_CALLBACKS_ENABLED=meshgate.eks_istio.stages,bench_record timed second ansible-playbook playbooks/site.yml
timed check ansible-playbook playbooks/site.yml --check
PYTHONPATH=.collections timed export python benchmarks/export.py "$work/record.json" "$work/inputs"
timed teardown ansible-playbook playbooks/teardown.yml

by_script=1
timed script-up timeout 600 benchmarks/platform.sh up "$work/inputs"
timed script-again timeout 600 benchmarks/platform.sh again "$work/inputs"
timed script-down timeout 600 benchmarks/platform.sh down "$work/inputs"
by_script=0

python benchmarks/report.py "$work" results/benchmark.json "${write[@]}"
