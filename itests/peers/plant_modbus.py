# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""Modbus TCP client of a test, with pymodbus 3.0 (scripts/peers): plant_modbus.py PORT. Commands on standard input, one answer line each:
  read FIRST COUNT      holding registers by their number from 1, as words
  real REGISTER         one REAL, big-endian words and bytes
  inputs FIRST COUNT    discrete inputs
  write REGISTER VALUE  one REAL, by function 16
  words REGISTER W...   words, by function 16
  single REGISTER WORD  one word, by function 6
"""
import struct
import sys

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException


def answer(client, words):
    verb, first = words[0], int(words[1]) - 1
    if verb == "read":
        return client.read_holding_registers(first, int(words[2]), slave=1)
    if verb == "real":
        return client.read_holding_registers(first, 2, slave=1)
    if verb == "inputs":
        return client.read_discrete_inputs(first, int(words[2]), slave=1)
    if verb == "write":
        return client.write_registers(first, list(struct.unpack(">HH", struct.pack(">f", float(words[2])))), slave=1)
    if verb == "words":
        return client.write_registers(first, [int(w) for w in words[2:]], slave=1)
    return client.write_register(first, int(words[2]), slave=1)


client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]), timeout=2, retries=0)
client.connect()
print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    try:
        result = answer(client, words)
        if isinstance(result, ModbusException):
            print("answer silence", flush=True)
        elif result.isError():
            print("answer exception", result.exception_code, flush=True)
        elif words[0] == "real":
            print("answer", struct.unpack(">f", struct.pack(">HH", *result.registers))[0], flush=True)
        elif words[0] == "read":
            print("answer", *result.registers, flush=True)
        elif words[0] == "inputs":
            print("answer", *[int(bit) for bit in result.bits[: int(words[2])]], flush=True)
        else:
            print("answer ok", flush=True)
    except ModbusException:
        print("answer silence", flush=True)
        client.close()
        client.connect()
