"""Has a name written into a clip and saves it: python title.py URL FILE [TITLE].

Lists the templates, picks the first that takes a title, waits until its plate is painted, and downloads the MP4.
"""

import sys

from festoon_client import Ended, Festoon, Problem, Ticket


def tell(ticket: Ticket) -> None:
    done = f": {ticket['progress']['permille'] / 10:.0f} %" if "progress" in ticket else ""
    print(f"{ticket['status']}{done}", file=sys.stderr)


def main() -> None:
    url, file, *rest = sys.argv[1:]
    title = rest[0] if rest else "Aiko"
    with Festoon(url) as festoon:
        templates = festoon.templates("en")
        print(f"{len(templates)} templates: {', '.join(template['id'] for template in templates)}")
        taking = [one for one in templates if any(parameter["name"] == "title" for parameter in one["parameters"])]
        template = taking[0]["id"]
        try:
            clip = festoon.clip({"template": template, "locale": "en", "parameters": {"title": title}}, on_progress=tell)
            content = festoon.download(clip)
        except (Problem, Ended) as error:
            sys.exit(str(error))
    with open(file, "wb") as out:
        out.write(content)
    print(f"{file}: {template} with “{title}”, {len(content)} bytes, as the server named them")


if __name__ == "__main__":
    main()
