// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Benchmarks that need to stand where the pipeline's own thread stands. */
@NullMarked
package io.penstock.pipeline;

import org.jspecify.annotations.NullMarked;
