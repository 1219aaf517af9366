"""Small rulesets from short texts: what a test does not care about is filled in.

A text is a YAML mapping with `facts`, `rules`, `clauses`, `consequences`, `cases` and `ruleset`, each written as in
the real files, and `standard`, a mapping with the `rules` and `ruleset` of a second one, `standard@1`, which the first
may incorporate.
Scalars keep the style in which they were written, so a quoted number stays a quoted number.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from engine.registry import Library, load_library

DIVISIONS = """\
code,name,parent,level,since,until,successors
150000,内蒙古自治区,root,province,,,
150600,鄂尔多斯市,150000,city,,,
150602,东胜区,150600,county,,,
150603,康巴什区,150600,county,,,
150627,伊金霍洛旗,150600,county,,,
620000,甘肃省,root,province,,,
620700,张掖市,620000,city,,,
620722,民乐县,620700,county,,,
"""

NUMBER_DEFAULTS = {
    "integer": {"unit": "pupils", "bounds": ["0", "100000"]},
    "percent": {"bounds": ["0", "100"]},
    "number": {"unit": "m2", "bounds": ["0", "1000000"], "step": "0.01"},
}
HEAD = """\
id: small
version: '1'
document:
  title: {zh: 小规划, en: Small plan}
  signed: 2021-05-17
  authority: in_force
  file: small.txt
  sha256: '0000000000000000000000000000000000000000000000000000000000000000'
  code_points: 100
jurisdiction: '150600'
starts: 2021-05-17
title: {zh: 小规划, en: Small plan}
summary: {zh: 小规划, en: Small plan}
"""
STANDARD = (
    HEAD.replace("id: small", "id: standard")
    .replace("'150600'", "root")
    .replace("小规划", "标准")
    .replace("Small plan", "Standard")
)
CLAUSES = """\
- clause: 一
  span: [0, 100]
  sha256: '0000000000000000000000000000000000000000000000000000000000000000'
  kind: duty
"""


def _node(value: object) -> yaml.Node:
    """Plain text, lists and mappings as a node tree."""
    match value:
        case dict():
            return yaml.MappingNode("tag:yaml.org,2002:map", [(_node(k), _node(v)) for k, v in value.items()])
        case list():
            return yaml.SequenceNode("tag:yaml.org,2002:seq", [_node(v) for v in value], flow_style=True)
        case _:
            return yaml.ScalarNode("tag:yaml.org,2002:str", str(value))


def _keys(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value}


def _fill(node: yaml.MappingNode, defaults: dict[str, object]) -> None:
    present = _keys(node)
    node.value.extend((_node(k), _node(v)) for k, v in defaults.items() if k not in present)
    # `key: null` in a text means: leave it out altogether.
    node.value[:] = [(k, v) for k, v in node.value if not (isinstance(v, yaml.ScalarNode) and v.value == "null")]


def _entry(node: yaml.MappingNode) -> None:
    keys = _keys(node)
    name = (keys.get("fact") or keys["scope"]).value
    defaults: dict[str, object] = {"subject": ["school"], "label": {"zh": name, "en": name}}
    if "fact" in keys:
        kind = keys["type"].value
        defaults |= {"evidence": "measured", **NUMBER_DEFAULTS.get(kind, {})}
        for listed in ("options", "items"):
            if listed in keys:
                for option in keys[listed].value:
                    _fill(option, {"zh": "选项", "en": "option"})
    _fill(node, defaults)


def _rule(node: yaml.MappingNode) -> None:
    defaults: dict[str, object] = {
        "clause": "一",
        "span": ["0", "10"],
        "subject": "school",
        "force": "binding",
        "topic": "planning",
        "title": {"zh": "题", "en": "Title"},
        "summary": {"zh": "摘要", "en": "Summary"},
    }
    _fill(node, defaults)


def _clause(node: yaml.MappingNode) -> None:
    _fill(node, {"span": ["0", "100"], "sha256": "0" * 64, "kind": "duty"})


def _consequence(node: yaml.MappingNode) -> None:
    defaults: dict[str, object] = {
        "clause": "一",
        "span": ["0", "10"],
        "then": {},
        "title": {"zh": "题", "en": "Title"},
        "summary": {"zh": "摘要", "en": "Summary"},
    }
    _fill(node, defaults)
    then = {"effect": "notice", "who": "school", "strength": "automatic", "within": "unstated"}
    _fill(_keys(node)["then"], then)


def _case(node: yaml.MappingNode) -> None:
    _fill(node, {"division": "150603", "subject": "school", "as_of": "2026-11-22", "facts": {}})


def small_files(text: str) -> dict[str, str]:
    """The files of a folder of rulesets with one ruleset, `small@1`."""
    root = yaml.compose(text, Loader=yaml.CBaseLoader)
    assert isinstance(root, yaml.MappingNode)
    parts = _keys(root)
    unknown = set(parts) - {"title", "facts", "rules", "clauses", "consequences", "cases", "ruleset", "standard"}
    assert not unknown, f"no part of a small ruleset: {unknown}"
    files = {
        "divisions.csv": DIVISIONS,
        "small/1/ruleset.yaml": _head(HEAD, parts),
        "small/1/clauses.yaml": CLAUSES,
    }
    if "standard" in parts:
        inner = _keys(parts["standard"])
        for node in inner["rules"].value:
            _rule(node)
        files |= {
            "standard/1/ruleset.yaml": _head(STANDARD, inner),
            "standard/1/clauses.yaml": CLAUSES,
            "standard/1/rules/planning.yaml": _serialized(inner["rules"]),
        }
    for part, path, fill in (
        ("facts", "facts/small.yaml", _entry),
        ("rules", "small/1/rules/planning.yaml", _rule),
        ("clauses", "small/1/clauses.yaml", _clause),
        ("consequences", "small/1/consequences.yaml", _consequence),
        ("cases", "small/1/cases/planning.yaml", _case),
    ):
        if part in parts:
            for node in parts[part].value:
                fill(node)
            files[path] = _serialized(parts[part])
    return files


def _serialized(node: yaml.Node) -> str:
    return str(yaml.serialize(node, Dumper=yaml.BaseDumper, allow_unicode=True))


def _head(text: str, parts: dict[str, yaml.Node]) -> str:
    """The head of a ruleset, with what its `ruleset` part sets instead."""
    head = yaml.compose(text, Loader=yaml.CBaseLoader)
    assert isinstance(head, yaml.MappingNode)
    if "ruleset" in parts:
        given = _keys(parts["ruleset"])
        head.value[:] = [(k, v) for k, v in head.value if k.value not in given]
        head.value.extend(parts["ruleset"].value)
        _fill(head, {})
    return _serialized(head)


def small_library(text: str) -> Library:
    """The loaded library of a small ruleset; whatever is wrong is in its `diagnostics`."""
    return load_library(small_files(text), cases=True)


def lay_out(files: dict[str, str], folder: Path) -> Path:
    """Write the files of a folder of rulesets."""
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    return folder
