// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

/** A built-in operator that wants to know how long ago the input was last known to be true. */
interface AgeAware {
    /** Age at the frame's instant, {@link Long#MAX_VALUE} where there never was a value. Called before each frame. */
    void age(long ageNanos);
}
