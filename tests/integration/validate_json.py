"""Prints "valid", or where it is not and why, for each JSON file: validate_json.py SCHEMA FILE..."""

import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    print("valid" if error is None else f"{error.json_path}: {error.message}")
