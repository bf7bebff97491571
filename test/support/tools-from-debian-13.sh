#!/bin/sh
# Gets what Debian 12 has not, for tests of what ldms-cluster renders: podman's Quadlet, Compose v2, and a
# podman-compose that knows network_mode: host. They come from the packages of Debian 13, but are not installed:
# each needs no more than what Debian 12 has. As root; on a Debian machine, whose own apt stays as it is.
#
# usage: sh test/support/tools-from-debian-13.sh [DIRECTORY]
set -eu

to=${1:-/usr/local/lib/ldms-tests}
if [ -x "$to/quadlet" ] && [ -x "$to/docker-compose" ] && [ -x "$to/podman-compose" ]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] http://deb.debian.org/debian trixie main" >"$work/sources.list"

apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
cd "$work"
apt update
apt download podman docker-compose podman-compose
for package in ./*.deb; do dpkg-deb -x "$package" tree; done

install -d "$to"
install tree/usr/libexec/podman/quadlet "$to/quadlet"
install tree/usr/libexec/docker/cli-plugins/docker-compose "$to/docker-compose"
{
  echo '#!/usr/bin/python3'
  cat tree/usr/lib/python3/dist-packages/podman_compose.py
} >"$work/podman-compose"
install "$work/podman-compose" "$to/podman-compose"

"$to/quadlet" -version
"$to/docker-compose" version
python3 -c 'import dotenv, yaml' # what podman-compose needs
