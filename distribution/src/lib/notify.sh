#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
# Passes on to systemd what the gateway says of itself: a line per message, assignments with tabs between. systemd takes datagrams
# of a Unix socket only, which Java cannot send. It ends with the gateway, which holds the other end of the pipe.
set -uo pipefail
while IFS=$'\t' read -r -a words; do
    systemd-notify "${words[@]}" || echo "notify.sh: systemd-notify failed; systemd will start the gateway anew" >&2
done
