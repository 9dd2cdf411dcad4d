// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

/** Elementary data types of IEC 61131-3 that a tag can have. */
public enum DataType {
    BOOL,
    SINT,
    USINT,
    INT,
    UINT,
    DINT,
    UDINT,
    LINT,
    ULINT,
    REAL,
    LREAL
}
