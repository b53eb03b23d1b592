"""The workloads as a Flask application, written as Flask's documentation shows it.

Records are dicts, by msgpack and the built-in json. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

import os
import time

import dataset
import digest
import parameters
import schema
import siblings
from flask import Blueprint, Flask, Response, abort, request
from msgpack import unpackb

ENCODED, RECORDS = dataset.load(os.environ["RESTMARK_DATASET"], unpackb)


def to_json(records: list[dataset.Record] | dataset.Record) -> bytes:
    """Flask's jsonify would sort the keys and escape what is not ASCII."""
    return dataset.to_json(records).encode("utf-8")


FULL_JSON = to_json(RECORDS)
LIMITS = parameters.RecordLimits(len(RECORDS))
VALIDATE_LIMITS: parameters.Limits = {"count": schema.COUNTS}

app = Flask(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = schema.BODY_BYTES_MAX
app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # OPTIONS is another method than those of the definition


@app.errorhandler(parameters.ParameterError)
def bad_parameter(error: parameters.ParameterError) -> Response:
    return text(f"{error}\n", 400)


@app.errorhandler(schema.SchemaError)
def bad_body(error: schema.SchemaError) -> Response:
    return text(f"{error}\n", 422)


def text(body: str, status: int = 200) -> Response:
    """A string alone would be sent as text/html."""
    return Response(body, status, mimetype="text/plain")


def numbers(limits: parameters.Limits) -> dict[str, int]:
    return parameters.numbers(request.args.items(multi=True), limits)


def count_and_digest() -> tuple[int, dict[str, int]]:
    """How many records are asked for, and the parameters of a digest, or none."""
    values = numbers(LIMITS.of(request.args))
    count = values.pop("count", len(RECORDS))
    return count, {"repetitions": values["digest"], "seed": values.get("seed", 0)} if values else {}


@app.get("/")
def welcome() -> Response:
    numbers(parameters.NOTHING)
    return text("Welcome!\n")


@app.get("/parse-msgpack")
def parse_msgpack() -> Response:
    count, asked = count_and_digest()
    decoded = [unpackb(item) for item in ENCODED[:count]]
    return text(str(digest.of_decoded(decoded, **asked) if asked else len(decoded)))


@app.get("/encode-json")
def encode_json() -> Response:
    count, asked = count_and_digest()
    if asked:
        return text(str(digest.of_encoded(RECORDS[:count], **asked)))
    return text(str(len(to_json(RECORDS[:count]))))


@app.get("/transfer-data")
def transfer_data() -> Response:
    count = numbers(LIMITS.plain).get("count", len(RECORDS))
    body = FULL_JSON if count == len(RECORDS) else to_json(RECORDS[:count])
    return Response(body, mimetype="application/json")


@app.get("/million-loop")
def million_loop() -> Response:
    values = numbers(parameters.LOOP)
    acc = values.get("seed", 0)
    for i in range(values.get("n", 1_000_000)):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return text(str(acc))


@app.post("/validate")
def validate() -> Response:
    count = numbers(VALIDATE_LIMITS).get("count")
    return Response(to_json(schema.checked(request.get_data(), count)), mimetype="application/json")


@app.get("/wait")
def wait() -> Response:
    ms = numbers(parameters.WAIT).get("ms", 100)
    time.sleep(ms / 1000)
    return text(str(ms))


@app.get("/record/<id>")
def record(id: str) -> Response:
    numbers(parameters.NOTHING)
    if not (id.isascii() and id.isdigit()) or int(id) >= len(RECORDS):
        abort(404)
    return Response(to_json(RECORDS[int(id)]), mimetype="application/json")


def collection(name: str) -> Blueprint:
    blueprint = Blueprint(name, __name__, url_prefix=f"/{name}")

    @blueprint.get("/<id>")
    def one(id: str) -> Response:
        return text(f"{name} {id}")

    @blueprint.get("/<id>/items")
    def items(id: str) -> Response:
        return text(f"{name} {id} items")

    @blueprint.get("/<id>/items/<item>")
    def item(id: str, item: str) -> Response:
        return text(f"{name} {id} items {item}")

    return blueprint


for name in siblings.NAMES:
    app.register_blueprint(collection(name))
