"""Runs the code blocks of pages, each page against a fresh server.

sh                      in order in one POSIX shell; MOCK_URL is the server, and so is http://127.0.0.1:8080;
                        civitai-oauth-mock is on the path
js [x.test.mjs]         `node --test`
python [test_x.py]      `python3 -m unittest`
ts [x.test.ts]          `tsc --strict`, then `vitest run`, both of tests/npm
rust                    the text of a file in examples/, which `cargo test` runs
toml [seed.toml], toml [civitai-oauth-mock.toml]    loaded by the program; other toml and json must parse

A block with the flag `no-run` is skipped. js, ts and python without a file name are excerpts, and are not run either.
"""
import collections, json, os, pathlib, subprocess, sys, tempfile, threading, tomllib

from docs_pages import TOP, blocks, name

TIMEOUT = 120
PACKAGES = TOP / "tests" / "npm" / "node_modules"
TSC = "tsc --strict --noEmit --module nodenext --target es2023 --types node --skipLibCheck"
NOT_RUN = {"text", "yaml", "csharp", "mermaid", "dotenv", "ini", "dockerfile", "http", "groovy", "kotlin", "java", "go"}


class Server:
    """The program on a free port, with nothing in its environment but the path."""

    def __init__(self, program, *options):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--mcp-listen", "none", *options],
            env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip
        watchdog = threading.Timer(20, self.process.kill)
        watchdog.start()
        first = self.process.stdout.readline()
        watchdog.cancel()
        if not first.startswith("listening on "):
            self.process.kill()
            self.process.wait()
            self.errors.seek(0)
            raise RuntimeError(f"the program does not start: {self.errors.read().strip()}")
        self.base = first.removeprefix("listening on ").split()[0].rstrip("/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def command(arguments, folder, environment):
    """The output of a command that failed, or nothing."""
    try:
        ran = subprocess.run(
            arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {TIMEOUT} s"
    if ran.returncode:
        return f"exit status {ran.returncode}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
    return None


def examples():
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((TOP / "examples").glob("*.rs")))


def check(block, program, folder):
    """What is wrong with a block that is not run by a shell or a test runner."""
    if block.language == "rust":
        return None if block.text in examples() else "not the text of a file in examples/"
    if block.language == "json":
        json.loads(block.text)
    if block.language == "toml":
        tomllib.loads(block.text)
        options = {"seed.toml": "--seed", "civitai-oauth-mock.toml": "--config"}.get(pathlib.PurePath(block.file).name)
        if options:
            with Server(program, options, str(folder / block.file)):
                pass
    return None


def page_errors(program, page, counts):
    found = list(blocks(page.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "bin").mkdir()
        (folder / "bin" / "civitai-oauth-mock").symlink_to(program)
        shell, suites = [], collections.OrderedDict()
        for block in found:
            place = f"{name(page)}:{block.line}"
            if block.file:
                file = (folder / block.file).resolve()
                if folder.resolve() in file.parents:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(block.text, encoding="utf-8")
            if "no-run" in block.flags:
                counts[f"{block.language} no-run"] += 1
            elif block.language == "sh":
                counts["sh"] += 1
                shell.append(f": {place}\n{block.text}")
            elif block.language == "js" and block.file.endswith(".test.mjs"):
                suites[place] = ["node", "--test", block.file]
            elif block.language == "ts" and block.file.endswith(".test.ts"):
                if not PACKAGES.exists():
                    yield f"{place}: no packages: run npm install --prefix tests/npm"
                    continue
                if not (folder / "node_modules").exists():
                    (folder / "node_modules").symlink_to(PACKAGES)
                    (folder / "package.json").write_text('{"type":"module"}')
                programs = PACKAGES / ".bin"
                suites[f"{place} (types)"] = [str(programs / "tsc"), *TSC.split()[1:], block.file]
                suites[place] = [str(programs / "vitest"), "run", block.file]
            elif block.language == "python" and pathlib.PurePath(block.file).name.startswith("test_"):
                suites[place] = [sys.executable, "-m", "unittest", block.file]
            elif block.language in ("rust", "json", "toml"):
                try:
                    error = check(block, program, folder)
                except (ValueError, RuntimeError) as failure:
                    error = str(failure)
                if error:
                    yield f"{place}: {block.language}: {error}"
                counts[block.language] += 1
            elif block.language in ("js", "ts", "python"):
                counts[f"{block.language} excerpt"] += 1
            elif block.language in NOT_RUN:
                counts[f"{block.language}, not run"] += 1
            else:
                yield f"{place}: a block of the unknown language {block.language!r}"
        if not shell and not suites:
            return
        with Server(program) as server:
            environment = {
                "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": temporary, "LANG": "C.UTF-8",
                "MOCK_URL": server.base, "CIVITAI_MOCK_SERVER": server.base,
                "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
            }  # fmt: skip
            if shell:
                text = "set -eux\n" + "\n".join(shell).replace("http://127.0.0.1:8080", server.base)
                error = command(["sh", "-c", text], folder, environment)
                if error:
                    yield f"{name(page)}: sh: {error}"
            for place, arguments in suites.items():
                counts[arguments[0].rpartition("/")[2] + " test"] += 1
                error = command(arguments, folder, environment)
                if error:
                    yield f"{place}: {' '.join(arguments)}: {error}"


def run(program, pages):
    """Runs the blocks of pages, and yields what failed."""
    counts = collections.Counter()
    for page in pages:
        yield from page_errors(program, page, counts)
    print(f"{len(pages)} pages; blocks: " + ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))
