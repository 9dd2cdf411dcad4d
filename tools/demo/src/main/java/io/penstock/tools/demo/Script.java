// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

/** What happens when, spread over the length of the run; early, so that its effects are seen too. */
record Script(int seconds) {
    static final int SHORTEST = 10;

    enum Act {
        NOTHING,
        STORM,
        SECOND_RELEASE,
        TAMPERED_RELEASE
    }

    Act at(int second) {
        if (second == seconds / 5) {
            return Act.STORM;
        }
        if (second == seconds * 2 / 5) {
            return Act.SECOND_RELEASE;
        }
        return second == seconds * 7 / 10 ? Act.TAMPERED_RELEASE : Act.NOTHING;
    }
}
