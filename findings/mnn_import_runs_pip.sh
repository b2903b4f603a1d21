#!/usr/bin/env bash
# What:     Importing MNN's converter from Python (`import MNN.tools.mnnconvert`, which is also what its command `mnnconvert`
#           does) runs `pip install -U aliyun-log-python-sdk` through the shell, with whichever `pip` comes first on PATH, so
#           it may change another environment than the one that imports. The package is a client for the log service to
#           which the converter then reports what it converts.
#           Expected: an import installs nothing. Seen: two calls of pip, which a stand-in for pip records here and does not
#           carry out.
# Versions: MNN 3.6.1, numpy 2.4.6 on Python 3.11, Linux x86-64
# Seen:     2026-11-30
# Reported: no
# Why here: export/mnn.py calls the converter's native module and never imports `MNN.tools`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'MNN==3.6.1' 'numpy==2.4.6'
mkdir "$folder/bin"
printf '#!/bin/sh\necho "pip $*" >> "%s/calls"\n' "$folder" > "$folder/bin/pip"
chmod +x "$folder/bin/pip"
touch "$folder/calls"
cd "$folder"
PATH="$folder/bin:$PATH" "$folder/venv/bin/python" -c 'import MNN.tools.mnnconvert' > output 2>&1
"$folder/venv/bin/python" -c 'from importlib.metadata import version; print("MNN", version("MNN"))' | tail -n 1
echo "expected no call of pip, seen: $(cat calls)"
[ "$(sort -u calls)" = 'pip install -U aliyun-log-python-sdk' ]
