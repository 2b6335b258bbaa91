#!/bin/sh
# Run once, by the PostgreSQL image, when it makes its data directory: the role that owns the tables and runs
# migrations, and the one that api and workers use, whose rights `tunehouse migrate` grants.
set -eu
# Passwords by standard input and psql variables: arguments show in process lists.
psql --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-tunehouse}" --set ON_ERROR_STOP=1 --quiet <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
CREATE ROLE tunehouse_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE tunehouse_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
SELECT format('ALTER DATABASE %I OWNER TO tunehouse_owner', current_database()) \gexec
SQL
