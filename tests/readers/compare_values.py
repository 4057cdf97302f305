"""Compares what tables hold with what was written into them, value by value, through three readers that share no code with
Sluicebox: delta-rs (with DataFusion), pyarrow and DuckDB. Then filters each column by several of its values, with and without
the skipping of files and row groups: both must find the same rows.

usage: compare_values.py EXPECTED...     prints how much was compared; a difference ends it

EXPECTED is a file: its first line {"table": FOLDER OR S3 URL}, then one line a row, {"id": …, "columns": {name: value}}. A value
is text that begins with its type, as `tagged` writes it; columns left out are null. Store and credentials come from the
environment, as deltalake takes them.

DuckDB's own Delta extension is not on PyPI, so DuckDB reads the files that the log lists, and takes partition values from the
log's text by a cast of its own.
"""

import datetime
import decimal
import json
import math
import os
import struct
import sys
import tempfile
import urllib.parse

import deltalake
import duckdb
import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.fs

import read_table

EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
FILTER_VALUES_MAX = 4
OPERATORS = {
    "=": pyarrow.compute.equal,
    "<": pyarrow.compute.less,
    ">=": pyarrow.compute.greater_equal,
}


def tagged(value):
    match value:
        case None:
            return None
        case bool():
            return f"bool:{str(value).lower()}"
        case int():
            return f"int:{value}"
        case float():
            return "float:NaN" if math.isnan(value) else "float:" + struct.pack(">d", value).hex()
        case decimal.Decimal():
            return f"decimal:{value:f}"
        case str():
            return "text:" + value
        case bytes():
            return "bytes:" + value.hex()
        case datetime.datetime() if value.tzinfo is None:
            return f"local:{(value - EPOCH) // MICROSECOND}"
        case datetime.datetime():
            return f"at:{(value.astimezone(datetime.timezone.utc).replace(tzinfo=None) - EPOCH) // MICROSECOND}"
        case datetime.date():
            return f"day:{value.toordinal() - EPOCH.toordinal()}"
        case dict():
            return {name: tagged(inner) for name, inner in value.items()}
        case [(_, _), *_]:
            return sorted(([key, tagged(inner)] for key, inner in value), key=first)
        case list():
            return [tagged(inner) for inner in value]
    raise TypeError(type(value))


def first(entry: list) -> str:
    return entry[0]


def by_id(rows: pyarrow.Table) -> dict:
    found = {}
    for row in rows.to_pylist():
        id = row.pop("id")
        assert id not in found, f"id {id} comes twice"
        columns = {name: tagged(value) for name, value in row.items() if value is not None}
        found[id] = {name: value for name, value in columns.items() if not name.startswith("_kafka_")}
    return found


def by_delta_rs(table: deltalake.DeltaTable, query: str) -> pyarrow.Table:
    builder = deltalake.QueryBuilder().register("t", table)
    return pyarrow.table(builder.execute(query).read_all())


class Duck:
    """The live files of a table, as one view."""

    def __init__(self, table: deltalake.DeltaTable, location: str, folder: str):
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        local = dict(zip(table.file_uris(), read_table.local_files(table, location, folder)))
        values = partition_values(table, local, location)
        fields = {field.name: field for field in table.schema().fields}
        parts = []
        for uri, file in local.items():
            added = "".join(
                f", CAST({literal(text)} AS {sql_type(fields[name])}) AS {quoted(name)}"
                for name, text in values[uri].items()
            )
            parts.append(f"SELECT *{added} FROM read_parquet({literal(file)}, hive_partitioning = false)")
        self.database.execute("CREATE VIEW t AS " + " UNION ALL BY NAME ".join(parts))

    def rows(self, query: str) -> pyarrow.Table:
        return self.database.sql(query).to_arrow_table()


def partition_values(table: deltalake.DeltaTable, local: dict, location: str) -> dict:
    """From the log's own text, by the URI of the file."""
    columns = table.metadata().partition_columns
    if not columns:
        return {uri: {} for uri in local}
    found = {}
    store = read_table.buckets() if location.startswith("s3://") else pyarrow.fs.LocalFileSystem()
    log = location.removeprefix("s3://") + "/_delta_log"
    for entry in store.get_file_info(pyarrow.fs.FileSelector(log)):
        if not entry.path.endswith(".json"):
            continue
        for line in store.open_input_stream(entry.path).read().splitlines():
            add = json.loads(line).get("add")
            if add:
                found[location + "/" + urllib.parse.unquote(add["path"])] = add["partitionValues"]
    return {uri: found[uri] for uri in local}


def sql_type(field) -> str:
    names = {"string": "VARCHAR", "long": "BIGINT", "timestamp": "TIMESTAMPTZ", "timestamp_ntz": "TIMESTAMP"}
    kind = field.type.type
    return names.get(kind, kind)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text) -> str:
    """DuckDB's and DataFusion's parsers stop at NUL, so that is put in by a function."""
    if text is None:
        return "NULL"
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in text.split("\0")]
    return "(" + " || chr(0) || ".join(pieces) + ")"


def leaves(rows: pyarrow.Table) -> list:
    """Columns and members of structs, which have statistics: names, and the values."""
    found = []
    for name in rows.column_names:
        column = rows[name].combine_chunks()
        if pyarrow.types.is_struct(column.type):
            members = zip(column.type, column.flatten())
            found += [([name, member.name], values) for member, values in members]
        elif not pyarrow.types.is_nested(column.type):
            found.append(([name], column))
    return found


def filter_values(column: pyarrow.Array) -> list:
    """Some of the column's values, its ends among them. Not NaN: within a file, where no statistics of ours count, both readers
    take the bounds of a row group, which leave NaN out, for those of its NaN, too."""
    values = column.unique().drop_null()
    if pyarrow.types.is_floating(values.type):
        values = values.filter(pyarrow.compute.invert(pyarrow.compute.is_nan(values)))
    if len(values) > 1 and not pyarrow.types.is_boolean(values.type):
        values = values.take(pyarrow.compute.array_sort_indices(values))
    step = max(1, (len(values) - 1) // (FILTER_VALUES_MAX - 1))
    picked = {*range(0, len(values), step), *([len(values) - 1] if len(values) else [])}
    return [values[index] for index in sorted(picked)]


def data_fusion_literal(value: pyarrow.Scalar) -> str:
    kind = value.type
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind) or str(kind) == "string_view":
        return literal(value.as_py())
    if pyarrow.types.is_boolean(kind):
        return str(value.as_py()).lower()
    if pyarrow.types.is_floating(kind):
        return f"arrow_cast({literal(repr(value.as_py()))}, '{'Float64' if kind.bit_width == 64 else 'Float32'}')"
    if pyarrow.types.is_integer(kind):
        return f"arrow_cast({literal(str(value.as_py()))}, 'Int{kind.bit_width}')"
    if pyarrow.types.is_decimal(kind):
        return f"arrow_cast({literal(format(value.as_py(), 'f'))}, 'Decimal128({kind.precision}, {kind.scale})')"
    if pyarrow.types.is_date(kind):
        return f"arrow_cast({literal(value.as_py().isoformat())}, 'Date32')"
    if pyarrow.types.is_timestamp(kind):
        zone = 'Some("UTC")' if kind.tz else "None"
        return f"arrow_cast(arrow_cast({value.value}, 'Int64'), 'Timestamp(Microsecond, {zone})')"
    return f"X'{value.as_py().hex()}'"


def is_nan(value: pyarrow.Scalar) -> bool:
    return pyarrow.types.is_floating(value.type) and value.is_valid and math.isnan(value.as_py())


def is_open_to_pyarrow(table: deltalake.DeltaTable) -> bool:
    """Python's deltalake 1.6 hands -1.50 on to pyarrow as the partition value `-1.-50`, and then cannot open the table."""
    kinds = {field.name: str(field.type.type) for field in table.schema().fields}
    return not any(kinds[name].startswith("decimal") for name in table.metadata().partition_columns)


def is_zero(value: pyarrow.Scalar) -> bool:
    return pyarrow.types.is_floating(value.type) and value.as_py() == 0


def compare_filters(table: deltalake.DeltaTable, rows: pyarrow.Table) -> int:
    dataset = table.to_pyarrow_dataset() if is_open_to_pyarrow(table) else pyarrow.dataset.dataset(rows)
    count = 0
    questions = []
    nans = {}
    partitions = table.metadata().partition_columns
    for path, column in leaves(rows):
        nans[tuple(path)] = {id for id, value in zip(rows["id"].to_pylist(), column) if is_nan(value)}
        for value in filter_values(column):
            for name, operate in OPERATORS.items():
                left = "".join([quoted(path[0]), *(f"['{member}']" for member in path[1:])])
                # DataFusion tells the partitions 0.0 and -0.0 apart where it skips, and not where it compares.
                if path[0] not in partitions or not is_zero(value):
                    questions.append((path, f"{left} {name} {data_fusion_literal(value)}"))
                hits = operate(column, value).fill_null(False)
                without = sorted(rows["id"].combine_chunks().filter(hits).to_pylist())
                operand = pyarrow.dataset.field(*path)
                expression = {"=": operand == value, "<": operand < value, ">=": operand >= value}[name]
                found = dataset.to_table(columns=["id"], filter=expression)["id"].to_pylist()
                found = sorted(id for id in found if id not in nans[tuple(path)])
                assert found == without, f"pyarrow: {path} {name} a value: {found} with skipping, {without} without"
                count += 1
    # Conditions that are columns cannot be pushed down to where files and row groups are skipped.
    columns = ", ".join(f"{condition} AS hit{number}" for number, (_, condition) in enumerate(questions))
    whole = by_delta_rs(table, f"SELECT id, {columns} FROM t")
    for number, (path, condition) in enumerate(questions):
        hits = zip(whole["id"].to_pylist(), whole[f"hit{number}"].to_pylist())
        without = sorted(id for id, hit in hits if hit and id not in nans[tuple(path)])
        found = by_delta_rs(table, f"SELECT id FROM t WHERE {condition}")["id"].to_pylist()
        found = sorted(id for id in found if id not in nans[tuple(path)])
        assert found == without, f"delta-rs: {condition}: {found} with skipping, {without} without"[:2000]
        count += 1
    return count


def compare(file: str) -> tuple[int, int, int]:
    lines = [json.loads(line) for line in open(file, encoding="utf-8")]
    location = lines[0]["table"]
    expected = {line["id"]: line["columns"] for line in lines[1:]}
    # A map's entries have no order.
    for columns in expected.values():
        columns.update({name: sorted(value, key=first) for name, value in columns.items() if name.endswith("_map")})
    table = deltalake.DeltaTable(location)
    with tempfile.TemporaryDirectory() as folder:
        duck = Duck(table, location, folder)
        rows = by_delta_rs(table, "SELECT * FROM t")
        readers = {"delta-rs": rows, "DuckDB": duck.rows("SELECT * FROM t")}
        if is_open_to_pyarrow(table):
            readers["pyarrow"] = rows = table.to_pyarrow_table()
        for reader, seen in readers.items():
            found = by_id(seen)
            assert found.keys() == expected.keys(), f"{reader}, {location}: other rows: {found.keys() ^ expected.keys()}"
            for id, columns in expected.items():
                assert found[id] == columns, f"{reader}, {location}, id {id}: {found[id]} instead of {columns}"[:2000]
        return len(expected), len(table.file_uris()), compare_filters(table, rows)


def main(files: list[str]) -> None:
    if not files:
        sys.exit(__doc__)
    counts = [compare(file) for file in files]
    tables, (rows, parts, filters) = len(counts), map(sum, zip(*counts))
    print(f"{tables} tables, {rows} rows in {parts} files, {filters} filters")


if __name__ == "__main__":
    main(sys.argv[1:])
    # As in read_table.py.
    sys.stdout.flush()
    os._exit(0)
