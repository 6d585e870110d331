def grants(owner: str, reader: str, schema: str = "public") -> list[str]:
    """Run once by an administrator, before the first migration. Passwords are set apart: `\\password` in psql.

    `owner` is for `DATABASE_MIGRATION_URL`, `reader` for `DATABASE_READ_URL` and people.
    """
    return [
        f"CREATE ROLE {owner} LOGIN",
        f"CREATE ROLE {reader} LOGIN",
        f"ALTER ROLE {reader} SET default_transaction_read_only = on",
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}",
        f"GRANT USAGE ON SCHEMA {schema} TO {reader}",
        # For each table that a migration of the owner creates from now on.
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}",
    ]
