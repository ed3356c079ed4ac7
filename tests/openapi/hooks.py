"""What JSON Schema cannot say, so that schemathesis asks for nothing that is refused with good reason."""

import schemathesis


def plainly(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [plainly(item) for item in value]
    if isinstance(value, dict):
        return {name: plainly(item) for name, item in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, **kwargs):
    # JSON Schema calls 398.0 an integer too; neither OpenAI's API nor this one reads it as one.
    case.body = plainly(case.body)
    # Names that /v1/models gave are tried everywhere. Which inputs a model embeds, and into how many dimensions, is its own affair; this one
    # takes them all.
    if case.path == "/v1/embeddings" and isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = "any"

    # Which labels there are is the artifact's affair.
    if case.path == "/v1/feedback" and isinstance(case.body, dict):
        known = {"task": "code", "complexity": "low"}
        case.body.update({field: label for field, label in known.items() if isinstance(case.body.get(field), str)})


@schemathesis.hook
def filter_case(context, case):
    """A header that nobody reads is let through, as everywhere; the tool expects so too, unless a number stands in a header beside it."""
    return not any(name.lower() == "x-schemathesis-unknown-property" for name in case.headers or ())
