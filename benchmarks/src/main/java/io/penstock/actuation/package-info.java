// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** The write loop of the product, for the benchmarks of the cycle. */
@NullMarked
package io.penstock.actuation;

import org.jspecify.annotations.NullMarked;
