# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""A Modbus TCP device for tests, made with pymodbus 3.0 (scripts/peers): plc_server.py <port> [address space size].

Every address space has 2000 addresses (0-based here, as on the wire). Prints "ready <port>", then obeys stdin:
  set hr|ir|co|di <address> <value>...    sets registers or bits        -> "set"
  get hr|ir|co|di <address> <count>       shows them                    -> "got <value> ..."
  hole hr|ir|co|di <address> <count> [<code>]  addresses the device refuses, with that exception -> "hole"
  heal                                    no refused addresses any more -> "heal"
  fail <code>|0                           answers every request with that exception -> "fail"
  silent | talk                           keeps connections but answers nothing     -> "silent" / "talk"
  counts                                  requests per function code since the last -> "counts 3=12 16=1"
  die                                     ends at once
"""
import asyncio
import collections
import os
import sys
import threading

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import ModbusTcpServer, ModbusConnectedRequestHandler
from pymodbus.pdu import ExceptionResponse

SIZE = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
NAMES = {"hr": 3, "ir": 4, "co": 1, "di": 2}
holes = {}
counts = collections.Counter()
state = {"silent": False, "fail": 0}
WRITES = {5: 1, 6: 3, 15: 1, 16: 3}


def hole(request):
    """The exception for the first refused address of a request, 0 for none."""
    fx = request.function_code
    space = WRITES.get(fx, fx)
    count = 1 if fx in (5, 6) else getattr(request, "count", 1)
    return next((holes[space, a] for a in range(request.address, request.address + count) if (space, a) in holes), 0)


class Handler(ModbusConnectedRequestHandler):
    def execute(self, request, *addr):
        counts[request.function_code] += 1
        if state["silent"]:
            return None
        code = state["fail"] or hole(request)
        if code:
            response = ExceptionResponse(request.function_code, code)
            response.transaction_id = request.transaction_id
            response.unit_id = request.unit_id
            return self.send(response, *addr)
        return super().execute(request, *addr)


def space():
    return ModbusSequentialDataBlock(0, [0] * SIZE)


device = ModbusSlaveContext(di=space(), co=space(), hr=space(), ir=space(), zero_mode=True)


def obey():
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        command = words[0]
        if command == "set":
            device.setValues(NAMES[words[1]], int(words[2]), [int(v) for v in words[3:]])
            print("set", flush=True)
        elif command == "get":
            values = device.getValues(NAMES[words[1]], int(words[2]), int(words[3]))
            print("got", *[int(v) for v in values], flush=True)
        elif command == "hole":
            start = int(words[2])
            code = int(words[4]) if len(words) > 4 else 2
            holes.update({(NAMES[words[1]], a): code for a in range(start, start + int(words[3]))})
            print("hole", flush=True)
        elif command == "heal":
            holes.clear()
            print("heal", flush=True)
        elif command == "fail":
            state["fail"] = int(words[1])
            print("fail", flush=True)
        elif command in ("silent", "talk"):
            state["silent"] = command == "silent"
            print(command, flush=True)
        elif command == "counts":
            print("counts", *["%d=%d" % c for c in sorted(counts.items())], flush=True)
            counts.clear()
        elif command == "die":
            os._exit(0)
        else:
            print("what is", line.strip(), flush=True)
    os._exit(0)


async def main():
    port = int(sys.argv[1])
    context = ModbusServerContext(slaves=device, single=True)
    server = ModbusTcpServer(context, address=("127.0.0.1", port), handler=Handler, allow_reuse_address=True)
    serving = asyncio.ensure_future(server.serve_forever())
    await server.serving
    threading.Thread(target=obey, daemon=True).start()
    print("ready", port, flush=True)
    await serving


asyncio.run(main())
