// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Tags, samples, status codes and the frame of one cycle. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.data;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
