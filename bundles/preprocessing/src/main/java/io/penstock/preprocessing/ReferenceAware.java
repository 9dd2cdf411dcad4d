// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

/** A built-in operator that compares its signal with another input, named by its parameter {@code reference}. */
interface ReferenceAware {
    /** The reference as it stands at the time of the next sample; NaN where it has no Good value. */
    void reference(double value);
}
