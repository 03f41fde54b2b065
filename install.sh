#!/bin/sh
# Installs tighten with its shell completions and manual page, or removes them again.
set -eu

usage() {
    cat <<'USAGE'
Usage: ./install.sh [--prefix DIR] [--binary FILE] [--recover-at-boot] [--demo]
       ./install.sh --uninstall [--prefix DIR]

Installs tighten, its completions for bash, zsh and fish, and its manual page. In a source tree it
builds tighten first (cargo build --release --locked); in a release archive it takes the tighten
that lies beside this script.

  --prefix DIR    where to install [default: /usr/local]
  --binary FILE   install this tighten instead of building one
  --recover-at-boot
                  also install and enable tighten-recover.service: at boot, before kubelet and
                  kube-proxy start, it settles a transaction that was interrupted. With --prefix /usr
                  it goes to /usr/lib/systemd/system, otherwise to /etc/systemd/system
  --demo          then show the main job on a sample node in a temporary directory: scan, plan,
                  apply, scan again, rollback
  --uninstall     remove what was installed under the prefix; transactions and backups in
                  /var/lib/tighten are kept
  -h, --help      show this

DESTDIR, when it is set, is put before every path, for packagers.
Exit codes: 0 done; 1 could not, nothing was installed; 64 wrong usage.
USAGE
}

# What happened, then what to do next, each as a line.
fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'help: %s\n' "$2" >&2
    exit 1
}

wrong_usage() {
    printf 'error: %s\nhelp: ./install.sh --help\n' "$1" >&2
    exit 64
}

# A path from / on, whatever the working directory is.
absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s/%s\n' "$PWD" "$1" ;;
    esac
}

prefix=/usr/local
binary=
action=install
demo=
at_boot=
while [ $# -gt 0 ]; do
    case $1 in
        --prefix | --binary)
            [ $# -ge 2 ] || wrong_usage "$1 needs a value"
            [ -n "$2" ] || wrong_usage "$1 needs a value"
            if [ "$1" = --prefix ]; then prefix=$2; else binary=$2; fi
            shift
            ;;
        --prefix=?*) prefix=${1#*=} ;;
        --binary=?*) binary=${1#*=} ;;
        --uninstall) action=uninstall ;;
        --demo) demo=yes ;;
        --recover-at-boot) at_boot=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) wrong_usage "unknown argument: $1" ;;
    esac
    shift
done

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=$(absolute "$prefix")
while [ "$prefix" != / ] && [ "${prefix%/}" != "$prefix" ]; do prefix=${prefix%/}; done
[ "$prefix" != / ] || prefix=
destdir=${DESTDIR:-}
[ -z "$destdir" ] || destdir=$(absolute "${destdir%/}")

# Below the prefix, or from / on. The last one remembers which directories were made, so that exactly these go.
program=bin/tighten
bash_completion=share/bash-completion/completions/tighten
zsh_completion=share/zsh/site-functions/_tighten
fish_completion=share/fish/vendor_completions.d/tighten.fish
manual=share/man/man1/tighten.1
record=share/tighten/made-directories
files="$program $bash_completion $zsh_completion $fish_completion $manual $record"

# A unit must be there when systemd reads its units, before other file systems are mounted, and
# /usr/local or /opt may be one; /usr never is, and there a distribution's units belong (systemd.unit(5)).
unit_name=tighten-recover.service
case $prefix in
    /usr) unit=/usr/lib/systemd/system/$unit_name ;;
    *) unit=/etc/systemd/system/$unit_name ;;
esac
# What `systemctl enable` would make; it may not run in an image.
wanted=/etc/systemd/system/multi-user.target.wants/$unit_name

# Where a file goes, before DESTDIR is put before it.
place() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s/%s\n' "$prefix" "$1" ;;
    esac
}

# The program as a word of a unit: a blank needs quotes, and % is written twice (systemd.syntax(7)).
# Fails for what systemd reads in more than one way, or differs in between its versions.
unit_word() {
    case $prefix in
        *[\"\'\\\$]* | *[[:cntrl:]]* | */../* | */.. | */./* | */. | *//*) return 1 ;;
    esac
    case $prefix in
        *' '*) printf '"%s/%s"\n' "$prefix" "$program" ;;
        *) printf '%s/%s\n' "$prefix" "$program" ;;
    esac | sed 's/%/%%/g'
}

unit_command() {
    word=$(unit_word) && printf 'ExecStart=%s recover --no-effects\n' "$word"
}

# No Protect... and no Private...: each would give it mounts of its own, and any file of the node may
# have to be put back.
unit_text() {
    cat <<UNIT
[Unit]
Description=Settle a transaction of tighten that was interrupted
Documentation=man:tighten(1)
# Exists only while a transaction is open.
ConditionPathExists=/var/lib/tighten/active
RequiresMountsFor=/var/lib/tighten $(unit_word)
After=local-fs.target
# Who reads the files starts with all of them as before. When this fails, they start all the same.
Before=kubelet.service kube-proxy.service
Before=k3s.service k3s-agent.service rke2-server.service rke2-agent.service
Before=snap.microk8s.daemon-kubelite.service snap.microk8s.daemon-proxy.service

[Service]
Type=oneshot
# Nothing runs yet, so nothing is to be restarted.
$(unit_command)
# A unit or drop-in may be among the files, and systemd has read it already; also when not all came back.
ExecStopPost=-/bin/systemctl daemon-reload
# A disk that hangs must not keep the node from booting.
TimeoutStartSec=5min
UMask=0077
CapabilityBoundingSet=~CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_TIME
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallFilter=~@module @mount @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
UNIT
}

# Whether the unit that is there runs this tighten, and not that of another prefix.
has_unit() {
    [ -e "$destdir$unit" ] || return 1
    command=$(unit_command) && grep -Fqx -- "$command" "$destdir$unit"
}

# systemd reads its units again, where it runs and these are its own.
reload() {
    if [ -n "$destdir" ] || [ ! -d /run/systemd/system ]; then return; fi
    systemctl daemon-reload || echo "note: systemctl daemon-reload failed; it is due"
}

uninstall() {
    found=
    at_boot=
    if has_unit; then
        at_boot=yes
        files="$unit $files"
        [ "$(readlink -- "$destdir$wanted")" != "$unit" ] || files="$wanted $files"
    fi
    for file in $files; do
        target=$destdir$(place "$file")
        [ -e "$target" ] || [ -L "$target" ] || continue
        [ ! -d "$target" ] || fail "$target is a directory; nothing was removed"
        [ -w "$(dirname "$target")" ] || fail "$(dirname "$target") cannot be written to; nothing was removed" \
            "run it as the user who installed, for example with sudo"
        found=yes
    done
    if [ -z "$found" ]; then
        echo "Nothing to remove: tighten is not installed under $destdir${prefix:-/}."
        return
    fi
    made=
    [ ! -f "$destdir$prefix/$record" ] || made=$(sort -r "$destdir$prefix/$record")
    for file in $files; do
        rm -f -- "$destdir$(place "$file")"
    done
    # The deepest first; one that holds something else by now stays.
    printf '%s\n' "$made" | while IFS= read -r directory; do
        [ -z "$directory" ] || rmdir -- "$destdir$directory" 2>/dev/null || true
    done
    [ -z "$at_boot" ] || reload
    echo "Removed tighten from $destdir${prefix:-/}."
    echo "Kept: /var/lib/tighten, where transactions and backups are."
}

# Sets $binary to a tighten that runs.
find_binary() {
    if [ -n "$binary" ]; then
        binary=$(absolute "$binary")
        [ -f "$binary" ] || fail "there is no $binary; nothing was installed"
    elif [ -f "$here/Cargo.toml" ]; then
        command -v cargo >/dev/null 2>&1 || fail "cargo is not found, so tighten cannot be built; nothing was installed" \
            "install Rust, or build as the user who has it and then: sudo ./install.sh --binary target/release/tighten"
        built=$(absolute "${CARGO_TARGET_DIR:-$here/target}")
        cargo build --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$built" \
            || fail "tighten could not be built; nothing was installed"
        binary=$built/release/tighten
        [ -f "$binary" ] || fail "cargo built tighten somewhere else than $binary; nothing was installed" \
            "name it with --binary FILE"
    else
        binary=$here/tighten
        [ -f "$binary" ] || fail "neither a source tree nor a tighten lies beside this script; nothing was installed" \
            "name one with --binary FILE"
    fi
    version=$("$binary" --version 2>&1) || fail "$binary does not run here; nothing was installed" \
        "it may be built for another kind of machine"
}

work=
staged=
new_directories=
# Until the last step nothing is in place: whatever ends the script, it leaves the prefix as it was.
clean_up() {
    [ -z "$work" ] || rm -rf -- "$work"
    [ -z "$staged" ] || for file in $files; do
        rm -f -- "$(staged_name "$file")"
    done
    printf '%s\n' "$new_directories" | sort -r | while IFS= read -r directory; do
        [ -z "$directory" ] || rmdir -- "$destdir$directory" 2>/dev/null || true
    done
}

staged_name() {
    printf '%s/.%s.new-%s\n' "$destdir$(dirname "$(place "$1")")" "$(basename "$1")" "$$"
}

# Makes a directory and those above it, and notes each that was missing.
make_directory() {
    [ ! -d "$destdir$1" ] || return 0
    case $1 in
        /?*/*) make_directory "${1%/*}" ;;
        *) [ -z "$destdir" ] || mkdir -p -- "$destdir" ;;
    esac
    mkdir -m 0755 -- "$destdir$1" || fail "$destdir$1 cannot be made; nothing was installed" \
        "run it with sudo, or name another place with --prefix DIR"
    new_directories="$new_directories
$1"
}

# Adds the unit to what is installed.
add_unit() {
    unit_word >/dev/null || fail "$prefix/$program cannot stand in a systemd unit; nothing was installed" \
        "name a prefix without quotes, backslash, dollar sign, control characters and the parts . and .."
    for path in "$unit" "/etc/systemd/system/$unit_name"; do
        [ "$(readlink -- "$destdir$path")" != /dev/null ] || fail "$unit_name is masked; nothing was installed" \
            "unmask it with: systemctl unmask $unit_name"
    done
    files="$files $unit $wanted"
}

install_all() {
    [ -z "$at_boot" ] || add_unit
    find_binary
    umask 022
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    work=$(mktemp -d)
    for file in $files; do mkdir -p "$work/$(dirname "$file")"; done
    cp -- "$binary" "$work/$program"
    "$binary" completions bash >"$work/$bash_completion"
    "$binary" completions zsh >"$work/$zsh_completion"
    "$binary" completions fish >"$work/$fish_completion"
    "$binary" man >"$work/$manual"
    if [ -n "$at_boot" ]; then
        unit_text >"$work/$unit"
        ln -s -- "$unit" "$work/$wanted"
    fi

    for file in $files; do
        target=$destdir$(place "$file")
        [ ! -d "$target" ] || fail "$target is a directory; nothing was installed"
        make_directory "$(dirname "$(place "$file")")"
        [ -w "$(dirname "$target")" ] || fail "$(dirname "$target") cannot be written to; nothing was installed" \
            "run it with sudo, or name another place with --prefix DIR"
    done
    # An installation over an earlier one keeps what that one noted.
    earlier=$destdir$prefix/$record
    {
        [ ! -f "$earlier" ] || cat -- "$earlier"
        printf '%s\n' "$new_directories"
    } | sed '/^$/d' | sort -u >"$work/$record"

    staged=yes
    for file in $files; do
        copy=$(staged_name "$file")
        cp -P -- "$work/$file" "$copy" || fail "$copy cannot be written; nothing was installed"
        case $file in
            "$program") chmod 0755 "$copy" ;;
            "$wanted") ;;
            *) chmod 0644 "$copy" ;;
        esac
    done
    for file in $files; do
        mv -f -- "$(staged_name "$file")" "$destdir$(place "$file")"
    done
    staged=
    new_directories=
    [ -z "$at_boot" ] || reload

    echo "Installed $version:"
    for file in $files; do echo "  $destdir$(place "$file")"; done
    case ":$PATH:" in
        *":$prefix/bin:"*) ;;
        *) [ -n "$destdir" ] || echo "note: $prefix/bin is not on PATH" ;;
    esac
}

# One step of the demo. A scan that finds something, and that is all, ends with 2.
show() {
    printf '\n$ tighten %s\n' "$*"
    "$destdir$prefix/$program" --root "$work/node" --state-dir "$work/state" "$@" || [ $? -eq 2 ] \
        || fail "tighten $1 failed"
}

show_demo() {
    "$destdir$prefix/$program" demo "$work/node" >/dev/null
    echo
    echo "A sample node, kept in a temporary directory and removed at the end:"
    show scan
    show plan
    show apply --yes --quiet
    show scan
    show rollback --yes
    show history
}

if [ "$action" = uninstall ]; then
    uninstall
else
    install_all
    [ -z "$demo" ] || show_demo
fi
