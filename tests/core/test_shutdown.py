"""A program ends when it is over: nothing is waited for that nobody wants, and nothing is said that helps nobody."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from tests.processes import Done, python

HEAD = """
import asyncio, atexit, os, signal, sys, threading, time
from rerank_kit import Cascade, Fallback, Hedged, ShuttingDown, Stage
from tests.doubles import Gated, Scripted, Stuck
texts = ["a 1", "b 2", "c 3"]
def press(begun):
    while not begun(): time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGINT)
"""
ONNX = """
from rerank_kit.local import OnnxCrossEncoder
engine = OnnxCrossEncoder(threads=2)
texts = [f"text {number} " + "some words that make it longer " * 40 for number in range(2000)]
"""


def ended(code: str, *, head: str = HEAD, measured: bool = False, check: bool = True) -> Done:
    """Run a program that has a minute's work in hand; it must not take half of that."""
    started = time.monotonic()
    done = python("-c", head + code, measured=measured, check=check)
    assert time.monotonic() - started < 30
    return done


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize(
    ("call", "begun"),
    [
        ("stuck.rerank_many(list('abcdefghijkl'), [texts] * 12)", 8),
        ("Hedged(stuck, after=0.01).rerank('query', texts)", 2),
        ("Cascade(Stage(Hedged(stuck, after=0.01))).rerank_many(['a', 'b'], [texts] * 2)", 4),
        ("asyncio.run(stuck.arerank_many(list('abc'), [texts] * 3))", 3),
    ],
)
def test_ctrl_c_ends_a_program_with_requests_in_flight(call: str, begun: int) -> None:
    code = f"""
stuck = Stuck()
threading.Thread(target=press, args=[lambda: len(stuck.begun) == {begun}], daemon=True).start()
try:
    {call}
finally:
    print(len(stuck.begun), flush=True)
"""
    done = ended(code, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stdout.split() == [str(begun)]
    assert done.stderr.strip().endswith("KeyboardInterrupt")


def test_a_program_ends_after_a_race_was_won_whatever_the_loser_does() -> None:
    done = ended("""
print(len(Hedged(Stuck(), after=0.01, other=Scripted()).rerank("query", texts)))
print(len(Hedged(Gated(), after=0.01, other=Scripted()).rerank("query", texts)))
""")
    assert (done.stdout.split(), done.stderr) == (["3", "3"], "")


ENDS: dict[str, str] = {
    "cancelled": """
async def main():
    tasks = [asyncio.create_task(engine.arerank("query", texts)) for _ in range(8)]
    await asyncio.sleep(0.1)
    for task in tasks: task.cancel()
    print(len(await engine.arerank("query", texts[:1])))
    asyncio.create_task(engine.arerank("query", texts))
    await asyncio.sleep(0.02)
asyncio.run(main())
""",
    "in flight": """
left_open = asyncio.new_event_loop()
left_open.set_exception_handler(lambda *_: None)
task = left_open.create_task(engine.arerank("query", texts))
running = asyncio.new_event_loop()
threading.Thread(target=running.run_forever, daemon=True).start()
asyncio.run_coroutine_threadsafe(engine.arerank("query", texts), running)
for _ in range(3): threading.Thread(target=engine.rerank, args=("query", texts), daemon=True).start()
left_open.run_until_complete(asyncio.sleep(0.1))
print(1)
""",
    "hedged": """
print(len(Hedged(engine, after=0.01, other=Scripted(lambda text: 1.0)).rerank("query", texts[:500])) // 500)
""",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_a_program_ends_with_native_code_in_hand(code: str) -> None:
    done = ended(code, head=HEAD + ONNX)
    assert (done.stdout.split(), done.stderr) == (["1"], "")


RANKINGS = """
def last(when):
    print(when, [hit.index for hit in engine.rerank("cat", ["apple", "a cat", "fig"])][0])
    print(when, [hit.index for hit in asyncio.run(engine.arerank("cat", ["apple", "a cat", "fig"]))][0])
    print(when, len(Fallback(Scripted(), Scripted()).rerank_many(["q"] * 5, [["a 1", "b 2"]] * 5)))
    print(when, len(asyncio.run(Fallback(Scripted(), Scripted()).arerank_many(["q"] * 5, [["a 1", "b 2"]] * 5))))
    print(when, len(Hedged(Scripted(), after=5).rerank("q", ["a 1", "b 2"])))
    print(when, len(asyncio.run(Hedged(Scripted(), after=5).arerank("q", ["a 1", "b 2"]))))
"""
ANSWERS = ["1", "1", "5", "5", "2", "2"]


@pytest.mark.parametrize("used", [True, False])
def test_functions_at_exit_can_rank(*, used: bool) -> None:
    first = "import atexit\natexit.register(lambda: last('last'))\n"  # before ours, so it is called after it
    code = RANKINGS + "atexit.register(lambda: last('first'))\n" + ("engine.rerank('q', ['a'])" if used else "")
    done = ended(code, head=first + HEAD + ONNX, measured=used)
    assert done.stderr == ""
    assert done.stdout.split() == [word for when in ("first", "last") for each in ANSWERS for word in (when, each)]


def test_a_thread_that_keeps_python_alive_can_rank_after_the_main_one_ended() -> None:
    code = (
        RANKINGS
        + """
def work():
    threading.main_thread().join()
    time.sleep(0.1)
    last("after")
threading.Thread(target=work).start()
"""
    )
    done = ended(code, head=HEAD + ONNX)
    assert done.stderr == ""
    assert done.stdout.split()[1::2] == ANSWERS


def test_a_thread_that_a_function_at_exit_waits_for_is_told_in_our_words() -> None:
    code = """
class Looking(Gated):
    def score(self, pairs, deadline):
        self.begun.append("")
        while True:
            deadline.check()
            time.sleep(0.001)
looking = Looking()
def work(call):
    try:
        call()
    except ShuttingDown as error:
        told.append(str(error))
def many(): Fallback(looking, looking).rerank_many(["a", "b"], [texts] * 2)
threads = [threading.Thread(target=work, args=[call], daemon=True) for call in (
    lambda: looking.rerank("query", texts),
    lambda: asyncio.run(looking.arerank("query", texts)),
    lambda: engine.rerank("query", many_texts),
    many,
)]
for thread in threads: thread.start()
while len(looking.begun) < 4: time.sleep(0.001)
time.sleep(0.1)
"""
    first = """
import atexit
told = []
def last():
    for thread in threads: thread.join(20)
    print(len(told), set(told))
    try:
        engine.rerank("query", ["a"])
    finally:
        print("ranked")
atexit.register(last)
"""
    done = ended(code, head=first + HEAD + ONNX.replace("texts =", "many_texts ="), measured=True)
    assert done.stderr == ""
    words = "Python is shutting down, and nothing more can be ranked in this thread: wait for the thread"
    assert done.stdout.startswith(f"4 {{'{words}")
    assert done.stdout.endswith("ranked\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_ends_without_waiting_for_what_its_parent_has_in_hand() -> None:
    done = ended("""
gated = Gated()
print(len(Hedged(gated, after=0.01, other=Scripted()).rerank("query", texts)), flush=True)
child = os.fork()
if child == 0:
    print(len(Hedged(Scripted(), after=5).rerank("query", texts)), flush=True)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), gated.ended)
gated.gate.set()
""")
    assert done.stdout.split() == ["3", "3", "3", "[]"]
