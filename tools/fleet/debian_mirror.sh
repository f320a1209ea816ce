#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Print the URL of the Debian mirror that apt on this machine uses.
set -eu

# This works also before the package lists are downloaded, as on a new machine.
uri=$(apt-get indextargets --no-release-info --format '$(REPO_URI) $(COMPONENT) $(RELEASE)' 'Created-By: Packages' |
    awk '$2 == "main" && $3 !~ /[-\/]/ { print $1; exit }')
if [ -z "$uri" ]; then
    echo "$0: apt on this machine knows no Debian release with the component main: add one to its sources" >&2
    exit 1
fi
echo "$uri"
