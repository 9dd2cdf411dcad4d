// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Reads and writes one PLC over one connection through Apache PLC4X. */
@NullMarked
package io.penstock.connector.plc4x;

import org.jspecify.annotations.NullMarked;
