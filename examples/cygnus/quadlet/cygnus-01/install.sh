#!/bin/sh
# Puts the containers of cygnus-01 in place on cygnus-01, and starts them; as root, and again after a change.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu
cd "$(dirname "$0")"

changed=
# put DIRECTORY FILE...
put() {
  directory=$1
  shift
  install -d -m 0755 "$directory"
  for file; do
    cmp -s "$file" "$directory/$file" && continue
    changed=yes
    install -m 0644 "$file" "$directory/$file"
    echo "installed $directory/$file"
  done
}

put /etc/containers/systemd \
    ldms-samp.container

set -- ldms-samp.service
systemctl daemon-reload
for service; do
  systemctl cat "$service" >/dev/null 2>&1 && continue
  echo "install.sh: there is no $service, which podman's Quadlet makes of /etc/containers/systemd/${service%.service}.container; install podman 4.6 or later" >&2
  exit 1
done
if [ -n "$changed" ]; then
  systemctl restart "$@"
else
  systemctl start "$@"
fi
