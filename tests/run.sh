#!/usr/bin/env bash
# Run the named suites one after the other, whatever the outcome of each, and close with the count of all their checks.
# Usage: tests/run.sh SUITE...      REPORT=FILE writes down what was counted, beside what other suites' earlier runs did;
#   FIRST="SUITE..." runs these before all others; BESIDE="SUITE..." runs these beside the others, and gives them what processor time the platform's
#   suites leave over; what they said comes at the end. A check that depends on time belongs into FIRST.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
BIN=${BIN:-.venv/bin}
PATH="$PWD/$BIN:$PATH"
RESULTS=${RESULTS:-results}
[ -n "${KEEP:-}" ] || rm -rf "$RESULTS"
mkdir -p "$RESULTS/suites"
MESHGATE_RESULTS=$(realpath "$RESULTS")
export MESHGATE_RESULTS
COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
# The report of an earlier sitting is no change of what is tested.
[ -z "$(git status --porcelain -- . ':!docs/test-report.*' 2>/dev/null)" ] || COMMIT+=-dirty

count() { # NAME PASSED FAILED SECONDS
  printf '%s\t%d\t%d\t%d\t%s\n' "$1" "$2" "$3" "$4" "$COMMIT" >> "$RESULTS/suites/$MESHGATE_SUITE.tsv"
}

check() { # NAME COMMAND...: one check, judged by its exit code
  local name=$1 started=$SECONDS
  shift
  echo "==> $name: $*"
  if "$@"; then count "$name" 1 0 $((SECONDS - started)); else count "$name" 0 1 $((SECONDS - started)); fi
}

pytest_suite() { # NAME ARGUMENTS...: as many checks as pytest counted
  local name=$1 started=$SECONDS report code
  shift
  report="$RESULTS/$name.xml"
  echo "==> $name: pytest $*"
  python -m pytest "--junit-xml=$report" "$@"
  code=$?
  read -r ok bad < <(python tests/junit_counts.py "$report")
  # pytest also fails without a failed test: nothing collected, a broken conftest.
  [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  count "$name" "$ok" "$bad" $((SECONDS - started))
}

lint() {
  check ansible-lint ansible-lint --offline --profile production
  check ruff ruff check .
  check ruff-format ruff format --check .
  check mypy mypy
  check yamllint yamllint --strict .
  check changelog antsibull-changelog lint
  mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
  check shellcheck shellcheck "${scripts[@]}"
}

# The collection as it is installed: what ansible-test checks in seconds, or all that it checks, its unit tests and the documentation's linter.
sanity() { check sanity python tests/sanity/run.py sanity --fast; }

sanity-full() {
  check sanity-full python tests/sanity/run.py sanity
  check ansible-test-units python tests/sanity/run.py units
  check antsibull-docs python tests/sanity/run.py docs
}

# Every supported ansible-core: what ansible-test says with each, and the platform's life on kind by each.
of_each_core() { # CHECK
  local core
  for core in $(python tests/matrix/run.py --list); do check "$1-$core" python tests/matrix/run.py --core "$core" --check "$1"; done
}

matrix-sanity() { of_each_core sanity; }

matrix-units() { of_each_core units; }

matrix-site() { of_each_core site; }

# Many of them wait: a third worker uses that time.
unit() { pytest_suite unit -q -n 3 tests/unit; }

# The same files: a fixed sample of the faults, or all of them. One group of tests stays on one worker, where its runs without faults are kept.
aws() { pytest_suite aws -q -n 2 --dist loadgroup -m 'not slow' tests/aws; }

aws-full() { MESHGATE_AWS_FULL=1 pytest_suite aws-full -q -n 2 --dist loadgroup tests/aws; }

# The services' dependencies are compiled once for all checkouts of a machine. The toolchain's own builds do not share that.
COMPILED=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/meshgate-checks/cargo}
services() {
  local -x CARGO_TARGET_DIR=$COMPILED
  check rustfmt cargo fmt --manifest-path services/Cargo.toml --all --check
  check clippy cargo clippy --manifest-path services/Cargo.toml --locked --all-targets --quiet -- -D warnings
  local started=$SECONDS log="$RESULTS/cargo-test.log" ok bad
  echo "==> cargo test"
  cargo test --manifest-path services/Cargo.toml --locked 2>&1 | tee "$log"
  local code=${PIPESTATUS[0]}
  read -r ok bad < <(awk '/^test result:/{p+=$4; f+=$6} END{print p+0, f+0}' "$log")
  [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  count cargo-test "$ok" "$bad" $((SECONDS - started))
}

# One platform for all scenarios, which `default` builds and removes. `make test` runs it with the gophers, a sample of apps and routes;
# MESHGATE_SCENARIOS names others, or `all`.
molecule() {
  local started=$SECONDS scenarios=${MESHGATE_SCENARIOS:-default gophers} name file report chosen=() files=() rows=() sum
  if [ "$scenarios" = all ]; then
    scenarios=$(cd molecule && echo */ | tr -d /)
    chosen=(--all)
  else
    for name in $scenarios; do chosen+=(--scenario-name "$name"); done
  fi
  export MOLECULE_GLOB='molecule/*/molecule.yml'
  echo "==> molecule: $scenarios"
  # What an interrupted run left, and molecule's memory that there is a platform: it would build none.
  command molecule destroy --scenario-name default --no-report
  if command molecule test "${chosen[@]}" --report --no-command-borders; then
    count molecule 1 0 $((SECONDS - started))
  else
    count molecule 0 1 $((SECONDS - started))
  fi
  # Every file of checks has its report, else a step was skipped and nobody would notice.
  for name in $scenarios; do
    files=("molecule/$name/tests/test_"*.py)
    if [ "$name" = default ]; then files+=(tests/faults/test_rolling_update.py tests/troubleshooting/test_symptoms_on_the_platform.py); fi
    sum=0
    for file in "${files[@]}"; do
      report=molecule-$(basename "$file" .py)
      read -r ok bad < <(python tests/junit_counts.py "$RESULTS/$report.xml")
      [ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
      count "$report" "$ok" "$bad" 0
      sum=$((sum + ok))
    done
    rows+=("scenario $name" "$sum checks passed")
  done
  python tests/report/noted.py molecule Molecule "${rows[@]}"
}

molecule-full() { MESHGATE_SCENARIOS=all molecule; }

roles() {
  local -x CARGO_TARGET_DIR=$COMPILED
  pytest_suite roles -q -n 2 --dist loadfile tests/roles
}

package() { pytest_suite package -q -n 2 --dist loadfile -m 'not slow' tests/package; }

# With the platform itself, which must not be running, from the installed collection.
package-full() { pytest_suite package-full -q -n 2 --dist loadfile tests/package; }

# What needs no cluster; the rest runs where the platform is up (molecule/default).
troubleshooting() { pytest_suite troubleshooting -q tests/troubleshooting/test_symptoms_without_a_platform.py; }

# It needs the platform, builds one where there is none, and leaves it.
troubleshooting-full() { pytest_suite troubleshooting-full -q tests/troubleshooting; }

# Before every suite that has a platform: on a machine that never had one it is built here, with its progress to be seen, and not inside a test's time.
tools() { check tools ansible-playbook tests/tools.yml; }

# Runs that are killed on their way, each a little later than the one before: a fixed sample of places, or every task of a run. A failure of the sample ends it.
kills() { pytest_suite kills -q -x tests/kills; }

kills-full() {
  check kills-record python tests/kills/record.py
  MESHGATE_KILL_FULL=1 pytest_suite kills-full -q tests/kills
}

# Requests counted while what runs is killed or replaced. Where no platform answers, it builds one; it stays.
faults() { pytest_suite faults -q tests/faults; }

# Bad values and environments, every value of the table with the others of its place in one run, and the scanner for secrets. In full: each value alone, too,
# and what a run on the emulated AWS says. The suite `kills` looks for secrets in what the platform's runs say.
inputs() { pytest_suite inputs -q -n 2 -m 'not slow' tests/inputs; }

inputs-full() { pytest_suite inputs-full -q -n 2 tests/inputs; }

# The examples of the modules that need a platform, which they use up; those of the others run in `unit` and `aws-full`.
examples() { pytest_suite examples -q tests/examples; }

pull() { pytest_suite pull -q tests/pull; }

SUITES=(tools lint sanity sanity-full matrix-sanity matrix-units matrix-site unit aws aws-full faults services roles package package-full molecule molecule-full troubleshooting
  troubleshooting-full kills kills-full inputs inputs-full examples pull)
# shellcheck disable=SC2206 # lists of suites
first=(${FIRST:-}) beside=(${BESIDE:-}) expected=(${EXPECTED:-"$@"})
for suite in "${first[@]}" "$@" "${beside[@]}"; do
  if [[ " ${SUITES[*]} " != *" $suite "* ]]; then echo "unknown suite '$suite'; known: ${SUITES[*]}" >&2; exit 2; fi
  rm -f "$RESULTS/suites/$suite.tsv"
done

run() {
  for MESHGATE_SUITE in "$@"; do
    export MESHGATE_SUITE
    "$MESHGATE_SUITE"
  done
}

# An API server whose requests time out fails whatever waits for it: `nice` counts for little between sessions, the weight of the session does.
beside() {
  export FIRST="" BESIDE="" REPORT="" KEEP=1
  # shellcheck disable=SC2016 # for the new session's shell
  exec setsid bash -c 'echo 10 > /proc/self/autogroup 2>/dev/null; exec nice tests/run.sh "$@"' beside "${beside[@]}" > "$RESULTS/beside.log" 2>&1
}

run "${first[@]}"
if [ "${#beside[@]}" -gt 0 ]; then
  echo "==> at the same time: ${beside[*]}"
  beside &
  other=$!
  trap 'kill -- "-$other" 2>/dev/null' EXIT
fi
run "$@"
if [ "${#beside[@]}" -gt 0 ]; then
  wait "$other"
  trap - EXIT
  cat "$RESULTS/beside.log"
fi

passed=0 failed=0
echo
for suite in "${first[@]}" "${beside[@]}" "$@"; do
  # A suite that ended without counting anything has failed.
  [ -s "$RESULTS/suites/$suite.tsv" ] || printf '%s\t0\t1\t0\t%s\n' "$suite" "$COMMIT" > "$RESULTS/suites/$suite.tsv"
  while IFS=$'\t' read -r name ok bad seconds _commit; do
    printf '%-28s %5d passed %4d failed %6d s\n' "$name" "$ok" "$bad" "$seconds"
    passed=$((passed + ok)) failed=$((failed + bad))
  done < "$RESULTS/suites/$suite.tsv"
done
echo "$SECONDS s in all"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] || python tests/report/failures.py "$RESULTS"
[ -z "${REPORT:-}" ] || python tests/report/write.py "$RESULTS" "$REPORT" "${expected[@]}"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
