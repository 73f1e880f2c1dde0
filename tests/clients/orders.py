"""What goes wrong, orders that are taken back, and what operators do, by the Python client: orders.py URL TOKEN."""

import sys

from festoon_client import Ended, Festoon, Problem


def refused(ask):
    try:
        ask()
    except (Ended, Problem) as error:
        return error
    raise AssertionError("nothing was refused")


url, token = sys.argv[1:]
lantern = {"template": "lantern", "locale": "en"}
with Festoon(url) as stranger, Festoon(url, token=token) as festoon:
    problem = refused(lambda: stranger.clip({"template": "lanturn", "locale": "en"}))
    assert (problem.status, problem.code) == (404, "unknown-template") and "lantern" in str(problem.hint), problem
    assert refused(stranger.list_takedowns).code == "unauthorized"

    ticket = stranger.pick_clip(lantern, idempotency_key="one")
    assert stranger.pick_clip(lantern, idempotency_key="one")["id"] == ticket["id"]
    assert stranger.get_ticket(ticket["id"])["status"] == "queued"
    assert stranger.cancel_ticket(ticket["id"])["status"] == "cancelled"
    assert refused(lambda: stranger.clip(lantern, on_progress=lambda told: stranger.cancel_ticket(told["id"]))).ticket["status"] == "cancelled"
    assert [told["status"] for told in stranger.follow(ticket)] == ["cancelled"]

    standing = festoon.take_down({"what": [{"template": "lantern"}], "reason": "a test"})["takedown"]
    assert [takedown["id"] for takedown in festoon.list_takedowns()["takedowns"]] == [standing]
    assert refused(lambda: stranger.get_clip("lantern", "en", "mp4", parameters={"title": "a & b"})).code == "taken-down"
    festoon.lift_takedown(standing)
    assert stranger.get_clip("lantern", "en", "mp4", parameters={"title": "a & b"}).status_code == 202
