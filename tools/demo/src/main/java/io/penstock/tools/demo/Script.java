// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

/** What happens when, spread over the length of the run. */
record Script(int seconds) {
    enum Act {
        NOTHING,
        STORM,
        SECOND_RELEASE,
        TAMPERED_RELEASE
    }

    Act at(int second) {
        if (second == seconds * 3 / 10) {
            return Act.STORM;
        }
        if (second == seconds / 2) {
            return Act.SECOND_RELEASE;
        }
        return second == seconds * 3 / 4 ? Act.TAMPERED_RELEASE : Act.NOTHING;
    }
}
