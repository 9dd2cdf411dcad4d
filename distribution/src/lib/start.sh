# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
# Sourced by the programs in bin/: sets install, home, java and the environment, or ends with one line that says what is wrong.

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

install=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
home=$(cd "${PENSTOCK_HOME:-$install}" 2>/dev/null && pwd) ||
    fail "PENSTOCK_HOME=$PENSTOCK_HOME is no directory that can be entered; create it, or name another"
# class paths, URLs and the framework's lists of files know no way to write these
case $install$home in *[,:\"\\%#?]*) fail "neither $install nor $home may hold one of , : \" \\ % # ? in its path; move it" ;; esac

advice="install a JDK or JRE 17 or newer (Debian: apt-get install default-jre-headless) or set PENSTOCK_JAVA"
java=${PENSTOCK_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/}java}
command -v "$java" >/dev/null || fail "no Java at '$java'; $advice"
# A Java says its version in a file beside it; asking the program would cost a tenth of a second at each start.
version=$(readlink -f "$(command -v "$java")")
version=${version%/bin/java}/release
if [ -r "$version" ]; then
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$version")
else
    version=$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = \([0-9]*\).*/\1/p' || true)
fi
[ "${version:-0}" -ge 17 ] ||
    fail "Java 17 or newer is needed, '$java' is ${version:-none that answers}; $advice"

# ONNX Runtime reports its use to its maker from the moment it is loaded; a gateway tells nobody anything.
export ORT_DISABLE_TELEMETRY=1
