"""The URLs that a service accepts, and what its messages say about those that it does not."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from testkit.projects import ROOT
from testkit.rendering import load_module

url: Any = load_module(ROOT / "template" / "{{package_dir}}" / "database" / "url.py")

# What is written, what it becomes, and what a message says of it.
ACCEPTED = [
    ("postgresql://ann:pw@db/shop", "ann:pw@db/shop", "db, database 'shop', user 'ann'"),
    ("postgres://ann:pw@db:6432/shop", "ann:pw@db:6432/shop", "db:6432, database 'shop', user 'ann'"),
    ("postgresql+psycopg://db/shop", "db/shop", "db, database 'shop'"),
    ("postgresql+psycopg2://db/shop", "db/shop", "db, database 'shop'"),
    ("postgresql+asyncpg://db/shop", "db/shop", "db, database 'shop'"),
    (" postgresql://db/shop\n", "db/shop", "db, database 'shop'"),
    # Several hosts: libpq's two forms, and SQLAlchemy's two.
    ("postgresql://u:p@a:1,b:2/d", "u:p@/d?host=a%2Cb&port=1%2C2", "a:1,b:2, database 'd', user 'u'"),
    ("postgresql://u@a,b:2/d", "u@/d?host=a%2Cb&port=5432%2C2", "a:5432,b:2, database 'd', user 'u'"),
    ("postgresql://u@a,b/d", "u@/d?host=a%2Cb", "a,b, database 'd', user 'u'"),
    ("postgresql://u@/d?host=a,b&port=1,2", "u@/d?host=a%2Cb&port=1%2C2", "a:1,b:2, database 'd', user 'u'"),
    ("postgresql://u@/d?host=a,b&port=7", "u@/d?host=a%2Cb&port=7%2C7", "a:7,b:7, database 'd', user 'u'"),
    ("postgresql://u@/d?host=a:1&host=b:2", "u@/d?host=a%2Cb&port=1%2C2", "a:1,b:2, database 'd', user 'u'"),
    ("postgresql://a,b/d?target_session_attrs=read-write", "/d?host=a%2Cb&target_session_attrs=read-write", None),
    # IPv6.
    ("postgresql://[::1]/d", "[::1]/d", "[::1], database 'd'"),
    ("postgresql://[::1]:1,b:2/d", "/d?host=%5B%3A%3A1%5D%2Cb&port=1%2C2", "[::1]:1,b:2, database 'd'"),
    # Unix sockets.
    ("postgresql:///d", "/d", "PGHOST or a local socket, database 'd'"),
    (
        "postgresql://u@/d?host=/run/pg&port=6432",
        "u@/d?host=%2Frun%2Fpg&port=6432",
        "/run/pg:6432, database 'd', user 'u'",
    ),
    ("postgresql://%2Frun%2Fpg:1/d", "/d?host=%2Frun%2Fpg&port=1", "/run/pg:1, database 'd'"),
    ("postgresql://%2Frun%2Fpg/d", "/d?host=%2Frun%2Fpg", "/run/pg, database 'd'"),
    ("postgresql:///d?host=/cloudsql/p:r:i", "/d?host=%2Fcloudsql%2Fp%3Ar%3Ai", "/cloudsql/p:r:i, database 'd'"),
    ("postgresql://:6432/d", "/d?port=6432", ":6432, database 'd'"),
    # Everything may stand in the query.
    ("postgresql://?host=db&dbname=d&user=u&password=p%40", "u:p%40@db/d", "db, database 'd', user 'u'"),
    ("postgresql://db?database=d", "db/d", "db, database 'd'"),
    # An unescaped password, as long as it contains no @.
    ("postgresql://u:a/b?c#d:e@db/d", "u:a%2Fb%3Fc%23d%3Ae@db/d", "db, database 'd', user 'u'"),
    # TLS, as providers and other drivers write it.
    ("postgresql://db/d?ssl=require", "db/d?sslmode=require", None),
    ("postgresql://db/d?ssl=true", "db/d?sslmode=require", None),
    ("postgresql://db/d?ssl=false", "db/d?sslmode=disable", None),
    # Parameters that ask for what asyncpg does anyway, and those that it or the server understands.
    ("postgresql://db/d?gssencmode=prefer&channel_binding=prefer&keepalives=0", "db/d", None),
    ("postgresql://db/d?connect_timeout=3", "db/d?connect_timeout=3", None),
    ("postgresql://db/d?options=-c%20search_path%3Dx", "db/d?options=-c+search_path%3Dx", None),
]

REFUSED = [
    ("db/shop", "is not the URL of a PostgreSQL database"),
    ("host=db dbname=shop", "is not the URL of a PostgreSQL database"),
    ("sqlite:///shop.db", "is not the URL of a PostgreSQL database"),
    ("postgresql+://db/shop", "is not the URL of a PostgreSQL database"),
    ("postgresql://u:p@db", "does not name a database"),
    ("postgresql://u:p@db/", "does not name a database"),
    ("postgresql://u:p@ss@db/d", "contains an @ that is not escaped"),
    ("postgresql://db/d?application_name=a@b", "contains an @ that is not escaped"),
    ("postgresql://u:p@db:x/d", "has a port that is not a number"),
    ("postgresql://u:p@db:s3cret/d", "has a port that is not a number"),
    ("postgresql://u:s3cret/d", "has a port that is not a number"),
    ("postgresql://u:s3cret%40db/d", "has a port that is not a number"),
    ("postgresql://u:p@s3,c:r/e?t/d", "has a port that is not a number"),
    ("s3cret://u:p@db/d", "is not the URL of a PostgreSQL database"),
    ("u:s3cret://@db/d", "is not the URL of a PostgreSQL database"),
    ("postgresql://db/d?sslmode=s3cret", "has a sslmode that is none of disable, allow, prefer, require"),
    ("postgresql://db/d?channel_binding=s3cret", "has the parameter channel_binding"),
    ("postgresql://db/d?connect_timeout=s3cret", "has a connect_timeout that is not a number of seconds"),
    ("postgresql://u:p@db:0/d", "has a port that is not a number"),
    ("postgresql://u:p@db:65536/d", "has a port that is not a number"),
    ("postgresql://u:p@db:\u0663/d", "has a port that is not a number"),
    ("postgresql://u:p@::1/d", "has a port that is not a number"),
    ("postgresql://u:p@a,,b/d", "has an invalid host"),
    ("postgresql://u:p@[::1/d", "has an invalid host"),
    ("postgresql://u:p@/d?host=a,b&port=1,2,3", "does not have one port for each host"),
    ("postgresql://db/d?sslmode=on", "has a sslmode that is none of disable, allow, prefer, require"),
    ("postgresql://db/d?target_session_attrs=master", "has a target_session_attrs that is none of any, primary"),
    ("postgresql://db/d?connect_timeout=5s", "has a connect_timeout that is not a number of seconds"),
    ("postgresql://db/d?channel_binding=require", "has the parameter channel_binding"),
    ("postgresql://db/d?statement_timeout=5000", "set DATABASE_STATEMENT_TIMEOUT"),
    ("postgresql://db/d?options=-c%20statement_timeout%3D5000", "set DATABASE_STATEMENT_TIMEOUT"),
    ("postgresql://db/d?prepared_statement_cache_size=0", "set DATABASE_POOLER=transaction"),
    ("postgresql://db/d?pgbouncer=true", "set DATABASE_POOLER=transaction"),
]


@pytest.mark.parametrize(("given", "canonical", "description"), ACCEPTED)
def test_accepts(given: str, canonical: str, description: str | None) -> None:
    parsed = url.parse_url(given)
    assert parsed.render_as_string(hide_password=False) == f"postgresql+asyncpg://{canonical}"
    assert description in (None, url.describe_url(parsed))


@pytest.mark.parametrize("given", [given for given, *_ in ACCEPTED])
def test_what_is_parsed_stays_as_it_is(given: str) -> None:
    parsed = url.parse_url(given)
    assert url.parse_url(parsed) == parsed
    assert url.parse_url(parsed.render_as_string(hide_password=False)) == parsed
    assert make_url(parsed.render_as_string(hide_password=False)) == parsed


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_refuses(given: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        url.parse_url(given)
    assert "\n" not in str(caught.value)
    assert "s3" not in str(caught.value)


# The parameters of libpq 18, from "Parameter Key Words" in PostgreSQL's manual.
LIBPQ = """
    application_name channel_binding client_encoding connect_timeout dbname fallback_application_name gssdelegation
    gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
    load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer
    oauth_scope options passfile password port replication require_auth requirepeer scram_client_key scram_server_key
    service ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression sslcrl sslcrldir sslkey
    sslkeylogfile sslmode sslnegotiation sslpassword sslrootcert sslsni target_session_attrs tcp_user_timeout user
"""
# What asyncpg reads from a URL, and what the server takes when a session starts.
KNOWN_TO_ASYNCPG = """
    dbname gsslib host krbsrvname passfile password port service ssl_max_protocol_version ssl_min_protocol_version
    sslcert sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert target_session_attrs user
"""
KNOWN_TO_SERVER = "application_name options"


@pytest.mark.parametrize("name", LIBPQ.split())
def test_no_parameter_of_libpq_becomes_a_setting_of_the_server(name: str) -> None:
    known = f"{KNOWN_TO_ASYNCPG} {KNOWN_TO_SERVER} connect_timeout".split()
    refused = [each for names in url.UNSUPPORTED.values() for each in names.split()]
    assert (name in known) != (name in refused)


words = st.text("abcxyz019_-.", min_size=1, max_size=8)
passwords = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    password=passwords,
    escaped=st.booleans(),
    user=words,
    host=st.sampled_from(["db", "db:6432", "db:x", "a:1,b:2", "[::1]:1", "", ":", "a,,b", "%2Frun"]),
    database=st.sampled_from(["/shop", "", "/"]),
    query=st.sampled_from(["", "?sslmode=require", "?sslmode=x", "?keepalives=1", "?port=x", "?host=c&port=1,2"]),
    scheme=st.sampled_from(["postgresql", "postgres", "postgresql+psycopg2", "mysql", ""]),
)
def test_no_message_shows_a_part_of_a_password(
    password: str, escaped: bool, user: str, host: str, database: str, query: str, scheme: str
) -> None:
    # Marked, so that a part of it is not found by chance in what is no secret.
    secret = "".join(f"{letter}§" for letter in password)
    written = quote(secret, safe="") if escaped else secret
    try:
        parsed = url.parse_url(f"{scheme}://{user}:{written}@{host}{database}{query}")
    except ValueError as error:
        message = str(error)
    else:
        message = f"{url.describe_url(parsed)} {parsed} {parsed!r}"
        assert parsed.password == secret
    assert "§" not in message
    assert "%C2%A7" not in message


@given(password=passwords, hosts=st.lists(st.tuples(words, st.integers(1, 65535)), min_size=1, max_size=4))
def test_every_password_and_host_arrives(password: str, hosts: list[tuple[str, int]]) -> None:
    parsed = url.parse_url(
        f"postgresql://ann:{quote(password, safe='')}@{','.join(f'{host}:{port}' for host, port in hosts)}/shop"
    )
    assert parsed.password == password
    assert url.hosts_of(parsed) == [(host, str(port)) for host, port in hosts]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        parsed = url.parse_url(f"postgresql://{text}")
        assert url.parse_url(parsed.render_as_string(hide_password=False)) == parsed
