"""Holds JSON against docs/json.schema.json: one object a line on standard input, `{"name", "said", "document"}`.

Prints what does not fit. Every object is closed first: what is published lets keys be added later, and here one that is not
described is a mistake.
"""

import json
import pathlib
import sys

import jsonschema


def main():
    path = pathlib.Path(__file__).parents[2] / "docs/json.schema.json"
    schema = close(json.loads(path.read_text(encoding="utf-8")))
    jsonschema.Draft202012Validator.check_schema(schema)
    for line in sys.stdin:
        case = json.loads(line)
        one = {"$ref": f"#/$defs/{case['name']}", "$defs": schema["$defs"]}
        for error in jsonschema.Draft202012Validator(one).iter_errors(case["document"]):
            for cause in [error, *(error.context or [])]:
                print(f"{case['said']}: {cause.json_path}: {cause.message[:300]}")


def close(schema):
    """Lets no object hold a key that is not described."""
    if isinstance(schema, list):
        return [close(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(one) for key, one in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


main()
