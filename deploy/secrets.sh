#!/bin/sh
# Makes the passwords that docker-compose.yml needs, once, in deploy/secrets (never committed, never in an image).
# The directory is closed to everyone else; the files in it are readable because each container has its own user.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets

word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

keep() {
    [ -e "$1" ] && return
    printf '%s' "$2" >"$1"
    chmod 444 "$1"
    echo "made deploy/secrets/$1"
}

keep postgres_password "$(word)"
keep tocsin_password "$(word)"
keep tocsin_database__url "postgresql://tocsin:$(cat tocsin_password)@postgres:5432/tocsin"
keep grafana_password "$(word)"
