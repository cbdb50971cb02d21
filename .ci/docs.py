#!/usr/bin/env python3
"""Generates, checks and runs the documentation: README.md, the skill for coding agents, and every page of docs/.

usage: docs.py generate --program PROGRAM          write the parts of the pages that the program knows
       docs.py check    --program PROGRAM [--site FOLDER]
                                                   generated parts, sizes, wording, servers of blocks, headings, links;
                                                   anchors on the built site
       docs.py run      --program PROGRAM [PAGE…]  run the code blocks, each page against a server of its own

Standard library only. `run` needs curl and node.
"""
import argparse, html.parser, pathlib, re, sys, urllib.parse

sys.dont_write_bytecode = True

import docs_blocks, docs_tables
from docs_pages import README, SKILL, TOP, blocks, name, pages, prose

LINES = {README: 200, SKILL: 120}
PAGE_LINES = 300
SENTENCE_WORDS = 30

# The left column of the project's word list. `leave`, `over`, `well` and `otherwise` have good uses too: only their bad
# ones are here.
WORDS = [
    r"mend(?:s|ed|ing)?", r"who(?:m|so)?ever", r"those who", r"one who", r"(?:somebody|nobody|anybody|everybody)",
    r"production would punish", r"(?:is|are|was|were|be|been) told", r"tells", r"speaks? of", r"says?",
    r"kept", r"(?:is|are) held", r"lets? go", r"(?:is|are|was) gone", r"by your leave", r"the leave of", r"admit(?:s|ted)?",
    r"turn(?:s|ed)? away", r"struck", r"strikes?", r"ran out", r"runs? out", r"past (?:its|their) li(?:fe|ves)", r"anew",
    r"afresh", r"by itself", r"besides?", r"not so", r"doors?", r"verbs?", r"worlds?", r"draw(?:s|n|ing)?", r"drew",
    r"sow(?:s|n)?", r"plant(?:s|ed)?", r"so many", r"so long", r"so often", r"what is past", r"all the same", r"goes? on",
    r"for good", r"of (?:its|their|your|our) own accord", r"as it stands",
]  # fmt: skip
FORBIDDEN = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)
# Sentences that need such a word: quotations of other texts.
QUOTATIONS: list[str] = []


def fail(errors):
    for error in errors:
        print(error, file=sys.stderr)
    sys.exit(f"{len(errors)} errors")


def sizes():
    for page in pages():
        lines = page.read_text(encoding="utf-8").count("\n")
        most = LINES.get(page, PAGE_LINES)
        if lines > most:
            yield f"{name(page)}: {lines} lines, at most {most} are allowed: split it or move a part"


def wording():
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for line, paragraph, kind in prose(text):
            place = f"{name(page)}:{line}"
            if kind == "heading" and paragraph.rstrip().endswith("?"):
                yield f"{place}: a heading that is a question: {paragraph.strip()}"
            for quotation in QUOTATIONS:
                paragraph = paragraph.replace(quotation, "")
            for found in FORBIDDEN.finditer(paragraph):
                around = paragraph[max(0, found.start() - 30) : found.end() + 30].strip()
                yield f"{place}: {found[0]!r} is on the word list: … {around} …"
            if kind == "text":
                for sentence in re.split(r"(?<=[.!?])[\")”]?\s+", paragraph):
                    words = len(re.findall(r"\S*\w\S*", sentence))
                    if words > SENTENCE_WORDS:
                        yield f"{place}: {words} words, at most {SENTENCE_WORDS} are allowed: {sentence.strip()[:90]} …"


# Runs against whatever listens there, which may be the server of another user.
FIXED_SERVER = re.compile(r"(?<!\$\{MOCK_URL:-)http://(?:127\.0\.0\.1|localhost):8080")
SERVER_COMMAND = re.compile(r"civitai-oauth-mock (?:token|clock|fault(?! presets)|reset|advice)\b")


def servers():
    """Blocks that run act on the server of the reader: MOCK_URL, --server or CIVITAI_MOCK_SERVER."""
    for page in pages():
        shell = [block for block in blocks(page.read_text(encoding="utf-8")) if block.language == "sh"]
        found = [block for block in shell if "no-run" not in block.flags]
        exported = any("export CIVITAI_MOCK_SERVER=" in block.text for block in found)
        for block in found:
            for line, text in enumerate(block.text.split("\n"), block.line + 1):
                if FIXED_SERVER.search(text):
                    yield f"{name(page)}:{line}: a fixed server: write ${{MOCK_URL:-http://127.0.0.1:8080}}"
                if SERVER_COMMAND.search(text) and "--server" not in text and not exported:
                    yield f"{name(page)}:{line}: add --server, or export CIVITAI_MOCK_SERVER"


def headings():
    """A heading has one anchor: GitHub and VitePress derive the same from its text."""
    for page in pages():
        text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for heading in re.findall(r"^##+ (.+)$", text, re.M):
            heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
            github = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
            site = re.sub(r"[\W_]+", "-", heading).strip("-")
            if github != site:
                yield f"{name(page)}: the heading {heading!r} has the anchor #{github} on GitHub, and #{site} on the site"


LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def files():
    """Relative links lead to files that exist."""
    others = [TOP / file for file in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    for page in [*pages(), *others]:
        text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in LINK.findall(text):
            path = urllib.parse.unquote(target.split("#")[0])
            if path and not re.match(r"[a-z]+:|/", path) and not (page.parent / path).exists():
                yield f"{name(page)}: the link {target} leads nowhere"


class Anchors(html.parser.HTMLParser):
    """The ids and the local links of a built page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get("id"):
            self.ids.add(attributes["id"])
        href = attributes.get("href") or ""
        if tag == "a" and not re.match(r"[a-z]+:", href):
            self.links.add(href)


def anchors(site):
    """Links of the built pages, and of the README to them, lead to pages and headings that exist."""
    built = {path.relative_to(site).as_posix(): Anchors(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    if "index.html" not in built:
        yield f"{site}: no built site; run: npm run --prefix docs build"
        return
    links = [(page, link) for page, parsed in built.items() for link in parsed.links]
    for other in (README, TOP / "SECURITY.md", TOP / "CONTRIBUTING.md"):
        for link in LINK.findall(other.read_text(encoding="utf-8")):
            if link.startswith("docs/") and ".md" in link:
                links.append((other.name, re.sub(r"\.md(?=#|$)", ".html", link.removeprefix("docs/"))))
    for page, link in sorted(links):
        path, _, anchor = link.partition("#")
        target = urllib.parse.urljoin(f"/{page}", urllib.parse.unquote(path)).lstrip("/") if path else page
        target = target or "index.html"
        if target.endswith("/"):
            target += "index.html"
        if not target.endswith(".html"):
            if not (site / target).exists():
                yield f"{page}: the link {link} leads nowhere"
        elif target not in built:
            yield f"{page}: the link {link} leads nowhere"
        elif anchor and urllib.parse.unquote(anchor) not in built[target].ids:
            yield f"{page}: the page {target} has no heading #{anchor}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["generate", "check", "run"])
    parser.add_argument("--program", required=True, help="civitai-oauth-mock, debug or release")
    parser.add_argument("--site", help="the folder that the site was built into")
    parser.add_argument("pages", nargs="*", help="run only these")
    options = parser.parse_intermixed_args()
    program = str(pathlib.Path(options.program).resolve())
    if options.command == "generate":
        for page in docs_tables.generate(program):
            print(f"written: {name(page)}")
    elif options.command == "check":
        errors = [*docs_tables.stale(program), *sizes(), *wording(), *servers(), *headings(), *files()]
        if options.site:
            errors += anchors(pathlib.Path(options.site))
        if errors:
            fail(errors)
        print(f"{len(pages())} pages: generated parts, sizes, wording and links are right")
    else:
        wanted = [pathlib.Path(page).resolve() for page in options.pages]
        errors = list(docs_blocks.run(program, wanted or pages()))
        if errors:
            fail(errors)


if __name__ == "__main__":
    main()
