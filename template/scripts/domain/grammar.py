"""Parses what a person types.

    make domain name=orders fields="number:str:20:unique author:references:authors status:enum:open,paid paid_on:date?"

name      the table, in the plural: orders, line_items
fields    name:type, then what the type needs, then `unique` or `index`, with `?` at the end if it may be null
            text       str or str:20 (one line, of 200 characters unless you say), text (any length, with line breaks)
            numbers    int, smallint, bigint, numeric:10,2 (precision, scale), float, bool
            times      date, time, datetime (with a zone)
            others     uuid, json (an object), enum:open,paid
            relations  author:references:authors, and what deleting the author does: restrict (the default), cascade or
                       set_null, as in author:references:authors:set_null?
singular  the singular, if the rule gets it wrong: name=people singular=person
into      the domain for the table, if it is not one of its own: name=lines into=orders
without   what the table does without, of owner, soft_delete and audit

Put the fields in quotes, because of `?`. Nothing else needs escaping, in a shell or in make.
"""

import re
from keyword import iskeyword, issoftkeyword

from pydantic import BaseModel

from . import service
from .entity import IMPORTED, Entity, Field, camel
from .kinds import MAKERS, Kind, Refused
from .service import Target

RULES = ("restrict", "cascade", "set_null")
# What the generated code calls its variables and its columns, and one fixture of pytest.
VARIABLES = """
again another answer app changes client created cursor db filters found limit nobody numbers page path principal read
request router row rows seen sent statement unknown updated values
"""
COLUMNS = """
bool created_at cursor deleted_at dict float id int limit metadata registry self statement str updated_at
"""
TAKEN_BY_TABLES = IMPORTED.union(VARIABLES.split())
TAKEN_BY_COLUMNS = IMPORTED.union(COLUMNS.split(), dir(BaseModel))


def singular_of(plural: str) -> str:
    for pattern, ending in ((r"ies$", "y"), (r"(?<=ss|sh|ch|us)es$|(?<=[xz])es$", ""), (r"(?<!s)s$", "")):
        if re.search(pattern, plural):
            return re.sub(pattern, ending, plural)
    raise Refused(f"{plural} does not end like a plural: name the table {plural}s, or add singular=... .")


def check_name(name: str, what: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 40:
        raise Refused(f"{name!r} cannot name a {what}: use lower-case letters, digits and underscores, at most 40.")
    if iskeyword(name) or issoftkeyword(name):
        raise Refused(f"{name} cannot name a {what}, because it is a keyword of Python: choose another.")


def parse_entity(name: str, fields: str, singular: str = "", into: str = "", without: str = "") -> Entity:
    """Raises Refused if anything is wrong with it."""
    check_name(name, "table")
    singular = singular or singular_of(name)
    domain = into or name
    for other in (singular, domain):
        check_name(other, "table")
    if TAKEN_BY_TABLES & {name, singular, camel(name), camel(singular)} or singular == name:
        raise Refused(f"The generated code uses {name} or {singular} for something else: choose another name.")
    if unknown := set(without.split()) - {"owner", "soft_delete", "audit"}:
        raise Refused(f"without={min(unknown)} is unknown: choose from owner, soft_delete and audit.")
    mixins = tuple(mixin for mixin in service.MIXINS if mixin not in without.split())
    service.refuse_taken(name, singular, camel(singular), domain, into)
    own = Target(name, singular, camel(singular), domain, "owner" in mixins)
    parsed = tuple(parse_field(typed, own) for typed in fields.split())
    if not parsed:
        raise Refused(f'{name} has no fields: name some, such as fields="title:str".')
    names = [name, singular, *(["owner"] if own.owned else [])]
    for field in parsed:
        if {field.name, field.column} & set(names):
            raise Refused(f"There are two things named {field.name}: rename the field.")
        names += {field.name, field.column}
    return Entity(own, parsed, mixins)


def parse_field(typed: str, own: Target) -> Field:
    name, *words = typed.removesuffix("?").split(":")
    nullable = typed.endswith("?")
    check_name(name, "field")
    if name in TAKEN_BY_COLUMNS or name.startswith("model_"):
        raise Refused(f"{name} cannot name a field, because the generated code or pydantic uses it: choose another.")
    unique, index = "unique" in words, "index" in words
    words = [word for word in words if word not in ("unique", "index")]
    if not words or "?" in typed[:-1]:
        raise Refused(f"{typed} is not a field: write name:type, with ? at the end if it may be null.")
    kind, *arguments = words
    if kind == "references":
        return parse_reference(name, arguments, nullable, unique, own)
    if kind not in MAKERS:
        raise Refused(f"{name} has the unknown type {kind!r}: choose from {', '.join([*MAKERS, 'references'])}.")
    enum = own.model + camel(name) if kind == "enum" else ""
    values = tuple(value for argument in arguments for value in argument.split(","))
    try:
        made: Kind = MAKERS[kind](enum or name.replace("_", " ").capitalize(), *values)
    except TypeError:
        raise Refused(f"{typed} is not what {kind} takes: see `make domain`.") from None
    except Refused as error:
        raise Refused(f"{typed}: {error}") from None
    if unique and not made.unique:
        raise Refused(f"{name} cannot be unique, because of its type {kind}: remove unique.")
    return Field(name, made, nullable, unique, index, enum, values if enum else ())


def parse_reference(name: str, arguments: list[str], nullable: bool, unique: bool, own: Target) -> Field:
    table, rule = [*arguments, "", "restrict"][:2] if len(arguments) != 1 else (arguments[0], "restrict")
    target = own if table == own.plural else service.find_target(name, table, own.domain)
    if rule not in RULES or len(arguments) > 2:
        raise Refused(f"{name} has an unknown rule, {':'.join(arguments[1:])}: choose from {', '.join(RULES)}.")
    if not nullable and (rule == "set_null" or target is own):
        raise Refused(f"{name} must be able to be null: write ? at its end.")
    key = "Annotated[Key, Strict(), WholeNumber]" if service.key_type() is int else "Key"
    return Field(name, Kind("Key", key, "", "", ("2**70", '"1"')), nullable, unique, target=target, rule=rule)
