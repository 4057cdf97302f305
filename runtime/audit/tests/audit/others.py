"""What another program does to a Delta table, with software that shares no code with Sluicebox's own commits.

usage: others.py TABLE OPERATION [PREDICATE]
"""

import os
import sys

import deltalake

location, operation, *predicate = sys.argv[1:]
table = deltalake.DeltaTable(location)
match operation:
    case "optimize":
        table.optimize.compact()
    case "optimize-twice":
        other = deltalake.DeltaTable(location)
        table.optimize.compact()
        other.optimize.compact()
    case "delete":
        table.delete(predicate[0])
    case "vacuum":
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    case "restore-before":
        table.restore(table.version() - 1)
    case "settle":
        # As a redrive settles its letters. The test puts the redrive's record into the entry.
        table.update(updates={"status": "'redriven'"}, predicate=predicate[0])
    case _:
        sys.exit(f"unknown operation {operation}")
print(len(deltalake.DeltaTable(location).to_pyarrow_table()), flush=True)
# The threads of two Arrow libraries sometimes abort an orderly exit.
os._exit(0)
