#!/usr/bin/env python3
"""Writes what is generated in clients/ from docs/openapi.json; with --check it says what is old instead.

Run by `make clients` with the Python of clients/python/requirements.txt, after scripts/node-packages.sh clients/typescript.
What renderers and edges say to their server is no client's matter and left out.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INNER = {"renderers", "edges"}
MARK = "Generated from docs/openapi.json by `make clients`. Do not edit."
TYPESCRIPT = ROOT / "clients/typescript/src/generated/schema.ts"
SCHEMAS = ROOT / "clients/python/festoon_client/generated/schemas.py"
OPERATIONS = ROOT / "clients/python/festoon_client/generated/operations.py"


def references(value):
    """Every `$ref` of a value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def for_clients(document):
    """The document without what clients do not ask, and without what is then used nowhere."""
    paths = {}
    for path, operations in document["paths"].items():
        kept = {method: operation for method, operation in operations.items() if not INNER & set(operation["tags"])}
        if kept:
            paths[path] = kept
    for operations in paths.values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if set(response.get("content", {})) == {"application/problem+json"}:
                    operation["responses"][status] = {"$ref": "#/components/responses/Problem"}
    # Fields that a client does not know are passed over.
    components = without_limits(document["components"])
    used, waiting = set(), set(references(paths))
    while waiting:
        used |= waiting
        found = set()
        for reference in waiting:
            _, _, kind, name = reference.split("/")
            found |= set(references(components[kind][name]))
        waiting = found - used
    kept = {
        kind: {name: value for name, value in named.items() if kind == "securitySchemes" or f"#/components/{kind}/{name}" in used}
        for kind, named in components.items()
    }
    return {**document, "paths": paths, "components": kept}


def without_limits(value):
    if isinstance(value, dict):
        return {name: without_limits(inner) for name, inner in value.items() if (name, inner) != ("additionalProperties", False)}
    return [without_limits(inner) for inner in value] if isinstance(value, list) else value


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stdout}{done.stderr}")


def typescript(source, folder):
    out = folder / "schema.ts"
    run("node", ROOT / "clients/typescript/node_modules/openapi-typescript/bin/cli.js", source, "-o", out)
    text = out.read_text()
    return f"// {MARK}\n" + text.split("*/\n", 1)[1].lstrip()


def schemas(source, folder):
    out = folder / "schemas.py"
    run(
        sys.executable, "-m", "datamodel_code_generator", "--input", source, "--input-file-type", "openapi", "--output", out,
        "--output-model-type", "typing.TypedDict", "--target-python-version", "3.11", "--use-schema-description",
        "--use-field-description", "--enum-field-as-literal", "all", "--disable-timestamp", "--custom-file-header", f"# {MARK}", "--formatters", "ruff-format",
    )  # fmt: skip
    run(sys.executable, "-m", "ruff", "format", "--config", ROOT / "clients/python/pyproject.toml", out)
    return out.read_text()


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").lower()


KINDS = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "object": "Mapping[str, str]"}


def kind(schema):
    """The Python type of what is sent."""
    return f"schemas.{schema['$ref'].rsplit('/', 1)[1]}" if "$ref" in schema else KINDS[schema["type"]]


def operation(document, path, method, own):
    """A method that sends one operation."""
    parameters = [document["components"]["parameters"][at["$ref"].rsplit("/", 1)[1]] if "$ref" in at else at for at in own.get("parameters", [])]
    holes = [parameter for parameter in parameters if parameter["in"] == "path"]
    options = [parameter for parameter in parameters if parameter["in"] != "path"]
    arguments = ["self", *(f"{snake(hole['name'])}: {kind(hole['schema'])}" for hole in holes)]
    sent = []
    for media_type, content in own.get("requestBody", {}).get("content", {}).items():
        arguments.append(f"body: {kind(content['schema']) if media_type == 'application/json' else 'bytes'}")
        sent.append("json=body" if media_type == "application/json" else "content=body")
    if options:
        arguments += ["*", *(f"{snake(option['name'])}: {kind(option['schema'])} | None = None" for option in options)]
    for place, name in (("query", "query"), ("header", "headers")):
        own_options = [option for option in options if option["in"] == place]
        single = [f'"{option["name"]}": {snake(option["name"])}' for option in own_options if not option.get("explode")]
        single += [f"**({snake(option['name'])} or {{}})" for option in own_options if option.get("explode")]
        if single:
            sent.append(f"{name}={{{', '.join(single)}}}")
    good = [response.get("content", {}) for status, response in own["responses"].items() if status.startswith("2")]
    answers = [kind(content["application/json"]["schema"]) for content in good if "$ref" in content.get("application/json", {}).get("schema", {})]
    is_json = answers and all(not content or "application/json" in content for content in good)
    is_nothing = next(iter(own["responses"])) == "204"
    answer = " | ".join(dict.fromkeys(answers)) if is_json else "None" if is_nothing else "httpx.Response"
    address = re.sub(r"\{(\w+)\}", lambda hole: f"{{quote({snake(hole[1])}, safe='')}}", path)
    literal = f'f"{address}"' if "{" in address else f'"{address}"'
    call = f'self.send("{method.upper()}", {literal}' + "".join(f", {part}" for part in sent) + ")"
    says = {"None": call, "httpx.Response": f"return {call}"}.get(answer, f"return cast({answer}, {call}.json())")
    about = own["summary"] + (f".\n\n        {own['description']}\n        " if "description" in own else ".")
    return f'    def {snake(own["operationId"])}({", ".join(arguments)}) -> {answer}:\n        """{about}"""\n        {says}\n'


def operations(source, folder):
    document = json.loads(source.read_text())
    each = [operation(document, path, method, own) for path, methods in document["paths"].items() for method, own in methods.items()]
    out = folder / "operations.py"
    out.write_text(
        f"# {MARK}\n"
        '"""Every operation of the interface, as a method."""\n\n'
        "from __future__ import annotations\n\n"
        "from collections.abc import Mapping\nfrom typing import TypedDict, Unpack, cast\nfrom urllib.parse import quote\n\nimport httpx\n\n"
        "from . import schemas\n\n"
        "class Parts(TypedDict, total=False):\n"
        '    """What goes with a request beside its address."""\n\n'
        "    query: Mapping[str, object]\n    headers: Mapping[str, str | None]\n    json: object\n    content: bytes\n\n"
        "class Operations:\n"
        '    """Sends what its methods say with `send`, which a client provides."""\n\n'
        "    def send(self, method: str, path: str, **parts: Unpack[Parts]) -> httpx.Response:\n"
        '        """Sends a request; raises what the server says is wrong."""\n'
        "        raise NotImplementedError\n\n" + "\n".join(each)
    )
    run(sys.executable, "-m", "ruff", "format", "--config", ROOT / "clients/python/pyproject.toml", out)
    return out.read_text()


def main():
    document = for_clients(json.loads((ROOT / "docs/openapi.json").read_text()))
    old = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "openapi.json"
        source.write_text(json.dumps(document))
        for target, make in ((TYPESCRIPT, typescript), (SCHEMAS, schemas), (OPERATIONS, operations)):
            text = make(source, folder)
            if "--check" in sys.argv:
                if not target.exists() or target.read_text() != text:
                    old.append(str(target.relative_to(ROOT)))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
    if old:
        sys.exit(f"{', '.join(old)}: older than docs/openapi.json; run `make clients`")


if __name__ == "__main__":
    main()
