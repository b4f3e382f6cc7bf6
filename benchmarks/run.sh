#!/usr/bin/env bash
# Time the collection beside a plain shell script and beside helmfile, which make the same platform in the same run with everything cached,
# and measure the platform itself: how fast it answers, and what it holds in memory.
# Usage: benchmarks/run.sh [--write]        --write puts the tables into docs/benchmarks.md and draws its plots
# The platform of inventories/kind is removed first, and nothing is left afterwards. When a playbook fails, what it left stays for a look.
set -euo pipefail
cd "$(dirname "$0")/.."
BIN=${BIN:-.venv/bin}
PATH="$PWD/$BIN:$PATH"
write=()
case ${1-} in
  "") ;;
  --write) write=(--write docs) ;;
  *) echo "unknown option '$1'; known: --write" >&2; exit 2 ;;
esac

work=$PWD/results/bench
inputs=$work/inputs
rm -rf "$work"
mkdir -p "$work"
export ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0 ANSIBLE_CALLBACKS_ENABLED=ansible.posix.profile_roles,ansible.posix.profile_tasks PROFILE_TASKS_TASK_OUTPUT_LIMIT=8 PROFILE_TASKS_SUMMARY_ONLY=1 PYTHONPATH=.collections

timed() { # NAME COMMAND...: run it, say and write down how long it took; its output goes into a log
  local name=$1 began=${EPOCHREALTIME/./} code=0 took
  shift
  printf '==> %-28s ' "$name"
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

ran_by=""
clean() {
  [ -z "$ran_by" ] || benchmarks/platform.sh clean "$ran_by" "$inputs" >"$work/clean.log" 2>&1 || echo "cleaning up failed: see $work/clean.log"
}
trap clean EXIT

more() { # SET STATE
  ansible-playbook benchmarks/more.yml --extra-vars "bench_set=$inputs/more/$1.json bench_state=$2 bench_kubectl=$kubectl"
}

observed='{"observability_components": ["prometheus", "kiali", "dashboards", "tracing"]}'
timed prepare ansible-playbook benchmarks/prepare.yml --extra-vars "$observed"
timed empty ansible-playbook playbooks/teardown.yml
mapfile -t tools < <(python benchmarks/tools.py)
export FORTIO=${tools[0]} HELMFILE=${tools[1]}

timed collection-up ansible-playbook playbooks/site.yml
MESHGATE_BENCH_RECORD="$work/record.json" ANSIBLE_CALLBACK_PLUGINS=benchmarks/callback_plugins \
  ANSIBLE_CALLBACKS_ENABLED="$ANSIBLE_CALLBACKS_ENABLED,bench_record" timed collection-again ansible-playbook playbooks/site.yml
timed collection-check ansible-playbook playbooks/site.yml --check
timed export python benchmarks/export.py "$work/record.json" "$inputs"
kubectl=$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["KUBECTL"])' "$inputs/platform.json")
mapfile -t sets < <(PYTHONPATH=benchmarks python -c "import more; print(*more.SETS, sep=chr(10))")
for set in "${sets[@]}"; do
  timed "collection-more-$set" more "$set" present
  timed "collection-same-$set" more "$set" present
  timed "collection-less-$set" more "$set" absent
done
timed memory python benchmarks/memory.py "$inputs" "$work/memory.json"
timed data-path python benchmarks/datapath.py "$inputs" "$work/datapath.json" "$FORTIO"
timed routes python benchmarks/routes.py "$inputs" "$work/routes.json"
timed collection-observed ansible-playbook playbooks/site.yml --extra-vars "$observed"
timed observed python benchmarks/observed.py "$inputs" "$work/observed.json" "$FORTIO"
timed collection-down ansible-playbook playbooks/teardown.yml

for rival in script helmfile; do
  ran_by=$rival
  timed "$rival-up" timeout 600 benchmarks/platform.sh up "$rival" "$inputs"
  timed "$rival-again" timeout 600 benchmarks/platform.sh again "$rival" "$inputs"
  for set in "${sets[@]}"; do
    timed "$rival-more-$set" timeout 600 benchmarks/platform.sh more "$rival" "$inputs" "$set"
    timed "$rival-same-$set" timeout 600 benchmarks/platform.sh more "$rival" "$inputs" "$set"
    timed "$rival-less-$set" timeout 600 benchmarks/platform.sh less "$rival" "$inputs" "$set"
  done
  timed "$rival-down" timeout 600 benchmarks/platform.sh down "$rival" "$inputs"
  ran_by=""
done

python benchmarks/report.py "$work" results/benchmark.json "${write[@]}"
