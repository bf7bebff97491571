#!/bin/sh
# Checks this bundle of container images, and loads them into docker, podman or containerd. It needs
# neither Node nor a network, and it writes nothing but what the engine keeps.
set -u

# What the bundle has. An image is its id, its name, and its name in the archive.
arch='@ARCH@'
archive_bytes='@BYTES@'
images() {
  cat <<'END'
@IMAGES@
END
}

archive=images.tar.zst
engines='docker podman ctr'

usage() {
  cat <<END
usage: load.sh [--check] [--engine NAME] [--force]

Checks every file of the bundle against SHA256SUMS, and loads the images:

$(names | sed 's/^/  /')

  --check        checks only, and loads nothing
  --engine NAME  docker, podman or ctr (the first that answers)
  --force        loads images for another architecture than this machine's, too
  --help         prints this

With ctr, images go to containerd's namespace "default", or CONTAINERD_NAMESPACE: Kubernetes has k8s.io.
zstd has to be installed, unless the engine takes the compressed archive as it is, as podman does.

Exit codes: 0 all is well, 1 it is not, 64 a wrong command line.
END
}

names() { images | while read -r _ name _; do echo "$name"; done; }
# For a sentence: "ovishpc/ldms-samp:latest and 5 other names".
subject() {
  others=$(($(names | wc -l) - 1))
  first=$(names | head -n 1)
  if [ "$others" -gt 0 ]; then echo "$first and $others other names"; else echo "$first"; fi
}

complain() { printf 'error: %s\n' "$*" >&2; }
fail() {
  complain "$@"
  exit 1
}
wrong_usage() {
  complain "$1"
  echo "$me --help tells more" >&2
  exit 64
}

# How it was called, to be typed again.
case $0 in
*[!A-Za-z0-9_./-]*) me="sh '$0'" ;;
*) me="sh $0" ;;
esac

check_only=false
force=false
engine=
while [ $# -gt 0 ]; do
  case $1 in
  --check) check_only=true ;;
  --force) force=true ;;
  --engine)
    [ $# -gt 1 ] || wrong_usage "--engine needs a value: $engines"
    engine=$2
    shift
    ;;
  --engine=*) engine=${1#--engine=} ;;
  --help | -h)
    usage
    exit 0
    ;;
  *) wrong_usage "there is no option $1" ;;
  esac
  shift
done
case $engine in
'' | docker | podman | ctr) ;;
*) wrong_usage "--engine $engine: there are $engines" ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
cd -- "$here" || exit 1

# --- the files -----------------------------------------------------------------------------------------

# The files that SHA256SUMS names, one a line.
listed() { sed 's/^[0-9a-f]*  //' SHA256SUMS; }

# Prints a sentence for each file that is not as it was saved.
wrong_files() {
  while read -r sum file || [ -n "$sum" ]; do
    if [ -z "$file" ]; then
      echo "SHA256SUMS is cut"
    elif [ ! -f "$file" ]; then
      echo "$file is missing"
    elif [ ! -r "$file" ]; then
      echo "$file cannot be read"
    else
      got=$(sha256sum <"$file")
      [ "${got%% *}" = "$sum" ] || changed "$file"
    fi
  done <SHA256SUMS
  find . ! -type d ! -path ./SHA256SUMS | sed 's|^\./||' | while IFS= read -r file; do
    listed | grep -Fxq -e "$file" || echo "$file is not in SHA256SUMS; remove it, unless that is cut"
  done
  listed | grep -Fxq -e "$archive" || echo "$archive is not in SHA256SUMS, which is cut"
}

changed() {
  bytes=$(($(wc -c <"$1")))
  if [ "$1" = "$archive" ] && [ "$bytes" -lt "$archive_bytes" ]; then
    echo "$1 is cut: it has $bytes of $archive_bytes bytes"
  else
    echo "$1 is not as it was saved"
  fi
}

command -v sha256sum >/dev/null 2>&1 ||
  fail "sha256sum is not installed, so $(subject) cannot be checked; install coreutils or busybox"
[ -s SHA256SUMS ] || fail "$here/SHA256SUMS is missing or empty; nothing was loaded of $(subject); copy the bundle again"
echo "checking $here"
wrong=$(wrong_files)
if [ -n "$wrong" ]; then
  echo "$wrong" | while IFS= read -r line; do complain "$here/$line"; done
  fail "nothing was loaded of $(subject); copy the bundle again: scp -r, or rsync -a --delete"
fi
echo "all $(($(listed | wc -l))) files are as they were saved"
if $check_only; then exit 0; fi

# --- the machine and its engine ------------------------------------------------------------------------

machine=$(uname -m)
case $machine in
x86_64 | amd64) machine=amd64 ;;
aarch64 | arm64) machine=arm64 ;;
esac
if [ "$machine" != "$arch" ] && ! $force; then
  fail "this bundle is for $arch, and this machine is $machine; nothing was loaded of $(subject); to do so all the same: $me --force"
fi

answers() {
  case $1 in
  docker) docker version --format '{{.Server.Version}}' ;;
  podman) podman info ;;
  ctr) ctr version ;;
  esac
}

# Sets `engine` to the first that answers, or tells what each of them said.
find_engine() {
  tried=
  for each in ${engine:-$engines}; do
    if ! command -v "$each" >/dev/null 2>&1; then
      said='it is not installed'
    elif said=$(answers "$each" 2>&1 >/dev/null </dev/null); then
      engine=$each
      return
    fi
    tried="$tried
  $each: $(echo "$said" | grep . | head -n 1)"
  done
  complain "no engine answers that could load $(subject):$tried"
  echo "start one (systemctl start docker, or containerd), use sudo if it is root's, or name another: $me --engine NAME" >&2
  exit 1
}

# --- the images ----------------------------------------------------------------------------------------

# Loads an archive: a file, or "-" for what comes on standard input.
load_with_engine() {
  case $engine in
  ctr)
    if $force; then set -- --all-platforms --no-unpack "$1"; fi
    ctr images import "$@"
    ;;
  *) if [ "$1" = - ]; then "$engine" load; else "$engine" load --input "$1"; fi ;;
  esac
}

load() {
  if command -v zstd >/dev/null 2>&1; then
    zstd -dc "$archive" | load_with_engine - ||
      fail "$engine has not loaded $(subject), and says why above; then again: $me"
  else
    echo "zstd is not installed; $engine is given the compressed archive"
    load_with_engine "$archive" ||
      fail "$engine does not take $here/$archive, which has $(subject), as it is; install zstd (apt-get install zstd, dnf install zstd), then again: $me"
  fi
}

# containerd knows an image by its full name only.
full() {
  case $engine:${1%%/*} in
  ctr:*.* | ctr:*:* | ctr:localhost | docker:* | podman:*) echo "$1" ;;
  *) echo "docker.io/$1" ;;
  esac
}

is_there() {
  case $engine in
  ctr) ctr images list -q | grep -Fxq -e "$1" ;;
  *) "$engine" image inspect "$1" >/dev/null 2>&1 ;;
  esac
}

give_name() {
  case $engine in
  ctr) ctr images tag --force "$1" "$2" ;;
  *) "$engine" tag "$1" "$2" ;;
  esac
}

# An image's id as the engine has it; nothing where that is not the digest of its configuration.
id_of() {
  case $engine in
  ctr) return ;;
  docker) case $(docker info --format '{{.DriverStatus}}' 2>/dev/null) in *containerd.snapshotter*) return ;; esac ;;
  esac
  "$engine" image inspect --format '{{.Id}}' "$1"
}

# Says of each image whether it is there; fails if one is not.
tell() {
  images | {
    code=0
    while read -r id name archived; do
      wanted=$(full "$name")
      # podman puts localhost/ before the names of what it has built.
      if [ "$archived" != "$wanted" ] && is_there "$archived"; then
        give_name "$archived" "$wanted" >/dev/null
      fi
      if ! is_there "$wanted"; then
        complain "$engine has not taken $name; try again: $me --engine $engine"
        code=1
        continue
      fi
      got=$(id_of "$wanted")
      got=${got#sha256:}
      if [ -n "$got" ] && [ "$got" != "$id" ]; then
        complain "$name is another image ($got) than the one of this bundle ($id); remove it, then again: $engine rmi $name && $me"
        code=1
      else
        echo "$wanted is there"
      fi
    done
    exit $code
  }
}

find_engine
echo "loading them with $engine, which takes a while"
load
tell
