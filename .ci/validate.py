"""Judges the document on stdin: validate.py sarif|oscal DIRECTORY, where .ci/validators has run in DIRECTORY."""

import json
import pathlib
import sys
import tempfile


def by_schema(document, path):
    import jsonschema
    import regex

    def pattern(validator, wanted, instance, _schema):
        # Python's own expressions do not know \p{L}.
        if validator.is_type(instance, "string") and not regex.search(wanted, instance):
            yield jsonschema.ValidationError(f"{instance!r} is not {wanted!r}")

    if not path.exists():
        return [f"there is no {path}: run .ci/validators again"]
    schema = json.loads(path.read_text())
    kind = jsonschema.validators.validator_for(schema)
    checker = jsonschema.FormatChecker()
    for name in ("uri", "uri-reference", "date-time"):
        assert name in checker.checkers, f"the format {name} would not be checked"
    validator = jsonschema.validators.extend(kind, {"pattern": pattern})
    found = validator(schema, format_checker=checker).iter_errors(json.loads(document))
    return [f"{list(error.absolute_path)}: {error.message}" for error in found]


def sarif(document, directory):
    return by_schema(document, directory / "sarif.json")


def oscal(document, directory):
    from trestle.oscal.assessment_results import AssessmentResults

    errors = by_schema(document, directory / "oscal.json")
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "results.json"
        path.write_text(document)
        try:
            AssessmentResults.oscal_read(path)
        except Exception as error:  # Whatever it is, the document was not read.
            errors.append(str(error))
    return errors


errors = {"sarif": sarif, "oscal": oscal}[sys.argv[1]](sys.stdin.read(), pathlib.Path(sys.argv[2]))
print("\n".join(errors))
sys.exit(1 if errors else 0)
