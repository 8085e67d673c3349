# The tool of the suite in Python: each first argument is one scenario.
import asyncio
import os
import sys

from wit_world import exports


class Run(exports.Run):
    def run(self) -> None:
        args = sys.argv[1:]
        scenario = args[0] if args else ""
        if scenario == "cat":
            sys.stdout.buffer.write(sys.stdin.buffer.read())
            sys.stdout.flush()
        elif scenario == "exit":
            print("bye", end="", flush=True)
            sys.exit(int(args[1]))
        elif scenario == "sleep":
            import time

            time.sleep(0.02)
            print("slept")
        elif scenario == "asyncio":
            print(asyncio.run(together()))
        elif scenario == "files":
            files(args[1])
        else:
            print(args, sorted(os.environ.items()))
            print("to standard error", file=sys.stderr)


async def together() -> list[str]:
    """Three waits at a time, which end in the order of their times, and a queue between two tasks."""
    ended: list[str] = []
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(name)

    async def produce() -> None:
        for number in range(3):
            await queue.put(number)

    numbers = asyncio.create_task(produce())
    await asyncio.gather(wait("last", 0.06), wait("first", 0.02), wait("second", 0.04))
    ended.extend([str(await queue.get()) for _ in range(3)])
    await numbers
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except TimeoutError:
        ended.append("timed out")
    asyncio.get_running_loop().call_soon_threadsafe(ended.append, "woken")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return ended


def files(folder: str) -> None:
    inside = f"{folder}/inside"
    os.mkdir(inside)
    with open(f"{inside}/a.txt", "w") as file:
        print("one", "two", sep="\n", file=file)
    os.rename(f"{inside}/a.txt", f"{inside}/b.txt")
    with open(f"{inside}/../inside/b.txt") as file:
        print(file.read(), end="")
    print(os.listdir(inside), os.stat(f"{inside}/b.txt").st_size)
    try:
        open(f"{folder}/none")
    except OSError as error:
        print(type(error).__name__)
    os.remove(f"{inside}/b.txt")
    os.rmdir(inside)
