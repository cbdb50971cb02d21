"""The parts of pages that the program knows: asked of its help and of a server that is started for it.

A page has them between `<!-- generated: NAME -->` and `<!-- end -->`. The pages of advice rules, docs/reference/advice/ID.md,
are created and removed with their rules; what is written by hand below the generated part stays.
"""
import json, re, subprocess, urllib.request

from docs_blocks import Server
from docs_pages import DOCS, GENERATED, name, pages

RULES = DOCS / "reference" / "advice"
SEVERITIES = {"error": "error", "warning": "warning", "note": "hint"}
# Schemas of the OpenAPI document that a page describes.
DESCRIBED = {
    "NewFault": "[a fault](./faults.md)",
    "SettingsPatch": "[settings](#settings-of-a-sandbox)",
    "Seed": "[a seed](./seed.md)",
    "Expectation": "[an expectation](./journal.md#verify-the-requests)",
}
BODIES = {"/_mock/users": "[keys of a user](./seed.md#users)", "/_mock/clients": "[keys of a client](./seed.md#clients)"}


LINE = "\0"  # a new line in a cell


def get(base, path, method="GET"):
    request = urllib.request.Request(base + path, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def output(program, *arguments):
    ran = subprocess.run([program, *arguments], check=True, capture_output=True, text=True, timeout=20, env={})
    return ran.stdout


def table(head, rows):
    """A Markdown table. Angle brackets outside code would be HTML, and pipes another cell."""

    def plain(text):
        text = text.replace("<", "&lt;").replace("{{", "{&#123;")
        return re.sub(r"(?<![\w-])--[a-z][a-z-]+", r"`\g<0>`", text)

    def cell(text):
        parts = re.split(r"(`[^`]*`)", str(text).replace("\n", " "))
        safe = "".join(part if part.startswith("`") else plain(part) for part in parts)
        return safe.replace("|", "\\|").replace(LINE, "<br>")

    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell(part) for part in row)} |" for row in rows]
    return "\n".join(lines).replace("|  |", "| |").replace("|  |", "| |")


def code(text):
    return f"`{text}`" if text else ""


def sentence(text):
    text = text.strip()
    if "." in text.split(" ")[0] or "_" in text.split(" ")[0]:
        return text + ("" if text.endswith(".") else ".")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def options(help_text):
    """The options of a help page: flag, value, description, default, environment variable."""
    text = help_text.split("\nOptions:\n", 1)[-1].split("\nExamples:\n", 1)[0]
    text = re.sub(r"^[A-Z][a-z ]+:$", "", text, flags=re.M)  # headings of groups
    for entry in re.split(r"\n(?= {2,6}(?:-\w, )?--[a-z])", "\n" + text)[1:]:
        head, _, rest = entry.strip().partition("\n")
        inline = re.match(r"((?:-\w, )?--[\w-]+(?: \S+)?)(?:\s{2,}(.*))?$", head)
        flag, value = re.match(r"(?:-\w, )?(--[\w-]+)\s*(.*)$", inline[1]).groups()
        choices = re.findall(r"^\s+- (\w+):\s+(.*(?:\n {12,}\S.*)*)", rest, re.M)
        rest = re.sub(r"\n?\s*Possible values:\n(?:.*\n)*?(?=\s*\n\s*\[env|\Z)", "\n", rest)
        words = " ".join(f"{inline[2] or ''} {rest}".split())
        environment = re.search(r"\[env: (\w+)=?\]", words)
        default = re.search(r"\[default: ([^\]]*(?:\[[^\]]*\][^\]]*)*)\]", words)
        values = re.search(r"\[possible values: ([^\]]*)\]", words)
        description = re.sub(r"\s*\[(?:env|default|possible values): [^\]]*(?:\[[^\]]*\][^\]]*)*\]", "", words).strip()
        if choices:
            listed = "; ".join(f"`{word}`: {' '.join(meaning.split())}" for word, meaning in choices)
            description = f"{description}. {listed}"
        yield {
            "flag": flag, "value": value, "description": re.sub(r"<?(https?://[^\s>]+)>?", r"`\1`", description),
            "default": default[1] if default else "", "environment": environment[1] if environment else "",
            "values": values[1] if values else "",
        }  # fmt: skip


def section(help_text, heading):
    """The text below a heading, without its indent."""
    text = help_text.split(f"\n{heading}:\n", 1)[1].split("\n\n", 1)[0]
    return "\n".join(re.sub(r"^  (.*?)(?: {3,}(.*))?$", lambda line: line[1] + (f" # {line[2]}" if line[2] else ""), each) for each in text.splitlines())


def exit_status(program, base):
    rows = []
    for command in [[], *([name] for name in command_names(program))]:
        text = output(program, *command, "--help").split("\nExit status:\n", 1)[1]
        meanings = {status: " ".join(meaning.split()) for status, meaning in re.findall(r"^  (\d)  (.*(?:\n {5}.*)*)", text, re.M)}
        rows.append((meanings, code(" ".join(command) or "serve")))
    merged = {}
    for meanings, command in rows:
        merged.setdefault(json.dumps(meanings), []).append(command)
    return table(
        ["command", "0", "1", "2"],
        [[", ".join(names), *(json.loads(key).get(status, "") for status in "012")] for key, names in merged.items()],
    )


def command_names(program):
    names = re.findall(r"^  ([a-z]+) ", output(program, "--help").split("Commands:")[1].split("Options:")[0], re.M)
    return [name for name in names if name not in ("serve", "help")]


def settings(program, base):
    rows = []
    for option in options(output(program, "--help")):
        if not option["environment"]:
            continue
        flag = option["flag"]
        key = "" if flag == "--config" else flag[2:].replace("-", "_")
        names = LINE.join([code(f"{flag} {option['value']}".strip()), f"`{option['environment']}`"] + ([f"`{key}`"] if key else []))
        unset = "false" if option["value"] == "[<BOOL>]" else "none"
        default = option["default"] if " " in option["default"] else code(option["default"])
        rows.append((flag, names, default or unset, option["description"]))
    return table(["flag, variable, key in the file", "default", "meaning"], [row[1:] for row in sorted(rows)])


def commands(program, base):
    parts, common = [], {}
    for command in command_names(program):
        text = output(program, command, "--help")
        summary = " ".join(text.split("\n\nUsage:")[0].split())
        usage = " ".join(re.search(r"Usage: (.*)", text)[1].split())
        part = [f"### {command}\n\n{sentence(summary)}\n\n```text\n{usage}\n```"]
        rows = []
        for argument, meaning in re.findall(r"^  ([<\[][A-Z]+[>\]])\s+(.*(?:\n {8,}\S.*)*)", text, re.M):
            meaning = re.sub(r"\s*\[possible values: ([^\]]*)\]", r": \1", " ".join(meaning.split()))
            rows.append([code(argument), meaning, ""])
        if "\nCommands:\n" in text:
            block = text.split("\nCommands:\n")[1].split("\n\n")[0]
            for word, meaning in re.findall(r"^  ([a-z]+)\s+(.*(?:\n {8,}\S.*)*)", block, re.M):
                if word != "help":
                    usage = re.search(r"Usage: \S+ \w+ (.*)", output(program, command, word, "--help"))[1]
                    rows.append([code(usage.replace(" [OPTIONS]", "")), " ".join(meaning.split()), ""])
        for option in options(text):
            if option["flag"] in ("--help", "--version", "--color", "--json"):
                continue
            spelling = f"{option['flag']} {option['value']}".strip()
            meaning = option["description"] + (f" ({option['values']})" if option["values"] else "")
            row = [code(spelling), meaning, option["default"]]
            if option["flag"] in ("--server", "--listen", "--config", "--control-token"):
                common[option["flag"]] = [*row, code(option["environment"])]
            else:
                rows.append(row)
        if rows:
            part.append(table(["argument or option", "meaning", "default"], rows))
        part.append(f"```sh no-run\n{section(text, 'Examples')}\n```")
        parts.append("\n\n".join(part))
    found = table(["option", "meaning", "default", "environment"], common.values())
    parts.append(f"### The server that a command calls\n\nEach command that calls a server takes these options:\n\n{found}")
    return "\n\n".join(parts)


def contract(name):
    def generate(program, base):
        shown = get(base, "/_mock/contract")
        if name == "scopes":
            return table(["value", "name", "on the consent page"], [[code(s["value"]), code(s["name"]), s["label"] or ""] for s in shown["scopes"]])
        if name == "scope-presets":
            return table(["preset", "number"], [[p["name"], code(p["scope"])] for p in shown["presets"]])
        rows = []
        for row in shown["differences"]:
            recorded = row["live@2026-08"] if row["live@2026-08"] != row["live"] else ""
            known = f'{row["since"]["live"]}, {row["evidence"]["live"]}'
            rows.append([code(row["name"]) + LINE + known, row["documented"], row["live"], recorded])
        return table(["name, since", "documented", "live", "live@2026-08, if different"], rows)

    return generate


def shape(schema, schemas):
    """What a body looks like: {"client_id", "scope"?}, with a question mark after what may be missing."""
    if "$ref" in schema:
        kind = schema["$ref"].rpartition("/")[2]
        return DESCRIBED.get(kind) or shape(schemas[kind], schemas)
    if "anyOf" in schema:
        shapes = dict.fromkeys(shape(each, schemas) for each in schema["anyOf"])
        return " or ".join(shapes)
    if schema.get("type") == "array":
        return f"a list, each item {shape(schema['items'], schemas)}"
    if schema.get("type") == "object" and "properties" in schema:
        required = schema.get("required", [])
        named = [f'"{key}"' + ("" if key in required else "?") for key in schema["properties"]]
        return code("{" + ", ".join(sorted(named, key=lambda key: key.endswith("?"))) + "}")
    kinds = schema.get("type", "any value")
    known = {"integer": "a number", "number": "a number", "string": "text"}
    return " or ".join(known.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def operations(program, base):
    document = get(base, "/_mock/openapi.json")
    rows = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            schemas = document["components"]["schemas"]
            takes = [BODIES.get(path.replace("/{id}", ""), shape(body, schemas))] if body else []
            query = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
            keys = schemas.get((body or {}).get("$ref", "").rpartition("/")[2], {}).get("properties", [])
            if query and sorted(query) == sorted(keys):
                takes.append("the same as query")
            elif query:
                takes.append("query: " + ", ".join(code(each) for each in query))
            rows.append([code(f"{method.upper()} {path}"), operation["summary"], " or ".join(takes)])
    return table(["operation", "what it does", "body or query"], rows)


def fault_presets(program, base):
    rows = []
    for preset in json.loads(output(program, "fault", "presets", "--json"))["presets"]:
        fault = preset.get("fault")
        rows.append([code(preset["preset"]), preset["description"], code(json.dumps(fault)) if fault else ""])
    return table(["preset", "what happens", "the fault"], rows)


def words(schema):
    """The values of a schema."""

    def generate(program, base):
        known = get(base, "/_mock/openapi.json")["components"]["schemas"][schema]
        return "\n".join(f"- {code(word)}" for word in known["enum"])

    return generate


def sarif_rules(base):
    rules = get(base, "/_mock/advice?format=sarif")["runs"][0]["tool"]["driver"]["rules"]
    severity = ["error", "warning", "note"]
    return sorted(rules, key=lambda rule: (severity.index(rule["defaultConfiguration"]["level"]), rule["id"]))


def rule_index(program, base):
    rows = []
    for rule in sarif_rules(base):
        page = RULES / f"{rule['id']}.md"
        by_hand = GENERATED.sub("", page.read_text(encoding="utf-8")) if page.exists() else ""
        reported = re.search(r"^## When it is reported\n+(.*?)(?:\n\n|\Z)", by_hand, re.M | re.S)
        seen = " ".join(reported[1].split()) if reported else rule["shortDescription"]["text"]
        rows.append([f"[`{rule['id']}`](./advice/{rule['id']}.md)", SEVERITIES[rule["defaultConfiguration"]["level"]], seen])
    return table(["rule", "severity", "reported when"], rows)


def rule_part(rule):
    severity = SEVERITIES[rule["defaultConfiguration"]["level"]]
    reason, fix, source = rule["fullDescription"]["text"], rule["help"]["text"], rule["helpUri"]

    def text(words):
        return re.sub(r"(/_mock/\S+ \{.*\}|--[a-z-]+)", r"`\1`", sentence(words)).replace("<", "&lt;")

    return f"**Severity:** {severity}\n\n**Reason:** {text(reason)}\n\n**Fix:** {text(fix)}\n\n**Source:** <{source}>\n"


PARTS = {
    "settings": settings,
    "commands": commands,
    "exit-status": exit_status,
    "differences": contract("differences"),
    "scopes": contract("scopes"),
    "scope-presets": contract("scope-presets"),
    "operations": operations,
    "fault-presets": fault_presets,
    "endpoints": words("Endpoint"),
    "grant-types": words("GrantType"),
    "rules": rule_index,
}


def texts(program):
    """Every page with generated parts, and its text as it should be; None for a page that should not be there."""
    with Server(program, "--consent", "ask") as server:
        wanted, made = {}, {}
        rules = {rule["id"]: rule for rule in sarif_rules(server.base)}
        for page in RULES.glob("*.md"):
            if page.stem not in rules:
                wanted[page] = None
        for id, rule in rules.items():
            page = RULES / f"{id}.md"
            text = page.read_text(encoding="utf-8") if page.exists() else f"# `{id}`\n\n<!-- generated: rule -->\n<!-- end -->\n"
            wanted[page] = GENERATED.sub(lambda _: f"<!-- generated: rule -->\n{rule_part(rule)}<!-- end -->", text)

        def part(found):
            if found[1] not in PARTS:
                raise SystemExit(f"no generated part is called {found[1]}; there are: {', '.join(PARTS)}")
            if found[1] not in made:
                made[found[1]] = PARTS[found[1]](program, server.base)
            return f"<!-- generated: {found[1]} -->\n{made[found[1]]}\n<!-- end -->"

        for page in pages():
            text = page.read_text(encoding="utf-8")
            if page not in wanted and GENERATED.search(text):
                wanted[page] = GENERATED.sub(part, text)
        return wanted


def generate(program):
    """Writes what has changed, and yields the pages."""
    for page, text in texts(program).items():
        if text is None:
            page.unlink()
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
        else:
            continue
        yield page


def stale(program):
    for page, text in texts(program).items():
        if text is None or not page.exists() or page.read_text(encoding="utf-8") != text:
            yield f"{name(page)}: not what the program says; run: python3 .ci/docs.py generate --program PROGRAM"
