"""The SQLSTATEs that the layer handles: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

from enum import StrEnum


class SQLState(StrEnum):
    """A condition, by the name that PostgreSQL gives it."""

    PROTOCOL_VIOLATION = "08P01"
    RESTRICT_VIOLATION = "23001"
    NOT_NULL_VIOLATION = "23502"
    FOREIGN_KEY_VIOLATION = "23503"
    UNIQUE_VIOLATION = "23505"
    CHECK_VIOLATION = "23514"
    EXCLUSION_VIOLATION = "23P01"
    READ_ONLY_SQL_TRANSACTION = "25006"
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = "25P03"
    SERIALIZATION_FAILURE = "40001"
    DEADLOCK_DETECTED = "40P01"
    LOCK_NOT_AVAILABLE = "55P03"
    QUERY_CANCELED = "57014"


class SQLStateClass(StrEnum):
    """The first two characters of an SQLSTATE: a group of conditions."""

    CONNECTION_EXCEPTION = "08"
    DATA_EXCEPTION = "22"
    INVALID_AUTHORIZATION = "28"
    INSUFFICIENT_RESOURCES = "53"
    OPERATOR_INTERVENTION = "57"
    PL_PGSQL_ERROR = "P0"
