"""Source files in which each mutant is behind a switch that is read when the program runs.

The body of a function becomes `if is(17) { return …; } …`, an expression with an operator becomes
`(if is(17) { mutated } else { original })`, a match arm and its guard get a condition. The mutated branch has the
original text with the replacement of `cargo mutants`, so that it means what that program would compile.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

from sample import Mutant

PARSER = Parser(Language(tree_sitter_rust.language()))

# Marks around the code of one mutant, by which an error of the compiler is attributed to it.
MARKED = re.compile(rb"/\*<(\d+)\*/(.*?)/\*>\1\*/", re.DOTALL)


class Inexpressible(Exception):
    """A mutant that no switch at run time can express."""


@dataclass
class Site:
    """Part of a file that is written with switches: `render` gets its text with the sites inside it."""

    start: int
    end: int
    render: Callable[[str], str]
    # Sites of the same range are nested in this order, the lowest outside.
    order: int = 0
    children: list["Site"] = field(default_factory=list)


class File:
    """One source file and its tree."""

    def __init__(self, text: bytes, switch: str) -> None:
        self.text = text
        self.switch = switch
        self.tree = PARSER.parse(text)
        starts = [0]
        for line in text.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        self.line_starts = starts

    def offset(self, place: tuple[int, int]) -> int:
        """Returns the byte of a line and a column of characters."""
        start = self.line_starts[place[0] - 1]
        line = self.text[start : self.line_starts[place[0]]].decode()
        return start + len(line[: place[1] - 1].encode())

    def node(self, start: int, end: int) -> Node:
        """Returns the smallest node around a range."""
        found = self.tree.root_node.descendant_for_byte_range(start, end)
        if found is None:
            raise Inexpressible("no node at the place")
        return found

    def part(self, node: Node) -> str:
        """Returns the text of a node."""
        return self.text[node.start_byte : node.end_byte].decode()

    def active(self, mutant: Mutant) -> str:
        """Returns the condition that a mutant is switched on."""
        return f"{self.switch}({mutant.number})"


def ancestor(node: Node | None, kinds: tuple[str, ...]) -> Node:
    """Returns the nearest node of one of the kinds, from the node itself upwards."""
    while node is not None and node.type not in kinds:
        node = node.parent
    if node is None:
        raise Inexpressible(f"no {kinds[0]} around it")
    return node


def check_context(node: Node | None) -> None:
    """Refuses code that the compiler evaluates."""
    while node is not None:
        if node.type in ("const_item", "static_item", "const_block", "array_type"):
            raise Inexpressible("evaluated by the compiler")
        if node.type == "function_item":
            modifiers = [child for child in node.children if child.type == "function_modifiers"]
            if any(b"const" in (child.text or b"") for child in modifiers):
                raise Inexpressible("const function")
            return
        node = node.parent


def marked(mutant: Mutant, text: str) -> str:
    """Returns the code of one mutant between its marks."""
    return f"/*<{mutant.number}*/{text}/*>{mutant.number}*/"


def choice(file: File, mutant: Mutant, mutated: str) -> Callable[[str], str]:
    """Returns the rendering of an expression with a mutated branch."""
    return lambda inner: f"(if {file.active(mutant)} {{ {marked(mutant, mutated)} }} else {{ {inner} }})"


def replaced(file: File, node: Node, start: int, end: int, replacement: str) -> str:
    """Returns the text of a node with one part replaced."""
    before, after = file.text[node.start_byte : start], file.text[end : node.end_byte]
    return f"{before.decode()}{replacement} {after.decode()}"


def operator_site(file: File, mutant: Mutant, start: int, end: int) -> Site:
    """Returns the site of an operator: the whole chain of operators, since another one may bind differently."""
    node = file.node(start, end).parent
    kinds = ("binary_expression", "compound_assignment_expr") if mutant.genre == "BinaryOperator" else ("unary_expression",)
    if node is None or node.type not in kinds:
        raise Inexpressible("part of a chain of `let`, or of a pattern")
    while mutant.genre == "BinaryOperator" and node.parent is not None and node.parent.type == "binary_expression":
        node = node.parent
    check_context(node)
    mutated = replaced(file, node, start, end, mutant.replacement)
    return Site(node.start_byte, node.end_byte, choice(file, mutant, mutated), 1)


def body_site(file: File, mutant: Mutant, start: int) -> Site:
    """Returns the site of a function whose body is replaced: an early return before its first statement."""
    function = ancestor(file.node(start, start + 1), ("function_item",))
    check_context(function)
    value = marked(mutant, f"return {mutant.replacement};")
    text = f"if {file.active(mutant)} {{ {value} }} "
    return Site(start, start, lambda _inner: text)


def arm_site(file: File, mutant: Mutant, start: int) -> Site:
    """Returns the site of a match arm that is deleted: a guard that fails."""
    arm = ancestor(file.node(start, start + 1), ("match_arm",))
    # The pattern may hold a smaller arm's start only if the arm itself starts there.
    while arm.start_byte != start and arm.parent is not None:
        arm = ancestor(arm.parent, ("match_arm",))
    check_context(arm)
    pattern = arm.child_by_field_name("pattern")
    if pattern is None:
        raise Inexpressible("an arm without a pattern")
    text = f" if /*<{mutant.number}*/!{file.active(mutant)}/*>{mutant.number}*/"
    return Site(pattern.end_byte, pattern.end_byte, lambda _inner: text)


def guard_site(file: File, mutant: Mutant, start: int, end: int) -> Site:
    """Returns the site of a guard that always passes or never does."""
    node = file.node(start, end)
    check_context(node)
    if "let " in file.part(node):
        raise Inexpressible("a guard with `let`")
    return Site(start, end, choice(file, mutant, mutant.replacement), 0)


def field_site(file: File, mutant: Mutant, start: int) -> Site:
    """Returns the site of a field that is left to the base of its struct expression."""
    node = ancestor(file.node(start, start + 1), ("field_initializer", "shorthand_field_initializer"))
    check_context(node)
    fields = ancestor(node, ("field_initializer_list",))
    bases = [child for child in fields.children if child.type == "base_field_initializer"]
    if not bases:
        raise Inexpressible("no base")
    base = file.part(bases[0]).removeprefix("..")
    if node.type == "shorthand_field_initializer":
        name = file.part(node)
        whole = choice(file, mutant, f"({base}).{name}")
        return Site(node.start_byte, node.end_byte, lambda inner: f"{name}: {whole(inner)}")
    name_node, value = node.child_by_field_name("field"), node.child_by_field_name("value")
    if name_node is None or value is None:
        raise Inexpressible("a field without a value")
    return Site(value.start_byte, value.end_byte, choice(file, mutant, f"({base}).{file.part(name_node)}"))


def site_of(file: File, mutant: Mutant) -> Site:
    """Returns the site of a mutant, or refuses it."""
    start, end = file.offset(mutant.start), file.offset(mutant.end)
    match mutant.genre:
        case "FnValue":
            return body_site(file, mutant, start)
        case "BinaryOperator" | "UnaryOperator":
            return operator_site(file, mutant, start, end)
        case "MatchArm":
            return arm_site(file, mutant, start)
        case "MatchArmGuard":
            return guard_site(file, mutant, start, end)
        case "StructField":
            return field_site(file, mutant, start)
    raise Inexpressible(f"unknown kind {mutant.genre}")


def nested(sites: list[Site]) -> list[Site]:
    """Returns the outermost sites, each with those inside it."""
    outermost: list[Site] = []
    open_sites: list[Site] = []
    # Insertions come before what starts at the same byte, and belong to what is around them.
    for site in sorted(sites, key=lambda site: (site.start, site.start != site.end, -site.end, site.order)):
        while open_sites and not (site.end <= open_sites[-1].end and site.start < open_sites[-1].end):
            open_sites.pop()
        (open_sites[-1].children if open_sites else outermost).append(site)
        if site.start != site.end:
            open_sites.append(site)
    return outermost


def rendered(text: bytes, start: int, end: int, sites: list[Site]) -> str:
    """Returns a part of a file with its sites written out."""
    parts, at = [], start
    for site in sites:
        parts.append(text[at : site.start].decode())
        parts.append(site.render(rendered(text, site.start, site.end, site.children)))
        at = site.end
    parts.append(text[at:end].decode())
    return "".join(parts)


def with_switches(text: bytes, switch: str, mutants: list[Mutant]) -> bytes:
    """Returns a source file with all its mutants behind switches."""
    file = File(text, switch)
    sites = [site_of(file, mutant) for mutant in mutants]
    return rendered(text, 0, len(text), nested(sites)).encode()


def blamed(text: bytes, spans: list[tuple[int, int]]) -> set[int]:
    """Returns the mutants that errors at some places of a file come from, the first place that names one."""
    ranges = [(found.start(), found.end(), int(found.group(1))) for found in marks(text)]
    for start, end in spans:
        inside = [(b - a, number) for a, b, number in ranges if a <= start and end <= b]
        if inside:
            return {min(inside)[1]}
    for start, end in spans:
        around = {number for a, b, number in ranges if start <= a and b <= end}
        if around:
            return around
    # The condition before a mutated branch, or its `else`.
    for start, end in spans:
        near = sorted((min(abs(a - end), abs(start - b)), number) for a, b, number in ranges)
        if near and near[0][0] < 400:
            return {near[0][1]}
    return set()


def marks(text: bytes) -> list[re.Match[bytes]]:
    """Returns the marked parts of a file; none contains another, since mutated branches hold original text."""
    return list(MARKED.finditer(text))
