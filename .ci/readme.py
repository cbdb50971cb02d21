#!/usr/bin/env python3
"""Is the README true? Compares its tables with a running server and with the program, and runs its first tests.

usage: readme.py PROGRAM BASE_URL

Standard library only; curl and node are needed for the tests in their languages. .NET is not run: it is not at hand
where this runs. The Rust test is compared with examples/first_test.rs, which `cargo test` runs.
"""
import json, os, pathlib, re, subprocess, sys, tempfile, urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")


def section(title):
    """What a heading of the second rank has below it, without code blocks."""
    text = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def rows(text):
    """The cells of a section's tables, without code marks."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def block(title, language):
    """The first code block of this language below a heading of the third rank."""
    below = README.split(f"\n### {title}\n", 1)[1]
    return re.search(rf"^```{language}\n(.*?)^```$", below, re.M | re.S)[1]


def same(what, readme, program):
    missing = [row for row in program if row not in readme]
    extra = [row for row in readme if row not in program]
    if missing or extra:
        sys.exit(f"README, {what}:\n  lacks {missing}\n  has {extra}, which the program has not")
    print(f"README, {what}: {len(program)} rows agree")


def settings(program):
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    names = re.findall(r"^ +(--[a-z-]+)[ \[].*?\[env: (\w+)[=\]]", text, re.M | re.S)
    documented = [tuple(row[:3]) for row in rows(section("Settings"))[1:]]
    return documented, [(f, env, "" if f == "--config" else f[2:].replace("-", "_")) for f, env in names]


def contract(base):
    with urllib.request.urlopen(base + "/_mock/contract") as answer:
        shown = json.load(answer)
    def difference(d):
        recorded = d["live@2026-08"] if d["live@2026-08"] != d["live"] else ""
        return [d["name"], d["documented"], d["live"], recorded, f'{d["since"]["live"]}, {d["evidence"]["live"]}']

    same("differences", rows(section("The contracts"))[1:], [difference(d) for d in shown["differences"]])
    scopes = [[str(s["value"]), s["name"], s["label"] or ""] for s in shown["scopes"]]
    presets = [[p["name"], str(p["scope"])] for p in shown["presets"]]
    tables = rows(section("Scopes"))
    same("scopes", [row for row in tables if len(row) == 3][1:], scopes)
    same("presets", [row for row in tables if len(row) == 2][1:], presets)


def control_calls():
    source = (TOP / "src/control_api/operations.rs").read_text(encoding="utf-8")
    paths = sorted(set(re.findall(r'"(/_mock/[^"]+)"', source)))
    documented = re.findall(r"/_mock/[\w{}/.-]+", " ".join(row[0] for row in rows(section("Control calls"))))
    same("control calls", sorted(set(documented)), paths)


def first_tests(base):
    if block("Rust", "rust") not in (TOP / "examples/first_test.rs").read_text(encoding="utf-8"):
        sys.exit("README, Rust: not the text of examples/first_test.rs")
    print("README, Rust: the text of examples/first_test.rs")
    programs = [
        ("curl", "sh", "first_test.sh", ["sh", "first_test.sh"]),
        ("Node", "js", "first.test.mjs", ["node", "--test"]),
        ("Python", "python", "test_first.py", [sys.executable, "-m", "unittest"]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for title, language, file, command in programs:
            pathlib.Path(folder, file).write_text(block(title, language), encoding="utf-8")
            environment = {**os.environ, "MOCK_URL": base}
            ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
            if ran.returncode != 0:
                sys.exit(f"README, {title}: exit status {ran.returncode}\n{ran.stdout}{ran.stderr}")
            print(f"README, {title}: ran")


def recipes(base):
    """The curl recipes of four sections, one after another in one shell; the Rust one is examples/recipes.rs."""
    text = re.search(r"^## Test recipes\n(.*?)^## Control calls\n", README, re.M | re.S)[1]
    rust = re.search(r"^```rust\n(.*?)^```$", text, re.M | re.S)[1]
    if rust not in (TOP / "examples/recipes.rs").read_text(encoding="utf-8"):
        sys.exit("README, recipes: not the text of examples/recipes.rs")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    blocks.append(re.search(r"^## Advice\n.*?^```sh\n(.*?)^```$", README, re.M | re.S)[1])
    environment = {**os.environ, "MOCK_URL": base}
    script = "set -x\n" + "\n".join(blocks)
    ran = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        sys.exit(f"README, recipes: exit status {ran.returncode}\n{ran.stdout}{ran.stderr}")
    print(f"README, recipes: {len(blocks)} blocks ran")


def main():
    program, base = sys.argv[1:]
    same("settings", *settings(program))
    contract(base)
    control_calls()
    first_tests(base)
    recipes(base)


if __name__ == "__main__":
    main()
