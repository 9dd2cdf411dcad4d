# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""In place of systemd: listens on the socket that NOTIFY_SOCKET names and prints each assignment: notify_socket.py <path>."""
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("ready", flush=True)
while True:
    for line in listener.recv(65536).decode().splitlines():
        print("got", line, flush=True)
