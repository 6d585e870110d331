"""The service is asked to stop while requests are in flight."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from testkit.service import Postgres, Service, Start, get_many, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


LOST = "SELECT sessions_abandoned FROM pg_stat_database WHERE datname = 'shop'"


async def test_sigterm_lets_requests_end_and_closes_the_pool(start: Start, embedded: Postgres) -> None:
    service = start()
    async with service.client() as client:
        await get_many(client, "/authors")
        requests = [
            asyncio.create_task(client.get("/sleep/write?seconds=2")),
            asyncio.create_task(client.get("/sleep/read?seconds=2")),
            asyncio.create_task(client.post("/hold?seconds=2")),
        ]
        await until(lambda: embedded.has_in_flight(3))
        lost = await embedded.fetch(LOST)
        service.process.terminate()
        assert [(await request).status_code for request in requests] == [200, 200, 201]
    await asyncio.to_thread(service.process.wait, 30)
    await until(lambda: nobody_connected(embedded))
    # The kernel closes the sockets of any process that ends. PostgreSQL tells that from a goodbye.
    assert await embedded.fetch(LOST) == lost


async def nobody_connected(embedded: Postgres) -> bool:
    return await embedded.count("true") == 0


async def read_events(service: Service, started: asyncio.Event) -> list[str]:
    """All events of a stream, which has to end as HTTP asks for."""
    events = []
    async with service.client() as client, client.stream("GET", "/events") as response:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                events.append(line)
                started.set()
    return events


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_load_balancer_sees_no_request_fail(start: Start, workers: int) -> None:
    service = start(WEB_CONCURRENCY=str(workers), DRAIN_TIME="8")
    started, unready = asyncio.Event(), asyncio.Event()
    answers: list[int] = []

    async def send() -> None:
        async with service.client() as client:
            while not unready.is_set():
                answers.append((await client.get("/authors")).status_code)
                await asyncio.sleep(0.01)

    async def is_loaded() -> bool:
        return len(answers) >= 500

    async def is_unready() -> bool:
        # On a new connection each time.
        return (await balancer.get("/readyz", headers={"Connection": "close"})).status_code == 503

    async with asyncio.TaskGroup() as tasks, service.client() as balancer, service.client() as late:
        stream = tasks.create_task(read_events(service, started))
        for _ in range(8):
            tasks.create_task(send())
        await started.wait()
        await until(is_loaded, 60)
        service.process.terminate()
        await until(is_unready)
        unready.set()
        assert await get_many(late, "/authors") == {200: 30}
        await asyncio.sleep(0.5)
        assert not stream.done()
    assert set(answers) == {200}
    assert stream.result() == ['data: "started"', 'data: "stopping"']
    await asyncio.to_thread(service.process.wait, 30)
    output = service.output.read_text()
    assert output.count("Application shutdown complete.") == workers
    assert "Cancel" not in output


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_ctrl_c_does_not_drain(start: Start, workers: str) -> None:
    service = start(WEB_CONCURRENCY=workers, DRAIN_TIME="60")
    started = asyncio.Event()
    stream = asyncio.create_task(read_events(service, started))
    await started.wait()
    parent = service.process.pid
    children = await asyncio.to_thread(Path(f"/proc/{parent}/task/{parent}/children").read_text)
    for process in (parent, *map(int, children.split())):  # as a terminal does
        os.kill(process, signal.SIGINT)
    async with asyncio.timeout(30):
        assert await stream == ['data: "started"', 'data: "stopping"']
    assert await asyncio.to_thread(service.process.wait, 30) == 0
    assert "Traceback" not in service.output.read_text()
