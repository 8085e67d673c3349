"""An asynchronous actor of vivarium:actor@0.2.0."""

import asyncio
from wit_world import exports
from wit_world.imports import host_messaging, host_services
from wit_world.imports.types import ComponentId, ComponentMetadata, HealthStatus


def ident(text):
    return ComponentId(*text.split("/"))


async def answer(words):
    match words:
        case ["echo", *rest]:
            return " ".join(rest)
        case ["sleep", ms, *rest]:
            await host_services.sleep_millis(int(ms))
            return " ".join(rest)
        case ["ask", question, *targets]:
            asked = [host_messaging.ask(ident(to), question.replace("+", " ").encode(), 60000) for to in targets]
            answers = await asyncio.gather(*asked)
            return ",".join(each.decode() for each in answers)


class Lifecycle(exports.Lifecycle):
    async def initialize(self, config):
        pass

    async def handle_message(self, msg):
        return (await answer(msg.payload.decode().split(" "))).encode()

    async def handle_callback(self, msg):
        pass

    def metadata(self):
        return ComponentMetadata("python", "1.0.0", "", "", "", [], False)

    async def health(self):
        return HealthStatus.HEALTHY

    async def shutdown(self):
        pass
