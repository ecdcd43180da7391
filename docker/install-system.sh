#!/usr/bin/env bash
# Installs what the worker needs from Debian or Ubuntu: Chromium, fonts, MathJax, openssl.
# Used by the image (Dockerfile), by `make setup`, and by hand. Safe to run again: asks for nothing that is there.
# usage: install-system.sh [--test [PACKAGE...]]     --test adds what the tests need, and further packages
set -euo pipefail

# headless-shell is the smaller browser; Ubuntu has neither as a plain package, there Playwright's own is used.
packages=(ca-certificates openssl fontconfig fonts-dejavu-core fonts-noto-core fonts-noto-cjk
          fonts-noto-color-emoji libjs-mathjax)
browser=chromium-headless-shell
[ "${1:-}" = "--test" ] && packages+=(bubblewrap file libseccomp2 mariadb-server poppler-utils postgresql unzip "${@:2}")

missing=()
for package in "${packages[@]}" "$browser"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
    echo "System packages: all there."
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Not root and no sudo; ask an administrator for: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "System packages to install: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
if ! apt-cache show "$browser" >/dev/null 2>&1; then
    echo "There is no package $browser here; 'playwright install --only-shell chromium' brings a browser instead." >&2
    kept=()
    for package in "${missing[@]}"; do [ "$package" = "$browser" ] || kept+=("$package"); done
    missing=("${kept[@]}")
fi
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "System packages: installed."
