"""The OpenAPI document fuzzed: documented answers, no internal error, no unauthorised change."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from roastwatch.web import accounts, openapi
from tests.support.http import Person, Served, serving

requests = pytest.importorskip("requests")
schemathesis = pytest.importorskip("schemathesis")

WHO = {"operator": "Bearer beans", "viewer": "Bearer look", "nobody": None, "guess": "Bearer x"}
LOGGED = "A request could not be answered"


@dataclass
class Thread:
    """An API in a thread of its own: schemathesis calls it as any other program would."""

    served: Served
    person: Person


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    patch = pytest.MonkeyPatch()
    patch.setattr(accounts, "_N", 2**10)  # what is tested does not depend on it
    patch.setattr(accounts, "_P", 1)
    person, folder = Person(), tmp_path_factory.mktemp("web")
    ready: list[Thread] = []
    begun, loop = threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with serving(
            person, folder=folder, token="beans", viewer_token="look", sign_in=True
        ) as served:
            ready.append(Thread(served, person))
            begun.set()
            await ended.wait()

    def run() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(60)
    yield ready[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(30)
    assert not thread.is_alive()
    patch.undo()


def operations() -> list[Any]:
    schema = schemathesis.openapi.from_dict(openapi.document())
    found = [one.ok() for one in schema.get_all_operations()]
    return [one for one in found if not one.label.endswith("/live")]


def fuzz(api: Thread, operation: Any, who: str, examples: int) -> None:
    """Requests that fit the document, and such that do not, each as one caller."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    documented = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    session = requests.Session()
    headers = {} if WHO[who] is None else {"Authorization": WHO[who]}

    for mode in schemathesis.GenerationMode:

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            words = case.as_transport_kwargs(base_url=f"{api.served.url}/api/v1", headers=headers)
            response = session.request(**words)  # `call` does not work beside urllib3-future
            case.validate_response(response, checks=documented)
            own = operation.label.endswith("/sign-out")  # ends the caller's own session
            if who != "operator" and case.method != "GET" and not own:
                assert response.status_code >= 400
            if who in ("nobody", "guess") and operation.label != "GET /health":
                assert response.status_code >= 400

        with session, contextlib.suppress(Unsatisfiable):  # nothing of it can be wrong
            send()


def all_of_it(api: Thread, who: str, examples: int, caplog: pytest.LogCaptureFixture) -> None:
    before = len(api.person.asked), len(api.person.commands)
    for operation in operations():
        fuzz(api, operation, who, examples)
    assert LOGGED not in caplog.text
    if who != "operator":
        assert (len(api.person.asked), len(api.person.commands)) == before


@pytest.mark.parametrize("who", ["operator", "viewer"])
def test_a_few_requests_of_each_kind_get_documented_answers(
    api: Thread, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    all_of_it(api, who, 2, caplog)


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("who", WHO)
def test_thousands_of_requests_get_documented_answers(
    api: Thread, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    all_of_it(api, who, 200, caplog)
