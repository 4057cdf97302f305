"""Reads a Delta table with software that shares no code with Sluicebox, and prints it in one canonical form.

usage: read_table.py deltalake|duckdb|dataset TABLE
                                                the rows, one JSON object a line, sorted by position, then by text
       read_table.py filters TABLE              each filter on a column that finds other rows when files are skipped by
                                                their statistics than when all rows are looked at, one a line
       read_table.py count TABLE                {"rows": …, "positions": …}: how many, and from how many records
       read_table.py ledger TABLE APP_ID...     the table's version for each application id, one a line; null if none

A table is a folder or an s3:// URL; store and credentials come from the environment, as deltalake takes them.

DuckDB reads the Parquet files that the table's log lists, as its own Delta extension is not on PyPI; nor is the one for
S3, so from there it gets copies. `dataset` and `filters` are DuckDB over deltalake's dataset: partition values come from the log,
and filters reach the dataset, which skips files by the log's statistics. What is not checked here: how DuckDB's own Delta
extension reads the log. Types without a JSON form become text: bytes as hexadecimal digits, decimals in full,
dates and timestamps as in ISO 8601.
"""

import datetime
import decimal
import json
import math
import os
import sys
import tempfile

import deltalake
import duckdb
import pyarrow
import pyarrow.fs


def by_deltalake(location: str) -> pyarrow.Table:
    return deltalake.DeltaTable(location).to_pyarrow_table()


def by_duckdb(location: str) -> pyarrow.Table:
    table = deltalake.DeltaTable(location)
    if not table.file_uris():
        return table.to_pyarrow_table()
    with tempfile.TemporaryDirectory() as folder:
        return query(table, local_files(table, location, folder))


def local_files(table: deltalake.DeltaTable, location: str, folder: str) -> list[str]:
    if not location.startswith("s3://"):
        return table.file_uris()
    bucket = buckets()
    copies = []
    for uri in table.file_uris():
        copy = os.path.join(folder, uri.removeprefix(location).lstrip("/"))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        with bucket.open_input_stream(uri.removeprefix("s3://")) as source, open(copy, "wb") as target:
            target.write(source.read())
        copies.append(copy)
    return copies


def buckets() -> pyarrow.fs.S3FileSystem:
    scheme, _, address = os.environ["AWS_ENDPOINT_URL"].partition("://")
    return pyarrow.fs.S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        scheme=scheme,
        endpoint_override=address,
    )


def query(table: deltalake.DeltaTable, files: list[str]) -> pyarrow.Table:
    database = connect()
    # Delta keeps partition values as text, in the log and in the path; the log's schema says what they are.
    fields = {field.name: pyarrow.field(field).type for field in table.schema().to_arrow()}
    partitions = table.metadata().partition_columns
    hive_types = ", ".join(f"'{name}': VARCHAR" for name in partitions)
    select = f"SELECT * FROM read_parquet(?, union_by_name = true, hive_partitioning = {bool(partitions)}"
    select += f", hive_types = {{{hive_types}}})" if partitions else ")"
    rows = database.sql(select, params=[files]).to_arrow_table()
    return pyarrow.table({
        name: rows[name].cast(kind) if name in partitions else rows[name]
        for name, kind in fields.items()
    })


def by_dataset(location: str) -> pyarrow.Table:
    rows = deltalake.DeltaTable(location).to_pyarrow_dataset()
    return connect().sql("SELECT * FROM rows").to_arrow_table()


def connect() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    return database


def wrong_filters(location: str) -> list[str]:
    """Filters on every column at its edges and in the middle, against the same filters over rows that are in memory."""
    database = connect()
    database.register("skipping", deltalake.DeltaTable(location).to_pyarrow_dataset())
    database.register("all_rows", by_deltalake(location))
    wrong = []
    for name, kind, *_ in database.execute("DESCRIBE all_rows").fetchall():
        if kind.endswith("[]") or kind.startswith(("STRUCT", "MAP", "BLOB")):
            continue
        column = '"' + name.replace('"', '""') + '"'
        # Arrow and DuckDB disagree on how a NaN compares. That says nothing of the table.
        numbers = f"({column} IS NULL OR NOT isnan({column}))" if kind in ("FLOAT", "DOUBLE") else "true"
        values = f"SELECT {column}::VARCHAR FROM all_rows WHERE {column} IS NOT NULL AND {numbers} ORDER BY {column}"
        values = [value for (value,) in database.execute(values).fetchall()]
        chosen = dict.fromkeys(values[:2] + values[len(values) // 2:][:1] + values[-2:])
        filters = [(f"{column} {sign} ?::{kind}", [value]) for value in chosen for sign in ("=", "<", "<=", ">", ">=", "<>")]
        for text, parameters in filters + [(f"{column} IS NULL", []), (f"{column} IS NOT NULL", [])]:
            found = [
                database.execute(f"SELECT count(*) FROM {rows} WHERE {text} AND {numbers}", parameters).fetchall()[0][0]
                for rows in ("skipping", "all_rows")
            ]
            if found[0] != found[1]:
                wrong.append(f"{text} {parameters}: {found[0]} rows with skipping, {found[1]} without")
    return wrong


def canonical(value):
    match value:
        case dict():
            return {name: canonical(inner) for name, inner in value.items()}
        case list():
            return [canonical(inner) for inner in value]
        case bytes():
            return value.hex()
        case decimal.Decimal():
            return format(value, "f")
        case datetime.datetime():
            fraction = value.microsecond
            precision = "microseconds" if fraction % 1000 else "milliseconds" if fraction else "seconds"
            return value.astimezone(datetime.timezone.utc).isoformat(timespec=precision).replace("+00:00", "Z")
        case datetime.date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def position(row: dict):
    names = ("_kafka_topic", "_kafka_partition", "_kafka_offset")
    if "_kafka_offset" not in row:
        names = tuple(name.removeprefix("_kafka_") for name in names)
    return tuple((row.get(name) is not None, row.get(name)) for name in names)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["deltalake" | "duckdb" | "dataset" as reader, location]:
            table = {"deltalake": by_deltalake, "duckdb": by_duckdb, "dataset": by_dataset}[reader](location)
            rows = [canonical(row) for row in table.to_pylist()]
            lines = [(position(row), json.dumps(row, sort_keys=True, ensure_ascii=False)) for row in rows]
            for _, line in sorted(lines):
                print(line)
        case ["filters", location]:
            for line in wrong_filters(location):
                print(line)
        case ["count", location]:
            names = ["_kafka_topic", "_kafka_partition", "_kafka_offset"]
            positions = deltalake.DeltaTable(location).to_pyarrow_dataset().to_table(columns=names)
            distinct = positions.group_by(names).aggregate([]).num_rows
            print(json.dumps({"rows": positions.num_rows, "positions": distinct}))
        case ["ledger", location, *ids]:
            table = deltalake.DeltaTable(location)
            for id in ids:
                print(json.dumps(table.transaction_version(id)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
    # Not by way of the interpreter's end: there the readers' native threads are torn down in an order that now and then
    # aborts the process, after all has been said ("terminate called without an active exception").
    sys.stdout.flush()
    os._exit(0)
