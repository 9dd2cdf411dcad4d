// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** The audit log of the product, for the benchmark of the durable write. */
@NullMarked
package io.penstock.audit;

import org.jspecify.annotations.NullMarked;
