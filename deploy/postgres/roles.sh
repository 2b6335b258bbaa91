#!/bin/sh
# Creates two roles: the owner of the tables, which runs migrations, and the one for api and workers, whose rights
# `tunehouse migrate` grants. The PostgreSQL image runs this script once, when it creates its data directory.
set -eu
# Passwords are passed on standard input, because arguments are visible in process lists.
psql --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-tunehouse}" --set ON_ERROR_STOP=1 --quiet <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
CREATE ROLE tunehouse_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE tunehouse_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
SELECT format('ALTER DATABASE %I OWNER TO tunehouse_owner', current_database()) \gexec
SQL
