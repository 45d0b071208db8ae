# Sourced by the setup scripts: installs Debian packages as root or with sudo, with an error message if neither works.

say() { printf '%s\n' "setup: $*"; }
fail() {
    printf '%s\n' "setup: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root for: $* -- run it as root once (or install sudo), then repeat 'make setup'"
    fi
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Whether apt has an installable version of the package.
has_candidate() { [ -n "$(LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/.*Candidate: \([0-9]\)/\1/p')" ]; }

refresh_lists() {
    [ -n "${PDM_LISTS_FRESH:-}" ] && return
    command -v apt-get >/dev/null || fail "no apt-get here; install by hand what docs/install.md lists"
    say "refreshing the package lists"
    as_root apt-get -q -q update || say "apt-get update had errors; going on with the lists there are"
    export PDM_LISTS_FRESH=1
}

# Install the missing ones of the packages.
install_packages() {
    local missing=() package
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    refresh_lists
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -q -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold install "${missing[@]}" >"$log" 2>&1 ||
        { tail -20 "$log" >&2; fail "apt-get could not install ${missing[*]}"; }
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
