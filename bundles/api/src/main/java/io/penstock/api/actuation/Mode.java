// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.actuation;

/** What a pipeline may do, in ascending order. */
public enum Mode {
    /** not computed. */
    OFF,
    /** computed and visible, never offered to people. */
    SHADOW,
    /** offered to people. */
    ADVISORY,
    /** may write. */
    CLOSED
}
