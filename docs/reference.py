"""MkDocs hook: the API reference, one page per package of `lightweight_ssd`, so that a new package is never left out.

mkdocstrings reads the sources of a page's package when the page is built; nothing is imported.
"""

import ast
from pathlib import Path

from griffe import Extension, Object
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SOURCES = Path(__file__).parent.parent / "src" / "lightweight_ssd"


class ExamplesAsCode(Extension):
    """Has our `Example:` sections read as griffe's `Examples:`, whose lines with `>>>` are shown as code."""

    def on_instance(self, *, obj: Object, **kwargs: object) -> None:
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages to the navigation."""
    assert config.nav is not None
    config.nav.append({"API reference": [{name: f"reference/{name}.md"} for name in _pages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages themselves."""
    for name, modules in _pages().items():
        directives = "\n\n".join(f"::: {module}" for module in modules)
        files.append(File.generated(config, f"reference/{name}.md", content=f"# {name}\n\n{directives}\n"))
    return files


def _pages() -> dict[str, list[str]]:
    """Modules of each page: those at the package's root, then each package with all that is in it."""
    roots = [path.stem for path in sorted(SOURCES.glob("*.py")) if _public(path)]
    pages = {"lightweight_ssd": [f"lightweight_ssd.{name}" for name in roots]}
    for folder in sorted(path.parent for path in SOURCES.glob("*/__init__.py")):
        pages[folder.name] = [f"lightweight_ssd.{folder.name}"]
    return pages


def _public(path: Path) -> bool:
    return not path.stem.startswith("_") and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is not None
