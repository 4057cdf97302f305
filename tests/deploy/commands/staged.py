"""What the stand-ins share: where the stage is, folders for buckets, and the deployment of a pipeline."""

import json
import os
import pathlib
import subprocess
import sys

STAGE = pathlib.Path(os.environ["STAGE"])
# Buckets of their own for each example: their users choose one of them.
BUCKETS = STAGE / "buckets" / pathlib.Path.cwd().name
SLUICEBOX = os.environ["SLUICEBOX_BINARY"]


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def in_folders(text):
    """Buckets are folders."""
    return text.replace("s3://", f"{BUCKETS}/")


def local(document):
    """A pipeline's document with folders for buckets, and with the sample's records for the topic's."""
    document = json.loads(in_folders(json.dumps(document)))
    document["source"] = {"file": {"path": str(STAGE / "orders" / "transform" / "sample.jsonl")}}
    document.pop("http", None)
    return document


def deploy(document):
    """Does what the function, the task or the pod would do with its first records."""
    file = STAGE / "deployed.json"
    file.write_text(json.dumps(local(document)))
    done = subprocess.run([SLUICEBOX, "run", file], capture_output=True, text=True)
    print(done.stderr, end="")
    if done.returncode:
        fail(f"the pipeline ended with {done.returncode}")
