#!/bin/sh
# Puts the binaries into the collection and packs it, or lays it out for use as it is.
set -eu

usage() {
    cat <<'USAGE'
Usage: ansible/build.sh [--amd64 FILE] [--arm64 FILE] [--out DIR]
       ansible/build.sh [--amd64 FILE] [--arm64 FILE] --lay-out DIR
       ansible/build.sh --lay-out DIR

Packs the collection tighten.kube_proxy with these binaries of tighten, with ansible-galaxy, and prints
the path of the archive. A binary that is not given is missing from it: nodes of that architecture get
an error that says so. Nothing is changed beside this script.

  --amd64 FILE   tighten for x86_64, linked statically so that it runs on every node
  --arm64 FILE   tighten for aarch64, likewise
  --out DIR      where the archive goes [default: .]
  --lay-out DIR  do not pack: make DIR/ansible_collections/tighten/kube_proxy, which must not exist yet;
                 ANSIBLE_COLLECTIONS_PATH=DIR finds it there
  -h, --help     show this

Exit codes: 0 done; 1 could not; 64 wrong usage.
USAGE
}

fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'help: %s\n' "$2" >&2
    exit 1
}

wrong_usage() {
    printf 'error: %s\nhelp: ansible/build.sh --help\n' "$1" >&2
    exit 64
}

amd64=
arm64=
out=.
lay_out=
while [ $# -gt 0 ]; do
    case $1 in
        --amd64 | --arm64 | --out | --lay-out)
            [ -n "${2-}" ] || wrong_usage "$1 needs a value"
            case $1 in
                --amd64) amd64=$2 ;;
                --arm64) arm64=$2 ;;
                --out) out=$2 ;;
                --lay-out) lay_out=$2 ;;
            esac
            shift 2
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) wrong_usage "unknown argument: $1" ;;
    esac
done
[ -n "$amd64$arm64$lay_out" ] || wrong_usage "give at least one binary"

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# The architecture that an ELF file is for, as its header says.
machine() {
    case $(od -An -tx1 -N20 -- "$1" | tr -d ' \n') in
        7f454c4602*3e00) echo amd64 ;;
        7f454c4602*b700) echo arm64 ;;
        *) echo other ;;
    esac
}

put() {
    [ -n "$2" ] || {
        printf 'note: no binary for %s\n' "$1" >&2
        return 0
    }
    [ -f "$2" ] || fail "$2 is no file"
    [ "$(machine "$2")" = "$1" ] || fail "$2 is no program for $1" "build it for that architecture"
    # Not executable here: Ansible makes it so on the node, and what a collection holds is not to run on
    # the machine that holds it.
    # ansible-doc reads every module as text, but passes over a directory with such a name.
    mkdir -p -- "$3/plugins/modules/__binaries"
    cp -- "$2" "$3/plugins/modules/__binaries/tighten_$1"
    chmod 0644 "$3/plugins/modules/__binaries/tighten_$1"
}

# All but what is for this directory alone.
lay_out() {
    mkdir -p -- "$1"
    for name in CHANGELOG.md LICENSE README.md galaxy.yml meta plugins playbooks roles tests; do
        cp -R -- "$here/$name" "$1/$name"
    done
    rm -rf -- "$1/plugins/modules/__binaries"
    find "$1" -name __pycache__ -prune -exec rm -rf -- {} +
    put amd64 "$amd64" "$1"
    put arm64 "$arm64" "$1"
}

if [ -n "$lay_out" ]; then
    collection=$lay_out/ansible_collections/tighten/kube_proxy
    [ ! -e "$collection" ] || fail "$collection exists already"
    lay_out "$collection"
    exit 0
fi
command -v ansible-galaxy >/dev/null || fail "ansible-galaxy is not there" "install ansible-core"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
lay_out "$work/kube_proxy"
mkdir -p -- "$out"
ansible-galaxy collection build --force --output-path "$out" "$work/kube_proxy" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "ansible-galaxy could not pack the collection"
}
version=$(sed -n 's/^version: *//p' "$here/galaxy.yml")
printf '%s/tighten-kube_proxy-%s.tar.gz\n' "$out" "$version"
