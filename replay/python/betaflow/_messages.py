"""Messages of the program in the words of Python.

Messages name flags and settings as a user of the program types them. A caller types arguments of functions
instead.
"""

from __future__ import annotations

import re

#: Flags, and the arguments that stand for them.
ARGUMENTS = {
    "--set": "a setting",
    "--prices": "prices",
    "--factors": "factors",
    "--forecasts": "forecasts",
    "--weights": "weights",
    "--config": "config",
    "--from": "start",
    "--to": "end",
    "--at": "at",
    "--out": "out",
    "--force": "force",
    "--resume": "resume",
    "--grid": "grid",
    "--trials": "trials",
    "--method": "method",
    "--folds": "folds",
    "--embargo": "embargo",
    "--objective": "objective",
    "--profile": "profile",
    "--smooth": "smooth",
    "--em": "em",
    "--compare": "compare",
    "--horizons": "horizons",
    "--carry-prices": "carry_prices",
    "--resamples": "resamples",
    "--seed": "seed",
    "--sharpe-variance": "sharpe_variance",
    "--periods-per-year": "periods_per_year",
    "--blocks": "blocks",
    "--max-correlation": "max_correlation",
    "--session": "session",
}

#: Flags without a value.
SWITCHES = ("--force", "--resume", "--smooth", "--carry-prices")

#: Setting with its value: 'data.open="o"' in quotes of a shell, or sizing.turnover_cap=0.02.
_SET = re.compile(
    r"--set (?:'(?P<quoted>[a-z_]+\.[^=']+=[^']*)'"
    r"|(?P<plain>[a-z_]+\.[\w]+=(?:\[[^\]]*\]|\"[^\"]*\"|[^\s;,)`]+)))"
)
#: Setting with its value in a sentence: data.on_bad_row = "skip".
_SETTING = re.compile(r"(?<![\w`.])(?P<table>[a-z_]+)\.(?P<key>[a-z_]+) = (?P<value>\"[^\"]*\"|[\d.eE+-]*\d)")
#: Command to run: `betaflow check`, `betaflow estimate --em 50`.
_COMMAND = re.compile(
    r"`betaflow (?P<name>check|replay|estimate|score|stress|tune|signal|factors|luck|size)(?P<rest>[^`]*)`"
)
#: Flag with an upper-case place holder or a value of one word.
_FLAG = re.compile(
    r"(?<![\w-])(?P<flag>--[a-z][a-z-]*)"
    r"(?:[ =](?P<value>[A-Z]{2,}(?:\.\w+)?|none|\d{4}-\d\d-\d\d|\d+(?:\.\d+)?)(?![\w-]))?"
)
#: Flag with its type, as in messages about a value: '--em <STEPS>'.
_TYPED = re.compile(r"'(?P<flag>--[a-z-]+) <[A-Z_=]+>'")
#: Command of the program without a function.
_OTHER = re.compile(r"(`betaflow (?:paper|import|serve|state|diff|dashboard)[^`]*`)")
#: Advice to write all findings of a check to a file.
_FINDINGS = re.compile(
    r"`betaflow\s+check\s+FILE\s+--out\s+FINDINGS\.parquet`(?:\s+lists\s+all)?|--out\s+FILE\s+lists\s+all"
)
#: Hint of the program behind the message about its arguments.
_USAGE = re.compile(r"\n\n(?:Usage: betaflow|For more information, try)")
#: Name of a table in memory.
_MEMORY = re.compile(r"\bmemory:(?=[\w.\[])")


def in_python(message: str) -> str:
    """Return a message with flags as arguments.

    ``--set sizing.turnover_cap=0.02`` becomes ``sizing={"turnover_cap": 0.02}``. Unknown flags,
    commands without a function and all other text stay.
    """
    message = _MEMORY.sub("", _USAGE.split(message)[0])
    message = _TYPED.sub(lambda match: ARGUMENTS.get(match["flag"], match["flag"]), message)
    message = _FINDINGS.sub(_findings, message)
    message = _COMMAND.sub(_command, message)
    message = _SET.sub(lambda match: _setting(match["quoted"] or match["plain"]), message)
    message = _SETTING.sub(
        lambda match: _setting(f"{match['table']}.{match['key']}={match['value']}"), message
    )
    # Commands without a function keep their flags.
    parts = _OTHER.split(message)
    return "".join(part if _OTHER.fullmatch(part) else _FLAG.sub(_flag, part) for part in parts)


def page_in_python(page: str) -> str:
    """Return a page of the terminal without its section of files, but with the digest."""
    sections = page.split("\n\n")
    kept = []
    for section in sections:
        lines = section.strip("\n").split("\n")
        if lines[0] == "Files":
            lines = ["Result", *(line for line in lines if line.startswith("  Digest "))]
            if len(lines) == 1:
                continue
            section = "\n".join(lines)
        kept.append(section)
    return in_python("\n\n".join(kept).rstrip("\n"))


def _findings(match: re.Match[str]) -> str:
    return "`findings` of betaflow.check(...) lists all" if "lists" in match[0] else "`betaflow.check`"


def _setting(text: str) -> str:
    name, _, value = text.partition("=")
    table, _, key = name.strip().partition(".")
    key = key.strip().strip('"')
    if table == "factors":
        return f'factors={{"{key}": {_value(value)}}}'
    return f'{table}={{"{key}": {_value(value)}}}'


def _value(text: str) -> str:
    text = text.strip()
    words = {"true": "True", "false": "False"}
    is_typed = re.fullmatch(r"\"[^\"]*\"|\[.*\]|[+-]?\d[\d_]*(\.\d+)?([eE][+-]?\d+)?", text)
    # Words without quotes are texts.
    return words.get(text) or (text if is_typed else f'"{text}"')


def _flag(match: re.Match[str]) -> str:
    name = ARGUMENTS.get(match["flag"])
    if name is None:
        return match[0]
    value = match["value"]
    if match["flag"] in SWITCHES:
        # A word after a switch does not belong to it.
        return f"{name}=True" + (match[0][len(match["flag"]) :])
    if value is None:
        return name
    is_text = value == "none" or (value[0].isdigit() and "-" in value)
    return f"{name}=" + (f'"{value}"' if is_text else "..." if value.isupper() else value)


def _command(match: re.Match[str]) -> str:
    name, rest = match["name"], match["rest"]
    arguments = ", ".join(_flag(flag) for flag in _FLAG.finditer(rest))
    return f"`betaflow.{name}({arguments})`"
