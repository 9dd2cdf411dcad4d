// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Results of cycles on their way to OT systems. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.publication;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
