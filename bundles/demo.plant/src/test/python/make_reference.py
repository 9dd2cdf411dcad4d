# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the figures WaterWorksTest compares with: runs of plant_simulation.py whose random numbers come from the generator
below, which the test has too. Needs python3 with NumPy (Debian: python3-numpy). Run from this folder:
  /usr/bin/python3 make_reference.py ../resources/io/penstock/demo/plant
"""
import math
import sys
from pathlib import Path

import numpy as np
import plant_simulation as plant

MASK = (1 << 64) - 1
EVERY = 90  # steps of 10 s between rows: a quarter of an hour


class Lcg:
    """64-bit linear congruential generator (Knuth's MMIX constants), upper 53 bits; Box-Muller without cache."""

    def __init__(self, seed):
        self.state = seed & MASK

    def random(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 11) / float(1 << 53)

    def standard_normal(self):
        u, v = self.random(), self.random()
        return math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)


def record(controller, events):
    seen = []

    def wrapped(h, t, u, temp, q, good, sp):
        seen.append((t, u, plant.run.t2))
        return controller(h, t, u, temp, q, good, sp)

    plant.np.random.default_rng = Lcg
    rows = plant.run(wrapped, hours=72, seed=1, storm=24.0, events=events)
    return np.hstack([rows[:, :11], np.array(seen)])


CASES = {
    "constant-dose": (plant.fixed, []),
    "plc-curve": (plant.Guarded(fb="curve"), [(0, 72, "comms")]),
    "faults": (plant.fixed, [(4, 20, "foul_t"), (10, 10.75, "pump"), (26, 40, "freeze_t")]),
}

if __name__ == "__main__":
    target = Path(sys.argv[1])
    for name, (controller, events) in CASES.items():
        with open(target / f"{name}.csv", "w", encoding="ascii") as out:
            out.write("hour,turbidity,uv254,flow,setpoint,dose,ph,ratio,settled,filtered,doc,sensorA,sensorUv,sensorB\n")
            for row in record(controller, events)[::EVERY]:
                out.write(",".join(repr(float(value)) for value in row) + "\n")
    with open(target / "static.csv", "w", encoding="ascii") as out:
        out.write("turbidity,uv254,dose,demand,ph,settled,doc\n")
        for t, u in ((8, 12), (50, 18), (268, 26)):
            for d in (1.0, 2.0, 3.0, 4.0, 6.0, 8.0):
                ph = float(plant.coag_ph(90, 7.6, 9, d))
                figures = (t, u, d, plant.demand(t, u, 9), ph, plant.settled(t, u, 9, ph, d)[0], plant.edwards(4.0, u, ph, d))
                out.write(",".join(repr(float(value)) for value in figures) + "\n")
