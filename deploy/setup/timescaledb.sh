#!/usr/bin/env bash
# Installs PostgreSQL with TimescaleDB (Apache edition): from the distribution's package if there is one, otherwise built
# from Debian 13's source package for Debian 12's PostgreSQL 15. Does nothing if an installed PostgreSQL has TimescaleDB.
set -euo pipefail
# shellcheck source=deploy/setup/apt.sh
. "$(dirname "$0")/apt.sh"

source_suite=trixie

find_served() {
    local control major
    for control in /usr/share/postgresql/*/extension/timescaledb.control; do
        [ -e "$control" ] || continue
        major=$(basename "$(dirname "$(dirname "$control")")")
        if [ -x "/usr/lib/postgresql/$major/bin/initdb" ]; then echo "$major"; fi
    done | sort -n | tail -1
}

# The project creates its own clusters; this prevents PostgreSQL's package from creating and starting one.
forbid_main_cluster() {
    local folder=/etc/postgresql-common
    [ -e $folder/createcluster.conf ] || [ -e $folder/createcluster.d/pdm.conf ] && return
    as_root mkdir -p $folder/createcluster.d
    echo 'create_main_cluster = false' | as_root tee $folder/createcluster.d/pdm.conf >/dev/null
}

# Fetch and unpack Debian's source package with a private apt configuration, from the mirror of this machine.
fetch_source() {
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v codename="$VERSION_CODENAME" '$2 == codename && $3 == "main" && !seen++ { print $1 }')
    [ -n "$mirror" ] || fail "no Debian mirror for $VERSION_CODENAME in apt's sources"
    mkdir -p apt/lists/partial apt/cache/archives/partial
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$mirror" "$source_suite" "$keyring" >apt/source.sources
    local private=(-q -q -o Dir::Etc::SourceList="$PWD/apt/source.sources" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt/cache" -o APT::Sandbox::User="$(id -un)")
    apt-get "${private[@]}" update && apt-get "${private[@]}" source --download-only timescaledb &&
        dpkg-source --no-check -x timescaledb_*.dsc source
}

build() {
    local major=$1 folder
    forbid_main_cluster
    install_packages "postgresql-$major" "postgresql-server-dev-$major" build-essential cmake dpkg-dev debian-archive-keyring
    folder=$(mktemp -d)
    cd "$folder"
    say "building TimescaleDB for PostgreSQL $major (about a minute)"
    {
        fetch_source &&
            cmake -S source -B build -DAPACHE_ONLY=1 -DREGRESS_CHECKS=OFF -DTAP_CHECKS=OFF -DUSE_TELEMETRY=OFF \
                -DWARNINGS_AS_ERRORS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo \
                -DPG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" &&
            make -C build -j "$(nproc)" && as_root make -C build install
    } >"$log" 2>&1 || { tail -30 "$log" >&2; fail "building TimescaleDB failed (in $folder)"; }
    cd /
    as_root rm -rf "$folder"
}

[ -n "$(find_served)" ] && exit

[ -r /etc/os-release ] || fail "unknown system: install PostgreSQL with TimescaleDB by hand (docs/install.md)"
# shellcheck source=/dev/null
. /etc/os-release
refresh_lists
for major in 18 17 16 15; do
    if has_candidate "postgresql-$major-timescaledb" && has_candidate "postgresql-$major"; then
        forbid_main_cluster
        install_packages "postgresql-$major" "postgresql-$major-timescaledb"
        break
    fi
done
if [ -z "$(find_served)" ]; then
    if [ "${ID:-}" = debian ] && [ "${VERSION_CODENAME:-}" = bookworm ]; then
        build 15
    else
        fail "${PRETTY_NAME:-this system} has no postgresql-NN-timescaledb package. Add a repository that has one:
  sudo apt-get install postgresql-common && sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh
and repeat 'make setup', or use Docker: docker compose -f deploy/compose.yaml up"
    fi
fi
served=$(find_served)
[ -n "$served" ] || fail "TimescaleDB is not where PostgreSQL looks for it; see docs/install.md"
say "PostgreSQL $served has TimescaleDB"
