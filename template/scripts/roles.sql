-- Lets a role read and write rows, and change neither tables nor rights. Run it with psql, as often as you like, as a
-- superuser or whoever may create roles: --set=role=app --set=owner=service, where `owner` runs the migrations.
\set ON_ERROR_STOP on
\getenv password APP_PASSWORD

SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN;
\if :{?password}
ALTER ROLE :"role" PASSWORD :'password';
\endif
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;

-- What exists, in every schema.
SELECT format(statement, nspname, :'role')
FROM pg_namespace, unnest(ARRAY[
    'GRANT USAGE ON SCHEMA %I TO %I',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I',
    'GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I'
]) AS statement
WHERE nspname !~ '^pg_|^information_schema$' \gexec

-- Only migrations write the version.
SELECT format('REVOKE INSERT, UPDATE, DELETE ON %s FROM %I', oid::regclass, :'role')
FROM pg_class WHERE relname = 'alembic_version' \gexec

-- What the owner creates from now on.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT USAGE ON SCHEMAS TO :"role";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"role";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT USAGE ON SEQUENCES TO :"role";
