#!/bin/sh
# Installs tighten with its shell completions and manual page, or removes them again.
set -eu

usage() {
    cat <<'USAGE'
Usage: ./install.sh [--prefix DIR] [--binary FILE] [--recover-at-boot] [--timer] [--demo]
       ./install.sh --uninstall [--prefix DIR]

Installs tighten, its link kubectl-proxy_tighten, its completions for bash, zsh and fish, and its
manual page. In a source tree it builds tighten first (cargo build --release --locked); in a release
archive it takes the tighten that lies beside this script, after it compared the archive's files
with the SHA256SUMS that lies there too.

  --prefix DIR    where to install [default: /usr/local]
  --binary FILE   install this tighten instead of building one
  --recover-at-boot
                  also install and enable tighten-recover.service: at boot, before kubelet and
                  kube-proxy start, it settles a transaction that was interrupted. With --prefix /usr
                  it goes to /usr/lib/systemd/system, otherwise to /etc/systemd/system
  --timer         also install, enable and start tighten-scan.timer: every day it scans the node and
                  writes metrics for Prometheus (docs/packaging.md)
  --demo          then show the main job on a sample node in a temporary directory: scan, plan,
                  apply, scan again, rollback
  --uninstall     remove what was installed under the prefix, units too; transactions and backups
                  in /var/lib/tighten are kept
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
units=
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
        --recover-at-boot) units="$units tighten-recover.service" ;;
        --timer) units="$units tighten-scan.service tighten-scan.timer" ;;
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
# kubectl runs it as `kubectl proxy-tighten`.
plugin=bin/kubectl-proxy_tighten
bash_completion=share/bash-completion/completions/tighten
zsh_completion=share/zsh/site-functions/_tighten
fish_completion=share/fish/vendor_completions.d/tighten.fish
manual=share/man/man1/tighten.1
record=share/tighten/made-directories
files="$program $plugin $bash_completion $zsh_completion $fish_completion $manual $record"

# A unit must be there when systemd reads its units, before other file systems are mounted, and
# /usr/local or /opt may be one; /usr never is, and there a distribution's units belong (systemd.unit(5)).
case $prefix in
    /usr) unit_directory=/usr/lib/systemd/system ;;
    *) unit_directory=/etc/systemd/system ;;
esac

# What `systemctl enable` would make; it may not run in an image. A service that has a timer is not enabled.
wanted() {
    case $1 in
        *.timer) printf '/etc/systemd/system/timers.target.wants/%s\n' "$1" ;;
        tighten-recover.service) printf '/etc/systemd/system/multi-user.target.wants/%s\n' "$1" ;;
    esac
}

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

# A unit as it lies beside this script, with the program of this prefix. (Not by sed: the path may hold what sed reads.)
unit_text() {
    source=$here/packaging/systemd/$1
    [ -f "$source" ] || fail "there is no $source; nothing was installed" \
        "run the install.sh of the source tree or the release archive"
    WORD=$(unit_word) awk '
        {
            rest = $0
            line = ""
            while (i = index(rest, "/usr/bin/tighten")) {
                line = line substr(rest, 1, i - 1) ENVIRON["WORD"]
                rest = substr(rest, i + length("/usr/bin/tighten"))
            }
            print line rest
        }' "$source"
}

# Whether the service that is there runs this tighten, and not that of another prefix.
has_unit() {
    [ -e "$destdir$unit_directory/$1" ] || return 1
    word=$(unit_word) && WORD=$word awk '
        index($0, "ExecStart=" ENVIRON["WORD"] " ") == 1 { found = 1 }
        END { exit !found }' "$destdir$unit_directory/$1"
}

# The units of this prefix that are installed.
installed_units() {
    ! has_unit tighten-recover.service || echo tighten-recover.service
    ! has_unit tighten-scan.service || printf '%s\n' tighten-scan.timer tighten-scan.service
}

# Whether the units are those of the systemd that runs here.
runs_here() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }

# systemd reads its units again, where it runs and these are its own.
reload() {
    runs_here || return 0
    systemctl daemon-reload || echo "note: systemctl daemon-reload failed; it is due"
}

uninstall() {
    found=
    units=$(installed_units)
    for unit in $units; do
        files="$unit_directory/$unit $files"
        link=$(wanted "$unit")
        [ -z "$link" ] || [ "$(readlink -- "$destdir$link")" != "$unit_directory/$unit" ] || files="$link $files"
    done
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
    case $units in
        *tighten-scan.timer*) ! runs_here || systemctl stop tighten-scan.timer || echo "note: tighten-scan.timer could not be stopped" ;;
    esac
    made=
    [ ! -f "$destdir$prefix/$record" ] || made=$(sort -r "$destdir$prefix/$record")
    for file in $files; do
        rm -f -- "$destdir$(place "$file")"
    done
    # The deepest first; one that holds something else by now stays.
    printf '%s\n' "$made" | while IFS= read -r directory; do
        [ -z "$directory" ] || rmdir -- "$destdir$directory" 2>/dev/null || true
    done
    [ -z "$units" ] || reload
    echo "Removed tighten from $destdir${prefix:-/}."
    echo "Kept: /var/lib/tighten, where transactions and backups are."
}

# A file of the archive that arrived otherwise than it was packed is not run. Whether the archive is the right one,
# its own list cannot say: that is what the checksums beside the archive are for.
compare_checksums() {
    [ -f "$here/SHA256SUMS" ] || return 0
    command -v sha256sum >/dev/null 2>&1 || fail "sha256sum is not found, so SHA256SUMS cannot be compared; nothing was installed" \
        "install coreutils, or remove $here/SHA256SUMS to install without comparing"
    different=$(cd "$here" && LC_ALL=C sha256sum --check --strict --quiet SHA256SUMS 2>&1) || fail "the archive is not as it was packed; nothing was installed: $different" \
        "fetch and unpack it again"
    grep -q '[ *]tighten$' "$here/SHA256SUMS" || fail "SHA256SUMS does not name tighten; nothing was installed" \
        "fetch and unpack the archive again"
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
        compare_checksums
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

# Adds the units to what is installed.
add_units() {
    unit_word >/dev/null || fail "$prefix/$program cannot stand in a systemd unit; nothing was installed" \
        "name a prefix without quotes, backslash, dollar sign, control characters and the parts . and .."
    for unit in $units; do
        for path in "$unit_directory/$unit" "/etc/systemd/system/$unit"; do
            [ "$(readlink -- "$destdir$path")" != /dev/null ] || fail "$unit is masked; nothing was installed" \
                "unmask it with: systemctl unmask $unit"
        done
        files="$files $unit_directory/$unit $(wanted "$unit")"
    done
}

# What runs from now on, and where its metrics go.
start_timer() {
    case $units in *tighten-scan.timer*) ;; *) return 0 ;; esac
    if runs_here; then
        systemctl start tighten-scan.timer || echo "note: tighten-scan.timer could not be started: systemctl status tighten-scan.timer"
    fi
    [ -n "$destdir" ] || [ -d /var/lib/prometheus/node-exporter ] || [ -e /etc/default/tighten ] \
        || echo "note: there is no /var/lib/prometheus/node-exporter; name where the metrics go in /etc/default/tighten (docs/packaging.md)"
}

install_all() {
    [ -z "$units" ] || add_units
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
    ln -s -- tighten "$work/$plugin"
    for unit in $units; do
        unit_text "$unit" >"$work/$unit_directory/$unit"
        link=$(wanted "$unit")
        [ -z "$link" ] || ln -s -- "$unit_directory/$unit" "$work/$link"
    done

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
            # A link has no mode of its own.
            "$plugin" | *.wants/*) ;;
            *) chmod 0644 "$copy" ;;
        esac
    done
    for file in $files; do
        mv -f -- "$(staged_name "$file")" "$destdir$(place "$file")"
    done
    staged=
    new_directories=
    if [ -n "$units" ]; then
        reload
        start_timer
    fi

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
