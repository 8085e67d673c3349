# The tool of the suite in Python: each first argument is one scenario.
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
        elif scenario == "files":
            files(args[1])
        else:
            print(args, sorted(os.environ.items()))
            print("to standard error", file=sys.stderr)


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
