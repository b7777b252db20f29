#!/bin/sh
# What the tests need beside Python packages: a browser, espeak-ng, flite and sox. Installs what is missing where it may.
set -eu

missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
command -v flite >/dev/null 2>&1 || missing="$missing flite"
command -v sox >/dev/null 2>&1 || missing="$missing sox"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "The tests and the training need:$missing. Install them first, for example: sudo apt-get install$missing" >&2
    exit 1
fi
