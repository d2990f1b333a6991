"""The page of /docs is made of the deployment's own files, and asks nobody else for anything."""

from __future__ import annotations

import json
import re

import pytest

from marketflow.api.docs.page import ASSETS
from tests.documented import DOCUMENTED
from tests.unit.api.market import Client, event

pytestmark = pytest.mark.unit

LAMBDA_ANSWER_BYTES = 6 * 1024 * 1024
"""What a Lambda function may answer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""


def test_the_page_loads_its_files_from_below_itself() -> None:
    """Every file that the page names is there, in the form that its name says."""
    page = Client().get("/v1/docs")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    files = re.findall(r'(?:src|href)="/api(/v1/docs/[^"]+\.(?:js|css))"', page.body)
    assert {path.removeprefix("/v1/docs/") for path in files} == ASSETS.keys()
    for path in files:
        answer = Client().get(path)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/javascript" if path.endswith(".js") else "text/css")


@pytest.mark.parametrize("before", ["/api", "", "/markets"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_page_finds_its_files_whatever_its_address_begins_with(before: str, slash: str) -> None:
    """A custom domain may map the stage to any path, and a slash at the end makes no difference."""
    asked = event(f"/v1/docs{slash}")
    asked["requestContext"]["path"] = f"{before}/v1/docs{slash}"
    assert f'src="{before}/v1/docs/init.js"' in Client().send(asked).body


def test_the_page_repeats_no_markup_of_its_address() -> None:
    """What a client writes in the path is no part of the page's markup."""
    asked = event("/v1/docs")
    asked["requestContext"]["path"] = '/"><script>alert(1)</script>/v1/docs'
    body = Client().send(asked).body
    assert "<script>" not in body
    assert '/%22%3E%3Cscript%3Ealert%281%29%3C/script%3E/v1/docs/init.js"' in body


@pytest.mark.parametrize("path", ["/v1/docs", *(f"/v1/docs/{name}" for name in ASSETS)])
def test_an_answer_says_what_a_browser_may_do_with_it(path: str) -> None:
    """This origin alone, no inline script, no frame, no guessing of types; kept, and asked for again each time."""
    answer = Client().get(path)
    policy = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {word for rule in policy.values() for word in rule.split()} == {"'none'", "'self'", "data:"}
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert answer.headers["Cache-Control"] == "public, no-cache"
    again = Client().get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, "")


def test_every_file_fits_in_an_answer() -> None:
    """Lambda refuses a larger one, and only where it runs."""
    for name in ASSETS:
        assert len(json.dumps(Client().get(f"/v1/docs/{name}").raw)) < LAMBDA_ANSWER_BYTES / 2


def test_a_page_has_no_script_or_style_inside() -> None:
    """The policy forbids them, so that one that slipped in would be dead."""
    body = Client().get("/v1/docs").body
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:", body)


def test_our_own_files_name_no_other_host() -> None:
    """No font, picture or script of somebody else; the name of an XML format is no address."""
    ours = [Client().get("/v1/docs"), *(Client().get(f"/v1/docs/{name}") for name in ("init.js", "style.css"))]
    urls = {
        url for answer in ours for url in re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\"')\s]*", answer.body)
    }
    assert urls <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", ["/v1/docs/nothing.js", "/v1/docs/..%2Fpage.py", "/v1/docs/page.html"])
def test_any_other_file_is_not_there(path: str) -> None:
    """The files are a list: a name outside it leads to no file."""
    answer = Client().get(path)
    assert (answer.status, answer.json["code"]) == (404, "path_not_found")


def test_parameters_are_refused_here_too() -> None:
    """Nobody can give the page another document to show."""
    answer = Client().get("/v1/docs", url="https://evil.example/openapi.json")
    assert (answer.status, answer.json["code"]) == (400, "unknown_parameter")


def test_the_page_is_no_part_of_the_document() -> None:
    """Generated clients have no use for a web page."""
    assert not [path for path in DOCUMENTED["paths"] if path.startswith("/v1/docs")]
