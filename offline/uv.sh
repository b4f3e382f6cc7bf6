#!/usr/bin/env bash
# Prints the path of uv. Where there is none, installs the version that versions.yml pins by what this machine's Python has: Ubuntu's comes without pip and
# without venv, macOS's has its user's programs in another folder than ~/.local/bin.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
wanted=uv==$(sed -n 's/^uv: *//p' "$root/versions.yml")
own=$root/.uv.venv
said=""

places() {
  command -v uv || true
  echo "$(python3 -m site --user-base 2>/dev/null || true)/bin/uv"
  echo "$HOME/.local/bin/uv"
  echo "$own/bin/uv"
}

found() {
  local place
  while read -r place; do
    if [[ -x $place && ! -d $place ]]; then
      echo "$place"
      return 0
    fi
  done < <(places)
  return 1
}

# Runs a way to install it. What it says is kept for the case that no way leads there.
try() {
  local output
  output=$("$@" 2>&1) && return 0
  said+="  ${*:1:3}: $(tail -n 2 <<<"$output" | tr '\n' ' ')"$'\n'
  return 1
}

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

by_pip() {
  has_pip || { said+="  python3 -m pip: there is none"$'\n'; return 1; }
  # The first where the distribution marks its Python as its own, the second where pip is too old to know that.
  try python3 -m pip install --quiet --user --break-system-packages "$wanted" || try python3 -m pip install --quiet --user "$wanted"
}

by_venv() { try python3 -m venv "$own" && try "$own/bin/python" -m pip install --quiet "$wanted"; }

by_ensurepip() { ! has_pip && try python3 -m ensurepip --user && by_pip; }

found && exit 0
if ! command -v python3 >/dev/null; then
  echo "python3 is missing, with which uv is installed. Debian and Ubuntu: apt install python3-venv. Fedora: dnf install python3-pip. macOS: xcode-select --install" >&2
  exit 1
fi
echo "==> installing $wanted" >&2
by_pip || by_venv || by_ensurepip || true
found && exit 0
rm -rf "$own"
cat >&2 <<END
$wanted could not be installed with $(command -v python3), which has to have pip or venv, and a way to PyPI:
${said}Install one of them and run make again:
  Debian, Ubuntu   apt install python3-venv
  Fedora           dnf install python3-pip
  macOS            brew install uv
or uv itself (https://docs.astral.sh/uv/getting-started/installation/).
END
exit 1
