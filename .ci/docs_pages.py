"""README.md, the skill and the pages of docs/, cut into code blocks, generated parts and prose."""
import pathlib, re
from dataclasses import dataclass

TOP = pathlib.Path(__file__).resolve().parent.parent
DOCS = TOP / "docs"
README = TOP / "README.md"
SKILL = TOP / "skills" / "civitai-oauth-mock" / "SKILL.md"

GENERATED = re.compile(r"<!-- generated: ([\w-]+) -->\n(.*?)<!-- end -->", re.S)


def pages():
    """The README, the skill for coding agents, then every page in the order of their paths."""
    found = sorted(path for path in DOCS.rglob("*.md") if not {"node_modules", ".vitepress"} & set(path.parts))
    return [README, SKILL, *found]


def name(page):
    return page.relative_to(TOP).as_posix()


@dataclass
class Block:
    """A code block. `flags` is what follows the language, without a file name."""

    line: int
    language: str
    file: str
    flags: list[str]
    text: str


def blocks(text):
    for found in re.finditer(r"^( *)```([^\n`]*)\n(.*?)^\1```$", text, re.M | re.S):
        indent, info, body = found[1], found[2].strip(), found[3]
        file = re.search(r"\[([^\]]+)\]", info)
        words = re.sub(r"\[[^\]]+\]|\{[^}]*\}", " ", info).split()
        yield Block(
            line=text[: found.start()].count("\n") + 1,
            language=words[0] if words else "",
            file=file[1] if file else "",
            flags=words[1:],
            text=re.sub(f"^{indent}", "", body, flags=re.M),
        )


def prose(text):
    """The paragraphs of a page as (line, text, kind), kind being heading, row or text. Code, links' targets and HTML are left out."""
    text = re.sub(r"\A---\n.*?^---$", lambda part: "\n" * part[0].count("\n"), text, flags=re.M | re.S)
    text = re.sub(r"^( *)```.*?^\1```$", lambda part: "\n" * part[0].count("\n"), text, flags=re.M | re.S)
    text = re.sub(r"<!--.*?-->", lambda part: "\n" * part[0].count("\n"), text, flags=re.S)
    text = re.sub(r"``.+?``|`[^`]+`", "CODE", text, flags=re.S)
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[((?:[^\]\[]|\[[^\]]*\])*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"https?://\S+", "URL", text)
    start, kept = 0, []

    def paragraph():
        if kept:
            yield start, " ".join(kept), "text"
            kept.clear()

    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("#") or stripped.startswith("|"):
            yield from paragraph()
            yield number, stripped, "heading" if stripped.startswith("#") else "row"
        elif not stripped or stripped.startswith(":::") or stripped.startswith("<"):
            yield from paragraph()
        else:
            item = re.match(r"(?:[-*+]|\d+\.)\s+", stripped)
            if item:
                yield from paragraph()
                stripped = stripped[item.end() :]
            if not kept:
                start = number
            kept.append(stripped)
    yield from paragraph()
