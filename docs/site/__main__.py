"""Write the sources of the site into a folder: `python -m docs.site FOLDER`."""

import re
import shutil
import sys
from pathlib import Path

from docs.site import commands, metrics, prices, routes

ROOT = Path(__file__).parents[2]
_BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
_FENCE = re.compile(r"^```(\w+) .*$", re.MULTILINE)  # words behind the language are for the tests
_SCRIPT = re.compile(r"\]\(((?:\.\./)*)examples/([\w/-]+)\.(py|sh|mjs|toml)\)")
_LANGUAGES = {".py": "python", ".sh": "bash", ".mjs": "js", ".toml": "toml"}
_GENERATED = {"commands": commands.page, "metrics": metrics.page, "prices": prices.page}


def write(target: Path) -> None:
    """Write pages, examples and the configuration to `target`, in place of what an earlier run wrote."""
    shutil.rmtree(target, ignore_errors=True)
    pages = target / "docs"
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("site", "zensical.toml"))
    _write_examples(pages / "examples")
    for name in _BESIDE:
        shutil.copy(ROOT / name, pages / name.lower())
    for page in pages.rglob("*.md"):
        page.write_text(_FENCE.sub(r"```\1", _with_moved_links(page, pages)))
    (pages / "decisions" / "index.md").write_text(_decisions())
    for name, make in _GENERATED.items():
        (pages / "reference" / f"{name}.md").write_text(make())
    for name, text in routes.pages().items():
        (pages / "reference" / "api" / name).parent.mkdir(exist_ok=True)
        (pages / "reference" / "api" / name).write_text(text)
    shutil.copy(ROOT / "docs" / "zensical.toml", target / "zensical.toml")


def _decisions() -> str:
    """Return a page that lists the decision records, by their first lines."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    titles = [(path.name, path.read_text().partition("\n")[0].removeprefix("# ")) for path in records]
    return "# Decisions\n\n" + "".join(f"- [{title}]({name})\n" for name, title in titles)


def _write_examples(target: Path) -> None:
    """Write a page for each script, with its text, and copy the data."""
    # `data` is a link to a folder, into which rglob does not go.
    sources = [*(ROOT / "examples").rglob("*.*"), *(ROOT / "examples" / "data").glob("*.*")]
    for source in sources:
        beside = target / source.relative_to(ROOT / "examples")
        language = _LANGUAGES.get(source.suffix)
        if language is None and source.suffix not in (".jsonl", ".csv", ".ipynb"):
            continue
        beside.parent.mkdir(parents=True, exist_ok=True)
        if language is None:
            shutil.copy(source, beside)
        else:
            page = f"# {source.name}\n\n```{language}\n{source.read_text()}```\n"
            beside.with_name(f"{source.stem}-{source.suffix[1:]}.md").write_text(page)


def _with_moved_links(page: Path, pages: Path) -> str:
    """Return a page whose links to files outside `docs/` lead to their copies in the site."""
    up = "../" * (len(page.relative_to(pages).parents) - 1)
    text = page.read_text().replace(f"]({up}../examples/", f"]({up}examples/")
    text = _SCRIPT.sub(r"](\1examples/\2-\3.md)", text)
    for name in _BESIDE:
        text = text.replace(f"]({up}../{name}", f"]({up}{name.lower()}")
    return text.replace("](docs/", "](") if page.name in map(str.lower, _BESIDE) else text


if __name__ == "__main__":
    write(Path(sys.argv[1]))
