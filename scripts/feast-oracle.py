#!/usr/bin/env python3
"""Writes tests/oracle/feasts.csv: when feasts are kept by region and year, as PyPI `holidays` says.

    python3 -m venv /tmp/feasts && /tmp/feasts/bin/pip install holidays==0.109
    /tmp/feasts/bin/python scripts/feast-oracle.py > tests/oracle/feasts.csv

The tests read the file, never this script. A holiday of several days is listed by its first day (names below are those of
its first day, in English); days that are given off in its stead are not listed.
"""

import csv
import datetime
import sys

import holidays

VERSION = "0.109"
YEARS = range(2020, 2046)

# feast, region, names of the first day or of the days that follow each other, days from that day to the feast
NAMED = [
    ("new_year", "US", ["New Year's Day"], 0),
    ("new_year", "JP", ["New Year's Day"], 0),
    ("lunar_new_year", "CN", ["Chinese New Year (Spring Festival)"], 0),
    ("lunar_new_year", "SG", ["Chinese New Year"], 0),
    ("lunar_new_year", "TW", ["Chinese New Year"], 0),
    ("lunar_new_year", "KR", ["Korean New Year"], 0),
    ("lunar_new_year", "VN", ["Lunar New Year"], 0),
    ("lunar_new_year", "ID", ["Lunar New Year"], 0),
    ("lunar_new_year", "MY", ["Chinese New Year"], 0),
    ("valentines_day", "US", ["Valentine's Day"], 0),
    ("mothers_day", "US", ["Mother's Day"], 0),
    ("mothers_day", "FI", ["Mother's Day"], 0),
    ("mothers_day", "LV", ["Mother's Day"], 0),
    ("mothers_day", "LT", ["Mother's Day"], 0),
    ("mothers_day", "SV", ["Mother's Day"], 0),
    ("mothers_day", "MG", ["Mother's Day"], 0),
    ("mothers_day", "NI", ["Mother's Day"], 0),
    ("mothers_day", "PA", ["Mother's Day"], 0),
    ("mothers_day", "GE", ["Mother's Day"], 0),
    ("mothers_day", "TH", ["National Mother's Day", "HM Queen Sirikit The Queen Mother's Birthday"], 0),
    ("fathers_day", "US", ["Father's Day"], 0),
    ("fathers_day", "FI", ["Father's Day"], 0),
    ("fathers_day", "LT", ["Father's Day"], 0),
    ("fathers_day", "SV", ["Father's Day"], 0),
    ("fathers_day", "MG", ["Father's Day"], 0),
    ("fathers_day", "TH", ["National Father's Day"], 0),
    ("easter", "IT", ["Easter Sunday"], 0),
    ("easter", "PL", ["Easter Sunday"], 0),
    ("easter", "GB", ["Good Friday"], 2),
    ("orthodox_easter", "GR", ["Easter Monday"], -1),
    ("orthodox_easter", "RO", ["Easter"], 0),
    ("orthodox_easter", "UA", ["Easter Sunday (Pascha)", "Easter Sunday"], 0),
    ("orthodox_easter", "GE", ["Easter Sunday"], 0),
    ("eid_al_fitr", "TR", ["Eid al-Fitr"], 0),
    ("eid_al_fitr", "AE", ["Eid al-Fitr"], 0),
    ("eid_al_fitr", "KW", ["Eid al-Fitr"], 0),
    ("eid_al_fitr", "ID", ["Eid al-Fitr"], 0),
    ("eid_al_fitr", "MY", ["Eid al-Fitr"], 0),
    ("eid_al_fitr", "IN", ["Eid al-Fitr"], 0),
    ("eid_al_fitr", "BD", ["Eid al-Fitr"], 0),
    ("eid_al_adha", "TR", ["Eid al-Adha"], 0),
    ("eid_al_adha", "KW", ["Eid al-Adha"], 0),
    ("eid_al_adha", "ID", ["Eid al-Adha"], 0),
    ("eid_al_adha", "MY", ["Eid al-Adha"], 0),
    ("eid_al_adha", "BD", ["Eid al-Adha"], 0),
    ("diwali", "IN", ["Diwali"], 0),
    ("diwali", "SG", ["Diwali", "Deepavali"], 0),
    ("diwali", "MU", ["Diwali"], 0),
    ("christmas", "US", ["Christmas Day"], 0),
    ("christmas", "RU", ["Christmas Day"], 0),
    ("christmas", "RS", ["Orthodox Christmas Day"], 0),
    ("christmas", "UA", ["Christmas Day"], 0),
    ("thanksgiving", "US", ["Thanksgiving Day"], 0),
    ("thanksgiving", "CA", ["Thanksgiving Day"], 0),
    ("halloween", "US", ["Halloween"], 0),
    ("mid_autumn", "CN", ["Mid-Autumn Festival"], 0),
    ("mid_autumn", "TW", ["Mid-Autumn Festival"], 0),
    ("mid_autumn", "KR", ["Chuseok"], 0),
    ("dragon_boat", "CN", ["Dragon Boat Festival"], 0),
    ("dragon_boat", "TW", ["Dragon Boat Festival"], 0),
    ("hanukkah", "IL", ["Hanukkah"], 0),
    ("rosh_hashanah", "IL", ["Rosh Hashanah"], 0),
    ("nowruz", "IR", ["Nowruz"], 0),
    ("golden_week", "CN", ["National Day"], 0),
    ("black_friday", "US", ["Thanksgiving Day"], 1),
    ("songkran", "TH", ["Songkran Festival"], 0),
    ("womens_day", "UA", ["International Women's Day"], 0),
]


def days_of(region, year):
    """Each day of a region's year with its names, public and otherwise, without suffixes such as `(estimated)`."""
    country = getattr(holidays, holidays.registry.COUNTRIES[next(
        module for module, codes in holidays.registry.COUNTRIES.items() if region in codes)][0])
    language = "en_US" if "en_US" in country.supported_languages else None
    for date, names in country(years=year, categories=country.supported_categories, language=language).items():
        for name in names.split("; "):
            yield date, name.removesuffix(" (estimated)")


def first_days(dates):
    """The first of each run of days that follow each other."""
    dates = sorted(set(dates))
    return [date for date in dates if date - datetime.timedelta(days=1) not in dates]


def main():
    if holidays.__version__ != VERSION:
        sys.exit(f"holidays {holidays.__version__} is installed: expected {VERSION}")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["feast", "region", "date"])
    for feast, region, names, offset in NAMED:
        found = [date for year in YEARS for date, name in days_of(region, year) if name in names]
        for date in first_days(found):
            out.writerow([feast, region, date + datetime.timedelta(days=offset)])


if __name__ == "__main__":
    main()
