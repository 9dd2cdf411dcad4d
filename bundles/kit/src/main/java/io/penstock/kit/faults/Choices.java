// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.kit.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Makes every combination of choices in turn, however many each run asks for: an odometer. One thread. */
public final class Choices implements IntUnaryOperator {
    private final List<int[]> wheels = new ArrayList<>(); // digit, bound
    private int asked;

    @Override
    public int applyAsInt(int bound) {
        if (asked == wheels.size()) {
            wheels.add(new int[] {0, bound});
        }
        int[] wheel = wheels.get(asked++);
        if (wheel[1] != bound) {
            throw new IllegalStateException("choice " + (asked - 1) + " had " + wheel[1] + " ways, now " + bound
                    + "; the run before is not repeated");
        }
        return wheel[0];
    }

    /** Begins the next run. @return false when all are done. */
    public boolean next() {
        asked = 0;
        while (!wheels.isEmpty()) {
            int[] last = wheels.get(wheels.size() - 1);
            if (++last[0] < last[1]) {
                return true;
            }
            wheels.remove(wheels.size() - 1);
        }
        return false;
    }

    /** The choices of this run, for the words of a failing test. */
    @Override
    public String toString() {
        return wheels.stream().map(wheel -> wheel[0] + "/" + wheel[1]).toList().toString();
    }
}
