#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
# Run by systemd after the gateway has ended: writes down how, where the next start reads it.
now=${RUNTIME_DIRECTORY:?is set by systemd, RuntimeDirectory= of the unit}/now
[ -d "$now" ] || exit 0
result=${SERVICE_RESULT:-}
# The system's own hand where the service was short of memory; it may also have ended a model on trial only, and no more than that.
cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
if [ "${EXIT_STATUS:-}" = KILL ] && grep -qs '^oom_kill [1-9]' "$cgroup/memory.events"; then result=oom-kill; fi
printf '%s %s %s\n' "$result" "${EXIT_CODE:-}" "${EXIT_STATUS:-}" >"$now/exit"
