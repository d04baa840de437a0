#!/usr/bin/env python3
"""Writes the sessions of an exchange, for `data.sessions`, from the package exchange_calendars.

    pip install exchange_calendars
    python replay/scripts/sessions.py XNYS 2013-01-01 2013-12-31 sessions.csv

The calendar is named by its code: XNYS, XTKS, XLON, CMES, ...; `--list` prints all codes. The file has the columns date,
open and close; the times have their distance from UTC, so that they hold in every `data.timezone`. Half-days have their
early close. A break in the middle of the day is part of the session.
"""

import argparse
import csv
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calendar", nargs="?", help="code of the calendar, such as XNYS")
    parser.add_argument("first", nargs="?", help="first date, such as 2013-01-01")
    parser.add_argument("last", nargs="?", help="last date")
    parser.add_argument("out", nargs="?", default="-", help="file to write; standard output by default")
    parser.add_argument("--list", action="store_true", help="print the codes of all calendars")
    arguments = parser.parse_args()
    try:
        import exchange_calendars
    except ImportError:
        sys.exit("sessions.py: found no package exchange_calendars; run: pip install exchange_calendars")
    if arguments.list:
        print("\n".join(exchange_calendars.get_calendar_names()))
        return
    if arguments.last is None:
        parser.error("expected a calendar, a first date and a last date")
    calendar = exchange_calendars.get_calendar(arguments.calendar, start=arguments.first, end=arguments.last)
    schedule = calendar.schedule.loc[arguments.first : arguments.last]
    rows = [
        (date.date().isoformat(), *(time.tz_convert(calendar.tz).isoformat() for time in (row["open"], row["close"])))
        for date, row in schedule.iterrows()
    ]
    out = sys.stdout if arguments.out == "-" else open(arguments.out, "w", newline="", encoding="utf-8")
    with out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("date", "open", "close"))
        writer.writerows(rows)
    early = len(calendar.early_closes)
    print(f"{arguments.calendar}: {len(rows)} sessions, {early} of them close early ({calendar.tz})", file=sys.stderr)


if __name__ == "__main__":
    main()
