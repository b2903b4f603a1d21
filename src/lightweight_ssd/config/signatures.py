"""The parameters of a class or a function, read from its source without importing it.

A setting is checked against what takes it, and a typing error is told at once: importing PyTorch to look at a signature
would take seconds. Only what an annotation says in plain types is understood; the rest counts as `Any`.
"""

import ast
import builtins
import functools
import importlib.util
import operator
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Meta

__all__ = ["Parameter", "Signature", "signature_of"]

_PLAIN = ("int", "float", "str", "bool", "list", "dict", "tuple")
_KNOWN: dict[str, Any] = {
    **{name: getattr(builtins, name) for name in _PLAIN},
    **{name: getattr(typing, name) for name in ("Any", "Literal", "Annotated", "Optional", "Union")},
    "List": list, "Dict": dict, "Tuple": tuple, "Iterable": Sequence,
    "Path": Path, "Sequence": Sequence, "Mapping": Mapping,
}  # fmt: skip
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Pow: operator.pow}
_TENSOR = "Tensor"  # is not looked for: PyTorch's own files are long


class _Object:
    """Stands for any class that a file of settings cannot hold a value of; left out of a union with plain types."""


_CLOSED_BASES = ("Module", "nn.Module", "object", "Protocol", "Callback", "NamedTuple", "Struct")


class Parameter(NamedTuple):
    """One parameter: its type, `Any` where it is not known, and whether it must be given."""

    hint: Any
    required: bool


class Signature(NamedTuple):
    """What can be given by name; `open` where any other name can be, too."""

    parameters: dict[str, Parameter]
    open: bool = False


class _Found(NamedTuple):
    """A definition and the module it stands in."""

    node: ast.AST
    module: str


@functools.cache
def signature_of(target: str) -> Signature | None:
    """The parameters of what a dotted path names, without `self`; None where its source does not tell.

    Example:
        >>> signature_of("lightweight_ssd.neck.cfpn.CFPN").parameters["circles"]
        Parameter(hint=<class 'int'>, required=False)
    """
    module, _, name = target.rpartition(".")
    found = _find(module, name)
    if found is None:
        return None
    if isinstance(found.node, ast.FunctionDef):
        return _of_function(found.node, found.module)
    return _of_class(found.node, found.module) if isinstance(found.node, ast.ClassDef) else None


def _of_class(node: ast.ClassDef, module: str) -> Signature | None:
    constructor = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    if constructor:
        return _of_function(constructor[-1], module, skipped=1)
    bases = [ast.unparse(base).split("[")[0] for base in node.bases]
    fields = {
        each.target.id: Parameter(_hint(each.annotation, module), each.value is None)
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    decorators = [ast.unparse(each) for each in node.decorator_list]
    has_fields = {"NamedTuple", "Struct"} & set(bases) or any("dataclass" in each for each in decorators)
    if not bases or bases[0] in _CLOSED_BASES:  # a PyTorch module takes any arguments only to refuse them
        return Signature(fields if has_fields else {})
    found = _find(module, bases[0])
    above = _of_class(found.node, found.module) if found and isinstance(found.node, ast.ClassDef) else None
    return above and above._replace(parameters={**above.parameters, **(fields if has_fields else {})})


def _of_function(node: ast.FunctionDef, module: str, skipped: int = 0) -> Signature:
    arguments = node.args
    placed = [*arguments.posonlyargs, *arguments.args]
    required = len(placed) - len(arguments.defaults)
    by_name = [(each, place < required) for place, each in enumerate(placed)][skipped:]
    by_name += [
        (each, default is None) for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    parameters = {each.arg: Parameter(_hint(each.annotation, module), must) for each, must in by_name}
    return Signature(parameters, arguments.kwarg is not None)


def _find(module: str, name: str, depth: int = 6) -> _Found | None:
    """What a name means in a module, through the imports that lead to its definition."""
    for node in _statements(module) if depth else ():
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return _Found(node, module)
        if isinstance(node, ast.Assign) and _assigns(node, name):
            return _Found(node.value, module)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(_imported_from(node, module), alias.name, depth - 1)
    return None


def _imported_from(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    is_package = (file := _file(module)) is not None and file.name == "__init__.py"
    parts = module.split(".")
    parent = parts[: len(parts) - node.level + is_package]
    return ".".join([*parent, *([node.module] if node.module else [])])


@functools.cache
def _statements(module: str) -> tuple[ast.stmt, ...]:
    file = _file(module)
    try:
        return tuple(ast.parse(file.read_bytes()).body) if file else ()
    except (OSError, SyntaxError, ValueError):
        return ()


@functools.cache
def _file(module: str) -> Path | None:
    """The source of a module; a package is found without importing it, which `find_spec` does for all but the first."""
    first, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(first) if first else None
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                return file
    return None


def _hint(node: ast.expr | None, module: str) -> Any:
    """The type that an annotation names, with `Any` for whatever is not plain."""
    try:
        hint = Any if node is None else _type(node, module)
    except TypeError:  # such as a subscript of what takes none
        return Any
    return Any if hint is _Object else hint


def _type(node: ast.AST, module: str, depth: int = 6) -> Any:
    if isinstance(node, ast.Constant):
        return _type(ast.parse(node.value, mode="eval").body, module) if isinstance(node.value, str) else node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([_type(node.left, module, depth), _type(node.right, module, depth)])
    if isinstance(node, ast.Subscript):
        return _subscript(_type(node.value, module, depth), node.slice, module, depth)
    if not isinstance(node, ast.Name) or not depth:
        return Any
    if node.id == _TENSOR:
        return _Object
    is_own = any(isinstance(each, ast.Assign) and _assigns(each, node.id) for each in _statements(module))
    if node.id in _KNOWN and not is_own:
        return _KNOWN[node.id]
    found = _find(module, node.id)
    if found is None:
        return Any
    return _Object if isinstance(found.node, ast.ClassDef) else _type(found.node, found.module, depth - 1)


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _union(types: list[Any]) -> Any:
    plain = [each for each in types if each is not _Object]
    if Any in plain:
        return Any
    return typing.Union[tuple(plain)] if [each for each in plain if each is not None] else Any  # noqa: UP007


def _subscript(kind: Any, inside: ast.expr, module: str, depth: int) -> Any:
    parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
    if kind is typing.Literal:
        values = tuple(each.value for each in parts if isinstance(each, ast.Constant))
        return typing.Literal[values] if len(values) == len(parts) else Any
    if kind is typing.Annotated:
        metas, inner = tuple(_metas(parts[1:])), _type(parts[0], module, depth)
        return typing.Annotated[(inner, *metas)] if metas else inner
    if kind in (Any, _Object):
        return kind
    types = [... if isinstance(e, ast.Constant) and e.value is ... else _type(e, module, depth) for e in parts]
    if kind in (typing.Union, typing.Optional):
        return _union([*types, *([None] if kind is typing.Optional else [])])
    if _Object in types:
        return _Object if kind in (list, Sequence) else Any
    several, container = len(types) > 1 or kind is tuple, typing.cast(Any, kind)
    return container[tuple(types)] if several else container[types[0]]


def _metas(nodes: Sequence[ast.expr]) -> Iterator[Meta]:
    """The constraints of an annotation, as far as they are written out."""
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Meta"):
            named = {each.arg: _literal(each.value) for each in node.keywords if each.arg}
            yield Meta(**{name: value for name, value in named.items() if value is not None})


def _literal(node: ast.expr) -> Any:
    """A value that is written out, also as a sum such as `2**63 - 1`; None for what has names in it."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _literal(node.left), _literal(node.right)
        return None if left is None or right is None else _OPERATORS[type(node.op)](left, right)
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
