"""Judges the document on stdin: validate.py sarif|oscal DIRECTORY, where .ci/validators has run in DIRECTORY."""

import json
import pathlib
import sys
import tempfile


def sarif(document, directory):
    import jsonschema

    schema = json.loads((directory / "sarif.json").read_text())
    validator = jsonschema.validators.validator_for(schema)
    checker = jsonschema.FormatChecker()
    for name in ("uri", "uri-reference", "date-time"):
        assert name in checker.checkers, f"the format {name} would not be checked"
    found = validator(schema, format_checker=checker).iter_errors(json.loads(document))
    return [f"{list(error.absolute_path)}: {error.message}" for error in found]


def oscal(document, _directory):
    from trestle.oscal.assessment_results import AssessmentResults

    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "results.json"
        path.write_text(document)
        try:
            AssessmentResults.oscal_read(path)
        except Exception as error:  # Whatever it is, the document was not read.
            return [str(error)]
    return []


errors = {"sarif": sarif, "oscal": oscal}[sys.argv[1]](sys.stdin.read(), pathlib.Path(sys.argv[2]))
print("\n".join(errors))
sys.exit(1 if errors else 0)
