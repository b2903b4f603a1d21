"""Checks what a command's function is given against its own annotations: one place for the shell and for Python.

A function says what it takes once, in its signature: `Annotated[int, Meta(ge=1)]`, `Literal["val", "test"]`,
`Path | None`. `checked` compares every argument with it by msgspec and raises one sentence for the first that does not
fit. Types that msgspec does not know (an array, a configuration) are left to the function.
"""

import difflib
import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec import inspect as schema
from omegaconf import DictConfig, OmegaConf

__all__ = [
    "Checkpoint",
    "Count",
    "Natural",
    "Overlap",
    "Port",
    "Seconds",
    "Share",
    "call",
    "checked",
    "converted",
    "missing",
]

Checkpoint = Annotated[Path, Meta(examples=["RUN/checkpoints/best.ckpt"])]
"""A checkpoint file, or the folder of a run."""

Count = Annotated[int, Meta(ge=1)]
"""A whole number of at least 1."""

Natural = Annotated[int, Meta(ge=0)]
"""A whole number of at least 0."""

Overlap = Annotated[float, Meta(ge=0, le=1)]
"""An intersection over union, 0 to 1."""

Port = Annotated[int, Meta(ge=0, le=65535)]
"""A TCP port; 0 takes any that is free."""

Seconds = Annotated[float, Meta(gt=0, description="seconds above 0")]

Share = Annotated[float, Meta(ge=0, lt=1)]
"""A number from 0 to below 1."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def checked(function: _Function) -> _Function:
    """Checks every argument of a function against its annotation before the function sees it.

    A `Path` may be given as text, or as the number that Hydra makes of a folder called 2007.

    Raises:
        ValueError: On the call: an argument does not fit, is missing or is not known.

    Example:
        >>> @checked
        ... def draw(images: Count = 16): ...
        >>> draw(images=0)
        Traceback (most recent call last):
        ValueError: Expected images to be a whole number of at least 1, but got 0.
    """
    signature = inspect.signature(function)

    @functools.cache  # annotations may name types that are imported after this module
    def hints() -> dict[str, Any]:
        return typing.get_type_hints(function, include_extras=True)

    @functools.wraps(function)
    def call_checked(*args: Any, **kwargs: Any) -> Any:
        _refuse_unknown(kwargs, signature)
        bound = signature.bind_partial(*args, **kwargs)
        for name, parameter in signature.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if name not in bound.arguments and parameter.default is parameter.empty:
                raise ValueError(missing(name, hints().get(name)))
            if name in bound.arguments:
                bound.arguments[name] = converted(name, bound.arguments[name], hints().get(name, Any))
        return function(*bound.args, **bound.kwargs)

    return typing.cast(_Function, call_checked)


def call(function: Callable[..., Any], cfg: DictConfig) -> Any:
    """Calls a function with the values of a composed configuration; keys that hold `???` count as not given."""
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    return function(**{str(key): value for key, value in config.items() if value != "???"})


def _refuse_unknown(kwargs: Mapping[str, Any], signature: inspect.Signature) -> None:
    known = list(signature.parameters)
    if any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values()):
        return
    for name in kwargs:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            advice = f"did you mean {near[0]}?" if near else f"give one of {', '.join(known)}."
            raise ValueError(f"There is no setting {name}: {advice}")


def missing(name: str, hint: Any) -> str:
    """The sentence for an argument that is needed, with the example of its annotation."""
    return f"Expected {name}, but none was given{_example(name, hint)}."


def converted(name: str, value: Any, hint: Any) -> Any:
    """The value as an annotation has it.

    Args:
        name: What the user calls it.
        value: As it was given.
        hint: The annotation; what msgspec does not know is left alone.

    Raises:
        ValueError: It does not fit.
    """
    paths = Path in _members(hint) | _members(_elements(hint))
    plain = _without_paths(hint)
    value = _path_as_text(value, hint)
    try:
        info = schema.type_info(plain)
    except TypeError:  # a union that it cannot tell apart
        return value
    if _holds_custom(info):
        return value
    try:
        converted = msgspec.convert(value, plain)
    except msgspec.ValidationError:
        if value is None:
            raise ValueError(missing(name, hint)) from None
        raise ValueError(f"Expected {name} to be {_describe(info, paths)}, but got {_shown(value)}.") from None
    return _text_as_path(converted, hint)


def _path_as_text(value: Any, hint: Any) -> Any:
    """Paths as text, also the elements of a list of paths, since msgspec does not know them."""
    elements = _elements(hint)
    if elements is not None and isinstance(value, list | tuple):
        return [_path_as_text(each, elements) for each in value]
    if Path in _members(hint) and isinstance(value, os.PathLike | int | float) and not isinstance(value, bool):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    return value


def _text_as_path(value: Any, hint: Any) -> Any:
    """Text as a path where the annotation has `Path` and no `str`, also in a list."""
    elements = _elements(hint)
    if elements is not None and isinstance(value, list):
        return [_text_as_path(each, elements) for each in value]
    members = _members(hint)
    return Path(value) if isinstance(value, str) and Path in members and str not in members else value


def _elements(hint: Any) -> Any:
    """What the list of an annotation holds, None for an annotation without a list."""
    return next((get_args(each)[0] for each in _members(hint) if get_origin(each) in (list, Sequence)), None)


def _members(hint: Any) -> set[Any]:
    """The alternatives of a union, or the type itself, without their constraints."""
    hint = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(hint) in (Union, types.UnionType):
        return set().union(*(_members(each) for each in get_args(hint)))
    return {hint}


def _without_paths(hint: Any) -> Any:
    """The same with text in place of `Path`, which msgspec does not know."""
    if hint is Path:
        return str
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return Annotated[_without_paths(inner), *extras]
    if get_origin(hint) in (Union, types.UnionType):
        return Union[tuple(_without_paths(each) for each in get_args(hint))]  # noqa: UP007
    if get_origin(hint) in (list, Sequence):
        return list[_without_paths(get_args(hint)[0])]
    return hint


def _holds_custom(info: Any) -> bool:
    if isinstance(info, schema.Metadata):
        return _holds_custom(info.type)
    if isinstance(info, schema.UnionType):
        return any(_holds_custom(each) for each in info.types)
    return isinstance(info, schema.CustomType)


def _describe(info: Any, paths: bool = False) -> str:
    """A type in words, such as `a whole number of at least 1 or null`."""
    if isinstance(info, schema.Metadata):
        about = (info.extra_json_schema or {}).get("description")
        return str(about) if about else _describe(info.type, paths)
    if isinstance(info, schema.UnionType):
        parts = dict.fromkeys(_describe(each, paths) for each in info.types if not isinstance(each, schema.NoneType))
        lists = {f"a list, each {part}" for part in parts} & set(parts)
        shown = [*(part for part in parts if part not in lists), *(["a list of them"] if lists else [])]
        return " or ".join([*shown, *(["null"] if info.includes_none else [])])
    if isinstance(info, schema.IntType | schema.FloatType):
        return f"{'a whole number' if isinstance(info, schema.IntType) else 'a number'}{_range(info)}"
    if isinstance(info, schema.LiteralType):
        values = ", ".join(map(str, info.values))
        return f"one of {values}" if len(info.values) > 1 else values
    if isinstance(info, schema.ListType | schema.VarTupleType | schema.SetType):
        return f"a list, each {_describe(info.item_type, paths)}"
    words = {schema.BoolType: "true or false", schema.NoneType: "null", schema.DictType: "a mapping"}
    return words.get(type(info), "a file or folder" if paths else "text")


def _range(info: schema.IntType | schema.FloatType) -> str:
    least = {"ge": "at least", "gt": "more than"}
    most = {"le": "at most", "lt": "below"}
    bounds = [(words[key], getattr(info, key)) for words in (least, most) for key in words]
    told = [f"{word} {bound}" for word, bound in bounds if bound is not None]
    return f" of {' and '.join(told)}" if told else ""


def _example(name: str, hint: Any) -> str:
    metas = [each for each in get_args(hint)[1:] if isinstance(each, Meta)] if get_origin(hint) is Annotated else []
    examples = [str(each.examples[0]) for each in metas if each.examples]
    return f"; give {name}={examples[0]}" if examples else f"; give {name}=…"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)
