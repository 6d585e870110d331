"""Parse database URLs for asyncpg, and describe them in messages, which never show a password."""

import re
from urllib.parse import parse_qsl, unquote

from sqlalchemy import URL

DRIVER = "postgresql+asyncpg"
EXAMPLE = "write postgresql://user:password@host:5432/name"
SCHEME = re.compile(r"postgres(ql)?(\+\w+)?")
HOST_AND_PORT = re.compile(r"(/.*|\[.+\]|[^:]*)(?::(.*))?")
HOST = re.compile(r"/[^,]*|\[[^\[\],/?#@]+\]|[^\[\],/?#@:%\s]*")

SYNONYMS = {"database": "dbname", "ssl": "sslmode"}
SSL_MODES = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
}
# Values that match what asyncpg does anyway. Other values of these parameters are not supported.
NO_OPS = {
    "channel_binding": ("disable", "prefer"),
    "client_encoding": ("auto", "utf8", "utf-8"),
    "gssencmode": ("disable", "prefer"),
    "keepalives": ("0",),
    "load_balance_hosts": ("disable",),
    "replication": ("0", "false", "off", "no"),
    "sslcompression": ("0",),
    "sslsni": ("1",),
}
# Parameters of libpq and of other drivers. asyncpg would send them to the server as settings.
UNSUPPORTED = {
    "remove it": """
        async_fallback client_encoding command_timeout fallback_application_name gssdelegation gssencmode hostaddr
        max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer oauth_scope
        replication require_auth requirepeer requiressl scram_client_key scram_server_key sslcertmode sslcompression
        sslcrldir sslkeylogfile sslsni timeout
    """,
    "remove it, and verify the server with sslmode=verify-full": "channel_binding",
    "remove it, because reads are spread over the hosts of DATABASE_READ_URL anyway": "load_balance_hosts",
    "remove it, because the layer's own timeouts notice a dead server": """
        keepalives keepalives_count keepalives_idle keepalives_interval tcp_user_timeout
    """,
    "set DATABASE_POOLER=transaction instead": """
        pgbouncer prepared_statement_cache_size prepared_statement_name_func statement_cache_size
    """,
    "set DATABASE_STATEMENT_TIMEOUT instead, in seconds": "statement_timeout",
    "set DATABASE_LOCK_TIMEOUT instead, in seconds": "lock_timeout",
    "set DATABASE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT instead, in seconds": "idle_in_transaction_session_timeout",
    "set DATABASE_CLIENT_CONNECTION_CHECK_INTERVAL instead, in seconds": "client_connection_check_interval",
}


def parse_url(value: str | URL) -> URL:
    """Parse a URL that libpq or any driver accepts, and rewrite it so that libpq, SQLAlchemy and asyncpg agree on it.

    Several hosts and Unix sockets move to the parameters `host` and `port`. Raises ValueError.
    """
    text = value.render_as_string(hide_password=False) if isinstance(value, URL) else str(value).strip()
    scheme, _, rest = text.partition("://")
    if not SCHEME.fullmatch(scheme):
        raise ValueError(f"is not the URL of a PostgreSQL database; {EXAMPLE}")
    login, _, rest = rest.rpartition("@")
    user, _, password = login.partition(":")
    # With a second @, part of the password would be taken for the host and shown in messages.
    if "@" in login or re.search("[/?#]", user):
        raise ValueError("contains an @ that is not escaped; write %40 instead")
    location, _, query = rest.partition("?")
    address, _, database = location.partition("/")
    parts = {"user": unquote(user), "password": unquote(password), "dbname": unquote(database)}
    parts |= {"port": address[1:]} if address.startswith(":") else {"host": address}
    parameters = read_query(query) | {name: part for name, part in parts.items() if part}
    if "dbname" not in parameters:
        raise ValueError(f"does not name a database; {EXAMPLE}")
    hosts = split_hosts(parameters.pop("host", ""), parameters.pop("port", ""))
    url = URL.create(
        DRIVER,
        username=parameters.pop("user", None),
        password=parameters.pop("password", None),
        database=parameters.pop("dbname"),
        query=check_parameters(parameters),
    )
    (host, port), *others = hosts
    if host and not host.startswith("/") and not others:
        return url.set(host=host.strip("[]"), port=int(port) if port else None)
    if host:
        url = url.update_query_dict({"host": ",".join(host for host, _ in hosts)})
    if any(port for _, port in hosts):
        url = url.update_query_dict({"port": ",".join(port or "5432" for _, port in hosts)})
    return url


def read_query(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query):
        name = SYNONYMS.get(name, name)
        # SQLAlchemy repeats `host` for several hosts. For any other parameter, the last value wins.
        parameters[name] = f"{parameters[name]},{value}" if name == "host" and name in parameters else value
    return parameters


def split_hosts(hosts: str, ports: str) -> list[tuple[str, str]]:
    """Each host with its port, from `h1:5432,[::1]:5433` or from libpq's parameters `host` and `port`."""
    found = [HOST_AND_PORT.fullmatch(host) for host in hosts.split(",")]
    listed = ports.split(",")
    if len(listed) == 1:
        listed *= len(found)
    if len(listed) != len(found):
        raise ValueError("does not have one port for each host; write host1:5432,host2:5433")
    result = [(unquote(match[1]), match[2] or port) for match, port in zip(found, listed, strict=True) if match]
    if len(result) < len(found) or not all(HOST.fullmatch(host) and (host or hosts == "") for host, _ in result):
        raise ValueError("has an invalid host; write host:5432, or [::1]:5432 for IPv6")
    if not all(re.fullmatch("[0-9]{0,5}", port) and 0 < int(port or 5432) < 2**16 for _, port in result):
        raise ValueError("has a port that is not a number from 1 to 65535")
    return result


def check_parameters(parameters: dict[str, str]) -> dict[str, str]:
    """Return the parameters to pass to asyncpg and the server. Raises ValueError for unsupported ones."""
    checked: dict[str, str] = {}
    for name, value in parameters.items():
        if value.lower() in NO_OPS.get(name, ()):
            continue
        stated = {name, *re.findall(r"\w+(?==)", value if name == "options" else "")}
        for cure, names in UNSUPPORTED.items():
            for unsupported in stated.intersection(names.split()):
                raise ValueError(f"has the parameter {unsupported}, which asyncpg does not support; {cure}")
        checked[name] = SSL_MODES.get(value, value) if name == "sslmode" else value
        if checked[name] not in CHOICES.get(name, (checked[name],)):
            raise ValueError(f"has a {name} that is none of {', '.join(CHOICES[name])}")
        if name == "connect_timeout" and not re.fullmatch("[0-9]{1,9}", value):
            raise ValueError("has a connect_timeout that is not a number of seconds")
    return checked


def hosts_of(url: URL) -> list[tuple[str, str]]:
    """Each host of a parsed URL, with its port; both are empty where asyncpg looks for PGHOST or a local socket."""
    if url.host:
        return [(f"[{url.host}]" if ":" in url.host else url.host, str(url.port or ""))]
    return split_hosts(str(url.query.get("host", "")), str(url.query.get("port", "")))


def describe_url(url: URL | str) -> str:
    """Describe a URL in messages: `db.example:5432, database 'shop', user 'ann'`. Raises ValueError."""
    url = parse_url(url)
    places = [f"{host}:{port}" if port else host for host, port in hosts_of(url)]
    user = f", user {url.username!r}" if url.username else ""
    return f"{','.join(places) or 'PGHOST or a local socket'}, database {url.database!r}{user}"
