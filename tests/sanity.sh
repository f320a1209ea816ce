#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run ansible-test sanity on the files that git tracks. ansible-test expects the collection in a certain path, and downloads pip.
# The script copies the collection below .cache, and replaces the download of pip with Python's ensurepip.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
bin=$root/.venv/bin
home=$root/.cache/sanity/home
tree=$root/.cache/sanity/ansible_collections/vigie/monitoring
python=$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
pip=$("$bin/python" -c '
import pathlib, re, ansible_test
text = (pathlib.Path(ansible_test.__path__[0]) / "_internal/python_requirements.py").read_text()
print(re.search(r"pip=.([0-9.]+)", text).group(1))
')

rm -rf "$tree"
mkdir -p "$tree" "$home/.ansible/test/cache"
printf 'import ensurepip\nensurepip.bootstrap()\n' >"$home/.ansible/test/cache/get_pip_$(echo "$pip" | tr . _).py"
# The link by which a checkout finds itself is not part of the collection.
git ls-files -z | grep -zv '^\.collections/' | tar --null --files-from - -cf - | tar -xf - -C "$tree"
cd "$tree"
git init --quiet .
git add --all
log=$root/.cache/sanity/log
if HOME=$home PATH=$bin:$PATH LC_ALL=C.UTF-8 ansible-test sanity --local --python "$python" >"$log" 2>&1; then
    echo "lint: ansible-test sanity: fine"
else
    grep -E '^(ERROR|FATAL)' "$log"
    exit 1
fi
