#!/bin/sh
# Installs tighten with its shell completions and manual page, or removes them again.
set -eu

usage() {
    cat <<'USAGE'
Usage: ./install.sh [--prefix DIR] [--binary FILE] [--demo]
       ./install.sh --uninstall [--prefix DIR]

Installs tighten, its completions for bash, zsh and fish, and its manual page. In a source tree it
builds tighten first (cargo build --release --locked); in a release archive it takes the tighten
that lies beside this script.

  --prefix DIR    where to install [default: /usr/local]
  --binary FILE   install this tighten instead of building one
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

# Below the prefix. The last one remembers which directories were made, so that exactly these go.
program=bin/tighten
bash_completion=share/bash-completion/completions/tighten
zsh_completion=share/zsh/site-functions/_tighten
fish_completion=share/fish/vendor_completions.d/tighten.fish
manual=share/man/man1/tighten.1
record=share/tighten/made-directories
files="$program $bash_completion $zsh_completion $fish_completion $manual $record"

uninstall() {
    found=
    for file in $files; do
        target=$destdir$prefix/$file
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
        rm -f -- "$destdir$prefix/$file"
    done
    # The deepest first; one that holds something else by now stays.
    printf '%s\n' "$made" | while IFS= read -r directory; do
        [ -z "$directory" ] || rmdir -- "$destdir$directory" 2>/dev/null || true
    done
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
    printf '%s/.%s.new-%s\n' "$destdir$prefix/$(dirname "$1")" "$(basename "$1")" "$$"
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

install_all() {
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

    for file in $files; do
        target=$destdir$prefix/$file
        [ ! -d "$target" ] || fail "$target is a directory; nothing was installed"
        make_directory "$prefix/$(dirname "$file")"
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
        cp -- "$work/$file" "$copy" || fail "$copy cannot be written; nothing was installed"
        if [ "$file" = "$program" ]; then chmod 0755 "$copy"; else chmod 0644 "$copy"; fi
    done
    for file in $files; do
        mv -f -- "$(staged_name "$file")" "$destdir$prefix/$file"
    done
    staged=
    new_directories=

    echo "Installed $version:"
    for file in $files; do echo "  $destdir$prefix/$file"; done
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
