#!/bin/sh
# First start only: the program's own role, which owns its database and nothing else.
set -eu
psql --username postgres --dbname postgres --set=ON_ERROR_STOP=1 \
    --set=password="$(cat /run/secrets/tocsin_password)" <<'SQL'
CREATE ROLE tocsin LOGIN PASSWORD :'password';
CREATE DATABASE tocsin OWNER tocsin;
SQL
